/* SPDX-License-Identifier: BSD-2-Clause */
/* Map, unmap and protect through one cursor. */
#include "mm/map.h"

#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/memtype.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"
#include "mm/split.h"

unsigned pt_best_level(vaddr_t va, paddr_t pa, uint64_t size, unsigned max_level)
{
	unsigned level = max_level;

	/* Levels are tried from above: both addresses aligned and enough left. */
	while (level > 0 && (!is_aligned(va | pa, level_size(level)) || size < level_size(level)))
		level--;
	return level;
}

static bool anything_mapped(const struct ptable *pt, vaddr_t va, vaddr_t last)
{
	struct pt_cursor c;

	do {
		c = pt_walk(pt, va, 0);
		/* Not valid but not none either: somebody's state, not ours to overwrite. */
		if (!pte_is_none(pte_load(c.slot)))
			return true;
	} while (pt_step(c, &va, last));
	return false;
}

/* Put a zeroed table under the empty entry @c. */
static enum err link_table(struct ptable *pt, struct pt_cursor c)
{
	paddr_t table = ptpage_alloc();

	if (table == FRAME_NONE)
		return ERR_NOMEM;
	/* Zeros first: a walker that sees the pointer sees them. */
	arch_wmb();
	pte_store(c.slot, pte_table(table));
	pt->nr_tables++;
	return OK;
}

/* The entry for @va at @level, with tables made on the way. Nothing but tables is in the way. */
static enum err walk_create(struct pt_batch *b, vaddr_t va, unsigned level, struct pt_cursor *out)
{
	struct pt_cursor c = pt_root(b->pt, va);

	while (c.level > level) {
		if (pte_is_none(pte_load(c.slot))) {
			enum err err = link_table(b->pt, c);

			if (err != OK)
				return err;
			pt_touched(b, va, c.level);
			b->tables_changed = true;
			b->counts.tables_linked++;
		}
		c = pt_descend(c, va);
	}
	/* An empty table that somebody populated (pt_populate()) stays: map below it. */
	while (pte_is_table(pte_load(c.slot)))
		c = pt_descend(c, va);
	*out = c;
	return OK;
}

static bool table_empty(paddr_t table)
{
	return pte_next_used(table, 0) == PT_ENTRIES;
}

void pt_prune(struct pt_batch *b, vaddr_t va, unsigned top)
{
	unsigned root = b->pt->mode->levels - 1;

	for (unsigned level = 1; level <= top && level <= root; level++) {
		struct pt_cursor c = pt_walk(b->pt, va, level);
		pte_t e = pte_load(c.slot);

		if (level == root && b->pt->root_fixed)
			return;
		if (c.level != level || !pte_is_table(e))
			continue;
		if (!table_empty(pte_pa(e)))
			return;
		if (fault_armed(FAULT_TABLE_FREED_FIRST))
			pt_bury_linked(b, pte_pa(e), level - 1);
		pte_store(c.slot, PTE_NONE); /* 1. unlink; pt_commit() does 2. and 3. */
		pt_touched(b, va, level);
		if (!fault_armed(FAULT_TABLE_FREED_FIRST))
			pt_bury(b, pte_pa(e), level - 1);
	}
}

/*
 * Clear the leaves in [@va, @last]; edges are edges of leaves. Holes are passed over. @flags:
 * PT_KEEP_TABLES.
 */
static void clear_leaves(struct pt_batch *b, vaddr_t va, vaddr_t last, unsigned flags)
{
	vaddr_t cleared = 0;
	unsigned level = 0;
	bool dirty = false; /* @cleared, at @level, lies in a table that may be empty now */
	bool more;

	do {
		struct pt_cursor c = pt_walk(b->pt, va, 0);
		pte_t e = pte_load(c.slot);

		if (!pte_is_none(e) && !(fault_armed(FAULT_PARKED_KEPT) && pte_is_parked(e))) {
			/* xchg: hardware may write A or D into the entry until it is gone. */
			(void)pte_xchg(c.slot, PTE_NONE);
			pt_touched(b, va, c.level);
			b->removed = true;
			b->counts.leaves_cleared[c.level]++;
			cleared = va;
			level = c.level;
			dirty = true;
		}
		more = pt_step(c, &va, last);
		/* The walk leaves the table: with what was cleared it may be empty. */
		if (dirty && (!more || (cleared ^ va) >> level_shift(level + 1) != 0)) {
			if ((flags & PT_KEEP_TABLES) == 0)
				pt_prune(b, cleared, PT_MAX_LEVELS);
			dirty = false;
		}
	} while (more);
}

enum err pt_map(struct pt_batch *b, vaddr_t va, paddr_t pa, uint64_t size, uint64_t prot,
		unsigned max_level)
{
	enum err err = pt_check_range(b->pt, va, size);
	uint64_t done = 0;

	if (err != OK)
		return err;
	model_operation("map");
	if (!is_aligned(pa, PAGE_SIZE) || max_level > mode_max_leaf(b->pt->mode) ||
	    !prot_valid(prot))
		return ERR_INVAL;
	if (pa + (size - 1) < pa || (pa + (size - 1)) >> PA_BITS != 0)
		return ERR_RANGE;
	if (anything_mapped(b->pt, va, va + (size - 1)))
		return ERR_EXIST;
	while (done < size) {
		unsigned level = pt_best_level(va + done, pa + done, size - done, max_level);
		struct pt_cursor c;

		if (fault_armed(FAULT_SMALL_LEAF) && level > 1)
			level = 1;

		err = walk_create(b, va + done, level, &c);
		if (err != OK)
			goto out_undo;
		pte_store(c.slot, pte_leaf(pa + done, prot));
		pt_touched(b, va + done, c.level);
		b->counts.leaves_set[c.level]++;
		done += level_size(c.level);
	}
	if (b->pt->shadow != NULL)
		shadow_map(b->pt->shadow, (struct extent){va, size, pa, prot, max_level, false});
	return OK;

out_undo:
	if (done != 0)
		clear_leaves(b, va, va + (done - 1), 0);
	/* Tables made for the leaf that was not reached. */
	if (!fault_armed(FAULT_UNDO_TABLES))
		pt_prune(b, va + done, PT_MAX_LEVELS);
	return err;
}

