/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large leaves into small ones and back. Old and new translate alike, so nothing is unmapped
 * meanwhile; the batch fences all the same.
 *
 * Locks: the caller's, as for the batch.
 */
#ifndef MM_SPLIT_H
#define MM_SPLIT_H

#include "mm/batch.h"

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
 * What unmap and protect begin with: pt_split() of a range that pt_check_range() has passed, where
 * @flags has PT_SPLIT (map.h). ERR_SPLIT if an edge needs one and it has not; ERR_NOMEM; nothing
 * changed then.
 */
enum err must_check pt_split_edges(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags);

#endif
