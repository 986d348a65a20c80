/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Table pages: counted, owned, freed once. A dead one is filled with entries that lead to a canary
 * and held back, so that a walk through it shows, and only then goes back to its allocator.
 */
#ifndef MM_PTPAGE_H
#define MM_PTPAGE_H

#include "firmware/types.h"
#include "mm/mode.h"

/* The word that every load through a dead table returns. */
#define CANARY_WORD UINT64_C(0xdeadca4a11d7ab1e)

/* Canary frame and the tables that lead to it; needs the frame allocator. ERR_NOMEM. */
enum err must_check ptpage_init(void);

/*
 * A zeroed table page, or FRAME_NONE. Before the frame allocator works: boot memory. The stores
 * that zero it are ordered before its link by the caller's arch_wmb().
 */
paddr_t ptpage_alloc(void);

/*
 * Give @pa back, a table of @level that is linked nowhere. The caller has shot down every hart
 * (rs1 = x0): whoever may still hold a pointer to it is a violation that the TLB model reports.
 * Ownership passes to the quarantine.
 */
void ptpage_free(paddr_t pa, unsigned level);

/* Give all of the quarantine back now. */
void ptpage_drain(void);

/* Whether @pa is the canary or one of the tables that lead to it: who walks there was in a dead
 * one. */
bool ptpage_is_canary(paddr_t pa);

/* Table pages that are in use now. */
uint64_t ptpage_live(void);

/* Dead tables that somebody wrote to, and canaries changed, since the last call; the first's
 * address. */
unsigned ptpage_errors(paddr_t *first);

#endif
