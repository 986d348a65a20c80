/* SPDX-License-Identifier: BSD-2-Clause */
/* The order of locks: names, and what was done against it. */
#include "firmware/lock_order.h"

static unsigned nr_errors;
static struct lock_order_error first_error;

const char *lock_rank_name(enum lock_rank rank)
{
	static const char *const names[NR_LOCK_RANKS] = {
		"driver",	"device",     "hotplug", "mmap",    "areas",
		"kernel-table", "movable",    "ptpage",	 "zones",   "zone",
		"frame-counts", "interrupts", "model",	 "console",
	};

	return names[rank];
}

static void record(struct lock_order_error e)
{
	/* Two at once may mix their names; the count is right. */
	if (__atomic_fetch_add(&nr_errors, 1, __ATOMIC_RELAXED) == 0)
		first_error = e;
}

void lock_order_broken(enum lock_rank held, enum lock_rank wanted, unsigned hart)
{
	record((struct lock_order_error){.held = held, .wanted = wanted, .hart = hart});
}

void lock_order_missing(enum lock_rank rank, unsigned hart)
{
	record((struct lock_order_error){.wanted = rank, .hart = hart, .missing = true});
}

bool lock_order_pop(struct lock_stack *s, enum lock_rank rank)
{
	unsigned i = s->nr;

	while (i > 0 && (s->ranks[i - 1] & ~LOCK_SHARED) != (unsigned)rank)
		i--;
	if (i == 0)
		return false;
	for (; i < s->nr; i++)
		s->ranks[i - 1] = s->ranks[i];
	s->nr--;
	return true;
}

unsigned lock_order_errors(struct lock_order_error *first)
{
	unsigned n = __atomic_exchange_n(&nr_errors, 0, __ATOMIC_RELAXED);

	*first = first_error;
	return n;
}
