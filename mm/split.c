/* SPDX-License-Identifier: BSD-2-Clause */
/* Large leaves into small ones, and small ones into large ones, translating alike all the while. */
#include "mm/split.h"

#include "firmware/arch.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/map.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"
#include "mm/shootdown.h"

/* Both edges of a range may need a split at each level but the lowest. */
#define MAX_SPLIT_TABLES (2 * (PT_MAX_LEVELS - 1))

/* Seeded: break before make, as other architectures have to; what lies beside it faults meanwhile.
 */
static void break_leaf(struct pt_batch *b, struct pt_cursor c, vaddr_t va)
{
	pte_t leaf = pte_xchg(c.slot, PTE_NONE);

	pt_touched(b, va, c.level);
	if (shootdown(b) == OK)
		pte_store(c.slot, leaf);
}

/* The leaf at @c becomes a table of 512 leaves that translate the same. Owns @table. */
static void split_leaf(struct pt_batch *b, struct pt_cursor c, vaddr_t va, paddr_t table)
{
	uint64_t part = level_size(c.level - 1);
	pte_t leaf = pte_load(c.slot);

	/*
	 * No break before make: both translate alike, so a hart that holds both is right with
	 * either (Privileged ISA, SFENCE.VMA: which is used is unpredictable). Once more if
	 * hardware set A or D in the leaf meanwhile: the new leaves have to have them too.
	 */
	if (fault_armed(FAULT_SPLIT_BREAKS))
		break_leaf(b, c, va);
	do {
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			pte_store((pte_slot_t){table + i * sizeof(pte_t)},
				  pte_with_pa(leaf, pte_pa(leaf) + i * part));
		/* The entries first: a walker that sees the pointer sees them. */
		arch_wmb();
	} while (!pte_cmpxchg(c.slot, &leaf, pte_table(table)));
	b->pt->nr_tables++;
	b->counts.tables_linked++;
	if (fault_armed(FAULT_SPLIT_NO_FENCE))
		return;
	b->tables_changed = true;
	b->removed = true;
	pt_touched(b, va, c.level);
}

/* Tables that it takes to make @va an edge of a leaf. */
static unsigned split_cost(const struct ptable *pt, vaddr_t va)
{
	struct pt_cursor c = pt_walk(pt, va, 0);
	unsigned n = 0;

	if (!pte_is_mapping(pte_load(c.slot)))
		return 0;
	for (unsigned level = c.level; level > 0 && !is_aligned(va, level_size(level)); level--)
		n++;
	return n;
}

static void split_at(struct pt_batch *b, vaddr_t va, paddr_t *tables, unsigned *nr)
{
	for (;;) {
		struct pt_cursor c = pt_walk(b->pt, va, 0);

		if (!pte_is_mapping(pte_load(c.slot)) || is_aligned(va, level_size(c.level)))
			return;
		model_operation("split");
		split_leaf(b, c, va, tables[--*nr]);
	}
}

enum err pt_split_edges(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags)
{
	paddr_t tables[MAX_SPLIT_TABLES];
	vaddr_t end = va + size; /* 0 at the top of the space */
	unsigned need = split_cost(b->pt, va);
	unsigned nr = 0;
	enum err err = ERR_NOMEM;

	/* Too many by a few when both ends lie in one leaf: what is left goes back. */
	if (end != 0)
		need += split_cost(b->pt, end);
	if (need == 0)
		return OK;
	if ((flags & PT_SPLIT) == 0)
		return ERR_SPLIT;
	while (nr < need) {
		tables[nr] = ptpage_alloc();
		if (tables[nr] == FRAME_NONE)
			goto out_free;
		nr++;
	}
	split_at(b, va, tables, &nr);
	if (end != 0)
		split_at(b, end, tables, &nr);
	err = OK;
out_free:
	/* Never linked, so no hart knows them; but nothing is freed inside an operation. */
	while (nr > 0)
		pt_free_later(b, tables[--nr], 0);
	return err;
}

enum err pt_split(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err = pt_check_range(b->pt, va, size);

	return err != OK ? err : pt_split_edges(b, va, size, PT_SPLIT);
}

/* Whether the 512 entries of @table, of @level, are as one leaf above it would be, in force or
 * parked. */
static bool mergeable(paddr_t table, unsigned level, pte_t *leaf)
{
	pte_t first = pte_load((pte_slot_t){table});

	if (!pte_is_mapping(first) || !is_aligned(pte_pa(first), level_size(level + 1)))
		return false;
	for (unsigned i = 1; i < PT_ENTRIES; i++) {
		pte_t e = pte_load((pte_slot_t){table + i * sizeof(pte_t)});

		if (e.raw != pte_with_pa(first, pte_pa(first) + i * level_size(level)).raw)
			return false;
	}
	*leaf = first;
	return true;
}

/*
 * Whether a leaf of @level at @va would lie inside one extent of the shadow map that allows it. An
 * edge of an extent is somebody's edge: no leaf goes across. Without a shadow map: inside
 * [@start, @last].
 */
static bool merge_allowed(const struct ptable *pt, vaddr_t va, unsigned level, vaddr_t start,
			  vaddr_t last)
{
	vaddr_t end = va + (level_size(level) - 1);
	const struct extent *x;

	if (pt->shadow == NULL)
		return va >= start && end <= last;
	x = shadow_find(pt->shadow, va);
	return x != NULL && x->max_level >= level && end <= x->va + (x->size - 1);
}

void pt_merge(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned max_level)
{
	vaddr_t last = va + (size - 1);

	model_operation("merge");
	if (b->pt->shadow != NULL)
		shadow_merge(b->pt->shadow, va, size);
	for (unsigned level = 1; level <= max_level; level++) {
		vaddr_t at = align_down(va, level_size(level));
		struct pt_cursor c;

		do {
			pte_t e, leaf;

			c = pt_walk(b->pt, at, level);
			e = pte_load(c.slot);
			if (c.level != level || !pte_is_table(e) ||
			    !merge_allowed(b->pt, align_down(at, level_size(level)), level, va,
					   last) ||
			    !mergeable(pte_pa(e), level - 1, &leaf))
				continue;
			/*
			 * The leaf and what it replaces translate alike (see split_leaf()). A and D
			 * are in all 512 or the merge would not be.
			 */
			pte_store(c.slot, leaf);
			if (!fault_armed(FAULT_STALE_MERGE))
				pt_touched(b, at, level);
			b->removed = true;
			pt_bury(b, pte_pa(e), level - 1);
		} while (pt_step(c, &at, last));
	}
}
