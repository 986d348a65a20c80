/* SPDX-License-Identifier: BSD-2-Clause */
/* Page tables and the one cursor that walks them, for all modes and levels. */
#ifndef MM_WALK_H
#define MM_WALK_H

#include "mm/mode.h"
#include "mm/pte.h"

struct shadow;

struct ptable {
	const char *name;
	const struct mmu_mode *mode;
	paddr_t root;
	/*
	 * Root entries are populated once and never change again, so that copies of the root need
	 * no synchronisation (Linux: preallocate_pgd_pages_range). Tables right below the root
	 * are then never freed.
	 */
	bool root_fixed;
	bool live;	       /* harts translate with it: changes need a shootdown */
	struct shadow *shadow; /* what should be mapped, kept apart; NULL: not accounted */
	uint64_t nr_tables;    /* table pages, root included */
};

struct pt_cursor {
	pte_slot_t slot;
	unsigned level;
};

static inline pte_slot_t pt_slot(paddr_t table, vaddr_t va, unsigned level)
{
	return (pte_slot_t){table + level_index(va, level) * sizeof(pte_t)};
}

/* The root entry that translates @va. */
struct pt_cursor pt_root(const struct ptable *pt, vaddr_t va);
/* One level down. The entry at @c points to a table. */
struct pt_cursor pt_descend(struct pt_cursor c, vaddr_t va);
/* The entry that translates @va, no lower than @stop_level: a leaf, none, or at that level. */
struct pt_cursor pt_walk(const struct ptable *pt, vaddr_t va, unsigned stop_level);

/* First address above the entry that @c is, for @va inside it; 0 at the top of the space. */
static inline vaddr_t pt_next(struct pt_cursor c, vaddr_t va)
{
	return align_down(va, level_size(c.level)) + level_size(c.level);
}

/*
 * Whether [@va, @va + @size) is a range that @pt can translate: ERR_INVAL (empty, not page
 * aligned), ERR_RANGE (wraps, not canonical, in both halves).
 */
enum err must_check pt_check_range(const struct ptable *pt, vaddr_t va, uint64_t size);

/*
 * Step over [@va, @last]: from the entry @c that ends the walk of *@va to the first address above
 * it. False, and *@va stays, when that is beyond @last.
 */
static inline bool pt_step(struct pt_cursor c, vaddr_t *va, vaddr_t last)
{
	vaddr_t next = pt_next(c, *va);

	if (next == 0 || next > last)
		return false;
	*va = next;
	return true;
}

/* What a hart without a TLB would find for @va. */
struct pt_lookup {
	bool mapped;
	paddr_t pa; /* of @va itself, not of the leaf */
	pte_t leaf;
	unsigned level;
};
struct pt_lookup pt_lookup(const struct ptable *pt, vaddr_t va);

/* Print the walk of @va, a diagnostic line a level. */
void pt_print_walk(const struct ptable *pt, vaddr_t va);

#endif
