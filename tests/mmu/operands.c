/* SPDX-License-Identifier: BSD-2-Clause */
/* tlb.rs1, tlb.rs2, tlb.back_to_back: the operands of a fence come from any register, in any row.
 */
#include <string.h>

#include "tests/mmu/operands.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/seq.h"

#define CLAUSE "Privileged ISA, SFENCE.VMA: rs1 holds the address, rs2 the ASID"

/* x1 to x31 */
#define NR_REGISTERS 31

static const char *const register_names[NR_REGISTERS] = {
	"fence by x1",	"fence by x2",	"fence by x3",	"fence by x4",	"fence by x5",
	"fence by x6",	"fence by x7",	"fence by x8",	"fence by x9",	"fence by x10",
	"fence by x11", "fence by x12", "fence by x13", "fence by x14", "fence by x15",
	"fence by x16", "fence by x17", "fence by x18", "fence by x19", "fence by x20",
	"fence by x21", "fence by x22", "fence by x23", "fence by x24", "fence by x25",
	"fence by x26", "fence by x27", "fence by x28", "fence by x29", "fence by x30",
	"fence by x31"};

static void registers(struct test_run *t)
{
	const struct op_case remap = {OP_REMAP, LEVEL_4K, ACCESS_LOAD, false};
	const struct operand_case *c = t->test->arg;
	struct scene *s = scene_open(t);
	struct stim *st = stim_pool(s);

	if (op_build(s, &remap, HALF_LOW, &st[0])) {
		st[0].insn_va = st[0].start;
		for (unsigned i = 0; i < NR_REGISTERS; i++) {
			st[i] = st[0];
			st[i].what = register_names[i];
			/* Each is as long as the first. */
			st[i].insn = c->first + i * OPERAND_CODE_BYTES;
		}
		stim_run_local(t, st, NR_REGISTERS, c->fence);
	}
	scene_close();
}

TEST_ROW(tlb, rs1, "rs1", registers, .machine = true, .clause = CLAUSE,
	 .arg = &(const struct operand_case){operand_va_first, FENCE_BIT(FENCE_VA)})
TEST_ROW(tlb, rs2, "rs2", registers, .machine = true, .clause = CLAUSE,
	 .arg = &(const struct operand_case){operand_asid_first, FENCE_BIT(FENCE_ASID)})
TEST_ROW(tlb, rs1_rs2, "rs1_rs2", registers, .machine = true, .clause = CLAUSE,
	 .arg = &(const struct operand_case){operand_both_first, FENCE_BIT(FENCE_VA_ASID)})

/* Pages side by side, all remapped, fenced one by one with nothing in between. */
static void back_to_back(struct test_run *t)
{
	struct scene *s = scene_open(t);
	struct stim *q = stim_pool(s);

	memset(q, 0, sizeof(*q));
	q->scene = s;
	q->what = "remap of neighbours";
	q->access = ACCESS_LOAD;
	q->start = scene_va(s, q->half, LEVEL_2M);
	q->size = OPERAND_ROW * PAGE_SIZE;
	q->fences = FENCE_BIT(FENCE_VA);
	q->either_or = true;
	q->insn = operand_row;
	q->insn_va = q->start;
	for (unsigned i = 0; i < OPERAND_ROW; i++) {
		struct target *at = &q->at[q->nr++];
		struct edit *e = &q->edit[q->nr_edits++];

		at->va = q->start + i * PAGE_SIZE;
		at->was = scene_new_page(s);
		at->is = scene_new_page(s);
		e->slot = scene_slot(s, at->va, LEVEL_4K);
		e->was = pte_leaf(at->was.pa, SCENE_RWX).raw;
		e->is = pte_leaf(at->is.pa, SCENE_RWX).raw;
		scene_store(e->slot, e->was);
	}
	stim_run_local(t, q, 1, FENCE_BIT(FENCE_VA));
	scene_close();
}

TEST_ROW(tlb, back_to_back, "back_to_back", back_to_back, .machine = true,
	 .clause = "Privileged ISA, SFENCE.VMA: each of several fences in a row has its effect")
