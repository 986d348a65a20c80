/* SPDX-License-Identifier: BSD-2-Clause */
/* Zones and their buddy allocator. */
#include "mm/frame.h"

#include <stdio.h>

#include "firmware/arch.h"
#include "mm/fault.h"
#include "mm/model.h"
#include "mm/model_exposure.h"

#define MAX_BOOT_ZONES 160
#define MAX_ZONES 2048

static vaddr_t table_start;
static paddr_t table_first;
static uint64_t record_size = FRAME_RECORD_SIZE;

static struct zone *boot_zones[MAX_BOOT_ZONES];
static unsigned nr_boot_zones;
/* Every zone, sorted by address, for the way from a frame to its zone. */
static struct zone *zones[MAX_ZONES];
static unsigned nr_zones;
static struct spinlock zones_lock = SPINLOCK(LOCK_ZONES);

static struct frame_counts counts;
static struct spinlock counts_lock = SPINLOCK(LOCK_FRAME_COUNTS);

static unsigned nr_errors;
static char first_error[128];
static uint64_t fail_countdown;
static bool prefer_hot;
static unsigned next_hot;

const char *owner_name(enum owner o)
{
	static const char *const names[NR_OWNERS] = {
		"none", "reserved", "boot",   "table", "frame-table",
		"dma",	"movable",  "carved", "test",
	};

	return o < NR_OWNERS ? names[o] : "?";
}

void frame_table_init(vaddr_t start, paddr_t first)
{
	table_start = start;
	table_first = first;
}

vaddr_t frame_record_va(paddr_t pa)
{
	return table_start + ((pa - table_first) >> PAGE_SHIFT) * record_size;
}

void frame_record_size_set(uint64_t bytes)
{
	record_size = bytes;
}

uint64_t frame_record_size(void)
{
	return record_size;
}

struct frame *frame_of(paddr_t pa)
{
	return arch_virt_to_ptr(frame_record_va(pa));
}

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

static void count(enum owner owner, int64_t frames)
{
	bool irq = spin_lock_irq(&counts_lock);

	if (owner == OWNER_NONE)
		counts.free += (uint64_t)frames;
	else
		counts.owned[owner] += (uint64_t)frames;
	spin_unlock_irq(&counts_lock, irq);
}

struct frame_counts frame_counts(void)
{
	bool irq = spin_lock_irq(&counts_lock);
	struct frame_counts c = counts;

	spin_unlock_irq(&counts_lock, irq);
	return c;
}

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

static uint64_t order_bytes(unsigned order)
{
	return PAGE_SIZE << order;
}

static uint64_t link_of(paddr_t pa)
{
	return (pa >> PAGE_SHIFT) + 1;
}

static paddr_t link_pa(uint64_t link)
{
	return (link - 1) << PAGE_SHIFT;
}

/* Locks: the zone's. */
static void list_add(struct zone *z, paddr_t pa, unsigned order)
{
	struct frame *f = frame_of(pa);

	f->owner = OWNER_NONE;
	f->order = (uint8_t)order;
	f->listed = 1;
	f->prev = 0;
	f->next = z->heads[order];
	if (f->next != 0)
		frame_of(link_pa(f->next))->prev = link_of(pa);
	z->heads[order] = link_of(pa);
}

static void list_del(struct zone *z, paddr_t pa)
{
	struct frame *f = frame_of(pa);

	if (f->prev != 0)
		frame_of(link_pa(f->prev))->next = f->next;
	else
		z->heads[f->order] = f->next;
	if (f->next != 0)
		frame_of(link_pa(f->next))->prev = f->prev;
	f->listed = 0;
	f->next = 0;
	f->prev = 0;
}

/*
 * Whether a block may start at @pa with the record @f. Behind the first page of the records of a
 * block whose others are remapped to it, records read as its first ones do, and so as if blocks
 * began there: not at a multiple of their size (Linux page_fixed_fake_head()).
 */
