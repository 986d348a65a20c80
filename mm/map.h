/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map, unmap, protect. Changes are gathered in a batch (batch.h), which the caller commits; leaves
 * that are too large or too small: split.h.
 *
 * Locks: the caller's, as for the batch.
 */
#ifndef MM_MAP_H
#define MM_MAP_H

#include "firmware/types.h"
#include "mm/batch.h"
#include "mm/walk.h"

/* Flags of pt_unmap() and pt_protect(). */
#define PT_SPLIT 1u	  /* an edge inside a leaf splits it; without: ERR_SPLIT */
#define PT_HOLES_OK 2u	  /* parts that are not mapped are passed over; without: ERR_NOENT */
#define PT_KEEP_TABLES 4u /* empty tables stay linked: somebody may be about to use them */

/*
 * Map [@va, @va + @size) to @pa with the largest leaves up to @max_level. All page aligned.
 * ERR_INVAL, ERR_RANGE (not canonical, wraps, beyond 56 bits), ERR_EXIST (something is mapped
 * there; nothing changed), ERR_NOMEM (undone).
 * Owed by the caller: pt_commit(), which fences: an invalid entry may be cached.
 * Source: Linux create_pgd_mapping(), best_map_size().
 */
enum err must_check pt_map(struct pt_batch *b, vaddr_t va, paddr_t pa, uint64_t size, uint64_t prot,
			   unsigned max_level);

/*
 * Unmap it. Empty tables are unlinked, those right below a fixed root excepted. Frames that were
 * mapped stay their owner's and must not be freed before pt_commit(). ERR_INVAL, ERR_RANGE,
 * ERR_NOENT, ERR_SPLIT, ERR_NOMEM (a table for a split); nothing changed then.
 * Source: Linux remove_pgd_mapping(), in another order.
 */
enum err must_check pt_unmap(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags);

/*
 * Unmap what the caller mapped itself, whole leaves that are all there (@size may be 0): it cannot
 * fail, and panics if it does.
 */
void pt_unmap_own(struct pt_batch *b, vaddr_t va, uint64_t size);

/* Give all of it @prot. Errors as pt_unmap(). Source: Linux __set_memory(). */
enum err must_check pt_protect(struct pt_batch *b, vaddr_t va, uint64_t size, uint64_t prot,
			       unsigned flags);

/*
 * Take all of it out of force: the entries keep address and rights and are not valid (pte.h). It is
 * unmapped as before, and pt_protect() puts it into force again. Errors as pt_unmap(). Source:
 * Linux set_direct_map_invalid_noflush().
 */
enum err must_check pt_park(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags);

/*
 * Unlink the empty tables on the way to @va, from the bottom up, that entries of @top and below
 * lead to; none right below a fixed root. They die in pt_commit(). No hart may be about to put
 * entries into them.
 */
void pt_prune(struct pt_batch *b, vaddr_t va, unsigned top);

/* Create the tables from the root's entry down to @level for @va, and map nothing. */
enum err must_check pt_populate(struct ptable *pt, vaddr_t va, unsigned level);

/* Largest level, up to @max_level, whose leaf fits at @va, @pa with @size left. */
unsigned pt_best_level(vaddr_t va, paddr_t pa, uint64_t size, unsigned max_level);

/* An empty table of its own, no shadow, not live. ERR_NOMEM. */
enum err must_check pt_create(struct ptable *pt, const char *name, const struct mmu_mode *mode);
/* Free an empty, not live table's root. Panics if anything is left in it. */
void pt_destroy(struct ptable *pt);

#endif
