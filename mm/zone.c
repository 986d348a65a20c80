/* SPDX-License-Identifier: BSD-2-Clause */
/* One zone: memory that comes, is allocated and leaves. */
#include "mm/zone.h"

#include "mm/buddy.h"
#include "mm/fault.h"
#include "mm/model_exposure.h"

/*
 * Under the lock, though nobody knows the zone: a hart that looked it up before it was merged away
 * may be about to take it and look at its span, and must find all of it or nothing. So the lock
 * itself stays as it is. All zones live in zeroed statics.
 */
void zone_init(struct zone *z, const char *name, struct region span)
{
	bool irq;

	z->lock.rank = LOCK_ZONE;
	irq = spin_lock_irq(&z->lock);
	z->name = name;
	z->span = span;
	z->free_frames = 0;
	z->managed_frames = 0;
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++)
		z->heads[o] = 0;
	z->hot = false;
	z->draining = false;
	z->node = 0;
	spin_unlock_irq(&z->lock, irq);
}

void zone_forget(struct zone *z)
{
	bool irq;

	/* It may never have been more than a zeroed static. */
	z->lock.rank = LOCK_ZONE;
	irq = spin_lock_irq(&z->lock);
	z->span.size = 0;
	spin_unlock_irq(&z->lock, irq);
}

void zone_add(struct zone *z, struct region r)
{
	bool irq;

	irq = spin_lock_irq(&z->lock);
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = buddy_order(pa, region_end(r) - pa);

		buddy_put(z, pa, order);
		pa += buddy_bytes(order);
	}
	z->free_frames += r.size >> PAGE_SHIFT;
	z->managed_frames += r.size >> PAGE_SHIFT;
	spin_unlock_irq(&z->lock, irq);
	frame_count(OWNER_NONE, (int64_t)(r.size >> PAGE_SHIFT));
}

struct zone_block zone_next_block(struct zone *z, paddr_t from)
{
	bool irq;
	struct zone_block b = {.pa = FRAME_NONE};

	irq = spin_lock_irq(&z->lock);
	/* From the start: @from may lie inside a free block by now. */
	if (z->managed_frames != 0)
		b = buddy_next(z, z->span.start);
	while (b.pa < from)
		b = buddy_next(z, b.pa + buddy_bytes(b.order));
	spin_unlock_irq(&z->lock, irq);
	return b;
}

enum err zone_isolate(struct zone *z, paddr_t *busy)
{
	bool irq;
	enum err err = OK;
	uint64_t frames = 0;

	irq = spin_lock_irq(&z->lock);
	if (z->free_frames != z->managed_frames && !fault_armed(FAULT_PIN_IGNORED)) {
		*busy = buddy_next(z, z->span.start).pa;
		err = ERR_BUSY;
		goto out;
	}
	buddy_drop(z);
	frames = z->managed_frames;
	z->free_frames = 0;
	z->managed_frames = 0;
out:
	spin_unlock_irq(&z->lock, irq);
	if (err == OK && !fault_armed(FAULT_FREE_COUNT_KEPT))
		frame_count(OWNER_NONE, -(int64_t)frames);
	return err;
}

void zone_drain(struct zone *z, bool draining)
{
	bool irq;

	irq = spin_lock_irq(&z->lock);
	z->draining = draining;
	spin_unlock_irq(&z->lock, irq);
}

paddr_t zone_alloc(struct zone *z, unsigned order, enum owner owner)
{
	bool irq = spin_lock_irq(&z->lock);
	paddr_t pa = z->draining ? FRAME_NONE : buddy_take(z, order, owner);

	spin_unlock_irq(&z->lock, irq);
	if (pa != FRAME_NONE) {
		frame_count(OWNER_NONE, -(int64_t)(UINT64_C(1) << order));
		frame_count(owner, (int64_t)(UINT64_C(1) << order));
		model_frames_allocated((struct region){pa, buddy_bytes(order)});
	}
	return pa;
}
