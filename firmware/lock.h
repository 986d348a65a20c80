/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks. A lock that interrupt handlers take too (TLB model, console, counters) is taken with
 * spin_lock_irq() everywhere, and its holder waits for nobody. All others are taken as interrupts
 * stand, and may be held around shootdowns: a hart that spins answers them, also in a trap handler
 * (the built-in device's registers), where its interrupts are off.
 */
#ifndef FIRMWARE_LOCK_H
#define FIRMWARE_LOCK_H

#include "firmware/lock_order.h"
#include "firmware/types.h"

struct spinlock {
	uint32_t held;
	unsigned holder; /* hart index + 1, 0: free; for reports only */
	enum lock_rank rank;
};

#define SPINLOCK(r)                                                                                \
	{                                                                                          \
		.rank = (r)                                                                        \
	}

void spin_lock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
bool must_check spin_trylock(struct spinlock *l);

/* With this hart's interrupts off: for locks that interrupt handlers take too. */
bool spin_lock_irq(struct spinlock *l);
void spin_unlock_irq(struct spinlock *l, bool enabled);

/* For locks of other kinds: this hart is about to wait for one, has it (@shared: it reads under it,
 * beside others), gives it back. */
void lock_want(enum lock_rank rank);
void lock_taken(enum lock_rank rank, bool shared);
void lock_given_back(enum lock_rank rank);
/* One look in vain at a lock: answers a shootdown that its holder may wait for, and yields. */
void lock_wait(void);

/*
 * Whether this hart holds a lock of @rank; @alone: not only to read. Costs a look at what the hart
 * itself wrote, no access that another hart could see.
 */
bool lock_holds(enum lock_rank rank, bool alone);

/* Locks that this hart holds now; a test that timed out can only be left at zero. */
unsigned spin_held(void);

#endif
