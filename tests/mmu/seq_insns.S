/* SPDX-License-Identifier: BSD-2-Clause */
/* Access, store, fence, delay, access: nothing in between. */
#include "firmware/offsets.h"
#include "tests/mmu/seq_offsets.h"

	.text
	.option norelax
	.option norvc

/*
 * void seq_insns(struct seq *): a trap of one of the two accesses continues at its end, with all
 * registers as they were (HART_PROBE_RESUME).
 */
	.balign	4
	.globl	seq_insns
seq_insns:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (8 * (\n + 1))(sp)
	.endr
	mv	s0, a0
	la	t0, 9f
	sd	t0, HART_PROBE_RESUME(tp)
	ld	s1, SEQ_FILL_OP(s0)
	ld	a0, SEQ_FILL_VA(s0)
	ld	s2, SEQ_VALUE(s0)
	ld	s3, SEQ_SLOT(s0)
	ld	s4, SEQ_PTE(s0)
	ld	s5, SEQ_FENCE_OP(s0)
	ld	s6, SEQ_RS1(s0)
	ld	s7, SEQ_RS2(s0)
	ld	s8, SEQ_DELAY_OP(s0)
	ld	s9, SEQ_PROBE_OP(s0)
	ld	s10, SEQ_PROBE_VA(s0)
	ld	t2, SEQ_HOP_OP(s0)
	ld	t4, SEQ_AWAY_SATP(s0)
	ld	t5, SEQ_BACK_SATP(s0)
	li	s11, SEQ_FILLING
	mv	a1, s2
	jalr	t1, 0(s1)
	mv	t3, a0
	li	s11, SEQ_PROBING
	mv	a0, t4
	jalr	t1, 0(t2)		/* to the other space, if there is one */
	sd	s4, (s3)		/* the entry */
	mv	a0, s6
	mv	a1, s7
	jalr	t1, 0(s5)		/* the fence */
	jalr	t1, 0(s8)		/* the delay */
	mv	a0, t5
	jalr	t1, 0(t2)		/* and back */
	mv	a0, s10
	mv	a1, s2
	jalr	t1, 0(s9)
	li	s11, SEQ_DONE
9:	sd	zero, HART_PROBE_RESUME(tp)
	sd	s11, SEQ_STAGE(s0)
	sd	t3, SEQ_FILL_SEEN(s0)
	sd	a0, SEQ_PROBE_SEEN(s0)
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (8 * (\n + 1))(sp)
	.endr
	addi	sp, sp, 112
	ret

/* uint64_t seq_call_insns(a0, a1, a2, a3, va): a trap of the code at va continues at its end. */
	.balign	4
	.globl	seq_call_insns
seq_call_insns:
	addi	sp, sp, -16
	sd	ra, 0(sp)
	la	t0, 1f
	sd	t0, HART_PROBE_RESUME(tp)
	jalr	ra, 0(a4)
1:	sd	zero, HART_PROBE_RESUME(tp)
	ld	ra, 0(sp)
	addi	sp, sp, 16
	ret

	.macro	op name, insn:vararg
	.balign	4
	.globl	\name
\name:
	\insn
	jr	t1
	.endm

	op	seq_op_none, nop
	op	seq_op_load, ld a0, (a0)
	op	seq_op_store, sd a1, (a0)
	op	seq_op_fetch, jalr ra, 0(a0)

	op	seq_hop, csrw satp, a0

	op	seq_fence_none, nop
	op	seq_fence_va, sfence.vma a0, x0
	op	seq_fence_va_asid, sfence.vma a0, a1
	op	seq_fence_asid, sfence.vma x0, a1
	op	seq_fence_all, sfence.vma x0, x0

/* Assemblers of GCC 12's age do not know Svinval. */
#define SFENCE_W_INVAL .word 0x18000073
#define SFENCE_INVAL_IR .word 0x18100073
#define SINVAL_VMA(rs1, rs2) .word 0x16000073 | (rs1) << 15 | (rs2) << 20

	.macro	inval name, rs1, rs2
	.balign	4
	.globl	\name
