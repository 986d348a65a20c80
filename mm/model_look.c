/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tables that the model knows translate to now. */
#include "mm/frame.h"
#include "mm/model_odd.h"
#include "mm/model_tables.h"

static pte_t entry_of(paddr_t table, unsigned index)
{
	return pte_load((pte_slot_t){table + index * sizeof(pte_t)});
}

/* @e, the entry of level 0 for @va, as the walker returns it: a NAPOT one is a page of its group.
 */
static pte_t as_page(pte_t e, vaddr_t va)
{
	uint64_t group = PTE_NAPOT_PAGES * PAGE_SIZE;

	if (!pte_is_napot(e))
		return e;
	return pte_leaf(align_down(pte_pa(e), group) + align_down(va % group, PAGE_SIZE),
			pte_prot(e));
}

struct model_leaf model_table_lookup(paddr_t root, vaddr_t va)
{
	const struct model_table *t = model_table_find(root);
	unsigned level;
	pte_t e;

	if (t == NULL)
		return (struct model_leaf){PTE_NONE, va, 0};
	level = t->level;
	e = entry_of(root, level_index(va, level));
	while (level > 0 && pte_is_table(e)) {
		level--;
		e = entry_of(pte_pa(e), level_index(va, level));
	}
	if (level == 0)
		e = as_page(e, va);
	return (struct model_leaf){pte_is_leaf(e) ? e : PTE_NONE, va, level};
}

bool model_entry_global(pte_t e, unsigned level)
{
	const struct model_table *t;
	unsigned n = 0;

	if (!pte_is_valid(e))
		return false;
	if ((e.raw & PTE_G) != 0)
		return true;
	if (level == 0 || !pte_is_table(e))
		return false;
	model_todo[n++] = pte_pa(e);
	while (n > 0) {
		t = model_table_find(model_todo[--n]);
		if (t == NULL)
			continue;
		if (t->globals != 0)
			return true;
		if (t->level > 0)
			n = model_table_push(t->pa, t->level, n);
	}
	return false;
}

bool model_table_unset(const struct model_table *t)
{
	for (unsigned i = pte_next_used(t->pa, 0); i < PT_ENTRIES && t->leaves != 0;
	     i = pte_next_used(t->pa, i + 1)) {
		pte_t e = entry_of(t->pa, i);

		if (pte_is_leaf(e) && ((e.raw & PTE_A) == 0 || (e.raw & (PTE_W | PTE_D)) == PTE_W))
			return true;
	}
	return false;
}

bool model_translates(paddr_t root, vaddr_t va, pte_t e, uint64_t size)
{
	paddr_t pa = pte_pa(e);

	while (size != 0) {
		struct model_leaf now = model_table_lookup(root, va);
		uint64_t offset = va & (level_size(now.level) - 1);
		uint64_t n = min_u64(size, level_size(now.level) - offset);

		if (!pte_is_valid(now.entry) ||
		    ((pte_prot(now.entry) ^ pte_prot(e)) & ~PTE_N) != 0 ||
		    pte_pa(now.entry) + offset != pa)
			return false;
		va += n;
		pa += n;
		size -= n;
	}
	return true;
}

struct region model_leads_to(pte_t e, unsigned level)
{
	uint64_t size = level_size(level);
	paddr_t pa = pte_pa(e);

	if (pte_is_napot(e)) {
		size = PTE_NAPOT_PAGES * PAGE_SIZE;
		pa = align_down(pa, size);
	}
	return (struct region){pa, size};
}

static bool overlaps(pte_t e, unsigned level, struct region r)
{
	struct region to = model_leads_to(e, level);

	return to.start < region_end(r) && r.start < region_end(to);
}

/* The part of @r that the leaf @e at @va leads to is led to from there in @root too. */
static bool part_alike(paddr_t root, vaddr_t va, pte_t e, unsigned level, struct region r)
{
	struct region to = model_leads_to(e, level);
	paddr_t lo = max_u64(r.start, to.start);

	/* A NAPOT entry stands for its whole group: not looked into. */
	return root != FRAME_NONE && !pte_is_napot(e) &&
	       model_translates(root, va + (lo - to.start), pte_with_pa(e, lo),
				min_u64(region_end(r), region_end(to)) - lo);
}

/* A leaf of @t itself that overlaps @r, and does not lead there in the root @alike as well. */
static bool page_maps(const struct model_table *t, bool odd, struct region r, paddr_t alike,
		      struct model_leaf *leaf)
{
	for (unsigned i = pte_next_used(t->pa, 0); i < PT_ENTRIES;
	     i = pte_next_used(t->pa, i + 1)) {
		pte_t e = entry_of(t->pa, i);
		vaddr_t va;

		if (!pte_is_leaf(e) || !overlaps(e, t->level, r))
			continue;
		va = model_table_va(t, i);
		if ((odd && !model_odd_leaf(e, va, t->level)) ||
		    part_alike(alike, va, e, t->level, r))
			continue;
		if (leaf != NULL)
			*leaf = (struct model_leaf){e, va, t->level};
		return true;
	}
	return false;
}

/* A leaf of @t itself that overlaps @r and has another memory type than @type. */
static bool page_differs(const struct model_table *t, struct region r, uint64_t type,
			 struct model_leaf *leaf)
{
	for (unsigned i = pte_next_used(t->pa, 0); i < PT_ENTRIES;
	     i = pte_next_used(t->pa, i + 1)) {
		pte_t e = entry_of(t->pa, i);

		if (!pte_is_leaf(e) || (e.raw & PTE_PBMT_MASK) == type || !overlaps(e, t->level, r))
			continue;
		*leaf = (struct model_leaf){e, model_table_va(t, i), t->level};
		return true;
	}
	return false;
}

bool model_tables_differ(struct region r, uint64_t type, bool (*pick)(const struct model_table *),
			 struct model_leaf *leaf)
{
	for (const struct model_table *t = model_table_next(NULL); t != NULL;
	     t = model_table_next(t)) {
		if (t->leaves != 0 && (type != 0 || t->typed != 0) &&
		    page_differs(t, r, type, leaf) && pick(t))
			return true;
	}
	return false;
}

bool model_table_maps(paddr_t pa, unsigned level, struct region r, paddr_t alike,
		      struct model_leaf *leaf)
{
	const struct model_table *t = model_table_find(pa);
	unsigned n = 0;

	/* A page that died is not known any more; nothing is claimed of what is in it now. */
	if (t == NULL || t->level != level)
		return false;
	model_todo[n++] = pa;
	while (n > 0) {
		t = model_table_find(model_todo[--n]);
		if (t == NULL)
			continue;
		if (t->leaves != 0 && page_maps(t, false, r, alike, leaf))
			return true;
		if (t->level > 0)
			n = model_table_push(t->pa, t->level, n);
	}
	return false;
}

bool model_tables_map(struct region r, bool odd, bool (*pick)(const struct model_table *),
		      struct model_leaf *leaf)
{
	for (const struct model_table *t = model_table_next(NULL); t != NULL;
	     t = model_table_next(t)) {
		if (t->leaves != 0 && (!odd || t->odd != 0) &&
		    page_maps(t, odd, r, FRAME_NONE, leaf) && pick(t))
			return true;
	}
	return false;
}
