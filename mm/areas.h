/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address space of the vmalloc area that is given back: its upper half, first fit, an unmapped page
 * behind each area. (Linux: vmap_area; kernel.h's vmalloc_reserve() has the lower half.)
 *
 * Whoever makes tables or entries there has taken the area that they are for. So a table that spans
 * no live area is nobody's to fill, and only such tables are unlinked.
 */
#ifndef MM_AREAS_H
#define MM_AREAS_H

#include "firmware/lock.h"
#include "firmware/types.h"
#include "mm/mode.h"

/* Guards the list of areas; inside it kernel_table_lock may be taken. */
extern struct spinlock areas_lock;

/* @size bytes, page aligned, at a multiple of @align (a power of two). 0: no room. */
vaddr_t area_take(uint64_t size, uint64_t align);

/* The live area that holds @va; of no size if there is none. */
struct area area_of(vaddr_t va);
/*
 * This hart begins to work on [@va, @va + @size), which lies in one live area: @alone, as who
 * stores entries without a lock has to; or beside others who all change entry by entry (apply.h).
 * ERR_RANGE; ERR_BUSY: somebody else is at work in that area, and one of both alone. Until
 * area_end().
 */
enum err must_check area_begin(vaddr_t va, uint64_t size, bool alone);
void area_end(vaddr_t va);

/*
 * The live area that holds @va is not live any more, whoever works on it does so alone: nothing is
 * mapped there anew, but its addresses are not given to anybody before area_give_back(). Locks:
 * areas_lock.
 */
void area_retire(vaddr_t va);

/* The highest level at which all that one entry translates, the one for @va, has no live area in
 * it; 0: not even at level 1. Locks: areas_lock. */
unsigned area_free_level(vaddr_t va);

/* The addresses of the area that holds @va may be taken by anybody: every hart has to have
 * forgotten what was there. */
void area_give_back(vaddr_t va);

/* Areas that are taken, live or not. */
unsigned area_count(void);
/* How many were ever taken: a moment, for area_left(). */
uint64_t area_moment(void);
/*
 * A live area that was taken behind @moment and is there still, for who cleans up behind others:
 * whoever worked in it does not come back. Of no size: there is none.
 */
struct area area_left(uint64_t moment);

#endif
