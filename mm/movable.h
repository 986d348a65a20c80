/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Movable memory: frames whose owner looks up where they are, under a lock, each time, so that
 * hot-remove can move them out of the way while they are used (Linux: movable pages, migration).
 */
#ifndef MM_MOVABLE_H
#define MM_MOVABLE_H

#include "firmware/lock.h"
#include "mm/zone.h"

/* Never moves itself; lives in memory that stays. Zeroed: empty. */
struct movable {
	struct spinlock lock;
	bool full;
	paddr_t pa; /* without meaning unless full */
	unsigned order;
	unsigned moves; /* how often it was moved */
};

/* 2^@order frames, from hot-added memory if there is some, else boot memory. ERR_NOMEM. */
enum err must_check movable_alloc(struct movable *m, unsigned order);
void movable_free(struct movable *m);

/* The content, until movable_put(). NULL if it is empty; then there is nothing to put. */
void *movable_get(struct movable *m);
void movable_put(struct movable *m);

struct evacuation {
	uint64_t moved;		 /* frames */
	struct zone_block stuck; /* what could not be moved; pa FRAME_NONE: nothing */
};

/*
 * Move every movable block out of the draining zone @z. OK when nothing allocated is left;
 * ERR_BUSY: @e->stuck is pinned by its owner; ERR_NOMEM: no room elsewhere for @e->stuck. What was
 * moved stays moved. Source: Linux do_migrate_range(), offline_pages().
 */
enum err must_check zone_evacuate(struct zone *z, struct evacuation *e);

#endif
