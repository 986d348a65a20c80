/* SPDX-License-Identifier: BSD-2-Clause */
/* The free lists of one zone, and what blocks its memory is in. */
#include "mm/buddy.h"

#include "mm/fault.h"

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
	return is_aligned(pa, buddy_bytes(f->order)) || fault_armed(FAULT_FAKE_HEADS);
}

void buddy_put(struct zone *z, paddr_t pa, unsigned order)
{
	/* It may become the inside of a larger block, where nobody owns anything. */
	frame_of(pa)->owner = OWNER_NONE;
	while (order < FRAME_MAX_ORDER) {
		paddr_t buddy = pa ^ buddy_bytes(order);
		struct frame *b;

		/* Records are mapped inside the span only. */
		if (!zone_holds(z, buddy, buddy_bytes(order)))
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

unsigned buddy_order(paddr_t pa, uint64_t size)
{
	unsigned order = 0;

	while (order < FRAME_MAX_ORDER && is_aligned(pa, buddy_bytes(order + 1)) &&
	       buddy_bytes(order + 1) <= size)
		order++;
	return order;
}

/*
 * The free block of @order at @start, which is on no list, becomes blocks: one of @want at @pa,
 * for the caller, and free ones beside it.
 */
static void halve(struct zone *z, paddr_t start, unsigned order, paddr_t pa, unsigned want)
{
	while (order > want) {
		paddr_t upper = start + buddy_bytes(--order);

		list_add(z, pa < upper ? upper : start, order);
		start = pa < upper ? start : upper;
	}
}

static void hand_out(struct zone *z, paddr_t pa, unsigned order, enum owner owner)
{
	struct frame *f = frame_of(pa);

	f->owner = (uint8_t)owner;
	f->order = (uint8_t)order;
	f->remapped = 0;
	f->users = 0;
	f->object = 0;
	z->free_frames -= UINT64_C(1) << order;
}

paddr_t buddy_take(struct zone *z, unsigned order, enum owner owner)
{
	unsigned o = order;
	paddr_t pa;

	while (o <= FRAME_MAX_ORDER && z->heads[o] == 0)
		o++;
	if (o > FRAME_MAX_ORDER)
		return FRAME_NONE;
	pa = link_pa(z->heads[o]);
	list_del(z, pa);
	/* Upper halves go back until the block has the size that was asked for. */
	halve(z, pa, o, pa, order);
	hand_out(z, pa, order, owner);
	return pa;
}

bool buddy_take_at(struct zone *z, paddr_t pa, enum owner owner)
{
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		paddr_t start = align_down(pa, buddy_bytes(o));
		const struct frame *f;

		if (!zone_holds(z, start, buddy_bytes(o)))
			return false;
		f = frame_of(start);
		if (f->listed == 0 || f->order != o)
			continue;
		list_del(z, start);
		halve(z, start, o, pa, 0);
		hand_out(z, pa, 0, owner);
		return true;
	}
	return false;
}

void buddy_drop(struct zone *z)
{
	for (unsigned o = 0; o <= FRAME_MAX_ORDER; o++) {
		while (z->heads[o] != 0)
			list_del(z, link_pa(z->heads[o]));
	}
}

struct zone_block buddy_next(const struct zone *z, paddr_t from)
{
	paddr_t pa = from;

	while (pa < region_end(z->span)) {
		const struct frame *f = frame_of(pa);

		if (f->listed == 0)
			return (struct zone_block){pa, f->order, (enum owner)f->owner,
						   __atomic_load_n(&f->object, __ATOMIC_RELAXED)};
		pa += buddy_bytes(f->order);
	}
	return (struct zone_block){.pa = FRAME_NONE};
}

void buddy_move(struct zone *z, paddr_t at, struct zone *upper)
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

		*start = align_down(pa, buddy_bytes(o));
		if (*start < z->span.start)
			return NULL;
		f = frame_of(*start);
		if (*start != pa && (f->listed != 0 || f->owner != OWNER_NONE) &&
		    may_start(f, *start) && f->order >= o && buddy_bytes(f->order) > pa - *start)
			return f;
	}
	return NULL;
}

enum err buddy_cut(struct zone *z, paddr_t at)
{
	paddr_t start;
	const struct frame *f = block_across(z, at, &start);
	unsigned order;

	if (f == NULL)
		return OK;
	if (f->listed == 0)
		return ERR_BUSY;
	order = buddy_order(at, UINT64_MAX);
	/* Halves of halves until the edge is an edge. */
	list_del(z, start);
	halve(z, start, f->order, at, order);
	list_add(z, at, order);
	return OK;
}

/* Free blocks are put back one by one: they and what lies before them grow together. */
void buddy_join(struct zone *z, paddr_t at)
{
	for (paddr_t pa = at; pa < region_end(z->span);) {
		const struct frame *f = frame_of(pa);
		unsigned order = f->order;

		if (f->listed != 0) {
			list_del(z, pa);
			buddy_put(z, pa, order);
		}
		pa += buddy_bytes(order);
	}
}

struct frame *buddy_find(const struct zone *z, paddr_t pa, unsigned order, paddr_t *start)
{
	for (unsigned o = order; o <= FRAME_MAX_ORDER; o++) {
		struct frame *f;

		*start = align_down(pa, buddy_bytes(o));
		if (!zone_holds(z, *start, buddy_bytes(o)))
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

bool buddy_carve(const struct zone *z, paddr_t pa, unsigned order, enum owner owner,
		 enum owner *have)
{
	paddr_t start;
	struct frame *f = buddy_find(z, pa, order, &start);

	if (f == NULL)
		return false;
	*have = (enum owner)f->owner;
	/* Whoever gets a block whose records are remapped could not use it. */
	if (*have != owner || (f->remapped != 0 && !fault_armed(FAULT_HVO_FREED)))
		return false;
	while (f->order > order) {
		unsigned half = f->order - 1u;
		paddr_t upper_pa = start + buddy_bytes(half);
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
