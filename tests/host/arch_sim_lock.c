/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h of the simulated machine. One hart runs at a time, so whoever would wait would wait for
 * ever: that is a panic, unless harts take turns (weave.h). Wrong orders (lock_order.h) and kinds
 * are counted.
 */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/lock.h"
#include "tests/host/arch_sim.h"

static struct lock_stack held[SIM_MAX_HARTS];
static unsigned lock_errors;

static bool taken_irq[NR_LOCK_RANKS], taken_plain[NR_LOCK_RANKS], reported[NR_LOCK_RANKS];

/* A lock that interrupt handlers take and that is ever held with interrupts on is a deadlock. */
static void check_kind(enum lock_rank rank)
{
	bool irqs_off = !sim_irqs_on(arch_hart());

	if (irqs_off)
		taken_irq[rank] = true;
	else
		taken_plain[rank] = true;
	if (!taken_irq[rank] || !taken_plain[rank] || reported[rank])
		return;
	reported[rank] = true;
	lock_errors++;
	note("lock %s is taken with interrupts on and off", lock_rank_name(rank));
}

void lock_wait(void)
{
	arch_yield();
}

void lock_want(enum lock_rank rank)
{
	lock_order_want(&held[arch_hart()], rank, arch_hart());
}

void lock_taken(enum lock_rank rank, bool shared)
{
	check_kind(rank);
	if (!lock_order_push(&held[arch_hart()], rank, shared))
		panic("hart%u holds too many locks", arch_hart());
}

void lock_given_back(enum lock_rank rank)
{
	if (!lock_order_pop(&held[arch_hart()], rank))
		panic("hart%u releases %s, which it does not hold", arch_hart(),
		      lock_rank_name(rank));
}

static void wait_for(const struct spinlock *l)
{
	if (l->held != 0)
		panic("deadlock: hart%u waits for %s, which hart%u holds", arch_hart(),
		      lock_rank_name(l->rank), l->holder - 1);
}

bool spin_trylock(struct spinlock *l)
{
	if (l->held != 0)
		return false;
	lock_taken(l->rank, false);
	l->held = 1;
	l->holder = arch_hart() + 1;
	if (sim_weaver() != NULL)
		sim_weaver()->locked(l, true);
	return true;
}

void spin_lock(struct spinlock *l)
{
	lock_want(l->rank);
	if (sim_weaver() != NULL)
		sim_weaver()->lock(l);
	while (!spin_trylock(l))
		wait_for(l);
}

void spin_unlock(struct spinlock *l)
{
	if (l->holder != arch_hart() + 1)
		panic("hart%u releases %s of hart%u", arch_hart(), lock_rank_name(l->rank),
		      l->holder - 1);
	lock_given_back(l->rank);
	l->holder = 0;
	l->held = 0;
	if (sim_weaver() != NULL)
		sim_weaver()->locked(l, false);
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
	return lock_order_holds(&held[arch_hart()], rank, alone);
}

unsigned spin_held(void)
{
	return held[arch_hart()].nr;
}

unsigned sim_lock_errors(void)
{
	struct lock_order_error first;
	unsigned wrong = lock_order_errors(&first);

	if (wrong != 0 && first.missing)
		note("hart%u does not hold %s", first.hart, lock_rank_name(first.wanted));
	else if (wrong != 0)
		note("hart%u took %s inside %s", first.hart, lock_rank_name(first.wanted),
		     lock_rank_name(first.held));
	lock_errors += wrong;
	return lock_errors;
}
