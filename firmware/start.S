/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The first instructions of the boot hart and of every other hart. All of it is PC-relative: it
 * runs at whatever physical address it was loaded to, until it leaves through stvec.
 */
#include "firmware/offsets.h"

	.section .head, "ax"
	.option norelax
	.balign 4
	.globl _start
/* RISC-V Image header, 64 bytes (Linux Documentation/arch/riscv/boot-image-header.rst). */
_start:
	.option push
	.option norvc
	j	boot_entry		/* code0 */
	nop				/* code1 */
	.option pop
	.dword	0x200000		/* text_offset */
	.dword	__image_size		/* image_size, covers .bss and stacks */
	.dword	0			/* flags: little-endian */
	.word	0x00000002		/* version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"		/* magic */
	.ascii	"RSC\x05"		/* magic2 */
	.word	0

/*
 * Boot arguments that go with the image, read in front of the tree's: a magic word, then text that
 * ends with NUL. In assembly, so that no compiler takes what stands here for all there will be.
 */
	.section .args, "a"
	.globl	image_args
	.ascii	"hotwargs"
image_args:
	.zero	IMAGE_ARGS_BYTES

	.section .text.start, "ax"
	.option norelax
/*
 * Zero in the file. Firmware without HSM lets all harts in at once: each draws a ticket, the first
 * boots, the others wait until .bss can be used and then for what they are told there. Both words
 * lie with the code since .bss is not cleared yet.
 */
	.balign 4
	.globl	hart_tickets
hart_tickets:
	.word	0
image_ready:
	.word	0

/* a0: hart id, a1: physical address of the device tree, satp = 0 (SBI, Linux boot protocol). */
boot_entry:
	csrw	sie, zero
	csrw	sip, zero
	li	t0, SSTATUS_LEFTOVERS
	csrc	sstatus, t0
	la	t0, hart_tickets
	li	t1, 1
	amoadd.w.aqrl t1, t1, (t0)
	bnez	t1, waiting_room
	mv	s0, a0
	mv	s1, a1

	csrr	s3, satp
	bnez	s3, translated
	/* Where counting begins; the counter may be closed to S-mode, then the trap leaves 0. */
	la	t0, 1f
	csrw	stvec, t0
	li	s3, 0
	rdinstret s3
	.balign	4
1:
	la	s2, _start		/* where we really are */
	slli	t0, s2, 64 - 21
	bnez	t0, misaligned

	la	t0, __data_image	/* move .data to its superpage, 8 bytes a time */
	la	t1, __data_start
	la	t2, __data_end
1:	bgeu	t1, t2, 2f
	ld	t3, (t0)
	sd	t3, (t1)
	addi	t0, t0, 8
	addi	t1, t1, 8
	j	1b
2:	la	t1, __bss_start
	la	t2, __bss_end
3:	bgeu	t1, t2, 4f		/* whole pages (hotwalk.ld): 256 bytes a time */
	.irp	n, 0, 32, 64, 96, 128, 160, 192, 224
	sd	zero, \n(t1)
	sd	zero, \n + 8(t1)
	sd	zero, \n + 16(t1)
	sd	zero, \n + 24(t1)
	.endr
	addi	t1, t1, 256
	j	3b
4:	fence	rw, w
	la	t0, image_ready
	li	t1, 1
	sw	t1, (t0)
to_virtual:
	la	sp, boot_stack_top
	mv	a0, s2
	call	early_tables		/* returns satp */
	/* The virtual address of what follows: link address minus where we run. */
	li	t0, IMAGE_VA
	sub	t0, t0, s2		/* virtual minus physical */
	la	t1, boot_virtual
	add	t1, t1, t0
	csrw	stvec, t1
	add	sp, sp, t0
	mv	a1, s1
	mv	a2, s2
	mv	a3, s0
	mv	a4, s3
	sfence.vma			/* our stores to the tables before any walk of them */
	csrw	satp, a0		/* the next fetch faults and goes to stvec */
	/*
	 * Still here: satp refused the mode, or this is M-mode, which it does not concern. Whether
	 * a register of M-mode can be read tells them apart. Only now, since what M-mode firmware
	 * makes of that is its own affair: OpenSBI hands the trap back to stvec.
	 */
	la	t0, not_m_mode
	csrw	stvec, t0
	csrr	t0, mhartid
	mv	s0, t0
	j	leave_m_mode
	.balign 4
not_m_mode:
	la	sp, boot_stack_top
	mv	a0, s2
	call	early_report_no_mmu
	j	park

	.balign 4
