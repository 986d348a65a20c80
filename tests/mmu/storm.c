/* SPDX-License-Identifier: BSD-2-Clause */
/* Many harts that fence at once. */
#include "tests/mmu/storm.h"

#include <stdlib.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "tests/lookout.h"

/* Until a hart that does not answer is given up. */
#define ANSWER_MS (8000 + 200 * hart_count())
#define CONTROL_ROUNDS 4
#define MAX_SAMPLES 4096

static struct {
	struct storm s;
	struct scene *scene;
	bool control;
	uint64_t until_us;
	uint64_t seed;
	struct flip flip[MAX_HARTS]; /* of each sender, side by side */
	struct call call[MAX_HARTS]; /* each sender's last one */
	/*
	 * Numbers of questions, only compared: a sender asks behind its call (release), a target
	 * answers; the next question comes behind the answer.
	 */
	uint8_t ask[MAX_HARTS][MAX_HARTS];    /* [sender][target] */
	uint8_t answer[MAX_HARTS][MAX_HARTS]; /* [target][sender] */
	uint32_t over[MAX_HARTS];	      /* sender: 1 when it has all answers */
	uint32_t failed;		      /* a hart waited in vain */
	uint32_t guest_in;
	uint32_t guest_named[MAX_HARTS]; /* sender: 1 while its call may name the guest */
	uint32_t rounds;		 /* made, of all senders */
	uint32_t refused;		 /* calls that named the guest and that SBI did not take */
	struct call first_bad;		 /* refused without that */
	uint32_t bad;
	uint32_t samples;
	uint32_t us[MAX_SAMPLES];
	struct flip_tally y[MAX_HARTS];
} job NOINIT; /* one for all tests: too large for a stack */

void storm_prepare(struct test_run *t, struct scene *scene)
{
	vaddr_t va;

	memset(&job, 0, sizeof(job));
	job.scene = scene;
	va = scene_va(scene, (enum half)rng_below(&t->rng, NR_HALVES), 1);
	hartset_for_each(h, &t->all)
		flip_make(scene, &job.flip[h], va + h * PAGE_SIZE);
}

static uint64_t offset_of(unsigned sender)
{
	return PAGE_WORDS + (job.seed + sender) % 128 * sizeof(uint64_t);
}

static bool is_sender(unsigned hart)
{
	return hartset_has(&job.s.senders, hart);
}

static bool is_target(unsigned hart)
{
	return hartset_has(&job.s.targets, hart);
}

/* A question of @sender that this hart has not answered. */
static bool asked(unsigned sender, unsigned me)
{
	return __atomic_load_n(&job.ask[sender][me], __ATOMIC_ACQUIRE) != job.answer[me][sender];
}

static bool all_answered(unsigned me)
{
	hartset_for_each(h, &job.s.targets) {
		if (__atomic_load_n(&job.answer[h][me], __ATOMIC_ACQUIRE) != job.ask[me][h])
			return false;
	}
	return true;
}

static bool all_over(void)
{
	hartset_for_each(h, &job.s.senders) {
		if (__atomic_load_n(&job.over[h], __ATOMIC_ACQUIRE) == 0)
			return false;
	}
	return true;
}

bool storm_over(void)
{
	return all_over();
}

void storm_stop(void)
{
	__atomic_store_n(&job.until_us, 0, __ATOMIC_RELAXED);
}

/* Something for this hart to do. Targets keep in touch with every page meanwhile. */
static bool due(void *arg)
{
	unsigned me = arch_hart();
	bool any = false;

	(void)arg;
	if (is_target(me)) {
		hartset_for_each(h, &job.s.senders) {
			/* Not the one that is asked about: that is looked at, and judged. */
			if (asked(h, me))
				any = true;
			else
				flip_look(&job.flip[h], job.s.access, offset_of(h), TOUCH, NULL,
					  &job.y[me]);
		}
	}
	return any || (is_sender(me) && job.over[me] == 0 && all_answered(me)) || all_over();
}

static void answer(unsigned me)
{
	hartset_for_each(h, &job.s.senders) {
		enum must must = job.control ? MUST_BE_EITHER : MUST_BE_NEW;

		if (!asked(h, me))
			continue;
		if (job.call[h].rc != 0)
			must = MAY_BE_EITHER;
		flip_look(&job.flip[h], job.s.access, offset_of(h), must, &job.call[h], &job.y[me]);
		__atomic_store_n(&job.answer[me][h], job.ask[h][me], __ATOMIC_RELEASE);
		hart_wake(h);
	}
}

