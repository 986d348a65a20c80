/* SPDX-License-Identifier: BSD-2-Clause */
/* Fences whose operands come from every register (operands_insns.S). */
#ifndef TESTS_MMU_OPERANDS_H
#define TESTS_MMU_OPERANDS_H

#include <stdint.h>

#include "tests/mmu/operands_offsets.h"

struct operand_case {
	const char *first; /* code for x1; those for x2 to x31 follow */
	uint32_t fence;	   /* FENCE_BIT: what it stands for */
};

/*
 * Code as struct seq wants it: address in a0, ASID in a1, returns through t1. rs1 = xN, rs2 = x0;
 * rs1 = x0, rs2 = xN; rs1 = xN, rs2 = another register.
 */
extern const char operand_va_first[], operand_asid_first[], operand_both_first[];
/* OPERAND_ROW fences by address, of consecutive pages from a0 on. */
extern const char operand_row[];

#endif
