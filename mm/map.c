/* SPDX-License-Identifier: BSD-2-Clause */
/* Map, unmap, protect and split through one cursor. */
#include "mm/map.h"

#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"
#include "mm/shootdown.h"

/* Both edges of a range may need a split at each level but the lowest. */
#define MAX_SPLIT_TABLES (2 * (PT_MAX_LEVELS - 1))

void pt_begin(struct pt_batch *b, struct ptable *pt)
{
	*b = (struct pt_batch){
		.pt = pt,
		.model_token = model_begin(),
		.first = UINT64_MAX,
		.leaf_size = UINT64_MAX,
		.dead_head = FRAME_NONE,
	};
}

void pt_touched(struct pt_batch *b, vaddr_t va, unsigned level)
{
	vaddr_t start = align_down(va, level_size(level));

	b->changed = true;
	b->first = min_u64(b->first, start);
	b->last = max_u64(b->last, start + (level_size(level) - 1));
	b->leaf_size = min_u64(b->leaf_size, level_size(level));
}

void pt_replaced(struct pt_batch *b, vaddr_t va, unsigned level)
{
	pt_touched(b, va, level);
	b->removed = true;
}

/* Free @table, of @level, behind the shootdown. */
static void free_later(struct pt_batch *b, paddr_t table, unsigned level)
{
	struct frame *f = frame_of(table);

	f->prev = level;
	f->next = b->dead_head == FRAME_NONE ? 0 : (b->dead_head >> PAGE_SHIFT) + 1;
	b->dead_head = table;
}

/*
 * A dead table's contents stay as they are until the shootdown: a hart may still walk it. So the
 * chain is in the frame's record, never in the page (pKVM-IA #41).
 */
static void bury(struct pt_batch *b, paddr_t table, unsigned level)
{
	b->tables_changed = true;
	b->counts.tables_unlinked++;
	b->pt->nr_tables--;
	if (fault_armed(FAULT_LEAK_TABLE))
		return;
	if (fault_armed(FAULT_FREE_EARLY))
		ptpage_free(table, level);
	else
		free_later(b, table, level);
}

/* Seeded: the table is freed while its parent still leads to it. */
static void bury_linked(struct pt_batch *b, paddr_t table, unsigned level)
{
	b->tables_changed = true;
	b->counts.tables_unlinked++;
	b->pt->nr_tables--;
	ptpage_free(table, level);
}

static void free_dead(struct pt_batch *b)
{
	while (b->dead_head != FRAME_NONE) {
		paddr_t table = b->dead_head;
		struct frame *f = frame_of(table);
		unsigned level = (unsigned)f->prev;

		b->dead_head = f->next == 0 ? FRAME_NONE : (f->next - 1) << PAGE_SHIFT;
		f->next = 0;
		f->prev = 0;
		ptpage_free(table, level);
		if (fault_armed(FAULT_DOUBLE_FREE))
			ptpage_free(table, level);
	}
}

enum err pt_commit(struct pt_batch *b)
{
	enum err err = OK;

	if (b->changed && b->pt->live)
		err = shootdown(b); /* unlinked before; freed behind */
	/* Without an answer from every hart nothing may be reused: it is lost, and said to be. */
	if (err != OK)
		return err;
	if (b->pt->live)
		model_complete(b->model_token);
	free_dead(b);
	return OK;
}

static enum err check_range(const struct ptable *pt, vaddr_t va, uint64_t size)
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

unsigned pt_best_level(vaddr_t va, paddr_t pa, uint64_t size, unsigned max_level)
{
	unsigned level = max_level;

	/* Levels are tried from above: both addresses aligned and enough left. */
	while (level > 0 && (!is_aligned(va | pa, level_size(level)) || size < level_size(level)))
		level--;
	return level;
}

/*
 * Step over [@va, last]: for each entry that ends the walk, the first address above it. @more is
 * false when that is beyond @last.
 */
static bool step(struct pt_cursor c, vaddr_t *va, vaddr_t last)
{
	vaddr_t next = pt_next(c, *va);

	if (next == 0 || next > last)
		return false;
	*va = next;
	return true;
}

static bool anything_mapped(const struct ptable *pt, vaddr_t va, vaddr_t last)
{
	struct pt_cursor c;

	do {
		c = pt_walk(pt, va, 0);
		/* Not valid but not none either: somebody's state, not ours to overwrite. */
		if (!pte_is_none(pte_load(c.slot)))
			return true;
	} while (step(c, &va, last));
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
			bury_linked(b, pte_pa(e), level - 1);
		pte_store(c.slot, PTE_NONE); /* 1. unlink; pt_commit() does 2. and 3. */
		pt_touched(b, va, level);
		if (!fault_armed(FAULT_TABLE_FREED_FIRST))
			bury(b, pte_pa(e), level - 1);
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
		more = step(c, &va, last);
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
	enum err err = check_range(b->pt, va, size);
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

/* Make both ends of [@va, @last] edges of leaves, or change nothing. */
static enum err split_edges(struct pt_batch *b, vaddr_t va, vaddr_t last, unsigned flags)
{
	paddr_t tables[MAX_SPLIT_TABLES];
	vaddr_t end = last + 1;
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
		free_later(b, tables[--nr], 0);
	return err;
}

enum err pt_split(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err = check_range(b->pt, va, size);

	return err != OK ? err : split_edges(b, va, va + (size - 1), PT_SPLIT);
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
			bury(b, pte_pa(e), level - 1);
		} while (step(c, &at, last));
	}
}

static enum err check_mapped(const struct ptable *pt, vaddr_t va, vaddr_t last)
{
	struct pt_cursor c;

	do {
		c = pt_walk(pt, va, 0);
		if (!pte_is_mapping(pte_load(c.slot)))
			return ERR_NOENT;
	} while (step(c, &va, last));
	return OK;
}

/* What unmap and protect have in common before their first change. */
static enum err prepare(struct pt_batch *b, vaddr_t va, uint64_t size, unsigned flags)
{
	enum err err = check_range(b->pt, va, size);

	if (err == OK && (flags & PT_HOLES_OK) == 0)
		err = check_mapped(b->pt, va, va + (size - 1));
	if (err == OK)
		err = split_edges(b, va, va + (size - 1), flags);
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
	} while (step(c, &va, last));
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