boot_virtual:
	la	tp, hart_table		/* struct hart of hart index 0 */
	la	t0, trap_entry
	csrw	stvec, t0
	csrw	sscratch, zero
	mv	a0, a3			/* hart id */
	mv	a3, a4			/* instret at boot_entry */
					/* a1: device tree, a2: load address */
	call	hotwalk_main
park:
	csrw	sie, zero
5:	wfi
	j	5b

/* Harts that came in behind the first: a ticket (t1) each, and a place by that number. */
waiting_room:
	li	t2, HART_SLOTS
	bgeu	t1, t2, park
	slli	t1, t1, HART_SLOT_SHIFT
1:	.word	0x0100000f		/* pause, or a fence where that is not known */
	la	t0, image_ready
	lw	t2, (t0)
	beqz	t2, 1b
	fence	r, rw
	la	t0, hart_room
	add	t0, t0, t1
	sd	a0, HART_SLOT_HARTID(t0)
	fence	w, w
	li	t2, HART_SLOT_WAITS
	sd	t2, HART_SLOT_BOOT(t0)
2:	.word	0x0100000f
	ld	a1, HART_SLOT_BOOT(t0)
	beq	a1, t2, 2b
	fence	r, rw
	li	t2, HART_SLOT_SENT_HOME
	beq	a1, t2, park
	j	hart_entry		/* as HSM would: a1 is its struct hart_boot */

/*
 * Somebody started us in M-mode. To say so takes a console, and the only one there can be is the
 * device tree's UART: on to S-mode, with all memory open and an SBI that has no extensions.
 */
leave_m_mode:
	csrw	mie, zero
	csrw	satp, zero
	la	t0, m_mode_trap
	csrw	mtvec, t0
	li	t0, -1
	csrw	pmpaddr0, t0		/* a hart without PMP goes on behind these */
	li	t0, PMP_ALL_RWX
	csrw	pmpcfg0, t0
	li	t0, MEDELEG_ALL
	csrw	medeleg, t0
	csrw	mideleg, zero
	li	t0, 7			/* cycle, time, instret */
	csrw	mcounteren, t0
	li	t0, MSTATUS_LEFTOVERS
	csrc	mstatus, t0
	li	t0, MSTATUS_MPP_S
	csrs	mstatus, t0
	la	t0, image_in_m_mode
	li	t1, 1
	sw	t1, (t0)
	la	t0, to_virtual
	csrw	mepc, t0
	mret

	.balign 4
m_mode_trap:
	csrw	mscratch, t0
	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
	csrr	t0, mcause
	addi	t0, t0, -9		/* environment call from S-mode */
	bnez	t0, 3f
	addi	t0, a7, -0x10		/* base extension: is there, and knows of no other */
	li	a0, -2			/* SBI_ERR_NOT_SUPPORTED */
	bnez	t0, 3f
	li	a0, 0
	li	a1, 0
3:	csrr	t0, mscratch
	mret

/* Tables of whoever was before us are in force: nothing is moved, its map may be of any kind. */
translated:
	la	sp, boot_stack_top
	mv	a0, s3
	call	early_report_translated
	j	park

misaligned:
	/*
	 * The image is not where its layout can be mapped. A stack is all that the report needs, and
	 * .bss right behind the image is as good as any.
	 */
	la	sp, boot_stack_top
	mv	a0, s2
	call	early_report_misaligned
	j	park

/*
 * A hart that HSM starts: a0: hart id, a1: physical address of its struct hart_boot. Translation
 * is off, all else undefined (SBI 9.1). The first fetch after satp faults into the virtual world.
 */
	.balign 4
	.globl hart_entry
hart_entry:
	csrw	sie, zero
	csrw	sip, zero
	li	t0, SSTATUS_LEFTOVERS
	csrc	sstatus, t0
	ld	t0, HART_BOOT_STVEC(a1)
	ld	sp, HART_BOOT_SP(a1)
	ld	tp, HART_BOOT_TP(a1)
	ld	t1, HART_BOOT_SATP(a1)
	ld	t2, HART_BOOT_FENCE(a1)
	csrw	stvec, t0
	beqz	t2, 6f			/* controls of tests only */
	sfence.vma			/* what this hart held before it stopped is not ours */
6:	csrw	satp, t1
	j	park

	.balign 4
	.globl hart_virtual
hart_virtual:
	la	t0, trap_entry
	csrw	stvec, t0
	csrw	sscratch, zero
	call	hart_main
	j	park

	.section .bss, "aw", @nobits
	.globl image_in_m_mode
	.balign 8
image_in_m_mode:
	.word	0
	.balign 4096
	.globl boot_stack
boot_stack:
	.skip	BOOT_STACK_SIZE
boot_stack_top:
