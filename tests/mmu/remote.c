/* SPDX-License-Identifier: BSD-2-Clause */
/* Stimuli on many harts. */
#include "tests/mmu/remote.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/time.h"
#include "mm/fault.h"

/* Until a hart that takes part is given up. SBI on few processors may need 100 ms a fence. */
#define TURN_MS (8000 + 200 * hart_count())
/* Rounds behind the first are left out once a test took that long. */
#define BUDGET_US 600000
/* A trial of many harts costs a hundred times what a local one does; every fence has its one. */
#define REMOTE_REPEAT 8 /* of what stim_repeat() says */
#define REMOTE_CONTROLS 4
#define REMOTE_MAX_CONTROLS 12

void turn_set(struct turn *w, uint32_t number, const struct hartset *harts)
{
	__atomic_store_n(&w->number, number, __ATOMIC_RELEASE);
	hartset_for_each(h, harts) {
		if (h != arch_hart())
			hart_wake(h);
	}
}

struct turn_wait {
	const struct turn *turn;
	uint32_t number;
};

static bool reached(void *arg)
{
	const struct turn_wait *w = arg;
	uint32_t now = __atomic_load_n(&w->turn->number, __ATOMIC_ACQUIRE);

	return (int32_t)(now - w->number) >= 0;
}

bool turn_wait(struct turn *w, uint32_t number, uint64_t timeout_ms)
{
	struct turn_wait arg = {w, number};

	return hart_wait_until(reached, &arg, time_deadline_ms(timeout_ms));
}

/* As turn_wait(), asleep from the start. */
static bool turn_sleep(struct turn *w, uint32_t number, uint64_t timeout_ms)
{
	struct turn_wait arg = {w, number};

	return hart_sleep_until(reached, &arg, time_deadline_ms(timeout_ms));
}

/*
 * SBI firmware has to fence harts that run and harts that are in WFI. By turns, so that it depends
 * neither on how fast this hart is nor on how long the conductor takes.
 */
static bool wait_for_fence(struct turn *w, uint32_t number, uint64_t timeout_ms)
{
	return (number / 4 + arch_hart()) % 2 == 0 ? turn_sleep(w, number, timeout_ms)
						   : turn_wait(w, number, timeout_ms);
}

/* A trial goes through these; numbers of turns are 4 * trial + step. */
enum step { STEP_FILL = 1, STEP_PROBE = 2, STEP_NEXT = 3 };

static struct remote_job {
	struct test_run *t;
	const struct stim *st;
	unsigned n;
	uint32_t fences;
	struct hartset harts;
	struct rng rng;	     /* of the conductor's choices */
	struct trial trial;  /* being made; written by hart 0 between turns */
	unsigned conductor;  /* of this trial */
	uint32_t number;     /* of this trial */
	bool over;	     /* no more trials */
	uint32_t failed;     /* 1 + the hart that did not take its turn; 0: none */
	int64_t rc;	     /* first SBI error */
	enum fence rc_fence; /* of which fence */
	struct turn go;	     /* hart 0 and the conductor to all */
	struct turn done[MAX_HARTS];
	bool made[MAX_HARTS];
	struct tally *y; /* stim_tallies() */
} job;			 /* too large for a stack; one test runs at a time */

static uint32_t turn_number(enum step s)
{
	return 4 * job.number + s;
}

/* The first one counts: what follows is its doing. */
static void give_up_on(unsigned hart)
{
	uint32_t none = 0;

	(void)__atomic_compare_exchange_n(&job.failed, &none, hart + 1, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED);
}

static bool failed(void)
{
	return __atomic_load_n(&job.failed, __ATOMIC_RELAXED) != 0;
}

/* Everybody but this hart has come to step @s. */
static bool all_at(enum step s)
{
	hartset_for_each(h, &job.harts) {
		if (h != arch_hart() && !turn_wait(&job.done[h], turn_number(s), TURN_MS)) {
			give_up_on(h);
			return false;
		}
	}
	return true;
}

static bool all_made(void)
{
	hartset_for_each(h, &job.harts) {
		if (!job.made[h])
			return false;
	}
	return true;
}

/* A seeded fault: harts that left the space are taken to have forgotten it. */
static bool nobody_runs_it(const struct stim *st)
{
	return st->away != NULL && fault_armed(FAULT_RFENCE_RUNNING);
}

static void conduct(void)
{
	struct fence_at at = trial_fence_at(&job.trial);

	if (all_at(STEP_FILL) && all_made()) {
		trial_change(&job.trial);
		/* The change before the fence: SBI's own call orders it, see sbi.c; without a
		 * fence, before the turn (release). */
		if (job.trial.fence != FENCE_NONE && !nobody_runs_it(job.trial.stim)) {
			int64_t rc = fence_remote(job.trial.fence, &at, &job.harts);

			if (rc != 0 && job.rc == 0) {
				job.rc = rc;
				job.rc_fence = job.trial.fence;
			}
		}
	}
	turn_set(&job.go, turn_number(STEP_PROBE), &job.harts);
}

/* What each hart does in a trial, the conductor too. */
static void take_part(void)
{
	unsigned hart = arch_hart();
	struct hartset conductor = hartset_of(job.conductor);
	struct hartset first = hartset_of(0);
	struct trial tr = job.trial;
	uint32_t filled = turn_number(STEP_FILL), probe = turn_number(STEP_PROBE);
	uint32_t next = turn_number(STEP_NEXT);

	trial_begin(&tr);
	job.made[hart] = trial_fill(&tr, &job.y[hart]) && trial_leave(&tr, &job.y[hart]);
	turn_set(&job.done[hart], filled, &conductor);
	if (hart == job.conductor)
		conduct();
	else if (!wait_for_fence(&job.go, probe, TURN_MS * 2))
		give_up_on(job.conductor);
	/* Acquire orders loads; what this hart fetches is ordered by its own SFENCE.VMA. */
	trial_return(&tr);
	if (!failed() && all_made()) {
		trial_probe(&tr, &job.y[hart]);
		trial_look_away(&tr, &job.y[hart]);
	}
	turn_set(&job.done[hart], next, &first);
}

/* Hart 0 sets up each trial; the others wait for it. False: no more. */
static bool one_trial(const struct stim *st, enum fence f)
{
	unsigned pick = (unsigned)rng_below(&job.rng, hartset_count(&job.harts));

	job.trial = trial_draw(&job.rng, st, f);
	hartset_for_each(h, &job.harts) {
		if (pick-- == 0)
			job.conductor = h;
	}
	job.number++;
	turn_set(&job.go, turn_number(STEP_FILL), &job.harts);
	take_part();
	if (!all_at(STEP_NEXT))
		return false;
	trial_restore(&job.trial);
	return !failed() && all_made();
}

static unsigned rounds_of(const struct test_run *t)
{
	return stim_repeat(t) / REMOTE_REPEAT;
}

static unsigned stale_sum(void)
{
	unsigned n = 0;

	hartset_for_each(h, &job.harts)
		n += job.y[h].control_stale;
	return n;
}

/* Controls of one stimulus: each hart has to see something old, or has had its chances. */
static bool controls(const struct stim *st, uint64_t until)
{
	unsigned before[MAX_HARTS];
	bool all = false;
	/* Controls end by what they saw, and by time: what is drawn behind them must not. */
	struct rng rest = rng_stream(rng_next(&job.rng), 1);

	hartset_for_each(h, &job.harts)
		before[h] = job.y[h].control_stale;
	for (unsigned i = 0; i < REMOTE_MAX_CONTROLS && !(all && i >= REMOTE_CONTROLS); i++) {
		if (i != 0 && time_us() > until)
			break;
		if (!one_trial(st, FENCE_NONE))
			return false;
		all = true;
		hartset_for_each(h, &job.harts)
			all &= job.y[h].control_stale != before[h];
	}
	job.rng = rest;
	hartset_for_each(h, &job.harts) {
		job.y[h].cells++;
		job.y[h].cells_blind += job.y[h].control_stale == before[h];
	}
	return true;
}

static bool trials(uint32_t fences, uint64_t until, unsigned *rounds)
{
	unsigned repeat = rounds_of(job.t);

	for (*rounds = 0; *rounds < repeat; (*rounds)++) {
		if (*rounds != 0 && time_us() > until)
			return true;
		for (unsigned i = 0; i < job.n; i++) {
			for (unsigned f = FENCE_NONE + 1; f < NR_FENCES; f++) {
				uint32_t allowed = job.st[i].fences | job.st[i].weak;

				if ((fences & allowed & FENCE_BIT(f)) != 0 &&
				    !one_trial(&job.st[i], (enum fence)f))
					return false;
			}
		}
	}
	return true;
}

static void lead(void)
{
	uint64_t start = time_us();
	unsigned rounds = 0;
	bool good = true;

	for (unsigned i = 0; good && i < job.n; i++)
		good = controls(&job.st[i], start + BUDGET_US / 2);
	if (good)
		good = trials(job.fences, start + BUDGET_US, &rounds);
	if (good && rounds < rounds_of(job.t))
		note("slow fences: %u rounds of %u, control %u", rounds, rounds_of(job.t),
		     stale_sum());
	job.over = true;
	job.number++;
	turn_set(&job.go, turn_number(STEP_FILL), &job.harts);
}

static void follow(void)
{
	for (uint32_t number = 1;; number++) {
		if (!turn_wait(&job.go, 4 * number + STEP_FILL, 3 * TURN_MS) || job.over ||
		    failed())
			return;
		take_part();
	}
}

static void remote_job(void *arg)
{
	(void)arg;
	scene_enter(job.st->scene);
	if (arch_hart() == 0)
		lead();
	else
		follow();
	scene_leave();
}

void stim_run_remote(struct test_run *t, const struct stim *st, unsigned n, uint32_t fences)
{
	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	job.t = t;
	job.st = st;
	job.n = n;
	job.fences = fences;
	job.harts = t->all;
	job.rng = rng_stream(rng_next(&t->rng), 0);
	test_on_harts(t, &t->all, remote_job, &job);
	if (job.rc != 0)
		test_fail(t, EVIDENCE_CHECK, "%s of started harts: SBI error %lld",
			  fence_name(job.rc_fence), (long long)job.rc);
	EXPECT(t, !failed(), "hart%u did not take its turn within %u ms", job.failed - 1, TURN_MS);
	stim_report(t, st[0].access, &t->all, job.y);
}
