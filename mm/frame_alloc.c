/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames for whoever asks, and back from whoever had them. */
#include "mm/frame.h"

#include <stdio.h>

#include "firmware/arch.h"
#include "mm/buddy.h"
#include "mm/fault.h"
#include "mm/model.h"
#include "mm/model_exposure.h"
#include "mm/zones.h"

#define MAX_BOOT_ZONES 160

static struct zone *boot_zones[MAX_BOOT_ZONES];
static unsigned nr_boot_zones;

static unsigned nr_errors;
static char first_error[128];
static uint64_t fail_countdown;
static bool prefer_hot;

static void error(const char *what, paddr_t pa, unsigned order, enum owner want, enum owner have)
{
	if (nr_errors++ == 0)
		snprintf(first_error, sizeof(first_error),
			 "%s: 0x%llx order %u, freed as %s, owned by %s", what,
			 (unsigned long long)pa, order, owner_name(want), owner_name(have));
}

unsigned frame_errors(const char **first)
{
	unsigned n = nr_errors;

	*first = first_error;
	nr_errors = 0;
	return n;
}

void frame_fail_at(uint64_t n)
{
	fail_countdown = n;
}

static bool fail_now(void)
{
	return fail_countdown != 0 && --fail_countdown == 0;
}

void frame_prefer_hot(bool prefer)
{
	prefer_hot = prefer;
}

void frame_set_object(paddr_t pa, uint64_t object)
{
	/* Whoever evacuates the zone may look at this moment: see buddy_next(). */
	__atomic_store_n(&frame_of(pa)->object, object, __ATOMIC_RELAXED);
}

static paddr_t alloc_any(unsigned order, enum owner owner)
{
	if (prefer_hot && (owner == OWNER_TABLE || owner == OWNER_FRAMETABLE)) {
		paddr_t pa = frame_alloc_hot(order, owner);

		if (pa != FRAME_NONE)
			return pa;
	}
	for (unsigned i = 0; i < nr_boot_zones; i++) {
		paddr_t pa = zone_alloc(boot_zones[i], order, owner);

		if (pa != FRAME_NONE)
			return pa;
	}
	return FRAME_NONE;
}

paddr_t frame_alloc(unsigned order, enum owner owner)
{
	return fail_now() ? FRAME_NONE : alloc_any(order, owner);
}

void frame_free(paddr_t pa, unsigned order, enum owner owner)
{
	bool irq;
	enum owner have = OWNER_NONE;
	struct zone *z;
	bool ok;

	if (!is_aligned(pa, buddy_bytes(order))) {
		error("free of an address that is not aligned", pa, order, owner, OWNER_NONE);
		return;
	}
	z = zones_lock_at(pa, buddy_bytes(order), &irq);
	if (z == NULL) {
		error("free of memory that no zone has", pa, order, owner, OWNER_NONE);
		return;
	}
	ok = buddy_carve(z, pa, order, owner, &have);
	if (ok) {
		model_frames_freed((struct region){pa, buddy_bytes(order)});
		buddy_put(z, pa, order);
		z->free_frames += UINT64_C(1) << order;
	}
	spin_unlock_irq(&z->lock, irq);
	if (!ok) {
		error(have == OWNER_NONE ? "free of a free frame"
		      : have == owner	 ? "free of a block without records of its own"
					 : "free by another than the owner",
		      pa, order, owner, have);
		return;
	}
	frame_count(owner, -(int64_t)(UINT64_C(1) << order));
	frame_count(OWNER_NONE, (int64_t)(UINT64_C(1) << order));
}

struct zone_block frame_block(paddr_t pa)
{
	bool irq;
	struct zone *z = zones_lock_at(pa, PAGE_SIZE, &irq);
	struct zone_block b = {.pa = FRAME_NONE};
	const struct frame *f;
	paddr_t start;

	if (z == NULL)
		return b;
	f = buddy_find(z, align_down(pa, PAGE_SIZE), 0, &start);
	if (f != NULL)
		b = (struct zone_block){start, f->order, (enum owner)f->owner, f->object};
	spin_unlock_irq(&z->lock, irq);
	return b;
}

void frame_free_range(struct region r, enum owner owner)
{
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = buddy_order(pa, region_end(r) - pa);

		/* A block may have been cut, so its parts are asked for one by one. */
		order = (unsigned)min_u64(order, frame_block(pa).order);
		frame_free(pa, order, owner);
		pa += buddy_bytes(order);
	}
}

enum owner frame_owner(paddr_t pa)
{
	return frame_block(pa).owner;
}

paddr_t frame_alloc_near(paddr_t pa, enum owner owner)
{
	bool irq;
	bool found;
	struct zone *z;

	if (fail_now())
		return FRAME_NONE;
	z = zones_lock_at(pa, PAGE_SIZE, &irq);
	found = z != NULL && !z->draining && buddy_take_at(z, pa, owner);
	if (z != NULL)
		spin_unlock_irq(&z->lock, irq);
	if (!found)
		return alloc_any(0, owner);
	frame_count(OWNER_NONE, -1);
	frame_count(owner, 1);
	model_frames_allocated((struct region){pa, PAGE_SIZE});
	return pa;
}

void frame_claim(struct region r, enum owner owner)
{
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = buddy_order(pa, region_end(r) - pa);
		struct frame *f = frame_of(pa);
		struct zone *z = zones_find(pa, buddy_bytes(order));

		f->owner = (uint8_t)owner;
		f->order = (uint8_t)order;
		if (z != NULL)
			z->managed_frames += UINT64_C(1) << order;
		pa += buddy_bytes(order);
	}
	frame_count(owner, (int64_t)(r.size >> PAGE_SHIFT));
}

void frame_boot_zone_add(struct zone *z)
{
	if (nr_boot_zones == MAX_BOOT_ZONES)
		panic("more than %u boot zones", MAX_BOOT_ZONES);
	boot_zones[nr_boot_zones++] = z;
	frame_zone_add(z);
}
