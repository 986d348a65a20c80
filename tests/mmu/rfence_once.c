/* SPDX-License-Identifier: BSD-2-Clause */
/* rfence.at_once: a target that looks as soon as the call is back, in as few steps as there are. */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/fence.h"
#include "firmware/time.h"
#include "tests/mmu/flip.h"
#include "tests/mmu/remote.h"

#define CLAUSE "SBI, RFENCE; de facto: the targets have fenced when the call returns"

#define ROUNDS 32
#define CONTROLS 4
#define BUDGET_US 100000
#define TURN_MS (4000 + 200 * hart_count())
/* Looks at the turn before a target sleeps for it. */
#define SPINS 2000

/* Turns: 2n + 1: the target knows the page and waits; 2n + 2: the call is back. */
static struct {
	struct scene *scene;
	enum access access;
	unsigned sender, target;
	unsigned rounds;
	uint64_t until_us;
	bool control, deaf, failed, over;
	uint64_t offset;
	struct call call;
	struct flip flip;
	struct turn ready, back;
	struct flip_tally y[MAX_HARTS];
} job;

static bool spin(struct turn *w, uint32_t number)
{
	for (unsigned i = 0; i < SPINS; i++) {
		if (__atomic_load_n(&w->number, __ATOMIC_ACQUIRE) == number)
			return true;
	}
	return turn_wait(w, number, TURN_MS);
}

static void be_target(void)
{
	struct hartset sender = hartset_of(job.sender);
	bool irq = job.deaf ? arch_irq_save() : false;
	struct flip_tally *y = &job.y[job.target];

	for (uint32_t n = 1;; n += 2) {
		raw_sfence_all();
		flip_warm(&job.flip, job.access, job.offset, y);
		turn_set(&job.ready, n, &sender);
		if (!spin(&job.back, n + 1) || job.over)
			break;
		flip_look(&job.flip, job.access, job.offset,
			  job.control ? MUST_BE_EITHER : MUST_BE_NEW, &job.call, y);
	}
	arch_irq_restore(irq);
}

static void be_sender(void)
{
	struct hartset target = hartset_of(job.target);

	for (uint32_t n = 1;; n += 2) {
		if (!turn_wait(&job.ready, n, TURN_MS)) {
			job.failed = true;
			break;
		}
		if (n > 2 * job.rounds || (n > 2 && time_us() > job.until_us))
			break;
		flip_change(&job.flip);
		if (call_make(&job.call) != 0)
			break;
		turn_set(&job.back, n + 1, &target);
	}
	job.over = true;
	/* Beyond what it can wait for, whichever that is. */
	turn_set(&job.back, __atomic_load_n(&job.ready.number, __ATOMIC_RELAXED) + 1, &target);
}

static void once_job(void *arg)
{
	(void)arg;
	scene_enter(job.scene);
	if (arch_hart() == job.sender)
		be_sender();
	else
		be_target();
	scene_leave();
}

static void pair(struct test_run *t, bool control)
{
	struct hartset both = hartset_of(job.target);

	hartset_add(&both, job.sender);
	job.control = control;
	job.over = false;
	job.ready.number = job.back.number = 0;
	job.rounds =
		control ? CONTROLS : ROUNDS * (unsigned)min_u64(t->bench->args->repeat, 1 << 20);
	job.until_us = time_us() + BUDGET_US * t->bench->args->repeat / hartset_count(&t->peers);
	job.offset = flip_offset(&t->rng);
	job.call = call_range(control ? FENCE_NONE : RFENCE_LEAF, job.flip.va, PAGE_SIZE, 0);
	job.call.raw = true;
	job.call.m = (struct hart_mask){1, hart_get(job.target)->hartid};
	test_on_harts(t, &both, once_job, NULL);
}

static void run(struct test_run *t)
{
	const enum access *a = t->test->arg;
	char text[200];

	memset(&job, 0, sizeof(job));
	job.scene = scene_open(t);
	job.access = *a;
	flip_make(job.scene, &job.flip, scene_va(job.scene, HALF_HIGH, 1));
	/* Each peer is a target; hart 0, or the peer before it, the sender. */
	hartset_for_each(h, &t->peers) {
		job.target = h;
		job.deaf = rng_below(&t->rng, 2) != 0;
		pair(t, true);
		pair(t, false);
		if (job.call.rc != 0) {
			call_print(text, sizeof(text), &job.call);
			test_fail(t, EVIDENCE_CHECK, "SBI refused %s", text);
		}
		job.sender = h;
	}
	EXPECT(t, !job.failed, "a hart did not take its turn within %u ms", TURN_MS);
	flip_report(t, "look as soon as the call is back", job.access, &t->peers, job.y);
	scene_close();
}

#define ROW(kind, a)                                                                               \
	TEST_ROW(rfence, at_once_##kind, "at_once.4k." #kind, run,                                 \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const enum access){a})
ROW(load, ACCESS_LOAD)
ROW(fetch, ACCESS_FETCH)