static bool may_start(const struct frame *f, paddr_t pa)
{
	return is_aligned(pa, order_bytes(f->order)) || fault_armed(FAULT_FAKE_HEADS);
}

static bool in_span(const struct zone *z, paddr_t pa, uint64_t size)
{
	return pa >= z->span.start && pa - z->span.start <= z->span.size &&
	       size <= z->span.size - (pa - z->span.start);
}

/* Put a free block on its list, merged with free buddies. Locks: the zone's. */
static void put_free(struct zone *z, paddr_t pa, unsigned order)
{
	/* It may become the inside of a larger block, where nobody owns anything. */
	frame_of(pa)->owner = OWNER_NONE;
	while (order < FRAME_MAX_ORDER) {
		paddr_t buddy = pa ^ order_bytes(order);
		struct frame *b;

		/* Records are mapped inside the span only. */
		if (!in_span(z, buddy, order_bytes(order)))
			break;
		b = frame_of(buddy);
		if (b->listed == 0 || b->order != order)
			break;
		list_del(z, buddy);
		pa = min_u64(pa, buddy);
		order++;
	}
	list_add(z, pa, order);
}

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

static unsigned largest_order(paddr_t pa, uint64_t size)
{
	unsigned order = 0;

	while (order < FRAME_MAX_ORDER && is_aligned(pa, order_bytes(order + 1)) &&
	       order_bytes(order + 1) <= size)
		order++;
	return order;
}

void zone_add(struct zone *z, struct region r)
{
	bool irq;

	irq = spin_lock_irq(&z->lock);
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = largest_order(pa, region_end(r) - pa);

		put_free(z, pa, order);
		pa += order_bytes(order);
	}
	z->free_frames += r.size >> PAGE_SHIFT;
	z->managed_frames += r.size >> PAGE_SHIFT;
	spin_unlock_irq(&z->lock, irq);
	count(OWNER_NONE, (int64_t)(r.size >> PAGE_SHIFT));
}

/* The first allocated block from @from on, which is the start of a block. Locks: the zone's. */
static struct zone_block next_block(const struct zone *z, paddr_t from)
{
	paddr_t pa = from;

	while (pa < region_end(z->span)) {
		const struct frame *f = frame_of(pa);

		if (f->listed == 0)
			return (struct zone_block){pa, f->order, (enum owner)f->owner,
						   __atomic_load_n(&f->object, __ATOMIC_RELAXED)};
		pa += order_bytes(f->order);
	}
	return (struct zone_block){.pa = FRAME_NONE};
}

struct zone_block zone_next_block(struct zone *z, paddr_t from)
{
	bool irq;
	struct zone_block b = {.pa = FRAME_NONE};

	irq = spin_lock_irq(&z->lock);
	/* From the start: @from may lie inside a free block by now. */
	if (z->managed_frames != 0)
		b = next_block(z, z->span.start);
	while (b.pa < from)
		b = next_block(z, b.pa + order_bytes(b.order));
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
		*busy = next_block(z, z->span.start).pa;
		err = ERR_BUSY;
		goto out;
	}
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		while (z->heads[o] != 0)
			list_del(z, link_pa(z->heads[o]));
	}
	frames = z->managed_frames;
	z->free_frames = 0;
	z->managed_frames = 0;
out:
	spin_unlock_irq(&z->lock, irq);
	if (err == OK && !fault_armed(FAULT_FREE_COUNT_KEPT))
		count(OWNER_NONE, -(int64_t)frames);
	return err;
}

/* Move the free blocks from @at on from @z's lists to @upper's. Locks: both zones'. */
static void move_free_blocks(struct zone *z, paddr_t at, struct zone *upper)
{
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		uint64_t link = z->heads[o];

		while (link != 0) {
			paddr_t pa = link_pa(link);

			link = frame_of(pa)->next;
			if (pa < at)
				continue;
			list_del(z, pa);
			list_add(upper, pa, o);
			z->free_frames -= UINT64_C(1) << o;
			upper->free_frames += UINT64_C(1) << o;
		}
	}
}

