/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starts hotwalk (at FIRMWARE) as it must not be started: CASE_GO as U-Boot's go does it, CASE_EFI with
 * EFI's table in a1, CASE_FAULT with an a1 that may not be read, CASE_TRANSLATED with a page table in force, all memory at its own address.
 */
	.globl _start
_start:
#if defined CASE_GO
	li	a0, 2
	la	a1, words
#elif defined CASE_EFI
	la	a1, table
#elif defined CASE_FAULT
	li	a1, 0x80000000		/* OpenSBI's own */
#elif defined CASE_TRANSLATED
	la	t0, root
	srli	t0, t0, 12
	li	t1, 8 << 60		/* Sv39 */
	or	t0, t0, t1
	sfence.vma
	csrw	satp, t0
#endif
	li	t0, FIRMWARE
	jr	t0

	.balign 8
words:	.dword	table, words, 0
table:	.ascii	"IBI SYST"
	.balign	4096
root:	.dword	0x000000cf, 0x100000cf, 0x200000cf, 0x300000cf
	.zero	4096 - 32
