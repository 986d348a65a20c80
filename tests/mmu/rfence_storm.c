/* SPDX-License-Identifier: BSD-2-Clause */
/* rfence.queue, .flood, .all_to_all, .storm: many calls at once. */
#include "tests/mmu/storm.h"

#define CLAUSE                                                                                     \
	"SBI, RFENCE: the harts of the mask execute SFENCE.VMA; de facto: before the call "        \
	"returns, whoever else calls"

/* Rounds of each sender, times repeat=. */
#define ROUNDS 24
#define BUDGET_US 100000

struct storm_case {
	const char *what;
	enum access access;
	bool one_target; /* hart 0 or another; else all are targets */
	bool deaf;
	bool mixed;
};

static void run(struct test_run *t)
{
	const struct storm_case *c = t->test->arg;
	uint64_t repeat = t->bench->args->repeat;
	struct storm s = {
		.t = t,
		.what = c->what,
		.access = c->access,
		.senders = t->all,
		.targets = t->all,
		.deaf = c->deaf,
		.mixed = c->mixed,
		.rounds = repeat < 100000 ? (unsigned)(ROUNDS * repeat) : UINT32_MAX,
		.budget_us = repeat < 1000 ? (uint32_t)(BUDGET_US * repeat) : 1000 * BUDGET_US,
	};

	if (c->one_target) {
		/* Seeded, but not hart 0 alone: what it sees proves nothing of the others. */
		unsigned pick = (unsigned)rng_below(&t->rng, hartset_count(&t->peers));

		hartset_for_each(h, &t->peers) {
			if (pick-- == 0)
				s.targets = hartset_of(h);
		}
	}
	storm_prepare(t, scene_open(t));
	storm_control(&s);
	storm_run(&s);
	storm_report(&s);
	scene_close();
}

#define ROW(id, kind, a, ...)                                                                      \
	TEST_ROW(rfence, id##_##kind, #id ".4k." #kind, run, .needs = NEEDS_SMP | NEEDS_RFENCE,    \
		 .timeout_ms = 60000, .machine = true, .clause = CLAUSE,                           \
		 .arg = &(const struct storm_case){.access = a, __VA_ARGS__})
#define ROWS(id, ...)                                                                              \
	ROW(id, load, ACCESS_LOAD, __VA_ARGS__)                                                    \
	ROW(id, fetch, ACCESS_FETCH, __VA_ARGS__)

ROWS(queue, .what = "all fence one deaf hart", .one_target = true, .deaf = true)
ROWS(flood, .what = "all fence one deaf hart, mixed ranges", .one_target = true, .deaf = true,
     .mixed = true)
ROWS(all_to_all, .what = "all fence all")
ROWS(storm, .what = "all fence all, deaf, mixed ranges", .deaf = true, .mixed = true)
