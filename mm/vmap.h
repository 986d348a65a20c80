/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mappings in the vmalloc area beside other harts that make theirs (Linux: vmap_page_range(),
 * ioremap_page_range(), vunmap_range()). Entries are stored without a lock, each hart's in the area
 * that it has taken; kernel_table_lock is held to link or unlink tables and for the accounts.
 *
 * Tables stay when what they map goes, as on Linux, and are freed at promotion, or, not as on
 * Linux, with the last area that they span: see areas.h for why no hart loses one that it fills.
 */
#ifndef MM_VMAP_H
#define MM_VMAP_H

#include "firmware/types.h"

/* New mappings are not shot down: a hart that held their absence repairs it (deferred.h). */
#define VMAP_DEFERRED 1u

/*
 * Map [@va, @va + @size), in an area that the caller has taken (area_take()), to @pa with leaves as
 * large as fit, up to @max_level. All page aligned; @prot as pt_map(). Where an empty table lies in
 * the place of a 2 MiB leaf it is freed (promotion), if mmap_lock can be had for reading at once;
 * else small pages are mapped.
 * ERR_INVAL, ERR_RANGE (not in one live area), ERR_BUSY (another hart is at work in it), ERR_EXIST
 * (something is mapped there), ERR_NOMEM: undone, empty tables stay. Errors of shootdown(): frames
 * and addresses must not be used again. Locks: takes kernel_table_lock; mmap_lock may be held for
 * reading. Source: Linux vmap_range_noflush(), vmap_try_huge_pmd().
 */
enum err must_check vmap_range(vaddr_t va, paddr_t pa, uint64_t size, uint64_t prot,
			       unsigned max_level, unsigned flags);

/*
 * Unmap what is mapped in [@va, @va + @size), in a live area, and shoot it down. Tables and the
 * area stay. ERR_RANGE; ERR_BUSY; ERR_SPLIT (an edge lies inside a leaf): nothing changed. Errors
 * of shootdown(). Source: Linux vunmap_range().
 */
enum err must_check vmap_unmap(vaddr_t va, uint64_t size);

/*
 * Unmap the area that holds @va, shoot down, free the tables that nobody else's area needs, give
 * its addresses back. ERR_NOENT (no live area there); ERR_BUSY (another hart is at work in it).
 * Errors of shootdown(): its addresses are lost. Locks: none of mmap_lock and behind; reads it: a
 * dumper may walk the tables. Source: Linux vunmap() and free_vmap_area(); its tables stay.
 */
enum err must_check vmap_free(vaddr_t va);

/*
 * Take an area for [@pa, @pa + @size), page aligned, with room for leaves up to @max_level, and map
 * it: *@va. Errors of vmap_range(); ERR_NOMEM also without address space. To be given back with
 * vmap_free(). Source: Linux ioremap_prot(), vmap().
 */
enum err must_check vmap_new(paddr_t pa, uint64_t size, uint64_t prot, unsigned max_level,
			     unsigned flags, vaddr_t *va);

struct vmap_stats {
	uint64_t promoted; /* tables that a large leaf took the place of */
	uint64_t refused;  /* large leaves that became small pages: a dumper was at work */
};
struct vmap_stats vmap_stats(void);

#endif
