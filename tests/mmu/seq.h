/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps that must have nothing in between: access, store to the entry, fence, delay, access.
 * Written in assembly with everything in registers, so that a hart with two data-TLB entries (the
 * victim's and that of the page tables' window) keeps the victim.
 */
#ifndef TESTS_MMU_SEQ_H
#define TESTS_MMU_SEQ_H

#include "firmware/probe.h"

struct seq {
	const void *fill_op; /* seq_op(), or seq_op_none */
	vaddr_t fill_va;
	uint64_t value; /* for stores, both times */
	uint64_t *slot;
	uint64_t pte;
	const void *fence_op; /* one of seq_fence_* */
	uint64_t rs1, rs2;
	const void *delay_op; /* seq_delay() */
	const void *probe_op;
	vaddr_t probe_va;
	uint64_t stage; /* SEQ_* when it ended */
	uint64_t fill_seen, probe_seen;
	/* Behind the first access to @away_satp, behind the fence to @back_satp; away_satp 0: this
	 * hart stays where it is. */
	uint64_t away_satp, back_satp;
	const void *hop_op; /* set by seq_run() */
};

/* Run @q on this hart; what the access of the stage where it ended found. */
struct probe seq_run(struct seq *q);

/* One of seq_fence_* or seq_inval_* alone. */
void seq_fence(const void *op, uint64_t rs1, uint64_t rs2);

/*
 * Call the code at @va with @a0 to @a3 in these registers: what it returns in a0, or the trap that
 * it raised. It may change nothing but what a C function may.
 */
struct probe seq_call(vaddr_t va, uint64_t *a0, uint64_t a1, uint64_t a2, uint64_t a3);

/* The instruction of an access. */
const void *seq_op(enum access a);
/* @nops instructions, at most SEQ_MAX_DELAY. */
const void *seq_delay(unsigned nops);

/* seq_insns.S: code, not functions in C's sense (they take a0, a1 and return through t1). */
extern const char seq_op_none[], seq_op_load[], seq_op_store[], seq_op_fetch[];
extern const char seq_fence_none[];
extern const char seq_hop[]; /* satp = a0 */
/* SFENCE.VMA by its operands: rs1 = a0, rs2 = a1, or x0. */
extern const char seq_fence_va[], seq_fence_va_asid[], seq_fence_asid[], seq_fence_all[];
/* The same in Svinval's three steps: SFENCE.W.INVAL, SINVAL.VMA, SFENCE.INVAL.IR. */
extern const char seq_inval_va[], seq_inval_va_asid[], seq_inval_asid[], seq_inval_all[];
/* Each address of the struct fence_list at a0: SFENCE.VMA back to back; SINVAL.VMA in a bracket. */
extern const char seq_each_fence_va[], seq_each_inval_va[], seq_each_inval_va_asid[];
/* The bracket with rs1 = va in x1, x2, ... x31 and rs2 = x0; with rs2 = ASID in each. 32 bytes a
 * stub. x2 and x4 are replaced for a moment: with interrupts off. */
extern const char seq_inval_rs1[], seq_inval_rs2[];
/* One of Svinval's three alone. */
extern const char seq_w_inval[], seq_sinval_all[], seq_inval_ir[];

#endif
