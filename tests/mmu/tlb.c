/* SPDX-License-Identifier: BSD-2-Clause */
/* tlb.*: a hart changes its own table and fences itself. */
#include "tests/mmu/ops.h"
#include "tests/mmu/rows.h"

#define CLAUSE "Privileged ISA, SFENCE.VMA: implicit reads behind it see the stores before it"

static void run(struct test_run *t, uint32_t fences)
{
	struct stim *st = op_open(t, t->test->arg);

	if (st == NULL)
		return;
	stim_run_local(t, st, NR_HALVES, fences);
	scene_close();
}

static void local(struct test_run *t)
{
	run(t, FENCES_LOCAL);
}

/* The last page of the address space: its end is address 0. */
static void top(struct test_run *t)
{
	struct scene *s = scene_open(t);
	struct stim *st = stim_pool(s);

	scene_take_over(s, -PAGE_SIZE);
	if (op_build_at(s, t->test->arg, -PAGE_SIZE, st))
		stim_run_local(t, st, 1, FENCES_LOCAL);
	scene_close();
}

#define TOP_ROW(kind, ACCESS)                                                                      \
	TEST_ROW(tlb, top_##kind, "top." #kind, top, .machine = true, .clause = CLAUSE,            \
		 .arg = &(const struct op_case){OP_REMAP, LEVEL_4K, ACCESS, false})
TOP_ROW(load, ACCESS_LOAD)
TOP_ROW(store, ACCESS_STORE)
TOP_ROW(fetch, ACCESS_FETCH)

#define ROW(op, size, kind, ...)                                                                   \
	TEST_ROW(tlb, op##_##size##_##kind, #op "." #size "." #kind, local, .machine = true,       \
		 .clause = CLAUSE, .arg = &(const struct op_case){__VA_ARGS__})
OP_ROWS(ROW)
