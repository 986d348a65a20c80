/* SPDX-License-Identifier: BSD-2-Clause */
/* A walk that is under way when entries change and fences retire: nothing else in between. */
#include "firmware/offsets.h"
#include "tests/mmu/race_offsets.h"

	.text
	.option norelax
	.option norvc

/* void race_insns(struct race *): a trap continues at its end, as in seq_insns. */
	.balign	4
	.globl	race_insns
race_insns:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (8 * (\n + 1))(sp)
	.endr
	mv	s0, a0
	la	t0, 9f
	sd	t0, HART_PROBE_RESUME(tp)
	ld	s1, RACE_SLOT(0)(s0)
	ld	s2, RACE_PTE(0)(s0)
	ld	s3, RACE_FENCE_OP(0)(s0)
	ld	s4, RACE_RS1(0)(s0)
	ld	s5, RACE_RS2(0)(s0)
	ld	s6, RACE_DELAY_OP(0)(s0)
	ld	s7, RACE_SLOT(1)(s0)
	ld	s8, RACE_PTE(1)(s0)
	ld	s9, RACE_FENCE_OP(1)(s0)
	ld	s10, RACE_PROBE_OP(s0)
	ld	t2, RACE_RS1(1)(s0)
	ld	t4, RACE_RS2(1)(s0)
	ld	t5, RACE_DELAY_OP(1)(s0)
	ld	t6, RACE_PROBE_VA(0)(s0)
	ld	a6, RACE_PROBE_VA(1)(s0)
	ld	a7, RACE_PROBE_VA(2)(s0)
	ld	t3, RACE_BAIT_OP(s0)
	ld	a0, RACE_BAIT_VA(s0)
	ld	a5, RACE_LINE(s0)
	ld	a1, RACE_VALUE(s0)
	mv	a3, a1
	mv	a2, zero
	li	s11, RACE_BAITING
	jalr	t1, 0(t3)		/* a walk begins */
	li	s11, RACE_PROBING
	sd	s2, (s1)		/* the first entry */
	mv	a0, s4
	mv	a1, s5
	jalr	t1, 0(s3)		/* its fence */
	jalr	t1, 0(s6)
	sd	s8, (s7)		/* the second */
	mv	a0, t2
	mv	a1, t4
	jalr	t1, 0(s9)
	jalr	t1, 0(t5)
	mv	a0, t6
	mv	a1, a3
	jalr	t1, 0(s10)
	mv	t6, a0
	li	s11, RACE_PROBING + 1
	mv	a0, a6
	mv	a1, a3
	jalr	t1, 0(s10)
	mv	a6, a0
	li	s11, RACE_PROBING + 2
	mv	a0, a7
	mv	a1, a3
	jalr	t1, 0(s10)
	mv	a7, a0
	li	s11, RACE_DONE
9:	sd	zero, HART_PROBE_RESUME(tp)
	sd	s11, RACE_STAGE(s0)
	sd	t6, RACE_SEEN(0)(s0)
	sd	a6, RACE_SEEN(1)(s0)
	sd	a7, RACE_SEEN(2)(s0)
	ld	ra, 0(sp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, (8 * (\n + 1))(sp)
	.endr
	addi	sp, sp, 112
	ret

/*
 * Baits: a0 the address, a1 what a store stores, a5 a word that no cache is likely to hold. They
 * return through t1 and change a0, a4 and ra only.
 * race_late_*: the address is known when the word is (it holds 0, which is added).
 * race_maybe_*: the access is made if the word is 0, and begun on a guess if it was 0 before.
 */
	.macro	late name, insn:vararg
	.balign	4
	.globl	race_late_\name
race_late_\name:
	ld	a4, 0(a5)
	add	a0, a0, a4
	\insn
	jr	t1
	.endm

	.macro	maybe name, insn:vararg
	.balign	4
	.globl	race_maybe_\name
race_maybe_\name:
	ld	a4, 0(a5)
	bnez	a4, 1f
	\insn
1:	jr	t1
	.endm

	late	load, ld a0, 0(a0)
	late	store, sd a1, 0(a0)
	late	fetch, jalr ra, 0(a0)
	maybe	load, ld a0, 0(a0)
	maybe	store, sd a1, 0(a0)
	maybe	fetch, jalr ra, 0(a0)