/* A call that covers the page of @me, and perhaps those of others. */
static struct call draw_call(struct rng *r, unsigned me)
{
	vaddr_t va = job.flip[me].va;
	uint16_t asid = job.scene->asid;

	switch (job.s.mixed ? rng_below(r, 16) : 0) {
	case 0 ... 4:
		return call_range(RFENCE_LEAF, va, PAGE_SIZE, asid);
	case 5 ... 7:
		return call_range(RFENCE_LEAF_ASID, va, PAGE_SIZE, asid);
	case 8: /* reaches into the neighbour's */
		return call_range(RFENCE_LEAF, va, 2 * PAGE_SIZE, asid);
	case 9:
		return call_range(RFENCE_LEAF, va - PAGE_SIZE, 2 * PAGE_SIZE, asid);
	case 10: /* contains all of them */
		return call_range(RFENCE_LEAF_ASID, align_down(va, SZ_2M), SZ_2M, asid);
	case 11: /* within the page */
		return call_range(RFENCE_LEAF, va + 0x400, 1, asid);
	case 12:
		return call_all(RFENCE_ZERO, asid);
	case 13:
		return call_all(RFENCE_ALL_ASID, asid);
	case 14:
		return call_range(RFENCE_LEAF_ASID, va, 4 * PAGE_SIZE, asid);
	default:
		return call_all(RFENCE_ALL, asid);
	}
}

static void sample(uint64_t us)
{
	uint32_t i = __atomic_fetch_add(&job.samples, 1, __ATOMIC_RELAXED);

	if (i < MAX_SAMPLES)
		job.us[i] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

/* The call of @me, to all targets. What a guest makes SBI refuse is made again without it. */
static void call(unsigned me, struct call *c)
{
	c->harts = job.s.targets;
	/* Named first, then looked at again: hart 0 clears the one and waits for the other. */
	if (job.s.has_guest) {
		__atomic_store_n(&job.guest_named[me], 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&job.guest_in, __ATOMIC_SEQ_CST) != 0)
			hartset_add(&c->harts, job.s.guest);
		else
			__atomic_store_n(&job.guest_named[me], 0, __ATOMIC_RELEASE);
	}
	if (call_make(c) != 0 && job.s.has_guest && hartset_has(&c->harts, job.s.guest)) {
		__atomic_fetch_add(&job.refused, 1, __ATOMIC_RELAXED);
		hartset_del(&c->harts, job.s.guest);
		call_make(c);
	}
	__atomic_store_n(&job.guest_named[me], 0, __ATOMIC_RELEASE);
}

static void one_round(struct rng *r, unsigned me)
{
	struct call *c = &job.call[me];
	uint64_t start, end;

	*c = draw_call(r, me);
	if (job.control)
		c->fence = FENCE_NONE;
	else if (job.s.mixed && rng_below(r, 8) == 0)
		fence_i_remote(&job.s.targets);
	flip_change(&job.flip[me]);
	start = time_us();
	call(me, c);
	/* At once, before anything else. */
	hartset_for_each(h, &job.s.targets)
		__atomic_store_n(&job.ask[me][h], (uint8_t)(job.ask[me][h] + 1), __ATOMIC_RELEASE);
	end = time_us();
	hartset_for_each(h, &job.s.targets) {
		if (h != me)
			hart_wake(h);
	}
	sample(end - start);
	__atomic_fetch_add(&job.rounds, 1, __ATOMIC_RELAXED);
	if (c->rc != 0 && __atomic_fetch_add(&job.bad, 1, __ATOMIC_RELAXED) == 0)
		job.first_bad = *c;
}

static void finish(unsigned me)
{
	struct hartset all = job.s.targets;

	__atomic_store_n(&job.over[me], 1, __ATOMIC_RELEASE);
	hartset_for_each(h, &job.s.senders)
		hartset_add(&all, h);
	hartset_del(&all, me);
	hartset_for_each(h, &all)
		hart_wake(h);
}

