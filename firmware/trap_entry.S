/* SPDX-License-Identifier: BSD-2-Clause */
/* Trap entry, expected-fault probes, saved contexts. */
#include "firmware/offsets.h"

	.text
	.option norelax

/*
 * All traps come from S-mode on a good stack, so the frame goes below sp. sscratch is free for
 * tests. tp is the hart's own and is not changed by anything that may trap.
 */
	.balign 4
	.globl trap_entry
trap_entry:
	addi	sp, sp, -FRAME_SIZE
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, FRAME_X(\n)(sp)
	.endr
	addi	t0, sp, FRAME_SIZE
	sd	t0, FRAME_X(2)(sp)
	csrr	t0, sepc
	csrr	t1, sstatus
	csrr	t2, scause
	csrr	t3, stval
	sd	t0, FRAME_SEPC(sp)
	sd	t1, FRAME_SSTATUS(sp)
	sd	t2, FRAME_SCAUSE(sp)
	sd	t3, FRAME_STVAL(sp)
	mv	a0, sp
	call	trap_dispatch
	ld	t0, FRAME_SEPC(sp)
	ld	t1, FRAME_SSTATUS(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	.irp	n, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, FRAME_X(\n)(sp)
	.endr
	ld	sp, FRAME_X(2)(sp)
	sret

/*
 * uint64_t probe_insn_*(vaddr_t va, uint64_t value): one access to va. If it traps, the probe
 * handler continues at the address in HART_PROBE_RESUME(tp). The address is set and cleared here
 * so that nothing but the one access is covered.
 */
	.macro	probe name, insn:vararg
	.balign	4
	.globl	probe_insn_\name
probe_insn_\name:
	la	t0, 1f
	sd	t0, HART_PROBE_RESUME(tp)
	\insn
1:	sd	zero, HART_PROBE_RESUME(tp)
	ret
	.endm

	probe	load, ld a0, (a0)
	probe	load32, lwu a0, (a0)
	probe	store, sd a1, (a0)
	probe	stimecmp, csrr a0, 0x14d

/* Call the stub at va ("load a0 with a word, return"); a fault on its first fetch resumes here. */
	.balign	4
	.globl	probe_insn_fetch
probe_insn_fetch:
	addi	sp, sp, -16
	sd	ra, 8(sp)
	la	t0, 1f
	sd	t0, HART_PROBE_RESUME(tp)
	jalr	a0
1:	sd	zero, HART_PROBE_RESUME(tp)
	ld	ra, 8(sp)
	addi	sp, sp, 16
	ret

/* int context_save(struct context *): 0, or 1 when context_resume() comes back to it. */
	.globl	context_save
context_save:
	sd	ra, CTX_RA(a0)
	sd	sp, CTX_SP(a0)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, CTX_S(\n)(a0)
	.endr
	li	a0, 0
	ret

/* noreturn void context_resume(struct context *) */
	.globl	context_resume
context_resume:
	ld	ra, CTX_RA(a0)
	ld	sp, CTX_SP(a0)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	ld	s\n, CTX_S(\n)(a0)
	.endr
	li	a0, 1
	ret
