/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svpbmt.*: a change of the memory type of an entry takes a fence as any other. Which of the three
 * types an access had nobody sees; that an entry had the reserved one everybody does.
 */
#include "mm/memtype.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/svpbmt.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, Svpbmt: PBMT=3 is reserved, a page fault is raised; SFENCE.VMA: "         \
	"implicit "                                                                                \
	"reads behind it see the stores before it"

bool svpbmt_usable(struct test_run *t)
{
	if ((t->bench->machine->isa & ISA_SVPBMT) == 0)
		test_skip(t, "the device tree does not claim Svpbmt");
	else if (!memtype_on())
		test_skip(t, t->bench->args->probe
				     ? "Svpbmt is claimed, and entries with a memory type trap"
				     : "probe=off: memory types are not tried");
	return (t->bench->machine->isa & ISA_SVPBMT) != 0 && memtype_on();
}

static void run(struct test_run *t, bool remote)
{
	const struct op_case *c = t->test->arg;
	struct stim *st;
	struct scene *s;

	if (!svpbmt_usable(t))
		return;
	s = scene_open(t);
	st = stim_pool(s);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		if (!op_build(s, c, (enum half)h, &st[h])) {
			scene_close();
			return;
		}
	}
	if (remote)
		stim_run_remote(t, st, NR_HALVES, FENCES_RFENCE | FENCES_IPI);
	else
		stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

static void local(struct test_run *t)
{
	run(t, false);
}

static void remote(struct test_run *t)
{
	run(t, true);
}

#define ROW(op, size, kind, OP, LEVEL, ACCESS)                                                     \
	TEST_ROW(svpbmt, op##_##size##_##kind, #op "." #size "." #kind, local, .machine = true,    \
		 .clause = CLAUSE, .arg = &(const struct op_case){OP, LEVEL, ACCESS, false})
#define ROWS(op, size, OP, LEVEL)                                                                  \
	ROW(op, size, load, OP, LEVEL, ACCESS_LOAD)                                                \
	ROW(op, size, store, OP, LEVEL, ACCESS_STORE)                                              \
	ROW(op, size, fetch, OP, LEVEL, ACCESS_FETCH)

ROWS(reserve, 4k, OP_RESERVE, LEVEL_4K)
ROWS(reserve, 2m, OP_RESERVE, LEVEL_2M)
ROWS(reserve, 1g, OP_RESERVE, LEVEL_1G)
ROWS(release, 4k, OP_RELEASE, LEVEL_4K)
ROWS(release, 2m, OP_RELEASE, LEVEL_2M)
ROWS(release, 1g, OP_RELEASE, LEVEL_1G)

#define REMOTE(op, kind, OP, ACCESS)                                                               \
	TEST_ROW(svpbmt, op##_remote_4k_##kind, #op "_remote.4k." #kind, remote,                   \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct op_case){OP, LEVEL_4K, ACCESS, false})
REMOTE(reserve, load, OP_RESERVE, ACCESS_LOAD)
REMOTE(reserve, store, OP_RESERVE, ACCESS_STORE)
REMOTE(reserve, fetch, OP_RESERVE, ACCESS_FETCH)
REMOTE(release, load, OP_RELEASE, ACCESS_LOAD)
