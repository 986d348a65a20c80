/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * lock.h of the simulated machine. One hart runs at a time, so whoever would wait would wait for
 * ever: that is a panic. Wrong orders and kinds are counted.
 */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/lock.h"
#include "tests/host/arch_sim.h"

#define MAX_HELD 8u
#define MAX_CLASSES 16u

static const struct spinlock *held[SIM_MAX_HARTS][MAX_HELD];
static unsigned nr_held[SIM_MAX_HARTS];
static unsigned lock_errors;

static const char *classes[MAX_CLASSES];
static bool class_irq[MAX_CLASSES], class_plain[MAX_CLASSES], class_reported[MAX_CLASSES];
static bool taken_inside[MAX_CLASSES][MAX_CLASSES]; /* [outer][inner] was seen */
static unsigned nr_classes;

static unsigned class_of(const struct spinlock *l)
{
	const char *name = l->name != NULL ? l->name : "?";

	for (unsigned i = 0; i < nr_classes; i++) {
		if (classes[i] == name)
			return i;
	}
	for (unsigned i = 0; i < nr_classes; i++) {
		if (strcmp(classes[i], name) == 0)
			return i;
	}
	if (nr_classes == MAX_CLASSES)
		panic("lock %s is one class too many", name);
	classes[nr_classes] = name;
	return nr_classes++;
}

static void lock_error(const char *what, const char *a, const char *b)
{
	lock_errors++;
	note("lock %s %s %s", a, what, b);
}

static void check_order(const struct spinlock *l)
{
	bool irqs_off = !arch_irq_save();
	unsigned c = class_of(l);

	arch_irq_restore(!irqs_off);
	if (irqs_off)
		class_irq[c] = true;
	else
		class_plain[c] = true;
	if (class_irq[c] && class_plain[c] && !class_reported[c]) {
		class_reported[c] = true;
		lock_error("is taken with interrupts", classes[c], "on and off");
	}
	for (unsigned i = 0; i < nr_held[arch_hart()]; i++) {
		unsigned outer = class_of(held[arch_hart()][i]);

		/* Zones are taken in the order of their addresses. */
		if (outer == c)
			continue;
		if (taken_inside[c][outer])
			lock_error("is taken inside and outside of", classes[c], classes[outer]);
		taken_inside[outer][c] = true;
	}
}

void spin_lock(struct spinlock *l)
{
	if (l->held != 0)
		panic("deadlock: hart%u waits for %s, which hart%u holds", arch_hart(), l->name,
		      l->holder - 1);
	check_order(l);
	if (nr_held[arch_hart()] == MAX_HELD)
		panic("hart%u holds too many locks", arch_hart());
	held[arch_hart()][nr_held[arch_hart()]++] = l;
	l->held = 1;
	l->holder = arch_hart() + 1;
}

bool spin_trylock(struct spinlock *l)
{
	if (l->held != 0)
		return false;
	spin_lock(l);
	return true;
}

void spin_unlock(struct spinlock *l)
{
	unsigned n = nr_held[arch_hart()];

	for (unsigned i = 0; i < n; i++) {
		if (held[arch_hart()][i] == l) {
			held[arch_hart()][i] = held[arch_hart()][n - 1];
			nr_held[arch_hart()] = n - 1;
			l->holder = 0;
			l->held = 0;
			return;
		}
	}
	panic("hart%u releases %s, which it does not hold", arch_hart(), l->name);
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
	return nr_held[arch_hart()];
}

unsigned sim_lock_errors(void)
{
	return lock_errors;
}
