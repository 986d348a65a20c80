/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A batch of changes to one table. pt_commit() shoots them down once and only then frees what was
 * unlinked: 1. unlink, 2. shoot down on every hart, 3. free.
 *
 * Locks: the caller's. One batch at a time changes a table, except where disjoint batches share
 * no table page.
 */
#ifndef MM_BATCH_H
#define MM_BATCH_H

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

void pt_begin(struct pt_batch *b, struct ptable *pt);

/*
 * Shoot down what @b changed, free its tables, tell the TLB model that it is complete. Always
 * called, also after an error of what changes the table. After ERR_* no hart can be trusted with
 * the old entries and the tables stay in quarantine for good: nothing is freed.
 */
enum err must_check pt_commit(struct pt_batch *b);

/* For who stores entries himself: the entry of @level for @va changed, the batch has to fence. */
void pt_touched(struct pt_batch *b, vaddr_t va, unsigned level);
/* The same of an entry that was in force: something else is there now. */
void pt_replaced(struct pt_batch *b, vaddr_t va, unsigned level);

/*
 * Give @table back, of @level, which @b has unlinked and shot down. Of a table that is live: a dump
 * may stand in it, so who frees it keeps dumps out (dump_kept_out()); if not, that is recorded as
 * locks taken wrongly are.
 */
void pt_free_table(const struct pt_batch *b, paddr_t table, unsigned level);

/*
 * Free the table page @table, of @level, in pt_commit(), behind the shootdown. Nothing leads to it
 * any more, or ever has.
 */
void pt_free_later(struct pt_batch *b, paddr_t table, unsigned level);
/* The same for one that was part of the table until now: it counts. The entry was cleared before.
 */
void pt_bury(struct pt_batch *b, paddr_t table, unsigned level);
/* Seeded: the table is freed while its parent still leads to it. */
void pt_bury_linked(struct pt_batch *b, paddr_t table, unsigned level);

#endif
