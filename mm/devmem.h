/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory of a device (Linux: ZONE_DEVICE, memremap_pages()): in the direct map and with a frame
 * table, but nobody's to allocate. Comes and goes in multiples of HOTPLUG_GRANULE, so that several
 * devices may lie in one 128 MiB section.
 *
 * Locks: as hot-plug, whose range checks and teardown these are. Each piece belongs to who mapped
 * it; its users say so by devmem_get(), from any hart, without a lock.
 */
#ifndef MM_DEVMEM_H
#define MM_DEVMEM_H

#include "mm/hotplug.h"

/* Lives in memory that stays. Zeroed: nothing is mapped. */
struct devmem {
	struct hot_region *r;
	uint32_t users; /* atomic: how many, and whether more may come */
};

/*
 * Map [@phys] with @prot and make its frame table. One shootdown. @d empty. ERR_INVAL (alignment),
 * ERR_RANGE (outside the mappable range: asked before anything is made of the address), ERR_EXIST
 * (overlaps RAM, hot-added memory or another device's), ERR_NOMEM; undone then.
 * Source: Linux memremap_pages(), pagemap_range().
 */
enum err must_check devmem_map(struct devmem *d, struct region phys, uint64_t prot,
			       struct hot_report *rep);

/*
 * The way back: no new users, unmap, shoot down, free the frame table. ERR_BUSY while somebody uses
 * it, ERR_NOMEM: all as before. Source: Linux memunmap_pages(), which waits for its users.
 */
enum err must_check devmem_unmap(struct devmem *d, struct hot_report *rep);

/* Use it until devmem_put(). False: it is going or gone. Source: Linux get_dev_pagemap(). */
bool must_check devmem_get(struct devmem *d);
void devmem_put(struct devmem *d);

#endif
