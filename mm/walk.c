/* SPDX-License-Identifier: BSD-2-Clause */
/* The cursor. Reading only: no locks, no fences owed. */
#include "mm/walk.h"

#include "firmware/console.h"
#include "mm/fault.h"

struct pt_cursor pt_root(const struct ptable *pt, vaddr_t va)
{
	unsigned level = pt->mode->levels - 1;

	return (struct pt_cursor){pt_slot(pt->root, va, level), level};
}

struct pt_cursor pt_descend(struct pt_cursor c, vaddr_t va)
{
	unsigned level = c.level - 1;

	return (struct pt_cursor){pt_slot(pte_pa(pte_load(c.slot)), va, level), level};
}

/*
 * Find the entry that translates @va, no lower than @stop_level.
 * Invariant: c.slot is the level c.level entry for @va, c.level >= stop_level.
 */
struct pt_cursor pt_walk(const struct ptable *pt, vaddr_t va, unsigned stop_level)
{
	struct pt_cursor c = pt_root(pt, va);

	while (c.level > stop_level && pte_is_table(pte_load(c.slot)))
		c = pt_descend(c, va);
	return c;
}

enum err pt_check_range(const struct ptable *pt, vaddr_t va, uint64_t size)
{
	vaddr_t last = va + (size - 1);

	if (size == 0 || !is_aligned(va | size, PAGE_SIZE))
		return ERR_INVAL;
	if (fault_armed(FAULT_CANONICAL_UNCHECKED) && last >= va)
		return OK;
	if (last < va || !mode_canonical(pt->mode, va) || !mode_canonical(pt->mode, last) ||
	    (va >> 63) != (last >> 63))
		return ERR_RANGE;
	return OK;
}

struct pt_lookup pt_lookup(const struct ptable *pt, vaddr_t va)
{
	struct pt_lookup l = {0};
	struct pt_cursor c;

	if (!mode_canonical(pt->mode, va))
		return l;
	c = pt_walk(pt, va, 0);
	l.leaf = pte_load(c.slot);
	l.level = c.level;
	l.mapped = pte_is_leaf(l.leaf);
	if (l.mapped)
		l.pa = pte_pa(l.leaf) + (va & (level_size(c.level) - 1));
	return l;
}

void pt_print_walk(const struct ptable *pt, vaddr_t va)
{
	struct pt_cursor c = pt_root(pt, va);

	note("walk of 0x%llx in %s (%s), root 0x%llx:", (unsigned long long)va, pt->name,
	     pt->mode->name, (unsigned long long)pt->root);
	for (;;) {
		pte_t e = pte_load(c.slot);

		note("  l%u[%3u] pte@0x%llx = 0x%016llx %s%s%s%s%s%s%s%s pa 0x%llx", c.level,
		     level_index(va, c.level), (unsigned long long)c.slot.pa,
		     (unsigned long long)e.raw, e.raw & PTE_V ? "V" : "-",
		     e.raw & PTE_R ? "R" : "-", e.raw & PTE_W ? "W" : "-",
		     e.raw & PTE_X ? "X" : "-", e.raw & PTE_U ? "U" : "-",
		     e.raw & PTE_G ? "G" : "-", e.raw & PTE_A ? "A" : "-",
		     e.raw & PTE_D ? "D" : "-", (unsigned long long)pte_pa(e));
		if (c.level == 0 || !pte_is_table(e))
			return;
		c = pt_descend(c, va);
	}
}