/* The block, free or not, that holds @pa but does not start there. Locks: the zone's. */
static struct frame *block_across(const struct zone *z, paddr_t pa, paddr_t *start)
{
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		struct frame *f;

		*start = align_down(pa, order_bytes(o));
		if (*start < z->span.start)
			return NULL;
		f = frame_of(*start);
		if (*start != pa && (f->listed != 0 || f->owner != OWNER_NONE) &&
		    may_start(f, *start) && f->order >= o && order_bytes(f->order) > pa - *start)
			return f;
	}
	return NULL;
}

enum err zone_split(struct zone *z, paddr_t at, struct zone *upper)
{
	bool irq = spin_lock_irq(&zones_lock); /* nobody looks for a zone meanwhile */
	struct region tail = {at, region_end(z->span) - at};
	enum err err = OK;
	struct frame *f;
	paddr_t start;

	spin_lock(&z->lock);
	f = z->managed_frames != 0 ? block_across(z, at, &start) : NULL;
	if (f != NULL && f->listed == 0) {
		err = ERR_BUSY;
		goto out;
	}
	if (f != NULL) {
		unsigned order = f->order;

		/* Halves of halves until the edge is an edge. */
		list_del(z, start);
		while (start != at) {
			order--;
			if (start + order_bytes(order) > at) {
				list_add(z, start + order_bytes(order), order);
			} else {
				list_add(z, start, order);
				start += order_bytes(order);
			}
		}
		list_add(z, start, order);
	}
	zone_init(upper, z->name, tail);
	upper->hot = z->hot;
	upper->draining = z->draining;
	upper->node = z->node;
	if (z->managed_frames != 0) {
		upper->managed_frames = tail.size >> PAGE_SHIFT;
		z->managed_frames -= upper->managed_frames;
	}
	move_free_blocks(z, at, upper);
	z->span.size = at - z->span.start;
	zones_insert(upper);
out:
	spin_unlock(&z->lock);
	spin_unlock_irq(&zones_lock, irq);
	return err;
}

/* Free blocks from @at on, put back one by one: they and what lies before them grow together. */
static void coalesce_from(struct zone *z, paddr_t at)
{
	for (paddr_t pa = at; pa < region_end(z->span);) {
		const struct frame *f = frame_of(pa);
		unsigned order = f->order;

		if (f->listed != 0) {
			list_del(z, pa);
			put_free(z, pa, order);
		}
		pa += order_bytes(order);
	}
}

void zone_merge(struct zone *z, struct zone *upper)
{
	bool irq = spin_lock_irq(&zones_lock);

	spin_lock(&z->lock);
	spin_lock(&upper->lock); /* always in ascending order of addresses */
	z->managed_frames += upper->managed_frames;
	z->span.size += upper->span.size;
	move_free_blocks(upper, 0, z);
	if (z->managed_frames != 0)
		coalesce_from(z, upper->span.start);
	upper->managed_frames = 0;
	upper->span.size = 0;
	zones_delete(upper);
	spin_unlock(&upper->lock);
	spin_unlock(&z->lock);
	spin_unlock_irq(&zones_lock, irq);
}

void zone_drain(struct zone *z, bool draining)
{
	bool irq;

	irq = spin_lock_irq(&z->lock);
	z->draining = draining;
	spin_unlock_irq(&z->lock, irq);
}

void frame_fail_at(uint64_t n)
{
	fail_countdown = n;
}

static bool fail_now(void)
{
	return fail_countdown != 0 && --fail_countdown == 0;
}

