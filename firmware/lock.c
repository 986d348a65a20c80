/* SPDX-License-Identifier: BSD-2-Clause */
/* Ticket spinlocks. */
#include "firmware/lock.h"

#include "firmware/arch.h"
#include "firmware/hart.h"

void spin_lock(struct spinlock *l)
{
	uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

	/* The acquire orders all that follows behind the holder's release. */
	while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
		arch_yield();
	l->holder = arch_hart() + 1;
	hart_self()->locks_held++;
}

bool spin_trylock(struct spinlock *l)
{
	uint32_t ticket = __atomic_load_n(&l->serving, __ATOMIC_RELAXED);

	/* Free means that the next ticket is the one being served: take it, or nothing. */
	if (!__atomic_compare_exchange_n(&l->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	l->holder = arch_hart() + 1;
	hart_self()->locks_held++;
	return true;
}

void spin_unlock(struct spinlock *l)
{
	l->holder = 0;
	hart_self()->locks_held--;
	__atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
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

unsigned spin_held(void)
{
	return hart_self()->locks_held;
}
