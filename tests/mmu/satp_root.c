/* SPDX-License-Identifier: BSD-2-Clause */
/* satp.root, satp.recycled, satp.ppn, satp.flight: another root table. */
#include <string.h>

#include "firmware/arch.h"
#include "mm/frame.h"
#include "tests/mmu/flight.h"
#include "tests/mmu/spaces.h"

#define CLAUSE_ROOT                                                                                \
	"Privileged ISA, SFENCE.VMA: an ASID that gets another page table is fenced with rs1 = x0"
#define CLAUSE_NEW                                                                                 \
	"Privileged ISA, address translation: begins at the root in satp; an entry that is held "  \
	"may serve it only if its ASID is that of satp"

static struct root_job {
	struct stim st[NR_HALVES], away[NR_HALVES];
	struct space home[NR_HALVES], behind[NR_HALVES], other[NR_HALVES];
	uint64_t nowhere; /* an entry that no table has */
	struct rng rng;
	unsigned rounds;
	paddr_t roots;
	unsigned root_bits;
	struct tally *y; /* stim_tallies() */
} job;			 /* too large for a stack; one test runs at a time */

/* The same ASID means another root: behind the switch, or before it from another ASID. */
static void root(struct test_run *t, bool recycled)
{
	const struct op_case *c = t->test->arg;
	struct scene *s = scene_open(t);
	struct space root2 = scene_new_space(s, s->asid);
	bool good = !recycled || spaces_have_asids(s);

	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	for (unsigned h = 0; good && h < NR_HALVES; h++) {
		struct stim *st = &job.st[h];

		good = spaces_build(s, c, (enum half)h, st);
		if (!good)
			break;
		job.home[h] = scene_space(s, s->asid);
		job.behind[h] = root2;
		job.other[h] = root2;
		spaces_mirror(s, st, &job.other[h], &job.away[h]);
		st->what = recycled ? "recycled asid, page" : "new root, same asid, page";
		st->space = &job.home[h];
		st->behind = &job.behind[h];
		st->fences = FENCES_ANY_VA;
		st->either_or = true;
		for (unsigned i = 0; i < st->nr; i++)
			st->at[i].is = job.away[h].at[i].is;
		/* No entry changes; the harness wants one to store. */
		st->edit[0] = (struct edit){.slot = &job.nowhere};
		if (recycled) {
			job.other[h].asid = spaces_asid_beside(s, s->asid);
			st->away = &job.away[h];
		}
	}
	if (good)
		stim_run_local(t, job.st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

static void same_asid(struct test_run *t)
{
	root(t, false);
}

static void recycled(struct test_run *t)
{
	root(t, true);
}

/* Both as they are, judged on each hart; @fn is a job that fills job.y. */
static void judge(struct test_run *t, enum access a, struct scene *s, void (*fn)(void *))
{
	job.rounds = stim_repeat(t);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		job.rng = rng_stream(rng_next(&t->rng), h);
		/* No fence is due, so none can be left out as a control. */
		job.y[h].no_control = true;
		test_on_harts(t, &one, fn, s);
	}
	stim_report(t, a, &t->all, job.y);
}

static void make_constant(struct stim *st, const char *what)
{
	st->what = what;
	st->constant = true;
	for (unsigned i = 0; i < st->nr; i++)
		st->at[i].is = st->at[i].was;
}

/* Roots that lie one bit of the page number apart, as many bits as there is memory for. */
#define MAX_ROOT_BITS 12

static void ppn_job(void *arg)
{
	struct scene *s = arg;
	struct tally *y = &job.y[arch_hart()];

	scene_enter(s);
	for (unsigned bit = 0; bit < job.root_bits && y->bad == 0; bit++) {
		struct trial tr = trial_draw(&job.rng, &job.st[0], FENCE_NONE);

		job.other[0].pt.root = job.roots + (PAGE_SIZE << bit);
		trial_begin(&tr);
		for (unsigned i = 0; i < 2; i++) {
			trial_probe(&tr, y);
			trial_look_away(&tr, y);
			trial_return(&tr);
		}
	}
	scene_leave();
}

static void ppn(struct test_run *t)
{
	const struct op_case *c = t->test->arg;
	struct scene *s = scene_open(t);
	unsigned top = s->pt.mode->levels - 1;
	struct stim *st = &job.st[0];

	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	job.roots = FRAME_NONE;
	for (job.root_bits = MAX_ROOT_BITS; job.root_bits != 0 && job.roots == FRAME_NONE;) {
		job.roots = scene_try_block(s, job.root_bits);
		job.root_bits -= job.roots == FRAME_NONE;
	}
	if (!spaces_have_asids(s) || !spaces_build(s, c, HALF_LOW, st)) {
		scene_close();
		return;
	}
	ASSERT(t, job.roots != FRAME_NONE, "no memory for two roots");
	job.home[0] = scene_space_at(s, job.roots, s->asid);
	job.other[0] = scene_space_at(s, job.roots + PAGE_SIZE, spaces_asid_beside(s, s->asid));
	st->space = &job.home[0];
	st->away = &job.away[0];
	make_constant(st, "roots one bit apart, page");
	spaces_mirror(s, st, &job.other[0], &job.away[0]);
	scene_store(space_slot(s, &job.home[0], st->start, top), *scene_slot(s, st->start, top));
	for (unsigned bit = 1; bit < job.root_bits; bit++) {
		struct space more = scene_space_at(s, job.roots + (PAGE_SIZE << bit), 0);

		scene_store(space_slot(s, &more, st->start, top),
			    *space_slot(s, &job.other[0], st->start, top));
	}
	judge(t, c->access, s, ppn_job);
	scene_close();
}

/* Walks that are under way when satp changes, and what they leave for the new space. */
static void flight_job(void *arg)
{
	struct scene *s = arg;
	struct tally *y = &job.y[arch_hart()];

	scene_enter(s);
	for (unsigned i = 0; i < 4 * job.rounds && y->bad == 0; i++) {
		unsigned h = i % NR_HALVES;
		struct trial tr = trial_draw(&job.rng, &job.st[h], FENCE_NONE);
		struct trial away = tr;
		uint64_t off = trial_offset(&tr, arch_hart());
		struct flight f = {
			.va = job.st[h].at[0].va + off,
			.stride = job.st[h].at[1].va - job.st[h].at[0].va,
			.satp = space_satp(&job.other[h]),
			.probe_va = job.away[h].at[tr.first].va + off,
		};

		away.stim = &job.away[h];
		trial_begin(&tr);
		trial_judge(&away, tr.first, flight_run(&f), y);
		trial_look_away(&tr, y);
		trial_return(&tr);
		trial_probe(&tr, y);
		trial_look_away(&tr, y);
	}
	scene_leave();
}

static bool build_flight(struct scene *s, enum half h)
{
	struct stim *st = &job.st[h];

	st->scene = s;
	st->half = h;
	st->access = ACCESS_LOAD;
	st->size = PAGE_SIZE;
	st->fences = UINT32_MAX;
	st->start = scene_va(s, h, LEVEL_2M);
	for (st->nr = 0; st->nr < FLIGHT_LOADS; st->nr++) {
		struct target *at = &st->at[st->nr];

		/* Each by a table of its own where there is room, so that walks are long. */
		at->va = st->start + st->nr * SZ_2M;
		if (pt_lookup(&s->pt, at->va).mapped)
			return false;
		at->was = scene_new_page(s);
		scene_store(scene_slot(s, at->va, LEVEL_4K), pte_leaf(at->was.pa, SCENE_RWX).raw);
	}
	make_constant(st, "satp changed under walks, page");
	job.home[h] = scene_space(s, s->asid);
	job.other[h] = scene_new_space(s, spaces_asid_beside(s, s->asid));
	st->space = &job.home[h];
	st->away = &job.away[h];
	spaces_mirror(s, st, &job.other[h], &job.away[h]);
	return true;
}

static void flight(struct test_run *t)
{
	struct scene *s = scene_open(t);

	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	if (spaces_have_asids(s) && build_flight(s, HALF_LOW) && build_flight(s, HALF_HIGH))
		judge(t, ACCESS_LOAD, s, flight_job);
	scene_close();
}

#define ROW(what, size, kind, fn, cl, LEVEL, ACCESS)                                               \
	TEST_ROW(satp, what##_##size##_##kind, #what "." #size "." #kind, fn, .machine = true,     \
		 .clause = cl, .arg = &(const struct op_case){OP_UNMAP, LEVEL, ACCESS, false})
#define ROWS(what, size, fn, cl, LEVEL)                                                            \
	ROW(what, size, load, fn, cl, LEVEL, ACCESS_LOAD)                                          \
	ROW(what, size, store, fn, cl, LEVEL, ACCESS_STORE)                                        \
	ROW(what, size, fetch, fn, cl, LEVEL, ACCESS_FETCH)

ROWS(root, 4k, same_asid, CLAUSE_ROOT, LEVEL_4K)
ROWS(root, 2m, same_asid, CLAUSE_ROOT, LEVEL_2M)
ROWS(recycled, 4k, recycled, CLAUSE_ROOT, LEVEL_4K)
ROWS(recycled, 2m, recycled, CLAUSE_ROOT, LEVEL_2M)
ROWS(ppn, 4k, ppn, CLAUSE_NEW, LEVEL_4K)
ROW(flight, 4k, load, flight, CLAUSE_NEW, LEVEL_4K, ACCESS_LOAD)