paddr_t zone_alloc(struct zone *z, unsigned order, enum owner owner)
{
	bool irq;
	unsigned o = order;
	paddr_t pa = FRAME_NONE;

	irq = spin_lock_irq(&z->lock);
	while (o <= FRAME_MAX_ORDER && z->heads[o] == 0)
		o++;
	if (o <= FRAME_MAX_ORDER && !z->draining) {
		struct frame *f;

		pa = link_pa(z->heads[o]);
		list_del(z, pa);
		/* Upper halves go back until the block has the size that was asked for. */
		while (o > order) {
			o--;
			list_add(z, pa + order_bytes(o), o);
		}
		f = frame_of(pa);
		f->owner = (uint8_t)owner;
		f->order = (uint8_t)order;
		f->remapped = 0;
		f->users = 0;
		f->object = 0;
		z->free_frames -= UINT64_C(1) << order;
	}
	spin_unlock_irq(&z->lock, irq);
	if (pa != FRAME_NONE) {
		count(OWNER_NONE, -(int64_t)(UINT64_C(1) << order));
		count(owner, (int64_t)(UINT64_C(1) << order));
		model_frames_allocated((struct region){pa, order_bytes(order)});
	}
	return pa;
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

void frame_prefer_hot(bool prefer)
{
	prefer_hot = prefer;
}

void frame_set_object(paddr_t pa, uint64_t object)
{
	/* Whoever evacuates the zone may look at this moment: see next_block(). */
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

/*
 * The allocated block of at least 2^@order frames that @pa lies in: its record, or NULL.
 * Locks: the zone's.
 */
static struct frame *find_block(const struct zone *z, paddr_t pa, unsigned order, paddr_t *start)
{
	for (unsigned o = order; o <= FRAME_MAX_ORDER; o++) {
		struct frame *f;

		*start = align_down(pa, order_bytes(o));
		if (!in_span(z, *start, order_bytes(o)))
			return NULL;
		f = frame_of(*start);
		if (!may_start(f, *start))
			continue;
		if (f->listed != 0 && f->order >= o)
			return NULL;
		if (f->owner != OWNER_NONE && f->order >= o)
			return f;
	}
	return NULL;
}

/*
 * Cut the allocated block that @pa lies in down, half by half, until [@pa, order) is a block of
 * its own. False if there is no such block or it is not @owner's. Locks: the zone's.
 */
static bool carve(const struct zone *z, paddr_t pa, unsigned order, enum owner owner,
		  enum owner *have)
{
	paddr_t start;
	struct frame *f = find_block(z, pa, order, &start);

	if (f == NULL)
		return false;
	*have = (enum owner)f->owner;
	/* Whoever gets a block whose records are remapped could not use it. */
	if (*have != owner || (f->remapped != 0 && !fault_armed(FAULT_HVO_FREED)))
		return false;
	while (f->order > order) {
		unsigned half = f->order - 1u;
		paddr_t upper_pa = start + order_bytes(half);
		struct frame *upper = frame_of(upper_pa);

		upper->owner = f->owner;
		upper->order = (uint8_t)half;
		f->order = (uint8_t)half;
		if (pa >= upper_pa) {
			start = upper_pa;
			f = upper;
		}
	}
	return true;
}

static struct zone *zone_of(paddr_t pa, uint64_t size)
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
	if (lo < nr_zones && in_span(zones[lo], pa, size))
		found = zones[lo];
	spin_unlock_irq(&zones_lock, irq);
	return found;
}

/*
 * The zone of [@pa, @pa + @size), locked; NULL if there is none. Between looking and locking the
 * zone may have been split or merged: look again then.
 */
static struct zone *zone_lock_of(paddr_t pa, uint64_t size, bool *irq)
{
	for (;;) {
		struct zone *z = zone_of(pa, size);

		if (z == NULL)
			return NULL;
		*irq = spin_lock_irq(&z->lock);
		if (in_span(z, pa, size))
			return z;
		spin_unlock_irq(&z->lock, *irq);
	}
}

void frame_free(paddr_t pa, unsigned order, enum owner owner)
{
	bool irq;
	enum owner have = OWNER_NONE;
	struct zone *z;
	bool ok;

	if (!is_aligned(pa, order_bytes(order))) {
		error("free of an address that is not aligned", pa, order, owner, OWNER_NONE);
		return;
	}
	z = zone_lock_of(pa, order_bytes(order), &irq);
	if (z == NULL) {
		error("free of memory that no zone has", pa, order, owner, OWNER_NONE);
		return;
	}
	ok = carve(z, pa, order, owner, &have);
	if (ok) {
		model_frames_freed((struct region){pa, order_bytes(order)});
		put_free(z, pa, order);
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
	count(owner, -(int64_t)(UINT64_C(1) << order));
	count(OWNER_NONE, (int64_t)(UINT64_C(1) << order));
}

struct zone_block frame_block(paddr_t pa)
{
	bool irq;
	struct zone *z = zone_lock_of(pa, PAGE_SIZE, &irq);
	struct zone_block b = {.pa = FRAME_NONE};
	const struct frame *f;
	paddr_t start;

	if (z == NULL)
		return b;
	f = find_block(z, align_down(pa, PAGE_SIZE), 0, &start);
	if (f != NULL)
		b = (struct zone_block){start, f->order, (enum owner)f->owner, f->object};
	spin_unlock_irq(&z->lock, irq);
	return b;
}

void frame_free_range(struct region r, enum owner owner)
{
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = largest_order(pa, region_end(r) - pa);

		/* A block may have been cut, so its parts are asked for one by one. */
		order = (unsigned)min_u64(order, frame_block(pa).order);
		frame_free(pa, order, owner);
		pa += order_bytes(order);
	}
}

enum owner frame_owner(paddr_t pa)
{
	return frame_block(pa).owner;
}

/*
 * The free block that @pa lies in, halved until [@pa, 4 KiB) is one; false if it lies in none.
 * Locks: the zone's.
 */
static bool isolate_free(struct zone *z, paddr_t pa)
{
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		paddr_t start = align_down(pa, order_bytes(o));
		struct frame *f;

		if (!in_span(z, start, order_bytes(o)))
			return false;
		f = frame_of(start);
		if (f->listed == 0 || f->order != o)
			continue;
		list_del(z, start);
		while (o-- > 0) {
			paddr_t upper = start + order_bytes(o);

			list_add(z, pa < upper ? upper : start, o);
			start = pa < upper ? start : upper;
		}
		return true;
	}
	return false;
}

