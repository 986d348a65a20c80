/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one order in which locks may be taken, checked whenever one is: a deadlock needs two harts
 * and bad luck, a wrong order needs neither to be seen.
 */
#ifndef FIRMWARE_LOCK_ORDER_H
#define FIRMWARE_LOCK_ORDER_H

#include "firmware/types.h"

/* Outermost first: while one is held only those behind it may be waited for. */
enum lock_rank {
	LOCK_DRIVER,	   /* a driver's requests */
	LOCK_DEVICE,	   /* a built-in device, from the trap of a driver's access; maps windows */
	LOCK_HOTPLUG,	   /* memory comes and goes (Linux mem_hotplug_lock) */
	LOCK_MMAP,	   /* who changes or dumps what is mapped (Linux mmap_lock of init_mm) */
	LOCK_AREAS,	   /* address space of the vmalloc area */
	LOCK_KERNEL_TABLE, /* entries of the kernel table (Linux init_mm.page_table_lock) */
	LOCK_MOVABLE,	   /* one movable frame's place */
	LOCK_TABLE_PAGES,  /* dead table pages */
	LOCK_ZONES,	   /* which zones there are */
	LOCK_ZONE,	   /* one zone; several in the order of their addresses */
	LOCK_FRAME_COUNTS,
	LOCK_INTERRUPTS, /* one inter-hart call at a time */
	LOCK_MODEL,	 /* the TLB model */
	LOCK_CONSOLE,
	NR_LOCK_RANKS,
};

/* What a hart holds, in the order in which it was taken. */
#define LOCK_MAX_HELD 7u
#define LOCK_SHARED 0x80u /* beside a rank: others read under it too */
struct lock_stack {
	uint8_t nr;
	uint8_t ranks[LOCK_MAX_HELD];
};

/* @missing: @wanted was not held where it has to be; else it was asked for inside @held. */
struct lock_order_error {
	enum lock_rank held, wanted;
	unsigned hart;
	bool missing;
};

const char *lock_rank_name(enum lock_rank rank);

/*
 * The innermost lock of @s. Not always the last one: a lock that is tried and not waited for may
 * come out of order, and must not hide those that lie behind it. @s is not empty.
 */
static inline enum lock_rank lock_order_innermost(const struct lock_stack *s)
{
	unsigned rank = 0;

	for (unsigned i = 0; i < s->nr; i++) {
		unsigned r = s->ranks[i] & ~LOCK_SHARED;

		rank = r > rank ? r : rank;
	}
	return (enum lock_rank)rank;
}

/* Whether @s has a lock of @rank; @alone: one that nobody else has, not even to read. */
static inline bool lock_order_holds(const struct lock_stack *s, enum lock_rank rank, bool alone)
{
	for (unsigned i = 0; i < s->nr; i++) {
		if ((s->ranks[i] & ~LOCK_SHARED) == (unsigned)rank &&
		    (!alone || (s->ranks[i] & LOCK_SHARED) == 0))
			return true;
	}
	return false;
}

/* Whether a hart that holds @s may wait for a lock of @rank. */
static inline bool lock_order_allows(const struct lock_stack *s, enum lock_rank rank)
{
	enum lock_rank held = s->nr == 0 ? rank : lock_order_innermost(s);

	return s->nr == 0 || held < rank || (held == rank && rank == LOCK_ZONE);
}

void lock_order_broken(enum lock_rank held, enum lock_rank wanted, unsigned hart);
/* @hart does not hold @rank, or what would do as well, and has to: recorded beside the others. */
void lock_order_missing(enum lock_rank rank, unsigned hart);

/* @hart, which holds @s, is about to wait for a lock of @rank: a wrong order is recorded. */
static inline void lock_order_want(const struct lock_stack *s, enum lock_rank rank, unsigned hart)
{
	if (!lock_order_allows(s, rank))
		lock_order_broken(lock_order_innermost(s), rank, hart);
}

/* It has it now, @shared or alone; false: it holds too many to remember. */
static inline bool must_check lock_order_push(struct lock_stack *s, enum lock_rank rank,
					      bool shared)
{
	if (s->nr == LOCK_MAX_HELD)
		return false;
	s->ranks[s->nr++] = (uint8_t)(rank | (shared ? LOCK_SHARED : 0));
	return true;
}

/* It is given back, in whatever order; false: it was not held. */
bool must_check lock_order_pop(struct lock_stack *s, enum lock_rank rank);

/* Wrong orders and missing locks since the last call; *@first is the first one of them. */
unsigned lock_order_errors(struct lock_order_error *first);

#endif
