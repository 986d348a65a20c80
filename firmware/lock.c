/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks: test and test-and-set. Not in turn: where harts outnumber processors (emulators) the
 * next in turn is often not running, and everybody would wait for it.
 */
#include "firmware/lock.h"

#include "firmware/arch.h"
#include "firmware/hart.h"

void lock_want(enum lock_rank rank)
{
	lock_order_want(&hart_self()->locks, rank, arch_hart());
}

void lock_taken(enum lock_rank rank, bool shared)
{
	if (!lock_order_push(&hart_self()->locks, rank, shared))
		panic("lock %s is one too many to hold", lock_rank_name(rank));
}

void lock_given_back(enum lock_rank rank)
{
	if (!lock_order_pop(&hart_self()->locks, rank))
		panic("lock %s is given back and was not held", lock_rank_name(rank));
}

/*
 * Whoever holds the lock may wait for this hart's fence (the kernel table's lock is held around
 * shootdowns), and interrupts may be off here.
 */
void lock_wait(void)
{
	hart_ipi_poll();
	arch_yield();
}

bool spin_trylock(struct spinlock *l)
{
	if (__atomic_load_n(&l->held, __ATOMIC_RELAXED) != 0 ||
	    __atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE) != 0)
		return false;
	l->holder = arch_hart() + 1;
	lock_taken(l->rank, false);
	return true;
}

void spin_lock(struct spinlock *l)
{
	lock_want(l->rank);
	/* The acquire orders all that follows behind the last holder's release. */
	while (!spin_trylock(l))
		lock_wait();
}

void spin_unlock(struct spinlock *l)
{
	l->holder = 0;
	lock_given_back(l->rank);
	__atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

bool spin_lock_irq(struct spinlock *l)
{
	bool irq = arch_irq_save();

	spin_lock(l);
	return irq;
}

void spin_unlock_irq(struct spinlock *l, bool enabled)
{
	spin_unlock(l);
	arch_irq_restore(enabled);
}

bool lock_holds(enum lock_rank rank, bool alone)
{
	return lock_order_holds(&hart_self()->locks, rank, alone);
}

unsigned spin_held(void)
{
	return hart_self()->locks.nr;
}
