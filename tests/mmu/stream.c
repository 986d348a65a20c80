/* SPDX-License-Identifier: BSD-2-Clause */
/* One hart changes, the others stream. */
#include "tests/mmu/stream.h"

#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/time.h"
#include "tests/mmu/look.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/stim.h"

/* Until a hart that streams is given up. */
#define TURN_MS 10000
/* Times repeat=; rounds behind the first are left out once a test took that long. */
#define BUDGET_US 40000
#define MAX_BUDGET_US 8000000
#define CONTROLS 8
#define MAX_CONTROLS 64
/* Accesses of a state that find what others left, before a hart makes itself walk anew. */
#define UNTOUCHED 2
/* Where nothing changes for so long it sleeps: harts may share a processor. */
#define STREAM_LENGTH 300

static struct job {
	struct test_run *t;
	const struct stream *st;
	uint32_t fences;
	unsigned editor;
	struct hartset harts, others;
	/* See stream.h. Twice the number of changes: the state is a matter of counting. */
	struct turn number;
	uint32_t judged_from; /* the number from which on fences are made and judged */
	enum fence fence;     /* behind which the state is that of the number */
	bool over;
	bool failed; /* a hart did not come */
	int64_t rc;  /* first SBI error */
	enum fence rc_fence;
	struct turn done[MAX_HARTS];
	struct look *look; /* by hart */
} job;			   /* too large for a stack; one test runs at a time */

static uint32_t number(void)
{
	return __atomic_load_n(&job.number.number, __ATOMIC_ACQUIRE);
}

/* The state that the number @n stands for; of an odd one: the state before. */
static unsigned state_of(uint32_t n)
{
	return n / 2 % job.st->nr_states;
}

/* Fences are left out. */
static bool control(uint32_t n)
{
	return n < __atomic_load_n(&job.judged_from, __ATOMIC_RELAXED);
}

struct step {
	uint32_t number;
	enum fence fence;
	unsigned target;
	uint64_t offset, stored;
	struct probe seen;
};

static bool sees(const struct step *a, unsigned state)
{
	const struct stream *st = job.st;
	const struct page *p = &st->sees[state][a->target];

	if (p->id == 0)
		return look_same(a->seen, look_fault(st->access));
	if (a->seen.trapped)
		return false;
	switch (st->access) {
	case ACCESS_LOAD:
		return a->seen.value == page_word(p, a->offset);
	case ACCESS_STORE:
		return *page_ptr(p, a->offset) == a->stored;
	default:
		return a->seen.value == page_stub_value(p);
	}
}

static struct probe expected(const struct step *a, unsigned state)
{
	const struct page *p = &job.st->sees[state][a->target];

	if (p->id == 0)
		return look_fault(job.st->access);
	if (job.st->access == ACCESS_STORE)
		return look_value(a->stored);
	return look_value(job.st->access == ACCESS_LOAD ? page_word(p, a->offset)
							: page_stub_value(p));
}

static bool sees_another(const struct step *a, unsigned state)
{
	for (unsigned i = 0; i < job.st->nr_states; i++) {
		if (i != state && sees(a, i))
			return true;
	}
	return false;
}

static void bad(const struct step *a, unsigned state, bool old)
{
	const struct stream *st = job.st;

	look_bad(&job.look[arch_hart()], &(struct glance){.what = st->what,
							  .access = st->access,
							  .va = st->va[a->target] + a->offset,
							  .seen = a->seen,
							  .expected = expected(a, state),
							  .old = old,
							  .fence = a->fence,
							  .named = st->at.va,
							  .slot = st->slot,
							  .pte = st->pte[state]});
}

/* The state is known: what was seen is its, or the hart holds on to something. */
static void judge_settled(const struct step *a)
{
	struct look *l = &job.look[arch_hart()];
	unsigned now = state_of(a->number);
	bool good = sees(a, now);

	if (control(a->number)) {
		l->control_tries++;
		l->control_stale += !good;
		return;
	}
	l->tries++;
	if (!good)
		bad(a, now, sees_another(a, now));
}

/* It was changing: old or new, and nothing else. */
static void judge_changing(const struct step *a)
{
	unsigned from = state_of(a->number), to = state_of(a->number + 1);

	if (!control(a->number) && !sees(a, from) && !sees(a, to))
		bad(a, to, false);
}

/* One access of target @turn; true if nothing went on meanwhile, with the number in *@n. */
static bool step(unsigned turn, uint32_t *n)
{
	const struct stream *st = job.st;
	unsigned hart = arch_hart();
	struct step a = {.target = turn % st->nr, .stored = (uint64_t)turn << 8 | (hart + 1)};

	a.number = *n = number();
	a.fence = job.fence;
	if (st->access != ACCESS_FETCH)
		a.offset = PAGE_WORDS + hart * sizeof(uint64_t);
	a.seen = probe_access(st->access, st->va[a.target] + a.offset, a.stored);
	raw_fence_rw_rw();
	/* Else there may have been two changes. */
	if (number() != a.number)
		return false;
	if (a.number % 2 != 0)
		judge_changing(&a);
	else
		judge_settled(&a);
	return true;
}

/*
 * Whether this hart makes itself walk anew, so that a walk may be under way when an entry changes:
 * not before it has used what others left, and while the table changes only every other time, or
 * it would hide a fence that did not come.
 */
static bool walks_anew(uint32_t n, unsigned in_state, unsigned turn)
{
	if (control(n) || turn % 2 != 0)
		return false;
	return n % 2 != 0 ? (n / 2 + arch_hart()) % 2 == 0 : in_state > UNTOUCHED * job.st->nr;
}

