/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of physical memory: one record each (Linux's struct page), an owner for whatever is not
 * free, and how to get some and give them back. They come from zones (zone.h).
 */
#ifndef MM_FRAME_H
#define MM_FRAME_H

#include "firmware/types.h"

enum owner {
	OWNER_NONE,	  /* free, or inside a larger block */
	OWNER_RESERVED,	  /* not ours: firmware, device tree's reservations */
	OWNER_BOOT,	  /* boot-time table pages, boot frame table, stacks */
	OWNER_TABLE,	  /* run-time table pages */
	OWNER_FRAMETABLE, /* records of hot-added memory */
	OWNER_DMA,
	OWNER_MOVABLE, /* struct movable knows where it is; can be moved while in use */
	OWNER_CARVED,  /* the start of hot-added memory that holds its own records; in no zone */
	OWNER_TEST,
	NR_OWNERS,
};

const char *owner_name(enum owner o);

/*
 * What is used of a record. All zero is a valid record of a frame that nobody has asked for:
 * hot-add needs no loop over records.
 */
struct frame {
	uint64_t next; /* frame number + 1 of the next in a list, 0: none */
	uint64_t prev;
	uint8_t owner;	  /* enum owner, at the first frame of an allocated block */
	uint8_t order;	  /* of the block that starts here */
	uint8_t listed;	  /* first frame of a block on a free list */
	uint8_t remapped; /* first frame of a block: the rest of its records are gone (hvo.h) */
	uint32_t users;	  /* of a page of records: entries that lead to it (records.h) */
	uint64_t object;  /* OWNER_MOVABLE: the struct movable it belongs to */
};

/*
 * From one record to the next. 64 bytes as Linux's struct page usually has, so that the records of
 * 128 MiB fill exactly one 2 MiB leaf; 56 where Linux is built without MEMCG, and then they do not.
 * With multiples of 8 the records of HOTPLUG_GRANULE are whole pages.
 */
#define FRAME_RECORD_SIZE 64u
#define FRAME_RECORD_SHIFT 6 /* of that size: for tests of the host, which have no other */
#define FRAME_RECORD_MIN 32u
#define FRAME_RECORD_MAX 256u

_Static_assert(sizeof(struct frame) <= FRAME_RECORD_MIN, "the smallest record holds what is used");

#define FRAME_MAX_ORDER 18u /* 1 GiB */

/*
 * Before kernel_init(); FRAME_RECORD_SIZE otherwise. @bytes a multiple of 8 from FRAME_RECORD_MIN
 * to FRAME_RECORD_MAX.
 */
void frame_record_size_set(uint64_t bytes);
uint64_t frame_record_size(void);

/* Where the record of the frame at @pa is, as an address: needs not be mapped. */
vaddr_t frame_record_va(paddr_t pa);
/* The record of the frame at @pa. The frame table must be mapped there. */
struct frame *frame_of(paddr_t pa);
/* Set once: the frame table's virtual start and the frame that its first record is of. */
void frame_table_init(vaddr_t start, paddr_t first);

/* 2^@order frames are aligned to their size, their content undefined; FRAME_NONE: there are none.
 */
#define FRAME_NONE UINT64_MAX

/*
 * The boot zones in turn; what frame_prefer_hot() named, from hot-added memory first. DMA memory
 * always comes from boot memory.
 */
paddr_t frame_alloc(unsigned order, enum owner owner);
/* Hot-added zones only, those that drain excepted. */
paddr_t frame_alloc_hot(unsigned order, enum owner owner);
/*
 * From @node's memory, hot-added or not; when that is used up from the next higher node's, and so
 * on, round to the lower ones. Source: Linux build_zonelists() where all distances are the same.
 */
paddr_t frame_alloc_node(unsigned order, enum owner owner, uint16_t node);
/* Whether tables and frame-table pages are taken from hot-added memory where there is some: they
 * pin it then. Off at start. */
void frame_prefer_hot(bool prefer);
/* Remember the object that the block at @pa belongs to. The caller owns the block. */
void frame_set_object(paddr_t pa, uint64_t object);
/*
 * Give back 2^@order frames at @pa, all of a block or an aligned part of one, to the zone that
 * they came from. @owner must be the owner: anything else is a violation that is recorded
 * (frame_errors()), and the frames are not freed.
 * The caller has fenced: no hart holds a translation to them but the direct map's.
 */
void frame_free(paddr_t pa, unsigned order, enum owner owner);

/* The same for a run of frames in whatever blocks they were allocated, page aligned. */
void frame_free_range(struct region r, enum owner owner);

/* Who owns the frame at @pa; OWNER_NONE if it is free or in no zone. */
enum owner frame_owner(paddr_t pa);

/* An allocated block. */
struct zone_block {
	paddr_t pa;
	unsigned order;
	enum owner owner;
	uint64_t object;
};
/* The allocated block that @pa lies in; @pa FRAME_NONE if there is none. */
struct zone_block frame_block(paddr_t pa);

/*
 * The frame at @pa where it is free, else any, as frame_alloc(0, @owner). For what was given up a
 * moment ago and is wanted back.
 */
paddr_t frame_alloc_near(paddr_t pa, enum owner owner);

/*
 * @n frames more, or less, are @owner's, or free (OWNER_NONE). For what frees and allocates, and
 * for memory that no zone has: that which holds its own records.
 */
void frame_count(enum owner owner, int64_t n);

/* Mark memory that was in use before zones existed. */
void frame_claim(struct region r, enum owner owner);

struct zone;
/* frame_alloc() takes from it from here on, and frame_free() knows it (zones.h). */
void frame_boot_zone_add(struct zone *z);

/* Frames of each owner now, in the boot zones and hot-added ones. */
struct frame_counts {
	uint64_t free;
	uint64_t owned[NR_OWNERS];
};
struct frame_counts frame_counts(void);

/* Double frees, wrong owners, frees of foreign memory since the last call; the first as text. */
unsigned frame_errors(const char **first);

/* Fail the @n-th allocation from now on (1: the next), 0: none. For tests of rollback. */
void frame_fail_at(uint64_t n);

#endif