static void take_part(unsigned me)
{
	struct rng r = rng_stream(job.seed, me);
	unsigned rounds = job.control ? CONTROL_ROUNDS : job.s.rounds;
	bool first = true;

	while (!all_over()) {
		/* With its interrupts off it has no other sign of life. */
		if (me == 0)
			lookout_tick();
		if (__atomic_load_n(&job.failed, __ATOMIC_RELAXED) != 0 ||
		    !hart_wait_until(due, NULL, time_deadline_ms(ANSWER_MS))) {
			__atomic_store_n(&job.failed, 1, __ATOMIC_RELAXED);
			return;
		}
		if (is_target(me))
			answer(me);
		if (!is_sender(me) || job.over[me] != 0 || !all_answered(me))
			continue;
		/* The first one whatever the time: a sender that makes no call shows nothing. */
		if (rounds == 0 ||
		    (!first && time_us() > __atomic_load_n(&job.until_us, __ATOMIC_RELAXED))) {
			finish(me);
			continue;
		}
		rounds--;
		first = false;
		one_round(&r, me);
	}
}

static void storm_job(void *arg)
{
	unsigned me = arch_hart();
	bool irq;

	(void)arg;
	scene_enter(job.scene);
	/* Off: hart_wait_until() polls, and SBI's own interrupts come all the same. */
	irq = job.s.deaf && is_target(me) ? arch_irq_save() : false;
	take_part(me);
	arch_irq_restore(irq);
	scene_leave();
}

static void prepare_run(const struct storm *s, bool control)
{
	job.s = *s;
	job.control = control;
	job.seed = rng_next(&s->t->rng);
	job.until_us = time_us() + s->budget_us;
	memset(job.over, 0, sizeof(job.over));
	if (control)
		return;
	job.rounds = 0;
	job.samples = 0;
}

static struct hartset everybody(const struct storm *s)
{
	struct hartset all = s->targets;

	hartset_for_each(h, &s->senders)
		hartset_add(&all, h);
	return all;
}

static void run(const struct storm *s, bool control)
{
	struct hartset all = everybody(s);

	prepare_run(s, control);
	test_on_harts(s->t, &all, storm_job, NULL);
}

void storm_run(const struct storm *s)
{
	run(s, false);
}

void storm_control(const struct storm *s)
{
	run(s, true);
}

void storm_begin(const struct storm *s)
{
	struct hartset all = everybody(s);

	prepare_run(s, false);
	hart_post(&all, storm_job, NULL);
}

void storm_end(void)
{
	struct hartset all = everybody(&job.s);

	test_wait_harts(job.s.t, &all);
}

static bool guest_unnamed(void *arg)
{
	(void)arg;
	hartset_for_each(h, &job.s.senders) {
		if (__atomic_load_n(&job.guest_named[h], __ATOMIC_SEQ_CST) != 0)
			return false;
	}
	return true;
}

bool storm_guest(bool in)
{
	__atomic_store_n(&job.guest_in, in, __ATOMIC_SEQ_CST);
	return in || hart_wait_until(guest_unnamed, NULL, time_deadline_ms(ANSWER_MS));
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void storm_report(const struct storm *s)
{
	uint32_t n = job.samples < MAX_SAMPLES ? job.samples : MAX_SAMPLES;
	unsigned tries = 0, bad = 0;
	char text[200];

	EXPECT(s->t, job.failed == 0, "a hart did not answer within %u ms", ANSWER_MS);
	if (job.bad != 0) {
		call_print(text, sizeof(text), &job.first_bad);
		test_fail(s->t, EVIDENCE_CHECK, "SBI refused %u calls, first %s", job.bad, text);
	}
	flip_report(s->t, s->what, s->access, &s->t->all, job.y);
	hartset_for_each(h, &s->targets) {
		tries += job.y[h].tries;
		bad += job.y[h].bad;
	}
	if (n == 0 || tries == 0)
		return;
	qsort(job.us, n, sizeof(job.us[0]), by_size);
	if (bad == 0)
		note("%u tries in %u calls, none bad: fewer than %u in a million are (95%%)", tries,
		     job.rounds, 3000000 / tries);
	note("a call took %u us (median), %u us (most)", job.us[n / 2], job.us[n - 1]);
	if (job.refused != 0)
		note("SBI refused %u calls while a hart of the mask was away", job.refused);
}
