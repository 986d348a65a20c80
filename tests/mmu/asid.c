/* SPDX-License-Identifier: BSD-2-Clause */
/* asid.*: entries of one address space while the hart is in another. */
#include <string.h>

#include "firmware/arch.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/spaces.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, SFENCE.VMA: rs2 names the address space whatever satp holds; entries "    \
	"match by ASID"
#define CLAUSE_REMOTE                                                                              \
	"SBI, RFENCE: the harts of the mask execute SFENCE.VMA for this ASID, whatever ASID they " \
	"run; de facto: before the call returns"

/* Too large for a stack; one test runs at a time. */
static struct stim st[NR_HALVES], away[NR_HALVES];
static struct space home[NR_HALVES], other[NR_HALVES];

/* Entries of one ASID change while the hart is in another, which differs in one bit. */
static bool build(struct scene *s, const struct op_case *c)
{
	struct space root;

	if (!spaces_have_asids(s))
		return false;
	root = scene_new_space(s, 0);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		if (!spaces_build(s, c, (enum half)h, &st[h]))
			return false;
		home[h] = scene_space(s, spaces_asid(s));
		other[h] = root;
		other[h].asid = spaces_asid_beside(s, home[h].asid);
		st[h].space = &home[h];
		st[h].away = &away[h];
		spaces_mirror(s, &st[h], &other[h], &away[h]);
	}
	return true;
}

/*
 * Pages that are touched and never probed are global, those that are walked to through the same
 * table are not: neither is the pointer to the table.
 */
static void mark_siblings(struct scene *s, const struct stim *one)
{
	for (unsigned i = 0; i < one->nr; i++) {
		if (!one->at[i].silent)
			continue;
		for (unsigned is = 0; is < 2; is++) {
			const struct edit *e = &one->edit[0];
			pte_t table = {is ? e->is : e->was};
			unsigned level = one->size == SZ_2M ? LEVEL_4K : LEVEL_2M;
			uint64_t *slot =
				scene_slot_below(s, pte_pa(table), level, one->at[i].va, LEVEL_4K);

			scene_store(slot, *slot | PTE_G);
		}
	}
}

static void sibling(struct test_run *t)
{
	struct scene *s = scene_open(t);

	if (build(s, t->test->arg)) {
		for (unsigned h = 0; h < NR_HALVES; h++)
			mark_siblings(s, &st[h]);
		stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	}
	scene_close();
}

static void local(struct test_run *t)
{
	struct scene *s = scene_open(t);

	if (build(s, t->test->arg)) {
		/* Bits that no hart's ASIDLEN reaches are ignored in rs2. */
		if (s->asid_alike)
			st[HALF_HIGH].asid_extra = (uint16_t)(UINT32_MAX << s->asid_len);
		stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	}
	scene_close();
}

static void remote(struct test_run *t)
{
	struct scene *s = scene_open(t);

	/* One half, drawn: with four harts on two processors each turn costs. */
	if (build(s, t->test->arg))
		stim_run_remote(t, &st[rng_below(&t->rng, NR_HALVES)], 1,
				FENCES_RFENCE | FENCES_IPI);
	scene_close();
}

#define ROW(op, size, kind, fn, OP, LEVEL, ACCESS)                                                 \
	TEST_ROW(asid, op##_##size##_##kind, #op "." #size "." #kind, fn, .machine = true,         \
		 .clause = CLAUSE, .arg = &(const struct op_case){OP, LEVEL, ACCESS, false})
#define ROWS(op, size, fn, OP, LEVEL)                                                              \
	ROW(op, size, load, fn, OP, LEVEL, ACCESS_LOAD)                                            \
	ROW(op, size, store, fn, OP, LEVEL, ACCESS_STORE)                                          \
	ROW(op, size, fetch, fn, OP, LEVEL, ACCESS_FETCH)

ROWS(remap, 4k, local, OP_REMAP, LEVEL_4K)
ROWS(remap, 2m, local, OP_REMAP, LEVEL_2M)
ROWS(unmap, 4k, local, OP_UNMAP, LEVEL_4K)
ROWS(unmap, 2m, local, OP_UNMAP, LEVEL_2M)
ROWS(unmap, 1g, local, OP_UNMAP, LEVEL_1G)
ROWS(split, 2m, local, OP_SPLIT, LEVEL_2M)
ROWS(walk, 2m, local, OP_WALK, LEVEL_2M)
ROWS(walk, 1g, local, OP_WALK, LEVEL_1G)
ROWS(sibling, 2m, sibling, OP_WALK, LEVEL_2M)
ROWS(sibling, 1g, sibling, OP_WALK, LEVEL_1G)

#define REMOTE_ROW(size, kind, OP, LEVEL, ACCESS)                                                  \
	TEST_ROW(asid, remote_##size##_##kind, "remote." #size "." #kind, remote,                  \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE_REMOTE,                                                          \
		 .arg = &(const struct op_case){OP, LEVEL, ACCESS, false})
#define REMOTE_ROWS(size, OP, LEVEL)                                                               \
	REMOTE_ROW(size, load, OP, LEVEL, ACCESS_LOAD)                                             \
	REMOTE_ROW(size, store, OP, LEVEL, ACCESS_STORE)                                           \
	REMOTE_ROW(size, fetch, OP, LEVEL, ACCESS_FETCH)

REMOTE_ROWS(4k, OP_REMAP, LEVEL_4K)
REMOTE_ROWS(2m, OP_REMAP, LEVEL_2M)
REMOTE_ROWS(1g, OP_UNMAP, LEVEL_1G)
