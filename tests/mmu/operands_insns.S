/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SFENCE.VMA with its operands in every register. sp, gp, tp and the like are changed for two
 * instructions: interrupts are off meanwhile, and the fence does not trap.
 */
#include "tests/mmu/operands_offsets.h"

	.text
	.option norelax
	.option norvc

	/* a2 and a3 are free: struct seq's code keeps nothing in them. */
	.macro	from_rs1 n
	.balign	OPERAND_CODE_BYTES
	mv	a2, x\n
	mv	x\n, a0
	sfence.vma x\n, x0
	mv	x\n, a2
	jr	t1
	.endm

	.macro	from_rs2 n
	.balign	OPERAND_CODE_BYTES
	mv	a2, x\n
	mv	x\n, a1
	sfence.vma x0, x\n
	mv	x\n, a2
	jr	t1
	.endm

	/* rs2 = a1 or a4, whichever is not rs1. */
	.macro	from_both n, asid
	.balign	OPERAND_CODE_BYTES
	mv	a2, x\n
	mv	a4, a1
	mv	x\n, a0
	sfence.vma x\n, \asid
	mv	x\n, a2
	jr	t1
	.endm

	.balign	OPERAND_CODE_BYTES
	.globl	operand_va_first
operand_va_first:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	from_rs1 \n
	.endr

	.balign	OPERAND_CODE_BYTES
	.globl	operand_asid_first
operand_asid_first:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	from_rs2 \n
	.endr

	.balign	OPERAND_CODE_BYTES
	.globl	operand_both_first
operand_both_first:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13
	from_both \n, a4
	.endr
	from_both 14, a1
	.irp	n, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	from_both \n, a4
	.endr

	.globl	operand_row
operand_row:
	li	a1, 4096
	add	a2, a0, a1
	add	a3, a2, a1
	add	a4, a3, a1
	add	a5, a4, a1
	add	a6, a5, a1
	sfence.vma a0, x0
	sfence.vma a2, x0
	sfence.vma a3, x0
	sfence.vma a4, x0
	sfence.vma a5, x0
	sfence.vma a6, x0
	jr	t1