static enum err check_mapped(const struct ptable *pt, vaddr_t va, vaddr_t last)
{
	struct pt_cursor c;

	do {
		c = pt_walk(pt, va, 0);
		if (!pte_is_mapping(pte_load(c.slot)))
			return ERR_NOENT;
	} while (pt_step(c, &va, last));
	return OK;
}

/* What unmap and protect have in common before their first change. */
static enum err prepare(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags)
{
	enum err err = pt_check_range(b->pt, va, size);

	if (err == OK && (flags & PT_HOLES_OK) == 0)
		err = check_mapped(b->pt, va, va + (size - 1));
	if (err == OK)
		err = pt_split_edges(b, va, size, flags);
	return err;
}

/* Seeded: the leaf behind the range goes too, as when a shared leaf is cleared whole. */
static void clear_neighbour(struct pt_batch *b, vaddr_t va)
{
	struct pt_cursor c;

	if (!mode_canonical(b->pt->mode, va))
		return;
	c = pt_walk(b->pt, va, 0);
	if (pte_is_leaf(pte_load(c.slot)))
		clear_leaves(b, va, va + (level_size(c.level) - 1), 0);
}

/* Seeded: where a range ends that is a leaf short, if it has more than one. */
static vaddr_t but_last_leaf(const struct pt_batch *b, vaddr_t va, uint64_t size)
{
	vaddr_t last = va + (size - 1);
	vaddr_t leaf = align_down(last, level_size(pt_walk(b->pt, last, 0).level));

	return leaf > va ? leaf - 1 : last;
}

enum err pt_unmap(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags)
{
	enum err err = prepare(b, va, size, flags);

	if (err != OK)
		return err;
	model_operation("unmap");
	clear_leaves(b, va,
		     fault_armed(FAULT_ONE_PAGE_SHORT) ? but_last_leaf(b, va, size)
						       : va + (size - 1),
		     flags);
	if (fault_armed(FAULT_NEIGHBOUR_LEAF))
		clear_neighbour(b, va + size);
	if (b->pt->shadow != NULL)
		shadow_unmap(b->pt->shadow, va, size);
	return OK;
}

void pt_unmap_own(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err = size == 0 ? OK : pt_unmap(b, va, size, 0);

	if (err != OK)
		panic("0x%llx+0x%llx is not mapped as it was: %s", (unsigned long long)va,
		      (unsigned long long)size, err_name(err));
}

/* Every leaf of [@va, @last] gets @prot, or is parked with the rights that it has. */
static void change_leaves(struct pt_batch *b, vaddr_t va, vaddr_t last, uint64_t prot, bool park)
{
	struct pt_cursor c;

	do {
		pte_t old, new;

		c = pt_walk(b->pt, va, 0);
		old = pte_load(c.slot);
		if (!pte_is_mapping(old))
			continue;
		do {
			new = park ? pte_parked(old) : pte_leaf(pte_pa(old), prot);
		} while (!pte_cmpxchg(c.slot, &old, new));
		pt_touched(b, va, c.level);
		b->removed = true;
		b->counts.leaves_changed++;
	} while (pt_step(c, &va, last));
}

enum err pt_protect(struct pt_batch *b, vaddr_t va, uint64_t size, uint64_t prot, unsigned flags)
{
	bool whole = fault_armed(FAULT_PROTECT_WHOLE) && (flags & PT_SPLIT) != 0;
	enum err err = !prot_valid(prot) ? ERR_INVAL
		       : whole		 ? check_mapped(b->pt, va, va + (size - 1))
					 : prepare(b, va, size, flags);

	if (err != OK)
		return err;
	model_operation("protect");
	change_leaves(b, va, va + (size - 1), prot, false);
	if (b->pt->shadow != NULL)
		shadow_protect(b->pt->shadow, va, size, prot);
	return OK;
}

enum err pt_park(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags)
{
	enum err err = prepare(b, va, size, flags);

	if (err != OK)
		return err;
	model_operation("park");
	change_leaves(b, va, va + (size - 1), 0, true);
	if (b->pt->shadow != NULL)
		shadow_park(b->pt->shadow, va, size);
	return OK;
}

enum err pt_populate(struct ptable *pt, vaddr_t va, unsigned level)
{
	struct pt_cursor c = pt_root(pt, va);

	model_operation("populate");
	for (; c.level > level; c = pt_descend(c, va)) {
		enum err err = OK;

		if (pte_is_none(pte_load(c.slot)))
			err = link_table(pt, c);
		if (err != OK)
			return err;
	}
	return OK;
}

enum err pt_create(struct ptable *pt, const char *name, const struct mmu_mode *mode)
{
	paddr_t root = ptpage_alloc();

	if (root == FRAME_NONE)
		return ERR_NOMEM;
	*pt = (struct ptable){.name = name, .mode = mode, .root = root, .nr_tables = 1};
	return OK;
}

void pt_destroy(struct ptable *pt)
{
	if (pt->live || pt->nr_tables != 1 || !table_empty(pt->root))
		panic("table %s is destroyed with %llu tables, live %d", pt->name,
		      (unsigned long long)pt->nr_tables, pt->live);
	ptpage_free(pt->root, pt->mode->levels - 1);
	pt->root = FRAME_NONE;
}
