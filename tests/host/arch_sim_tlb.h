/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What each simulated hart may hold, told from the history of entries: an entry may be used with
 * any value that it had since this hart's last fence that reaches it. For arch_sim*.c alone.
 *
 * Nothing is cached here; the past is searched when an access asks. So this cannot share a mistake
 * with the records that mm/model.c keeps.
 */
#ifndef TESTS_HOST_ARCH_SIM_TLB_H
#define TESTS_HOST_ARCH_SIM_TLB_H

#include "tests/host/arch_sim.h"

void tlb_init(void);
/* @fn hears of each entry that an access reads; NULL: nobody. */
void tlb_trace(void (*fn)(enum sim_touch, enum sim_thing, uint64_t));
/* Where the past is kept: @used bytes there, the rest is not in use. */
uint8_t *tlb_store_room(size_t *used);
/* The entry at @slot was @old and is about to be @new. */
void tlb_store(paddr_t slot, pte_t old, pte_t new);
/* A fence of @hart, complete now. */
void tlb_fence(unsigned hart, const struct fence_op *op);
/* Svinval's steps: the fence in the middle counts for what was stored before the first one. */
void tlb_inval_begin(unsigned hart);
void tlb_inval(unsigned hart, const struct fence_op *op);
void tlb_inval_end(unsigned hart);
void tlb_set_root(unsigned hart, paddr_t root, unsigned levels, uint16_t asid);
/* Only harts that are on hold history back from being forgotten. */
void tlb_hart_on(unsigned hart, bool on);
struct hartset tlb_holders(void);
struct sim_result tlb_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view);
unsigned tlb_outcomes(unsigned hart, vaddr_t va, enum sim_kind kind, struct sim_result *out,
		      unsigned max);

#endif