\name:
	SFENCE_W_INVAL
	SINVAL_VMA(\rs1, \rs2)
	SFENCE_INVAL_IR
	jr	t1
	.endm

	inval	seq_inval_va, 10, 0
	inval	seq_inval_va_asid, 10, 11
	inval	seq_inval_asid, 0, 11
	inval	seq_inval_all, 0, 0

	op	seq_w_inval, SFENCE_W_INVAL
	op	seq_sinval_all, SINVAL_VMA(0, 0)
	op	seq_inval_ir, SFENCE_INVAL_IR

/*
 * Once for each address of the struct fence_list at a0; the addresses first, so that the fences
 * stand back to back but for the loop: four in a row where there are as many.
 */
	.macro	each name, before, insn, after
	.balign	4
	.globl	\name
\name:
	ld	a6, 0(a0)
	addi	a7, a0, 8
	\before
1:	li	t0, 4
	bltu	a6, t0, 2f
	ld	a2, 0(a7)
	ld	a3, 8(a7)
	ld	a4, 16(a7)
	ld	a5, 24(a7)
	\insn	12
	\insn	13
	\insn	14
	\insn	15
	addi	a7, a7, 32
	addi	a6, a6, -4
	j	1b
2:	beqz	a6, 3f
	ld	a2, 0(a7)
	\insn	12
	addi	a7, a7, 8
	addi	a6, a6, -1
	j	2b
3:	\after
	jr	t1
	.endm

	.macro	each_sfence rs1
	.word	0x12000073 | \rs1 << 15	/* sfence.vma rs1, x0 */
	.endm
	.macro	each_sinval rs1
	SINVAL_VMA(\rs1, 0)
	.endm
	.macro	each_sinval_asid rs1
	SINVAL_VMA(\rs1, 11)
	.endm
	.macro	w_inval
	SFENCE_W_INVAL
	.endm
	.macro	inval_ir
	SFENCE_INVAL_IR
	.endm

	each	seq_each_fence_va, nop, each_sfence, nop
	each	seq_each_inval_va, w_inval, each_sinval, inval_ir
	each	seq_each_inval_va_asid, w_inval, each_sinval_asid, inval_ir

/*
 * Operands from each register: the address in xn, then the ASID in xn and the address in another.
 * What xn held is kept in a register that is not it. Like every fence here these change a0 to a7
 * and t0 only: what comes behind the fence is in the other registers.
 */
	.macro	from_rs1 n, keep
	.balign	32
	mv	x\keep, x\n
	mv	x\n, a0
	SFENCE_W_INVAL
	SINVAL_VMA(\n, 0)
	SFENCE_INVAL_IR
	mv	x\n, x\keep
	jr	t1
	.endm
	.macro	from_rs2 n, keep, va
	.balign	32
	mv	x\va, a0
	mv	x\keep, x\n
	mv	x\n, a1
	SFENCE_W_INVAL
	SINVAL_VMA(\va, \n)
	SFENCE_INVAL_IR
	mv	x\n, x\keep
	jr	t1
	.endm

	.balign	32
	.globl	seq_inval_rs1, seq_inval_rs2
seq_inval_rs1:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	from_rs1 \n, 16
	.endr
	from_rs1 16, 12
	from_rs1 17, 12
	.irp	n, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	from_rs1 \n, 16
	.endr
	.balign	32
seq_inval_rs2:
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	from_rs2 \n, 16, 17
	.endr
	from_rs2 16, 12, 13
	from_rs2 17, 12, 13
	.irp	n, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	from_rs2 \n, 16, 17
	.endr

/* void seq_fence(const void *op, uint64_t rs1, uint64_t rs2): one fence of the above. */
	.balign	4
	.globl	seq_fence
seq_fence:
	mv	t0, a0
	mv	a0, a1
	mv	a1, a2
	jalr	t1, 0(t0)
	ret

	.balign	4
	.globl	seq_sled
seq_sled:
	.rept	SEQ_MAX_DELAY
	nop
	.endr
	.globl	seq_sled_end
seq_sled_end:
	jr	t1
