/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Boot memory: usable RAM as sorted regions, handed out from the front before the frame allocator
 * works. Linux's memblock, as small as it can be: nothing is given back.
 */
#ifndef MM_BOOTMEM_H
#define MM_BOOTMEM_H

#include "firmware/machine.h"
#include "firmware/types.h"

#define BOOTMEM_MAX_REGIONS (MACHINE_MAX_RAM + MACHINE_MAX_RESERVED + 1)

/*
 * Usable memory of @m below @limit: RAM less reserved memory less @image. Picks the arena that
 * early allocations come from: the largest 2 MiB aligned piece inside one GiB of addresses.
 * ERR_NOMEM if there is no such piece.
 */
enum err must_check bootmem_init(const struct machine *m, struct region image, paddr_t limit);

/*
 * Behind bootmem_init(), before the first allocation: leave out what is no whole @align bytes (a
 * power of two, at most 2 MiB), so that the direct map needs no tables for edges (prealloc=min).
 */
void bootmem_trim(uint64_t align);

struct region bootmem_arena(void);

/* RAM as the frame table has to cover it: all of it, reserved parts too, less what was carved. */
unsigned bootmem_ram(const struct region **r);

/* Usable regions, page aligned, sorted, disjoint. */
unsigned bootmem_regions(const struct region **r);

/*
 * Cut [@r] out of the usable memory for good, e.g. for the built-in device's region. Before the
 * first allocation. ERR_NOENT if it is not all usable.
 */
enum err must_check bootmem_carve(struct region r);
/* The highest usable, not yet allocated place for @size bytes, @align aligned; FRAME_NONE. */
paddr_t bootmem_find_top(uint64_t size, uint64_t align);

/* @size bytes from the arena: mapped, not zeroed. FRAME_NONE if there is no room. */
paddr_t bootmem_alloc(uint64_t size, uint64_t align);
/* The same from anywhere: not necessarily mapped until the kernel table is in force. */
paddr_t bootmem_alloc_far(uint64_t size, uint64_t align);

/*
 * Hand over to the frame allocator: calls @free_fn for what is left and @used_fn for what was
 * handed out. No allocation from here on.
 */
void bootmem_hand_over(void (*free_fn)(struct region), void (*used_fn)(struct region));

#endif
