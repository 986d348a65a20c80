/* SPDX-License-Identifier: BSD-2-Clause */
/* Which pages of the simulated machine a walk can enter, and room for all of its past. */
#include "tests/host/arch_sim_past.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/mode.h"
#include "tests/host/arch_sim_tlb.h"

#define PAGE_BUCKETS (1u << 12)

static struct page *pages[PAGE_BUCKETS];
/* Pages that lost their last link since the history was forgotten. */
static struct page **lost;
static unsigned nr_lost, max_lost;

/*
 * Room of our own, in one piece and never given back, so that all of the past can be put back as it
 * was (weave.h). What an array leaves behind as it doubles is less than what it takes.
 */
#define ROOM (UINT64_C(1) << 32)

static uint8_t *room;
static size_t room_used;

void *room_take(size_t size)
{
	void *p;

	if (room == NULL)
		room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED || size > ROOM - room_used)
		abort();
	p = room + room_used;
	room_used = align_up(room_used + size, 16);
	return p;
}

uint8_t *tlb_store_room(size_t *used)
{
	*used = room_used;
	return room;
}

void *room_grow(const void *array, size_t have, size_t nr, size_t size)
{
	void *p = room_take(nr * size);

	if (have != 0)
		memcpy(p, array, have * size);
	return p;
}

struct page *page_find(paddr_t pa)
{
	struct page *p = pages[(pa >> PAGE_SHIFT) % PAGE_BUCKETS];

	while (p != NULL && p->pa != pa)
		p = p->next;
	return p;
}

static struct page *page_get(paddr_t pa)
{
	struct page **head = &pages[(pa >> PAGE_SHIFT) % PAGE_BUCKETS];
	struct page *p = page_find(pa);

	if (p != NULL)
		return p;
	p = room_take(sizeof(*p));
	*p = (struct page){.pa = pa, .next = *head};
	*head = p;
	return p;
}

pte_t page_entry(paddr_t table, unsigned index)
{
	const uint64_t *w = sim_word(table + index * sizeof(pte_t));

	return (pte_t){w != NULL ? *w : 0};
}

void page_link(paddr_t pa, vaddr_t va, unsigned level)
{
	struct page *p = page_get(pa);

	p->links++;
	if (p->reachable)
		return;
	p->reachable = true;
	p->level = level;
	p->va = va;
	for (unsigned i = 0; level > 0 && i < PT_ENTRIES; i++) {
		if (pte_is_table(page_entry(pa, i)))
			page_link(pte_pa(page_entry(pa, i)), va + i * level_size(level), level - 1);
	}
}

void page_unlink(paddr_t pa)
{
	struct page *p = page_find(pa);

	if (p == NULL || p->links == 0 || --p->links != 0)
		return;
	if (nr_lost == max_lost) {
		max_lost = max_lost * 2 + 64;
		lost = room_grow(lost, nr_lost, max_lost, sizeof(struct page *));
	}
	lost[nr_lost++] = p;
}

void pages_forget_lost(void)
{
	while (nr_lost != 0) {
		struct page *p = lost[--nr_lost];

		if (p->links != 0 || !p->reachable)
			continue;
		p->reachable = false;
		for (unsigned i = 0; p->level > 0 && i < PT_ENTRIES; i++) {
			if (pte_is_table(page_entry(p->pa, i)))
				page_unlink(pte_pa(page_entry(p->pa, i)));
		}
	}
}

vaddr_t page_slot_va(const struct page *p, paddr_t slot)
{
	unsigned unused = 64 - (PAGE_SHIFT + PT_BITS * past.tlbs[0].root.levels);
	vaddr_t va = p->va + slot % PAGE_SIZE / sizeof(pte_t) * level_size(p->level);

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}
