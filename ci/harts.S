/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A payload that starts all other harts through SBI HSM, lets them count, and says of each whether
 * it still counts. It sends no interrupt and asks for nothing else: a hart that was started and
 * stands still is in the SBI firmware. Hart ids 0 to 63.
 */
#define HSM 0x48534d
#define SRST 0x53525354
#define PUTCHAR 1
#define LONG (1 << 23)

	.option norelax
	.globl _start
_start:
	csrw	sie, zero
	mv	s0, a0			/* this hart */
	li	s1, 0			/* set of those that HSM took */
	li	s2, 0
1:	beq	s2, s0, 2f
	mv	a0, s2
	mv	a2, s2
	la	a1, other
	li	a6, 0
	li	a7, HSM
	ecall
	bnez	a0, 2f
	li	t0, 1
	sll	t0, t0, s2
	or	s1, s1, t0
2:	addi	s2, s2, 1
	li	t0, 64
	bltu	s2, t0, 1b

	call	wait_for_them		/* seen is 0: until each has begun */
	la	t0, counts
	la	t1, seen
	li	t2, 64
3:	ld	t3, (t0)
	sd	t3, (t1)
	addi	t0, t0, 8
	addi	t1, t1, 8
	addi	t2, t2, -1
	bnez	t2, 3b
	call	wait_for_them		/* and until each goes on */

	la	s3, counts
	la	s4, seen
	li	s2, 0
6:	srl	t0, s1, s2
	andi	t0, t0, 1
	beqz	t0, 8f
	ld	t0, (s3)
	ld	t1, (s4)
	la	s5, runs
	bne	t0, t1, 7f
	la	s5, stands
7:	call	say_hart
8:	addi	s3, s3, 8
	addi	s4, s4, 8
	addi	s2, s2, 1
	li	t0, 64
	bltu	s2, t0, 6b

	li	a7, SRST
	li	a6, 0
	li	a0, 0
	li	a1, 0
	ecall
9:	wfi
	j	9b

/* a0: hart id, a1: the same (HSM's opaque value). */
other:
	csrw	sie, zero
	la	t0, counts
	slli	t1, a0, 3
	add	t0, t0, t1
	li	t1, 0
1:	addi	t1, t1, 1
	sd	t1, (t0)
	j	1b

/* Until each of s1 has counted beyond what was seen, or this hart has counted to LONG. */
wait_for_them:
	li	t6, LONG
1:	addi	t6, t6, -1
	beqz	t6, 4f
	la	t0, counts
	la	t1, seen
	mv	t2, s1
2:	andi	t3, t2, 1
	beqz	t3, 3f
	ld	t4, (t0)
	ld	t5, (t1)
	beq	t4, t5, 1b
3:	addi	t0, t0, 8
	addi	t1, t1, 8
	srli	t2, t2, 1
	bnez	t2, 2b
4:	ret

/* "hart NN", then the text at s5. */
say_hart:
	mv	s6, ra
	la	s7, hart
	call	say
	li	t0, 10
	divu	s8, s2, t0
	addi	a0, s8, '0'
	call	put
	li	t0, 10
	remu	s8, s2, t0
	addi	a0, s8, '0'
	call	put
	mv	s7, s5
	call	say
	jr	s6

say:
	mv	s9, ra
1:	lbu	a0, (s7)
	beqz	a0, 2f
	call	put
	addi	s7, s7, 1
	j	1b
2:	jr	s9

put:
	li	a7, PUTCHAR
	ecall
	ret

hart:	.asciz	"\nhart "
runs:	.asciz	" runs\n"
stands:	.asciz	" stands still\n"

	.balign 8
counts:	.space	64 * 8
seen:	.space	64 * 8
