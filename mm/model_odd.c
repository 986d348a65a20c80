/* SPDX-License-Identifier: BSD-2-Clause */
/* Counting filters by leaf size. A count too high costs a search; too low cannot be. */
#include "mm/model_odd.h"

#include <string.h>

#include "mm/mode.h"

#define SLOTS 16384u

static uint8_t pages[SLOTS];	  /* leaves of 4 KiB and, page by page, of 64 KiB */
static uint8_t large[SLOTS / 16]; /* of 2 MiB */
static uint32_t huge;
static vaddr_t direct_va;
static struct region direct;

void model_odd_reset(vaddr_t va, struct region r)
{
	memset(pages, 0, sizeof(pages));
	memset(large, 0, sizeof(large));
	huge = 0;
	direct_va = va;
	direct = r;
}

bool model_odd_leaf(pte_t e, vaddr_t va, unsigned level)
{
	uint64_t size = pte_is_napot(e) ? PTE_NAPOT_PAGES * PAGE_SIZE : level_size(level);

	return va - direct_va >= direct.size ||
	       align_down(va, size) - direct_va != align_down(pte_pa(e), size) - direct.start;
}

static unsigned slot_of(paddr_t pa, unsigned shift, unsigned n)
{
	return (unsigned)((pa >> shift) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % n;
}

/* A count that is full stays so. */
static void add(uint8_t *count, int by)
{
	if (*count != UINT8_MAX && (by > 0 || *count > 0))
		*count = (uint8_t)(*count + by);
}

void model_odd_count(pte_t e, unsigned level, int by)
{
	if (level > 1) {
		huge += (uint32_t)by;
	} else if (level == 1) {
		add(&large[slot_of(pte_pa(e), 21, ARRAY_LEN(large))], by);
	} else if (pte_is_napot(e)) {
		paddr_t first = align_down(pte_pa(e), PTE_NAPOT_PAGES * PAGE_SIZE);

		for (unsigned i = 0; i < PTE_NAPOT_PAGES; i++)
			add(&pages[slot_of(first + i * PAGE_SIZE, PAGE_SHIFT, SLOTS)], by);
	} else {
		add(&pages[slot_of(pte_pa(e), PAGE_SHIFT, SLOTS)], by);
	}
}

bool model_odd_maybe(struct region r)
{
	if (huge != 0 || r.size > SZ_2M)
		return true;
	for (paddr_t pa = align_down(r.start, SZ_2M); pa < region_end(r); pa += SZ_2M) {
		if (large[slot_of(pa, 21, ARRAY_LEN(large))] != 0)
			return true;
	}
	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE) {
		if (pages[slot_of(pa, PAGE_SHIFT, SLOTS)] != 0)
			return true;
	}
	return false;
}
