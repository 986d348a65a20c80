/* SPDX-License-Identifier: BSD-2-Clause */
/* rfence.*: one hart changes the table and fences all, through SBI and by its own interrupt. */
#include "tests/mmu/ops.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/rows.h"

#define CLAUSE                                                                                     \
	"SBI, RFENCE: the harts of the mask execute SFENCE.VMA; de facto: before the call returns"

static void remote(struct test_run *t)
{
	struct stim *st = op_open(t, t->test->arg);

	if (st == NULL)
		return;
	stim_run_remote(t, st, NR_HALVES, FENCES_RFENCE | FENCES_IPI);
	scene_close();
}

#define ROW(op, size, kind, ...)                                                                   \
	TEST_ROW(rfence, op##_##size##_##kind, #op "." #size "." #kind, remote,                    \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct op_case){__VA_ARGS__})
OP_ROWS(ROW)
