/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A zone: memory that comes and goes in one piece, with a buddy allocator (buddy.h). Its memory is
 * counted as free from zone_add() to zone_isolate().
 *
 * Locks: each takes the zone's. What the zone's neighbours are to it: zones.h.
 */
#ifndef MM_ZONE_H
#define MM_ZONE_H

#include "firmware/lock.h"
#include "firmware/types.h"
#include "mm/frame.h"

struct zone {
	const char *name;
	struct region span; /* records are mapped for all of it */
	struct spinlock lock;
	uint64_t free_frames;
	uint64_t managed_frames;	     /* given to the zone, free or not */
	uint64_t heads[FRAME_MAX_ORDER + 1]; /* frame number + 1 of the first block, 0: none */
	bool hot;			     /* hot-added: movable allocations are preferred here */
	bool draining;			     /* nothing more is allocated from it */
	uint16_t node;			     /* proximity domain; 0 where nobody says otherwise */
};

/* Whether [@pa, @pa + @size) lies in it. Locks: the zone's, or nobody changes its span. */
static inline bool zone_holds(const struct zone *z, paddr_t pa, uint64_t size)
{
	return pa >= z->span.start && pa - z->span.start <= z->span.size &&
	       size <= z->span.size - (pa - z->span.start);
}

/* @z empty, all of @span in nobody's hands. Locks: none, @z is not known to anybody yet. */
void zone_init(struct zone *z, const char *name, struct region span);

/* The way back, when it is nobody's: no frame is in it any more. */
void zone_forget(struct zone *z);

/* Give [@r] to the zone as free memory. @r inside the span, page aligned, records unowned. */
void zone_add(struct zone *z, struct region r);

/* Stop allocation from the zone, or allow it again. What is allocated stays. */
void zone_drain(struct zone *z, bool draining);
/* The first allocated block of the zone at or behind @from: FRAME_NONE if there is none. */
struct zone_block zone_next_block(struct zone *z, paddr_t from);

/*
 * Take all of the zone's memory out of its lists: nothing can be allocated from it any more.
 * ERR_BUSY if a block is allocated; *@busy is then the first one's address and nothing changed.
 */
enum err must_check zone_isolate(struct zone *z, paddr_t *busy);

/*
 * 2^@order frames, aligned to their size, owned by @owner; content undefined. FRAME_NONE if there
 * are none. Locks: takes the zone's. May be called from any hart, not from interrupts.
 */
paddr_t zone_alloc(struct zone *z, unsigned order, enum owner owner);

#endif
