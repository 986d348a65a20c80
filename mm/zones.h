/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All zones there are, by address: the way from a frame to its zone, and what changes which there
 * are. frame_alloc_hot() and frame_alloc_node() (frame.h) are in zones.c as well.
 *
 * Locks: LOCK_ZONES is taken and let go of in each.
 */
#ifndef MM_ZONES_H
#define MM_ZONES_H

#include "firmware/types.h"
#include "mm/zone.h"

void frame_zone_add(struct zone *z);	/* known to frame_free() from here on */
void frame_zone_remove(struct zone *z); /* ... and not any more */

/*
 * From @at on the zone's memory is @upper's (not known to anybody yet; known behind this call).
 * ERR_BUSY if an allocated block lies across @at; nothing changed then.
 */
enum err must_check zone_split(struct zone *z, paddr_t at, struct zone *upper);
/* The way back: @upper follows @z and is nobody's afterwards. */
void zone_merge(struct zone *z, struct zone *upper);

/* The zone that has [@pa, @pa + @size) at this moment, not locked; NULL if there is none. */
struct zone *zones_find(paddr_t pa, uint64_t size);
/* The same, locked: spin_unlock_irq() it with @irq. */
struct zone *zones_lock_at(paddr_t pa, uint64_t size, bool *irq);

#endif
