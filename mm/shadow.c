/* SPDX-License-Identifier: BSD-2-Clause */
/* The shadow map: extents in one sorted array. */
#include "mm/shadow.h"

#include <string.h>

#include "mm/mode.h"

void shadow_init(struct shadow *s, struct extent *storage, unsigned max)
{
	*s = (struct shadow){.extents = storage, .max = max};
}

/* Index of the first extent that ends above @va. */
static unsigned lower_bound(const struct shadow *s, vaddr_t va)
{
	unsigned lo = 0;
	unsigned hi = s->nr;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;
		const struct extent *e = &s->extents[mid];

		if (e->va + (e->size - 1) < va)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void insert_at(struct shadow *s, unsigned i, struct extent e)
{
	if (s->nr == s->max) {
		s->lost = true;
		return;
	}
	memmove(&s->extents[i + 1], &s->extents[i], (s->nr - i) * sizeof(e));
	s->extents[i] = e;
	s->nr++;
}

static bool goes_on(const struct extent *lo, const struct extent *hi)
{
	return lo->va + lo->size == hi->va && lo->pa + lo->size == hi->pa && lo->prot == hi->prot &&
	       lo->max_level == hi->max_level && lo->parked == hi->parked;
}

void shadow_map(struct shadow *s, struct extent e)
{
	unsigned i = lower_bound(s, e.va);
	uint64_t leaf = level_size(e.max_level);

	/*
	 * The frame table comes page by page: one extent for pages that follow each other. At a
	 * seam that is an edge of the largest leaf anyway, leaves are the same with and without.
	 */
	if (i > 0 && goes_on(&s->extents[i - 1], &e) && is_aligned(e.va | e.pa, leaf))
		s->extents[i - 1].size += e.size;
	else
		insert_at(s, i, e);
}

/* Make @va an edge: cut the extent that it lies inside of. */
static void cut(struct shadow *s, vaddr_t va)
{
	unsigned i = lower_bound(s, va);
	struct extent upper;
	uint64_t head;

	if (i == s->nr || s->extents[i].va >= va)
		return;
	head = va - s->extents[i].va;
	upper = s->extents[i];
	upper.va += head;
	upper.pa += head;
	upper.size -= head;
	s->extents[i].size = head;
	insert_at(s, i + 1, upper);
}

/* The extents of [@va, @va + @size), with edges there: from *@i to below what is returned. */
static unsigned cut_out(struct shadow *s, vaddr_t va, uint64_t size, unsigned *i)
{
	unsigned end;

	cut(s, va);
	cut(s, va + size);
	*i = lower_bound(s, va);
	for (end = *i; end < s->nr && s->extents[end].va - va < size; end++)
		;
	return end;
}

void shadow_unmap(struct shadow *s, vaddr_t va, uint64_t size)
{
	unsigned i;
	unsigned end = cut_out(s, va, size, &i);

	memmove(&s->extents[i], &s->extents[end], (s->nr - end) * sizeof(s->extents[0]));
	s->nr -= end - i;
}

void shadow_protect(struct shadow *s, vaddr_t va, uint64_t size, uint64_t prot)
{
	unsigned i;
	unsigned end = cut_out(s, va, size, &i);

	for (; i < end; i++) {
		s->extents[i].prot = prot;
		s->extents[i].parked = false;
	}
}

void shadow_park(struct shadow *s, vaddr_t va, uint64_t size)
{
	unsigned i;
	unsigned end = cut_out(s, va, size, &i);

	for (; i < end; i++)
		s->extents[i].parked = true;
}

void shadow_merge(struct shadow *s, vaddr_t va, uint64_t size)
{
	unsigned i = lower_bound(s, va);

	while (i + 1 < s->nr && s->extents[i + 1].va - va < size) {
		struct extent *lo = &s->extents[i];
		const struct extent *hi = lo + 1;

		if (!goes_on(lo, hi)) {
			i++;
			continue;
		}
		lo->size += hi->size;
		memmove(lo + 1, lo + 2, (s->nr - i - 2) * sizeof(*lo));
		s->nr--;
	}
}

const struct extent *shadow_find(const struct shadow *s, vaddr_t va)
{
	unsigned i = lower_bound(s, va);

	return i < s->nr && s->extents[i].va <= va ? &s->extents[i] : NULL;
}
