/* SPDX-License-Identifier: BSD-2-Clause */
/* tlb.*: a hart changes its own table and fences itself. */
#include "tests/mmu/ops.h"
#include "tests/mmu/rows.h"

#define CLAUSE "Privileged ISA, SFENCE.VMA: implicit reads behind it see the stores before it"

static void run(struct test_run *t, uint32_t fences)
{
	static struct stim st[NR_HALVES];
	const struct op_case *c = t->test->arg;
	struct scene *s = scene_open(t);

	for (unsigned h = 0; h < NR_HALVES; h++) {
		if (!op_build(s, c, (enum half)h, &st[h])) {
			scene_close();
			return;
		}
	}
	stim_run_local(t, st, NR_HALVES, fences);
	scene_close();
}

static void local(struct test_run *t)
{
	run(t, FENCES_LOCAL);
}

#define ROW(op, size, kind, ...)                                                                   \
	TEST_ROW(tlb, op##_##size##_##kind, #op "." #size "." #kind, local, .machine = true,       \
		 .clause = CLAUSE, .arg = &(const struct op_case){__VA_ARGS__})
OP_ROWS(ROW)
