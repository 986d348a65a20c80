/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's registry of table pages: an open-addressed hash by physical address. */
#include "mm/model_tables.h"

#define MAX_TABLES 8192u /* a power of two; used up to three quarters */

static struct model_table tables[MAX_TABLES];
static unsigned nr_tables;
static unsigned peak;
static unsigned levels;
static paddr_t main_root;

static unsigned hash(paddr_t pa)
{
	return (unsigned)((pa >> PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % MAX_TABLES;
}

void model_tables_reset(unsigned nr_levels)
{
	for (unsigned i = 0; i < MAX_TABLES; i++)
		tables[i] = (struct model_table){0};
	nr_tables = 0;
	main_root = 0;
	levels = nr_levels;
}

struct model_table *model_table_find(paddr_t pa)
{
	for (unsigned i = hash(pa); tables[i].known; i = (i + 1) % MAX_TABLES) {
		if (tables[i].pa == pa)
			return &tables[i];
	}
	return NULL;
}

static struct model_table *insert(paddr_t pa, vaddr_t va, unsigned level)
{
	unsigned i = hash(pa);

	if (nr_tables >= MAX_TABLES / 4 * 3)
		return NULL;
	while (tables[i].known)
		i = (i + 1) % MAX_TABLES;
	tables[i] =
		(struct model_table){.pa = pa, .va = va, .level = (uint8_t)level, .known = true};
	nr_tables++;
	if (nr_tables > peak)
		peak = nr_tables;
	return &tables[i];
}

void model_table_forget(paddr_t pa)
{
	struct model_table *t = model_table_find(pa);
	unsigned hole, i;

	if (t == NULL)
		return;
	nr_tables--;
	hole = (unsigned)(t - tables);
	tables[hole] = (struct model_table){0};
	/* Close the gap: move back what would not be found across it. */
	for (i = (hole + 1) % MAX_TABLES; tables[i].known; i = (i + 1) % MAX_TABLES) {
		unsigned home = hash(tables[i].pa);

		if ((i - home) % MAX_TABLES >= (i - hole) % MAX_TABLES) {
			tables[hole] = tables[i];
			tables[i] = (struct model_table){0};
			hole = i;
		}
	}
}

static vaddr_t sign_extend(vaddr_t va)
{
	unsigned unused = 64 - (PAGE_SHIFT + PT_BITS * levels);

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

vaddr_t model_table_va(const struct model_table *t, unsigned index)
{
	return sign_extend(t->va + index * level_size(t->level));
}

static pte_t entry_of(paddr_t table, unsigned index)
{
	return pte_load((pte_slot_t){table + index * sizeof(pte_t)});
}

/* Pages learned but not yet searched for pages below; a page is at most once in it. */
static paddr_t todo[MAX_TABLES];

/*
 * Put the tables that @table, of @level, points to on the list of @n; returns how many are on it.
 * Only tables of the level below: what points elsewhere (to itself, say) would never end.
 */
static unsigned push_children(paddr_t table, unsigned level, unsigned n)
{
	for (unsigned i = pte_next_used(table, 0); i < PT_ENTRIES;
	     i = pte_next_used(table, i + 1)) {
		const struct model_table *child = model_table_find(pte_pa(entry_of(table, i)));

		if (pte_is_table(entry_of(table, i)) && child != NULL &&
		    child->level + 1u == level && n < MAX_TABLES)
			todo[n++] = child->pa;
	}
	return n;
}

/* Learn @pa as the table of @va at @level and whatever hangs below it. */
static bool learn(paddr_t pa, vaddr_t va, unsigned level)
{
	unsigned n = 0;
	struct model_table *t = model_table_find(pa);

	if (t != NULL) {
		t->links++;
		return true;
	}
	t = insert(pa, va, level);
	if (t == NULL)
		return false;
	t->links = 1;
	todo[n++] = pa;
	while (n > 0) {
		paddr_t page = todo[--n];
		struct model_table at = *model_table_find(page);

		for (unsigned i = pte_next_used(page, 0); i < PT_ENTRIES;
		     i = pte_next_used(page, i + 1)) {
			pte_t e = entry_of(page, i);
			struct model_table *child;

			if (pte_is_leaf(e))
				at.leaves++;
			if (!pte_is_table(e) || at.level == 0)
				continue;
			child = model_table_find(pte_pa(e));
			if (child != NULL) {
				child->links++;
				continue;
			}
			child = insert(pte_pa(e), model_table_va(&at, i), at.level - 1u);
			if (child == NULL)
				return false;
			child->links = 1;
			todo[n++] = child->pa;
		}
		model_table_find(page)->leaves = at.leaves;
	}
	return true;
}

bool model_table_add_root(paddr_t root)
{
	struct model_table *t = model_table_find(root);

	if (main_root == 0)
		main_root = root;
	return t != NULL || learn(root, 0, levels - 1);
}

struct model_leaf model_table_lookup(vaddr_t va)
{
	unsigned level = levels - 1;
	pte_t e = entry_of(main_root, level_index(va, level));

	while (level > 0 && pte_is_table(e)) {
		level--;
		e = entry_of(pte_pa(e), level_index(va, level));
	}
	return (struct model_leaf){pte_is_leaf(e) ? e : PTE_NONE, va, level};
}

/* @pa lost a link. What nothing points to cannot be entered anew; its own links stay until it is
 * freed, since a hart that holds the old pointer still walks it. */
static void unlink_page(paddr_t pa)
{
	struct model_table *t = model_table_find(pa);

	if (t != NULL && t->links > 0)
		t->links--;
}

/* Every hart has fenced: what nothing leads to any more is as unknown as before it was linked. */
void model_table_drop_root(paddr_t root)
{
	unsigned n;

	if (model_table_find(root) == NULL)
		return;
	n = push_children(root, levels - 1, 0);
	model_table_forget(root);
	while (n > 0) {
		paddr_t page = todo[--n];
		const struct model_table *t = model_table_find(page);

		if (t == NULL)
			continue;
		unlink_page(page);
		if (t->links != 0)
			continue;
		if (t->level > 0)
			n = push_children(page, t->level, n);
		model_table_forget(page);
	}
}

bool model_table_update(struct model_table *t, unsigned index, pte_t old, pte_t new)
{
	vaddr_t va = model_table_va(t, index);
	unsigned level = t->level;

	if (pte_is_leaf(old))
		t->leaves--;
	if (pte_is_leaf(new))
		t->leaves++;
	if (level == 0)
		return true;
	if (pte_is_table(old))
		unlink_page(pte_pa(old));
	return !pte_is_table(new) || learn(pte_pa(new), va, level - 1);
}

static bool overlaps(pte_t e, unsigned level, struct region r)
{
	return pte_pa(e) < region_end(r) && r.start < pte_pa(e) + level_size(level);
}

/* A leaf of the page at @pa itself that overlaps @r. */
static bool page_maps(paddr_t pa, vaddr_t va, unsigned level, struct region r,
		      struct model_leaf *leaf)
{
	for (unsigned i = pte_next_used(pa, 0); i < PT_ENTRIES; i = pte_next_used(pa, i + 1)) {
		pte_t e = entry_of(pa, i);

		if (!pte_is_leaf(e) || !overlaps(e, level, r))
			continue;
		if (leaf != NULL)
			*leaf = (struct model_leaf){e, sign_extend(va + i * level_size(level)),
						    level};
		return true;
	}
	return false;
}

bool model_table_maps(paddr_t pa, unsigned level, struct region r, struct model_leaf *leaf)
{
	const struct model_table *t = model_table_find(pa);
	unsigned n = 0;

	/* A page that died is not known any more; nothing is claimed of what is in it now. */
	if (t == NULL || t->level != level)
		return false;
	todo[n++] = pa;
	while (n > 0) {
		t = model_table_find(todo[--n]);
		if (t == NULL)
			continue;
		if (t->leaves != 0 && page_maps(t->pa, t->va, t->level, r, leaf))
			return true;
		if (t->level > 0)
			n = push_children(t->pa, t->level, n);
	}
	return false;
}

bool model_tables_map(struct region r, struct model_leaf *leaf)
{
	for (unsigned i = 0; i < MAX_TABLES; i++) {
		const struct model_table *t = &tables[i];

		if (t->known && t->links != 0 && t->leaves != 0 &&
		    page_maps(t->pa, t->va, t->level, r, leaf))
			return true;
	}
	return false;
}

unsigned model_tables_peak(void)
{
	return peak;
}
