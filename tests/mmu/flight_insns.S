/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads that nobody waits for, satp, a load. */
#include "firmware/offsets.h"
#include "tests/mmu/flight_offsets.h"

	.text
	.option norelax

/*
 * void flight_insns(struct flight *): addresses are ready before, results are not used. A load that
 * traps, on a machine that is wrong, goes on at the end.
 */
	.balign	64
	.globl	flight_insns
flight_insns:
	la	t0, 9f
	sd	t0, HART_PROBE_RESUME(tp)
	ld	a1, FLIGHT_VA(a0)
	ld	a2, FLIGHT_STRIDE(a0)
	ld	t0, FLIGHT_SATP(a0)
	ld	t1, FLIGHT_PROBE_VA(a0)
	add	a3, a1, a2
	add	a4, a3, a2
	add	a5, a4, a2
	add	a6, a5, a2
	add	a7, a6, a2
	add	t2, a7, a2
	add	t3, t2, a2
	ld	a1, (a1)
	ld	a3, (a3)
	ld	a4, (a4)
	ld	a5, (a5)
	ld	a6, (a6)
	ld	a7, (a7)
	ld	t2, (t2)
	ld	t3, (t3)
	csrw	satp, t0
	ld	t1, (t1)
	sd	t1, FLIGHT_SEEN(a0)
9:	sd	zero, HART_PROBE_RESUME(tp)
	ret