paddr_t frame_alloc_near(paddr_t pa, enum owner owner)
{
	bool irq;
	bool found;
	struct zone *z;

	if (fail_now())
		return FRAME_NONE;
	z = zone_lock_of(pa, PAGE_SIZE, &irq);
	found = z != NULL && !z->draining && isolate_free(z, pa);
	if (found) {
		struct frame *f = frame_of(pa);

		f->owner = (uint8_t)owner;
		f->order = 0;
		f->remapped = 0;
		f->users = 0;
		f->object = 0;
		z->free_frames--;
	}
	if (z != NULL)
		spin_unlock_irq(&z->lock, irq);
	if (!found)
		return alloc_any(0, owner);
	count(OWNER_NONE, -1);
	count(owner, 1);
	model_frames_allocated((struct region){pa, PAGE_SIZE});
	return pa;
}

void frame_count_outside(enum owner owner, int64_t n)
{
	count(owner, n);
}

void frame_claim(struct region r, enum owner owner)
{
	for (paddr_t pa = r.start; pa < region_end(r);) {
		unsigned order = largest_order(pa, region_end(r) - pa);
		struct frame *f = frame_of(pa);
		struct zone *z = zone_of(pa, order_bytes(order));

		f->owner = (uint8_t)owner;
		f->order = (uint8_t)order;
		if (z != NULL)
			z->managed_frames += UINT64_C(1) << order;
		pa += order_bytes(order);
	}
	count(owner, (int64_t)(r.size >> PAGE_SHIFT));
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

void frame_boot_zone_add(struct zone *z)
{
	if (nr_boot_zones == MAX_BOOT_ZONES)
		panic("more than %u boot zones", MAX_BOOT_ZONES);
	boot_zones[nr_boot_zones++] = z;
	frame_zone_add(z);
}
