/* SPDX-License-Identifier: BSD-2-Clause */
/* A stretch of the live kernel table for tests of the TLB model, changed entry by entry. */
#ifndef TESTS_HOST_ARCH_SIM_WINDOW_H
#define TESTS_HOST_ARCH_SIM_WINDOW_H

#include "tests/host/arch_sim_rig.h"

#define HARTS 3u /* that the tests boot with */
#define BIT(kind) (UINT32_C(1) << (kind))
#define NO_FENCE BIT(VIOLATION_NO_FENCE)

/*
 * Four tables of 4 KiB leaves side by side. The first two map all of window_frames, an order-9
 * block, each; the others map nothing.
 */
extern vaddr_t window_base;
extern paddr_t window_frames;
extern uint64_t window_begun; /* the operation that window_complete() ends */

/* Boot, make the window, fence it everywhere; an operation begins. @arg: struct rig. */
void window_setup(const void *arg);

/* The address that entry @i of @table translates. */
vaddr_t page(unsigned table, unsigned i);
/* The entry of @level for @va. */
pte_slot_t slot(vaddr_t va, unsigned level);
/* Store a leaf of 4 KiB. */
void leaf(vaddr_t va, paddr_t pa);

/*
 * The frames that entries @first to @first + @n of each table map are freed: kinds of violations
 * but that they are mapped, since in the window they are.
 */
uint32_t window_freed(unsigned first, unsigned n);

/* RFENCE of every hart that is online; local fences beside it where it says so. */
void rfence_all(vaddr_t start, uint64_t size);
void fence_all_harts(void);
void fence_va_everywhere(vaddr_t va);

/* Declare the operation complete: kinds of violations, as a bit each. */
uint32_t window_complete(void);
/* The same: harts that the model names as holders. */
struct hartset window_named(void);

#endif
