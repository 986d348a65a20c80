/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The buddy lists of one zone: free blocks of 2^order frames, and what is allocated between them.
 * For zone.c, zones.c and frame_alloc.c alone, which check owners, count, and tell the TLB model.
 *
 * Locks: the zone's (both zones' where there are two), for all of them but the first two.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "firmware/types.h"
#include "mm/frame.h"
#include "mm/zone.h"

static inline uint64_t buddy_bytes(unsigned order)
{
	return PAGE_SIZE << order;
}

/* Order of the largest block that may start at @pa with @size bytes left. Page aligned, not 0. */
unsigned buddy_order(paddr_t pa, uint64_t size);

/* The 2^@order frames at @pa are free: on a list, merged with free buddies inside the span. */
void buddy_put(struct zone *z, paddr_t pa, unsigned order);

/* 2^@order frames for @owner, wherever there are some; FRAME_NONE if there are none. */
paddr_t buddy_take(struct zone *z, unsigned order, enum owner owner);
/* The one frame at @pa for @owner; false if it is not free. */
bool must_check buddy_take_at(struct zone *z, paddr_t pa, enum owner owner);
/* Nothing is free any more; counts are the caller's. */
void buddy_drop(struct zone *z);

/* The first allocated block from @from on, which is the start of a block; .pa FRAME_NONE: none. */
struct zone_block buddy_next(const struct zone *z, paddr_t from);
/*
 * The allocated block of at least 2^@order frames that @pa lies in: its record, and *@start; NULL
 * if there is none.
 */
struct frame *buddy_find(const struct zone *z, paddr_t pa, unsigned order, paddr_t *start);
/*
 * Cut the allocated block that @pa lies in down, half by half, until [@pa, order) is a block of
 * its own. False if there is no such block, or it is not @owner's or has no records of its own;
 * *@have is whose it is, and is left alone if it is nobody's.
 */
bool must_check buddy_carve(const struct zone *z, paddr_t pa, unsigned order, enum owner owner,
			    enum owner *have);

/* No free block lies across @at any more. ERR_BUSY: an allocated one does; nothing changed. */
enum err must_check buddy_cut(struct zone *z, paddr_t at);
/* Move the free blocks from @at on from @z's lists, and accounts, to @upper's. */
void buddy_move(struct zone *z, paddr_t at, struct zone *upper);
/* The free blocks from @at on, which is the start of a block, merge with their free buddies. */
void buddy_join(struct zone *z, paddr_t at);

#endif
