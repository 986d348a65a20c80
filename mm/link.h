/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Walk and make the tables that are missing, beside other harts that do the same: the lock is taken
 * to link a table and for nothing else. (Linux: __pte_alloc_kernel().)
 */
#ifndef MM_LINK_H
#define MM_LINK_H

#include "mm/map.h"

/*
 * The entry for @va at @level in the kernel table; if a table lies there, that is what is returned.
 * ERR_NOMEM; ERR_INVAL: a leaf is in the way, higher up. Tables made stay; @b fences for them.
 *
 * Locks: none held; takes kernel_table_lock. The caller has taken the area of @va (areas.h), so
 * that no table on the way is unlinked meanwhile.
 */
enum err must_check link_walk(struct pt_batch *b, vaddr_t va, unsigned level,
			      struct pt_cursor *out);

/*
 * For tests: @fn(@arg) is called once, by the next hart that has found a table missing, before it
 * takes the lock, so that another one can be there first. NULL: none.
 */
void link_before_next(void (*fn)(void *), void *arg);
/* The same by each, every time: harts may wait there for each other, none of them holds a lock. */
void link_before_each(void (*fn)(void *), void *arg);

struct link_stats {
	uint64_t linked; /* tables */
	uint64_t lost;	 /* tables that came too late, and were freed */
};
struct link_stats link_stats(void);

#endif
