/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages of a live range that come to lie elsewhere, one entry at a time and never without one: for
 * the frame table, which is read all the while.
 *
 * Locks: who uses this reads mmap_lock. A leaf is split in two steps, with the table page made
 * between two holds of kernel_table_lock, so two harts may be about to split the same one.
 */
#ifndef MM_REMAP_H
#define MM_REMAP_H

#include "mm/map.h"

struct leaf_split {
	vaddr_t va;
	struct pt_cursor at; /* the leaf, as it was */
	pte_t seen;
	paddr_t table; /* translates as it does, linked nowhere; FRAME_NONE: there is none to make
			*/
};

/*
 * Look up the leaf that translates @va; if it is larger than a page make a table of the next lower
 * level for it. ERR_NOMEM. Takes kernel_table_lock for the look only.
 */
enum err must_check leaf_split_prepare(struct leaf_split *s, vaddr_t va);

/*
 * Put the table where the leaf still is; if another hart was faster, or the leaf grew back, nothing
 * is done. Under kernel_table_lock; owed: pt_commit(), leaf_split_end().
 * Source: Linux vmemmap_split_pmd(), which looks again under the lock for that reason.
 */
void leaf_split_finish(struct leaf_split *s, struct pt_batch *b);

/* A table that was not needed goes back. */
void leaf_split_end(struct leaf_split *s);

/*
 * Begin a batch on the kernel table, with its lock, in which [@va, @va + @size) has entries of 4
 * KiB only; it lies in one leaf of 2 MiB or in parts of one. ERR_NOMEM: no lock is held then.
 * Errors of shootdown(), the same.
 */
enum err must_check remap_begin(struct pt_batch *b, vaddr_t va, uint64_t size);

/*
 * The entry of the page at @va, inside of such a range, leads to @pa with @prot from here on.
 * Returns where it led before. Owed: pt_commit(); the old page is not free before that.
 */
paddr_t remap_page(struct pt_batch *b, vaddr_t va, paddr_t pa, uint64_t prot);

#endif
