/* SPDX-License-Identifier: BSD-2-Clause */
/* satp, access, satp, access, satp, access: at the physical address of this code. */
#include "tests/mmu/bare_offsets.h"

	.text
	.option norelax
	.option norvc

/*
 * void bare_insns(struct bare *, uint64_t offset): @offset is physical minus virtual address of
 * the image. Interrupts are off.
 */
	.balign	4
	.globl	bare_insns
bare_insns:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (8 * (\n + 1))(sp)
	.endr
	mv	s0, a0
	ld	s1, BARE_VA(s0)
	ld	s2, BARE_VALUE(s0)
	ld	s3, BARE_SATP(0)(s0)
	ld	s4, BARE_SATP(1)(s0)
	ld	s5, BARE_SATP(2)(s0)
	ld	s7, BARE_OP(s0)
	la	s6, bare_back
	la	t0, bare_trap
	add	t0, t0, a1
	la	t1, bare_code
	add	t1, t1, a1
	csrr	t6, stvec
	jr	t1

/*
 * In registers: s1 address, s2 value, s3-s5 satp, s6 the way back, s7 kind of access, t0 handler,
 * t6 the old stvec. Out: s8-s10 what was seen, t3-t5 causes, a3-a5 stval, a6 satp read back.
 * All of it inside one page.
 */
	.balign	1024
	.globl	bare_code
bare_code:
	csrw	stvec, t0

	.macro	step satp, seen, cause, tval, readback=zero
	csrw	satp, \satp
	.ifnc	\readback, zero
	csrr	\readback, satp
	.endif
	li	a1, BARE_NO_TRAP
	li	a2, 0
	lla	s11, 3f
	mv	a0, s1
	li	t1, 1
	beq	s7, t1, 1f
	bgtu	s7, t1, 2f
	ld	a0, (a0)
	j	3f
1:	sd	s2, (a0)
	addi	s2, s2, 1		/* each store says which one it was */
	j	3f
2:	jalr	a0
3:	mv	\seen, a0
	mv	\cause, a1
	mv	\tval, a2
	.endm

	step	s3, s8, t3, a3
	step	s4, s9, t4, a4, a6
	step	s5, s10, t5, a5
	jr	s6

	.balign	4
bare_trap:
	csrr	a1, scause
	csrr	a2, stval
	jr	s11

/* At the image's own address again. */
bare_back:
	csrw	stvec, t6
	sd	s8, BARE_SEEN(0)(s0)
	sd	s9, BARE_SEEN(1)(s0)
	sd	s10, BARE_SEEN(2)(s0)
	sd	t3, BARE_CAUSE(0)(s0)
	sd	t4, BARE_CAUSE(1)(s0)
	sd	t5, BARE_CAUSE(2)(s0)
	sd	a3, BARE_TVAL(0)(s0)
	sd	a4, BARE_TVAL(1)(s0)
	sd	a5, BARE_TVAL(2)(s0)
	sd	a6, BARE_READBACK(s0)
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (8 * (\n + 1))(sp)
	.endr
	addi	sp, sp, 112
	ret
