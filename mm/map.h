/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Map, unmap, protect, split. Changes are gathered in a batch; pt_commit() shoots them down once
 * and only then frees what was unlinked: 1. unlink, 2. shoot down on every hart, 3. free.
 *
 * Locks: the caller's. One batch at a time changes a table, except where disjoint batches share
 * no table page.
 */
#ifndef MM_MAP_H
#define MM_MAP_H

#include "firmware/types.h"
#include "mm/walk.h"

struct pt_counts {
	uint64_t leaves_set[PT_MAX_LEVELS];
	uint64_t leaves_cleared[PT_MAX_LEVELS];
	uint64_t leaves_changed;
	uint64_t tables_linked;
	uint64_t tables_unlinked;
};

struct pt_batch {
	struct ptable *pt;
	uint64_t model_token;
	vaddr_t first;	    /* lowest changed address */
	vaddr_t last;	    /* highest changed address, inclusive */
	uint64_t leaf_size; /* smallest changed leaf: the stride of addressed fences */
	bool changed;
	bool removed;	     /* something that was valid went away or changed */
	bool tables_changed; /* a pointer came or went: only rs1 = x0 will do */
	paddr_t dead_head;   /* unlinked tables, chained through their frames' records */
	struct pt_counts counts;
};

/* Flags of pt_unmap() and pt_protect(). */
#define PT_SPLIT 1u	  /* an edge inside a leaf splits it; without: ERR_SPLIT */
#define PT_HOLES_OK 2u	  /* parts that are not mapped are passed over; without: ERR_NOENT */
#define PT_KEEP_TABLES 4u /* empty tables stay linked: somebody may be about to use them */

void pt_begin(struct pt_batch *b, struct ptable *pt);

/*
 * Shoot down what @b changed, free its tables, tell the TLB model that it is complete. Always
 * called, also after an error of the functions below. After ERR_* no hart can be trusted with
 * the old entries and the tables stay in quarantine for good: nothing is freed.
 */
enum err must_check pt_commit(struct pt_batch *b);

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
 * Make both ends of the range edges of leaves, translating as before. ERR_NOMEM; nothing changed
 * then. The shadow map is told by the unmap or protect that follows, so one has to follow, or
 * pt_merge().
 */
enum err must_check pt_split(struct pt_batch *b, vaddr_t va, uint64_t size);

/*
 * Replace tables by leaves wherever 512 leaves side by side translate as one would: in the tables
 * that the range touches, as far up as leaves go, not beyond @max_level. Needs no memory.
 */
void pt_merge(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned max_level);

/*
 * Unlink the empty tables on the way to @va, from the bottom up, that entries of @top and below
 * lead to; none right below a fixed root. They die in pt_commit(). No hart may be about to put
 * entries into them.
 */
void pt_prune(struct pt_batch *b, vaddr_t va, unsigned top);

/* For who stores entries himself: the entry of @level for @va changed, the batch has to fence. */
void pt_touched(struct pt_batch *b, vaddr_t va, unsigned level);
/* The same of an entry that was in force: something else is there now. */
void pt_replaced(struct pt_batch *b, vaddr_t va, unsigned level);

/* Create the tables from the root's entry down to @level for @va, and map nothing. */
enum err must_check pt_populate(struct ptable *pt, vaddr_t va, unsigned level);

/* Largest level, up to @max_level, whose leaf fits at @va, @pa with @size left. */
unsigned pt_best_level(vaddr_t va, paddr_t pa, uint64_t size, unsigned max_level);

/* An empty table of its own, no shadow, not live. ERR_NOMEM. */
enum err must_check pt_create(struct ptable *pt, const char *name, const struct mmu_mode *mode);
/* Free an empty, not live table's root. Panics if anything is left in it. */
void pt_destroy(struct ptable *pt);

#endif
