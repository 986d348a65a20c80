/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hot-add and hot-remove of memory: direct map, frame table, zone. The device side (plug and
 * unplug) is platform/plug.h.
 *
 * plugged -> hot_add -> mapped -> hot_online -> online -> hot_offline -> mapped -> hot_remove
 *
 * Locks: operations write-lock hotplug_lock; any hart may call them, with no lock held. Two harts
 * must not work on one region at a time, nor on one and its neighbour that it is joined with.
 * hot_first(), hot_find() and hot_max_pa() take none: for who holds it for reading, or while nobody
 * operates; if somebody does, that is recorded as locks taken wrongly are.
 */
#ifndef MM_HOTPLUG_H
#define MM_HOTPLUG_H

#include "firmware/machine.h"
#include "firmware/rwlock.h"
#include "firmware/types.h"
#include "mm/map.h"
#include "mm/model_exposure.h"
#include "mm/movable.h"
#include "mm/records.h"
#include "mm/zone.h"

/*
 * Memory comes and goes under it; who walks tables or records of memory that may go reads (Linux:
 * mem_hotplug_lock).
 */
extern struct rwlock hotplug_lock;

/* Smallest memory that comes and goes: a leaf of the direct map, 8 pages of records. */
#define HOTPLUG_GRANULE SZ_2M

/*
 * HOT_STUCK: some hart did not answer the shootdown of its add or remove. What that hart holds is
 * unknown, so the memory is never used, unplugged or forgotten again.
 * HOT_DEVICE: memory of a device (mm/devmem.h), which never comes online.
 */
enum hot_state { HOT_ABSENT, HOT_MAPPED, HOT_ONLINE, HOT_STUCK, HOT_DEVICE };

struct hot_region {
	struct region phys;
	enum hot_state state;
	struct backing backing; /* of its records */
	uint64_t prot;
	struct zone zone;
	struct hot_region *next; /* by ascending address */
};

/* What an operation did, for the line that is printed of it. */
struct hot_report {
	struct pt_counts counts;
	uint64_t shootdowns;
	uint64_t us;		     /* microseconds, device included */
	uint64_t moved;		     /* frames that were moved out of the way */
	struct exposure_sum exposed; /* of a removal */
};

/*
 * The order in which hot_remove() takes down: unlink, shoot down, free; or Linux's, which is wrong
 * (mm/teardown_linux.h). TEARDOWN_SAFE at start. Not while somebody removes.
 */
enum teardown_order { TEARDOWN_SAFE, TEARDOWN_LINUX };
void hotplug_use_order(enum teardown_order order);
enum teardown_order hotplug_order(void);
/* Shootdowns that the removal of @phys took, by the order in use and its report. */
uint64_t hotplug_shootdowns_due(struct region phys, const struct hot_report *rep);

/*
 * One line: "hot-add 0xc0000000+1024 MiB: leaves +1x1G +8x2M, tables +0 -0, shootdowns 1, ...";
 * another one of what was exposed, if that was measured.
 */
void hot_report_print(const char *what, struct region r, const struct hot_report *rep);

/*
 * Map the plugged memory [@phys] with @prot and make its frame table, zeroed. One shootdown.
 * ERR_INVAL (not a multiple of HOTPLUG_GRANULE), ERR_RANGE (outside the mappable range),
 * ERR_EXIST (overlaps hot-added memory or boot RAM), ERR_NOMEM; undone then. Errors of
 * shootdown(): the region stays, HOT_STUCK (hot_find() shows it).
 * Source: Linux arch_add_memory(), arch_get_mappable_range().
 */
enum err must_check hot_add(struct region phys, uint64_t prot, struct hot_region **out,
			    struct hot_report *rep);

/*
 * The same, with the records at the start of the memory itself: all but them can be allocated. Such
 * memory goes as a whole. Source: Linux MHP_MEMMAP_ON_MEMORY.
 */
enum err must_check hot_add_carved(struct region phys, uint64_t prot, struct hot_region **out,
				   struct hot_report *rep);

/*
 * The same for memory of a device, which has a frame table and is never online, down to
 * HOTPLUG_GRANULE (Linux: ZONE_DEVICE; hot_remove() takes it away); in pages of 2^@page_order
 * frames whose tail records are shared, or 0. ERR_INVAL too if @phys is no multiple of such a page,
 * or that has not three pages of records. Records whose size is no power of two are not shared.
 * Source: Linux memremap_pages(), vmemmap_populate_compound_pages().
 */
enum err must_check hot_add_device(struct region phys, uint64_t prot, unsigned page_order,
				   struct hot_region **out, struct hot_report *rep);

/*
 * Whether all of @phys can be in the direct map: to its last byte, which may be the last that can.
 * Source: Linux mhp_range_allowed(), arch_get_mappable_range().
 */
bool must_check hot_range_allowed(struct region phys);

/*
 * Its frames can be allocated (zone_alloc(&r->zone, ...)). Not of a device's memory. Errors of who
 * refused it (hot_notify.h): it is mapped as before then. Source: Linux online_pages().
 */
enum err must_check hot_online(struct hot_region *r);

/*
 * Nothing is allocated from it any more and what is movable has moved elsewhere. ERR_BUSY: a
 * frame is pinned, ERR_NOMEM: there is no room for a movable one; @e->stuck names it, the region is
 * online as before (what was moved stays moved). Source: Linux offline_pages().
 */
enum err must_check hot_offline(struct hot_region *r, struct evacuation *e);

/*
 * Cut the region in two at @at, a multiple of HOTPLUG_GRANULE inside it; nothing is mapped anew.
 * Both go on by themselves. ERR_INVAL (also: its records lie in it); ERR_BUSY (an allocated block
 * lies across; nothing changed), ERR_NOMEM (too many regions).
 */
enum err must_check hot_split(struct hot_region *r, paddr_t at, struct hot_region **upper);

/*
 * Join the region with the one right above it: same state, rights and kind. Leaves grow as far as
 * they fit. ERR_NOENT if there is no such neighbour; errors of shootdown(): tables are lost, the
 * map is as it should be.
 */
enum err must_check hot_merge(struct hot_region *r, struct hot_report *rep);

/*
 * Unmap it, shoot down, free its frame table; @r is gone. The region must be offline, or a
 * device's (ERR_BUSY).
 * Where an edge lies inside a leaf that is split first: ERR_NOMEM without memory for the tables,
 * with the map and the accounts as before.
 * Errors of shootdown(): it is unmapped and HOT_STUCK.
 * Source: Linux arch_remove_memory(), in the safe order.
 */
enum err must_check hot_remove(struct hot_region *r, struct hot_report *rep);

struct hot_region *hot_first(void);
/* The hot-added region that holds @pa, or NULL: a device's memory is none. */
struct hot_region *hot_find(paddr_t pa);
/*
 * hot_find() for who holds no lock, while other harts add and remove other memory. What it returns
 * is there for as long as nobody but the caller works on it.
 */
struct hot_region *hot_look_up(paddr_t pa);
/* The device's memory that holds @pa, or NULL. */
struct hot_region *hot_find_device(paddr_t pa);

/* One past the highest frame that is memory, boot or hot-added. Linux: max_pfn. */
paddr_t hot_max_pa(void);
/* @m: its reserved memory is never hot-added. Behind kernel_init(), once. ERR_NOMEM. */
enum err must_check hotplug_init(const struct machine *m);

#endif
