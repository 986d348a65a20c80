/* SPDX-License-Identifier: BSD-2-Clause */
/* All zones: which there are, splitting one and joining two, allocation from any of a kind. */
#include "mm/zones.h"

#include "firmware/arch.h"
#include "mm/buddy.h"
#include "mm/fault.h"

#define MAX_ZONES 2048

/* Sorted by address. */
static struct zone *zones[MAX_ZONES];
static unsigned nr_zones;
static struct spinlock zones_lock = SPINLOCK(LOCK_ZONES);

static unsigned next_hot;

/* Locks: zones_lock for both. */
static void zones_insert(struct zone *z)
{
	unsigned i = nr_zones;

	if (nr_zones == MAX_ZONES)
		panic("more than %u zones", MAX_ZONES);
	for (; i > 0 && zones[i - 1]->span.start > z->span.start; i--)
		zones[i] = zones[i - 1];
	zones[i] = z;
	nr_zones++;
}

static void zones_delete(struct zone *z)
{
	unsigned i = 0;

	while (i < nr_zones && zones[i] != z)
		i++;
	if (i == nr_zones)
		panic("zone %s at 0x%llx is not known", z->name, (unsigned long long)z->span.start);
	nr_zones--;
	for (; i < nr_zones; i++)
		zones[i] = zones[i + 1];
}

struct zone *zones_find(paddr_t pa, uint64_t size)
{
	struct zone *found = NULL;
	unsigned lo = 0;
	unsigned hi;
	bool irq = spin_lock_irq(&zones_lock);

	hi = nr_zones;
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (region_end(zones[mid]->span) <= pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < nr_zones && zone_holds(zones[lo], pa, size))
		found = zones[lo];
	spin_unlock_irq(&zones_lock, irq);
	return found;
}

struct zone *zones_lock_at(paddr_t pa, uint64_t size, bool *irq)
{
	for (;;) {
		struct zone *z = zones_find(pa, size);

		if (z == NULL)
			return NULL;
		*irq = spin_lock_irq(&z->lock);
		/* It may have been split or merged meanwhile. */
		if (zone_holds(z, pa, size))
			return z;
		spin_unlock_irq(&z->lock, *irq);
	}
}

enum err zone_split(struct zone *z, paddr_t at, struct zone *upper)
{
	bool irq = spin_lock_irq(&zones_lock); /* nobody looks for a zone meanwhile */
	struct region tail = {at, region_end(z->span) - at};
	enum err err;

	spin_lock(&z->lock);
	err = z->managed_frames != 0 ? buddy_cut(z, at) : OK;
	if (err != OK)
		goto out;
	zone_init(upper, z->name, tail);
	upper->hot = z->hot;
	upper->draining = z->draining;
	upper->node = z->node;
	if (z->managed_frames != 0) {
		upper->managed_frames = tail.size >> PAGE_SHIFT;
		z->managed_frames -= upper->managed_frames;
	}
	buddy_move(z, at, upper);
	z->span.size = at - z->span.start;
	zones_insert(upper);
out:
	spin_unlock(&z->lock);
	spin_unlock_irq(&zones_lock, irq);
	return err;
}

void zone_merge(struct zone *z, struct zone *upper)
{
	bool irq = spin_lock_irq(&zones_lock);

	spin_lock(&z->lock);
	spin_lock(&upper->lock); /* always in ascending order of addresses */
	z->managed_frames += upper->managed_frames;
	z->span.size += upper->span.size;
	buddy_move(upper, 0, z);
	if (z->managed_frames != 0)
		buddy_join(z, upper->span.start);
	upper->managed_frames = 0;
	upper->span.size = 0;
	zones_delete(upper);
	spin_unlock(&upper->lock);
	spin_unlock(&z->lock);
	spin_unlock_irq(&zones_lock, irq);
}

paddr_t frame_alloc_hot(unsigned order, enum owner owner)
{
	paddr_t pa = FRAME_NONE;
	bool irq = spin_lock_irq(&zones_lock);

	/* Zone after zone, so that what is used lies everywhere and is in the way everywhere. */
	next_hot++;
	for (unsigned i = 0; i < nr_zones && pa == FRAME_NONE; i++) {
		struct zone *z = zones[(next_hot + i) % nr_zones];

		if (z->hot)
			pa = zone_alloc(z, order, owner);
	}
	spin_unlock_irq(&zones_lock, irq);
	return pa;
}

/* What comes later in the order of fallback is larger: the node itself, those above, those below.
 */
static uint32_t node_steps(const struct zone *z, uint16_t node)
{
	return fault_armed(FAULT_NODE_IGNORED) ? 0 : (uint16_t)(z->node - node);
}

paddr_t frame_alloc_node(unsigned order, enum owner owner, uint16_t node)
{
	paddr_t pa = FRAME_NONE;
	uint32_t from = 0; /* fewer steps were tried already */
	bool irq = spin_lock_irq(&zones_lock);

	while (pa == FRAME_NONE) {
		uint32_t steps = UINT32_MAX;

		for (unsigned i = 0; i < nr_zones; i++) {
			uint32_t s = node_steps(zones[i], node);

			if (s >= from && s < steps)
				steps = s;
		}
		if (steps == UINT32_MAX)
			break;
		for (unsigned i = 0; i < nr_zones && pa == FRAME_NONE; i++) {
			if (node_steps(zones[i], node) == steps)
				pa = zone_alloc(zones[i], order, owner);
		}
		from = steps + 1;
	}
	spin_unlock_irq(&zones_lock, irq);
	return pa;
}

void frame_zone_add(struct zone *z)
{
	bool irq = spin_lock_irq(&zones_lock);

	zones_insert(z);
	spin_unlock_irq(&zones_lock, irq);
}

void frame_zone_remove(struct zone *z)
{
	bool irq = spin_lock_irq(&zones_lock);

	zones_delete(z);
	spin_unlock_irq(&zones_lock, irq);
}
