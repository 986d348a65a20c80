/* SPDX-License-Identifier: BSD-2-Clause */
/* asid.global*: mappings that are the same in every address space. */
#include "firmware/arch.h"
#include "tests/mmu/spaces.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, SFENCE.VMA: rs2 = x0 orders and invalidates for all address spaces, "     \
	"global mappings too"
#define CLAUSE_INVALID                                                                             \
	"Privileged ISA, SFENCE.VMA with rs2 = asid: only global mappings are left out, and an "   \
	"entry with V = 0 is no mapping"

struct row {
	struct op_case c;
	bool above; /* G is in the entry that points to the leaf's table, not in the leaf */
};

/* Each half as seen by the space that changes it, and by another. */
#define CELLS (NR_HALVES * 2)

static struct stim st[CELLS], away[NR_HALVES];
static struct space home_space, away_space;

/* Weak fences leave global entries alone, so an old one behind them shows that they are held. */
#define FENCES_WEAK (FENCE_BIT(FENCE_VA_ASID) | FENCE_BIT(FENCE_ASID))

static bool mark_above(struct scene *s, const struct row *r, struct stim *one)
{
	uint64_t *slot;

	if (r->c.level + 1u >= s->pt.mode->levels) {
		test_skip(s->t, "%s has no entry above its %s leaves", s->pt.mode->name,
			  level_name(r->c.level));
		return false;
	}
	slot = scene_slot(s, one->start, r->c.level + 1);
	scene_store(slot, *slot | PTE_G);
	one->fences &= FENCES_ANY_ASID;
	return true;
}

static bool build(struct scene *s, const struct row *r)
{
	uint16_t asid = s->asid_bits != 0 ? spaces_asid(s) : 0;

	home_space = scene_space(s, asid);
	away_space = scene_new_space(s, asid);
	if (s->asid_bits != 0)
		away_space.asid = spaces_asid_beside(s, asid);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		struct stim *one = &st[h], *two = &st[NR_HALVES + h];

		if (!spaces_build(s, &r->c, (enum half)h, one) ||
		    (r->above && !mark_above(s, r, one)))
			return false;
		one->space = &home_space;
		one->weak = FENCES_WEAK;
		/* Changed without leaving it, and from the other space. */
		spaces_share(s, one, &away_space, &away[h]);
		*two = *one;
		two->away = &away[h];
	}
	return true;
}

static void global(struct test_run *t)
{
	struct scene *s = scene_open(t);

	/* Without ASIDs there is nobody else to be: two roots with one ASID would need a fence. */
	if (build(s, t->test->arg))
		stim_run_local(t, st, s->asid_bits != 0 ? CELLS : NR_HALVES, FENCES_LOCAL);
	scene_close();
}

#define ROW(what, size, kind, OP, LEVEL, ACCESS, is_above)                                         \
	TEST_ROW(asid, what##_##size##_##kind, #what "." #size "." #kind, global, .machine = true, \
		 .clause = CLAUSE,                                                                 \
		 .arg = &(const struct row){{OP, LEVEL, ACCESS, !(is_above)}, is_above})
#define ROWS(what, size, OP, LEVEL, is_above)                                                      \
	ROW(what, size, load, OP, LEVEL, ACCESS_LOAD, is_above)                                    \
	ROW(what, size, store, OP, LEVEL, ACCESS_STORE, is_above)                                  \
	ROW(what, size, fetch, OP, LEVEL, ACCESS_FETCH, is_above)

ROWS(global, 4k, OP_REMAP, LEVEL_4K, false)
ROWS(global, 2m, OP_REMAP, LEVEL_2M, false)
ROWS(global, 1g, OP_UNMAP, LEVEL_1G, false)
ROWS(global_above, 4k, OP_REMAP, LEVEL_4K, true)
ROWS(global_above, 2m, OP_REMAP, LEVEL_2M, true)
ROWS(global_above, 1g, OP_UNMAP, LEVEL_1G, true)

/* An entry with G and without V is touched, then valid and not global. */
static void invalid(struct test_run *t)
{
	const struct row *r = t->test->arg;
	struct scene *s = scene_open(t);

	for (unsigned h = 0; h < NR_HALVES; h++) {
		struct edit *e = &st[h].edit[0];

		if (!spaces_build(s, &r->c, (enum half)h, &st[h])) {
			scene_close();
			return;
		}
		for (unsigned i = 0; i < st[h].nr; i++) {
			st[h].at[i].is = st[h].at[i].was;
			st[h].at[i].was = PAGE_FAULT;
		}
		e->is = e->was;
		e->was = (e->is & ~PTE_V) | PTE_G;
		st[h].either_or = true;
		scene_store(e->slot, e->was);
	}
	stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

#define INVALID_ROW(size, kind, LEVEL, ACCESS)                                                     \
	TEST_ROW(asid, invalid_global_##size##_##kind, "invalid_global." #size "." #kind, invalid, \
		 .machine = true, .clause = CLAUSE_INVALID,                                        \
		 .arg = &(const struct row){{OP_UNMAP, LEVEL, ACCESS, false}, false})
#define INVALID_ROWS(size, LEVEL)                                                                  \
	INVALID_ROW(size, load, LEVEL, ACCESS_LOAD)                                                \
	INVALID_ROW(size, store, LEVEL, ACCESS_STORE)                                              \
	INVALID_ROW(size, fetch, LEVEL, ACCESS_FETCH)

INVALID_ROWS(4k, LEVEL_4K)
INVALID_ROWS(2m, LEVEL_2M)