static void stream(void)
{
	struct hartset editor = hartset_of(job.editor);
	unsigned hart = arch_hart();
	uint32_t at = 0, n;
	unsigned in_state = 0;

	for (unsigned turn = 0; !__atomic_load_n(&job.over, __ATOMIC_ACQUIRE); turn++) {
		if (!step(turn, &n))
			continue;
		in_state = n == at ? in_state + 1 : 1;
		at = n;
		if (in_state == (n % 2 != 0 ? 1 : UNTOUCHED * job.st->nr))
			turn_set(&job.done[hart], n, &editor);
		if (walks_anew(n, in_state, turn))
			raw_sfence_va(job.st->va[(turn + 1) % job.st->nr]);
		if (in_state > STREAM_LENGTH && !turn_wait(&job.number, n + 1, TURN_MS))
			return;
	}
}

static void fence(enum fence f)
{
	int64_t rc = fence_remote(f, &job.st->at, &job.harts);

	if (rc != 0 && job.rc == 0) {
		job.rc = rc;
		job.rc_fence = f;
	}
}

/* The one that is cheap where many harts share a processor. */
static enum fence flush_all(void)
{
	return arch_has_ipi() ? IPI_ALL : RFENCE_ALL;
}

/* Until each has used what it finds in this state. */
static void wait_for_others(void)
{
	hartset_for_each(h, &job.others) {
		if (!turn_wait(&job.done[h], job.number.number, TURN_MS))
			job.failed = true;
	}
}

/* To the next state by fence @f, and until every hart has been there. */
static void change(enum fence f, bool flush)
{
	const struct stream *st = job.st;
	uint32_t n = job.number.number;
	unsigned to = state_of(n + 2);
	bool under_test = (st->fenced >> to & 1) != 0;

	turn_set(&job.number, n + 1, &job.harts);
	/* Whoever finds this finds that number too. */
	arch_wmb();
	/* All are awake and at it. */
	wait_for_others();
	job.fence = under_test ? f : FENCE_NONE;
	st->change(to);
	if (under_test && f != FENCE_NONE)
		fence(f);
	if (flush || (st->flushed >> to & 1) != 0)
		fence(flush_all());
	turn_set(&job.number, n + 2, &job.harts);
	for (unsigned i = 0; i < UNTOUCHED * st->nr; i++)
		(void)step(i, &n);
	wait_for_others();
	if (st->settled != NULL)
		st->settled(to, control(job.number.number));
}

/* Once round all states. */
static void round_trip(enum fence f)
{
	for (unsigned i = 0; i < job.st->nr_states && !job.failed; i++)
		change(f, false);
}

static bool everybody_stale(void)
{
	hartset_for_each(h, &job.harts) {
		if (job.look[h].control_stale == 0)
			return false;
	}
	return true;
}

static void edit(void)
{
	uint64_t start = time_us();
	uint64_t budget =
		min_u64(job.t->bench->args->repeat, MAX_BUDGET_US / BUDGET_US) * BUDGET_US;
	unsigned repeat = stim_repeat(job.t), rounds;

	wait_for_others();
	for (unsigned i = 0; i < MAX_CONTROLS && !job.failed; i++) {
		if ((i >= CONTROLS && everybody_stale()) || (i != 0 && time_us() - start > budget))
			break;
		round_trip(FENCE_NONE);
	}
	/* The change that leads there makes everybody forget what controls have left. */
	__atomic_store_n(&job.judged_from, job.number.number + 2, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < job.st->nr_states && !job.failed; i++)
		change(FENCE_NONE, true);
	start = time_us();
	for (rounds = 0; rounds < repeat && !job.failed; rounds++) {
		if (rounds != 0 && time_us() - start > budget)
			break;
		for (unsigned f = FENCE_NONE + 1; f < NR_FENCES && !job.failed; f++) {
			if ((job.fences & job.st->fences & FENCE_BIT(f)) != 0)
				round_trip((enum fence)f);
		}
	}
	__atomic_store_n(&job.over, true, __ATOMIC_RELEASE);
	/* Odd: whoever still looks may see either. */
	turn_set(&job.number, job.number.number + 1, &job.harts);
}

static void stream_job(void *arg)
{
	(void)arg;
	scene_enter(job.st->scene);
	if (arch_hart() == job.editor)
		edit();
	else
		stream();
	scene_leave();
}

void stream_run(struct test_run *t, const struct stream *st, uint32_t fences)
{
	unsigned pick = (unsigned)rng_below(&t->rng, hartset_count(&t->all));

	memset(&job, 0, sizeof(job));
	job.t = t;
	job.st = st;
	job.look = look_pool();
	job.fences = fences;
	job.harts = t->all;
	hartset_for_each(h, &t->all) {
		if (pick-- == 0)
			job.editor = h;
	}
	job.others = t->all;
	hartset_del(&job.others, job.editor);
	job.judged_from = UINT32_MAX;
	/* State 0, and not the number that nobody has been seen at yet. */
	job.number.number = 2 * st->nr_states;
	test_on_harts(t, &t->all, stream_job, NULL);
	if (job.rc != 0)
		test_fail(t, EVIDENCE_CHECK, "%s of started harts: SBI error %lld",
			  fence_name(job.rc_fence), (long long)job.rc);
	EXPECT(t, !job.failed, "a hart did not stream on within %u ms", TURN_MS);
	look_note_rate(st->what, look_tries(&t->all, job.look));
	look_report(t, st->access, st->scene, &t->all, job.look);
}
