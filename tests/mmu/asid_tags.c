/* SPDX-License-Identifier: BSD-2-Clause */
/* asid.tags, asid.alias: nothing changes, every space shows its own pages. */
#include <string.h>

#include "firmware/arch.h"
#include "tests/mmu/spaces.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, address translation: an entry that is held may serve a walk only if its " \
	"ASID is that of satp"

static struct tags_job {
	struct stim st[NR_HALVES], away[NR_HALVES];
	struct space home[NR_HALVES], other[NR_HALVES];
	struct rng rng;
	struct tally *y; /* stim_tallies() */
} job;			 /* too large for a stack; one test runs at a time */

/* More pages than first levels have entries. */
#define EVICT_PAGES 128u
#define REFILLS 8u

/* Pages that are touched between fill and probe, all the same one. */
static void build_evict(struct scene *s, struct stim *st, unsigned evict)
{
	vaddr_t va = scene_va(s, st->half, LEVEL_2M);
	struct page p = scene_new_page(s);

	st->evict = evict;
	st->evict_va = va;
	for (unsigned i = 0; i < evict; i++)
		scene_store(scene_slot(s, va + i * PAGE_SIZE, LEVEL_4K),
			    pte_leaf(p.pa, SCENE_RWX).raw);
}

/* False: the test was told to skip. */
static bool build(struct scene *s, const struct op_case *c, unsigned evict)
{
	struct space root;

	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	if (!spaces_have_asids(s))
		return false;
	root = scene_new_space(s, 0);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		struct stim *st = &job.st[h];

		if (!spaces_build(s, c, (enum half)h, st))
			return false;
		job.home[h] = scene_space(s, spaces_asid(s));
		job.other[h] = root;
		for (unsigned i = 0; i < st->nr; i++)
			st->at[i].is = st->at[i].was;
		st->what = "no change";
		st->space = &job.home[h];
		st->away = &job.away[h];
		st->constant = true;
		if (evict != 0)
			build_evict(s, st, evict);
		spaces_mirror(s, st, &job.other[h], &job.away[h]);
	}
	return true;
}

static void run(struct test_run *t, void (*fn)(void *), unsigned evict)
{
	struct scene *s = scene_open(t);
	const struct op_case *c = t->test->arg;

	if (build(s, c, evict)) {
		hartset_for_each(h, &t->all) {
			struct hartset one = hartset_of(h);

			job.rng = rng_stream(rng_next(&t->rng), h);
			/* Neither is due to a fence: there is nothing that a control could leave
			 * out. */
			job.y[h].no_control = true;
			test_on_harts(t, &one, fn, s);
		}
		stim_report(t, c->access, &t->all, job.y);
	}
	scene_close();
}

/* From one space to the other and back, twice. */
static void to_and_fro(const struct trial *tr, struct tally *y)
{
	trial_begin(tr);
	trial_probe(tr, y);
	for (unsigned i = 0; i < 2; i++) {
		trial_look_away(tr, y);
		trial_return(tr);
		trial_probe(tr, y);
	}
}

static void tags_job(void *arg)
{
	const struct scene *s = arg;
	struct tally *y = &job.y[arch_hart()];

	scene_enter(s);
	for (unsigned bit = 0; bit < s->asid_bits && y->bad == 0; bit++) {
		for (unsigned h = 0; h < NR_HALVES && y->bad == 0; h++) {
			struct trial tr = trial_draw(&job.rng, &job.st[h], FENCE_NONE);

			job.other[h].asid = (uint16_t)(job.home[h].asid ^ (UINT32_C(1) << bit));
			to_and_fro(&tr, y);
		}
	}
	scene_leave();
}

/*
 * Pushed out of the first level, found in the second, and then away in ASID 0, or another: the
 * ASID has to come along with what is filled in again.
 */
static void refill_job(void *arg)
{
	const struct scene *s = arg;
	struct tally *y = &job.y[arch_hart()];

	scene_enter(s);
	for (unsigned i = 0; i < REFILLS && y->bad == 0; i++) {
		unsigned h = i % NR_HALVES;
		struct trial tr = trial_draw(&job.rng, &job.st[h], FENCE_NONE);

		job.other[h].asid = i % 4 < 2 ? 0 : job.home[h].asid ^ 1;
		trial_begin(&tr);
		(void)trial_fill(&tr, y);
		trial_probe(&tr, y);
		trial_look_away(&tr, y);
		trial_return(&tr);
		trial_probe(&tr, y);
	}
	scene_leave();
}

static void refill(struct test_run *t)
{
	run(t, refill_job, EVICT_PAGES);
}

static void tags(struct test_run *t)
{
	run(t, tags_job, 0);
}

/* @va with bit @bit the other way round, canonical again if it was the highest. */
static vaddr_t flip(const struct mmu_mode *m, vaddr_t va, unsigned bit)
{
	return va ^ (bit == m->va_bits - 1 ? UINT64_MAX << bit : UINT64_C(1) << bit);
}

/*
 * One bit of the address and one of the ASID differ: who mixes both into one tag may find the
 * first page at the second address, which nothing is mapped at.
 */
static void alias_bit(const struct scene *s, unsigned h, vaddr_t va, struct tally *y)
{
	struct stim *away = &job.away[h];
	struct trial tr = trial_draw(&job.rng, &job.st[h], FENCE_NONE);

	away->nr = 1;
	away->at[0].va = va;
	away->at[0].was = PAGE_FAULT;
	away->at[0].is = PAGE_FAULT;
	trial_begin(&tr);
	for (unsigned bit = 0; bit < s->asid_bits && y->bad == 0; bit++) {
		job.other[h].asid = (uint16_t)(job.home[h].asid ^ (UINT32_C(1) << bit));
		trial_probe(&tr, y);
		trial_look_away(&tr, y);
		trial_return(&tr);
	}
}

static void alias_job(void *arg)
{
	const struct scene *s = arg;
	const struct mmu_mode *m = s->pt.mode;
	struct tally *y = &job.y[arch_hart()];

	scene_enter(s);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		for (unsigned bit = PAGE_SHIFT; bit < m->va_bits && y->bad == 0; bit++) {
			vaddr_t va = flip(m, job.st[h].at[0].va, bit);

			if (!pt_lookup(&job.other[h].pt, va).mapped)
				alias_bit(s, h, va, y);
		}
	}
	scene_leave();
}

static void alias(struct test_run *t)
{
	run(t, alias_job, 0);
}

#define ROW(what, size, kind, LEVEL, ACCESS)                                                       \
	TEST_ROW(asid, what##_##size##_##kind, #what "." #size "." #kind, what, .machine = true,   \
		 .clause = CLAUSE, .arg = &(const struct op_case){OP_UNMAP, LEVEL, ACCESS, false})
#define ROWS(what, size, LEVEL)                                                                    \
	ROW(what, size, load, LEVEL, ACCESS_LOAD)                                                  \
	ROW(what, size, store, LEVEL, ACCESS_STORE)                                                \
	ROW(what, size, fetch, LEVEL, ACCESS_FETCH)

ROWS(tags, 4k, LEVEL_4K)
ROWS(tags, 2m, LEVEL_2M)
ROWS(refill, 4k, LEVEL_4K)
ROWS(refill, 2m, LEVEL_2M)
ROWS(alias, 4k, LEVEL_4K)
