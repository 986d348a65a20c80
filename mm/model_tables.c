/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's registry of table pages: an open-addressed hash by physical address. */
#include "mm/model_tables.h"

#include <string.h>

#include "mm/model_odd.h"
#include "mm/model_report.h"
#include "mm/model_spaces.h"
#include "mm/model_types.h"

#define MAX_TABLES 8192u /* a power of two; used up to three quarters */
#define MAX_LINKS 1024u

/* A further entry that points to a table. */
struct link {
	paddr_t child;
	paddr_t parent;
	unsigned index;
};

static struct model_table tables[MAX_TABLES];
static unsigned nr_tables;
static unsigned peak;
static struct link links[MAX_LINKS];
static unsigned nr_links;
static unsigned levels;

static unsigned hash(paddr_t pa)
{
	return (unsigned)((pa >> PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15) >> 40) % MAX_TABLES;
}

void model_tables_reset(unsigned nr_levels, vaddr_t direct_va, struct region direct)
{
	/* Each that goes leaves zeros: at start-up, a quarter of a MiB need not be cleared twice.
	 */
	if (nr_tables != 0)
		memset(tables, 0, sizeof(tables));
	nr_tables = 0;
	nr_links = 0;
	levels = nr_levels;
	model_odd_reset(direct_va, direct);
	model_types_reset();
}

vaddr_t model_sign_extend(vaddr_t va)
{
	unsigned unused = 64 - (PAGE_SHIFT + PT_BITS * levels);

	return (vaddr_t)((int64_t)(va << unused) >> unused);
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
	tables[i] = (struct model_table){
		.pa = pa, .va = model_sign_extend(va), .level = level & 7, .known = 1};
	nr_tables++;
	if (nr_tables > peak)
		peak = nr_tables;
	return &tables[i];
}

static void remove_table(struct model_table *t)
{
	unsigned hole = (unsigned)(t - tables);

	nr_tables--;
	*t = (struct model_table){0};
	/* Close the gap: move back what would not be found across it. */
	for (unsigned i = (hole + 1) % MAX_TABLES; tables[i].known; i = (i + 1) % MAX_TABLES) {
		unsigned home = hash(tables[i].pa);

		if ((i - home) % MAX_TABLES >= (i - hole) % MAX_TABLES) {
			tables[hole] = tables[i];
			tables[i] = (struct model_table){0};
			hole = i;
		}
	}
}

vaddr_t model_table_va(const struct model_table *t, unsigned index)
{
	return model_sign_extend(t->va + index * level_size(t->level));
}

static pte_t entry_of(paddr_t table, unsigned index)
{
	return pte_load((pte_slot_t){table + index * sizeof(pte_t)});
}

/* ---- which entry points to which table */

static paddr_t parent_of(const struct model_table *t)
{
	return (paddr_t)t->parent << PAGE_SHIFT;
}

static void set_parent(struct model_table *t, paddr_t parent, unsigned index)
{
	t->parent = (parent >> PAGE_SHIFT) & ((UINT64_C(1) << 44) - 1);
	t->index = index & (PT_ENTRIES - 1);
}

static bool add_link(struct model_table *t, paddr_t parent, unsigned index)
{
	model_topology++;
	if (t->links == 0) {
		set_parent(t, parent, index);
	} else {
		if (nr_links == MAX_LINKS)
			return false;
		links[nr_links++] = (struct link){t->pa, parent, index};
	}
	t->links++;
	return true;
}

/*
 * Entry @index of @parent points to @pa no more. What nothing points to cannot be entered anew;
 * its own links stay until it is freed, since a hart that holds the old pointer still walks it.
 */
static struct model_table *del_link(paddr_t pa, paddr_t parent, unsigned index)
{
	struct model_table *t = model_table_find(pa);
	bool first;
	unsigned i = 0;

	if (t == NULL || t->links == 0)
		return t;
	model_topology++;
	first = parent_of(t) == parent && t->index == index;
	if (first && t->links == 1) {
		t->links = 0;
		return t;
	}
	while (i < nr_links && (links[i].child != pa ||
				(!first && (links[i].parent != parent || links[i].index != index))))
		i++;
	if (i == nr_links)
		return t; /* it was never linked here: at another level, say */
	if (first)
		set_parent(t, links[i].parent, links[i].index);
	links[i] = links[--nr_links];
	t->links--;
	return t;
}

/* Only what is there: a table that was overwritten past the model has no entries. */
static void call_link(const struct model_table *t, paddr_t parent, unsigned index, model_link_fn fn,
		      void *arg)
{
	const struct model_table *p = model_table_find(parent);
	pte_t e;

	if (p == NULL || p->level != t->level + 1u)
		return;
	e = entry_of(parent, index);
	if (pte_is_table(e) && pte_pa(e) == t->pa)
		fn(arg, p, index, e);
}

void model_table_for_links(const struct model_table *t, model_link_fn fn, void *arg)
{
	if (t->links == 0)
		return;
	call_link(t, parent_of(t), t->index, fn, arg);
	for (unsigned i = 0; i < nr_links && t->links > 1; i++) {
		if (links[i].child == t->pa)
			call_link(t, links[i].parent, links[i].index, fn, arg);
	}
}

/* ---- learning and forgetting */

paddr_t model_todo[MODEL_TODO];

unsigned model_table_push(paddr_t table, unsigned level, unsigned n)
{
	for (unsigned i = pte_next_used(table, 0); i < PT_ENTRIES;
	     i = pte_next_used(table, i + 1)) {
		pte_t e = entry_of(table, i);
		const struct model_table *child;

		if (!pte_is_table(e) || n == MODEL_TODO)
			continue;
		child = model_table_find(pte_pa(e));
		if (child != NULL && child->level + 1u == level)
			model_todo[n++] = child->pa;
	}
	return n;
}

/* Of a count of entries: 0 to 512. */
#define COUNT_MASK 1023u

static void count_entry(struct model_table *t, unsigned index, pte_t e, int by)
{
	if (!pte_is_valid(e))
		return;
	if ((e.raw & PTE_G) != 0)
		t->globals = (t->globals + (unsigned)by) & COUNT_MASK;
	if (!pte_is_leaf(e))
		return;
	t->leaves = (t->leaves + (unsigned)by) & COUNT_MASK;
	if ((e.raw & PTE_PBMT_MASK) != 0) {
		t->typed = (t->typed + (unsigned)by) & COUNT_MASK;
		model_type_count(e, t->level, by);
	}
	if (model_nr_typed != 0 && by > 0 && !model_type_stored(e, t->level))
		model_overflow("memory types");
	if (model_odd_leaf(e, model_table_va(t, index), t->level)) {
		t->odd = (t->odd + (unsigned)by) & COUNT_MASK;
		model_odd_count(e, t->level, by);
	}
}

/* Learn @pa, the table that entry @index of @parent points to, and whatever hangs below it. */
static bool learn(struct model_table *t)
{
	unsigned n = 0;

	model_todo[n++] = t->pa;
	while (n > 0) {
		t = model_table_find(model_todo[--n]);
		for (unsigned i = pte_next_used(t->pa, 0); i < PT_ENTRIES;
		     i = pte_next_used(t->pa, i + 1)) {
			pte_t e = entry_of(t->pa, i);
			struct model_table *child;
			bool known;

			count_entry(t, i, e, 1);
			if (!pte_is_table(e) || t->level == 0)
				continue;
			child = model_table_find(pte_pa(e));
			known = child != NULL;
			if (!known)
				child = insert(pte_pa(e), model_table_va(t, i), t->level - 1u);
			if (child == NULL || !add_link(child, t->pa, i) || n == MODEL_TODO)
				return false;
			if (!known)
				model_todo[n++] = child->pa;
		}
	}
	return true;
}

/* @t was linked nowhere and is again: its leaves are there anew. */
static void types_again(const struct model_table *t)
{
	unsigned n = 0;

	model_todo[n++] = t->pa;
	while (n > 0 && model_nr_typed != 0) {
		t = model_table_find(model_todo[--n]);
		for (unsigned i = pte_next_used(t->pa, 0); i < PT_ENTRIES && t->leaves != 0;
		     i = pte_next_used(t->pa, i + 1)) {
			pte_t leaf = entry_of(t->pa, i);

			if (pte_is_leaf(leaf) && !model_type_stored(leaf, t->level))
				model_overflow("memory types");
		}
		if (t->level > 0)
			n = model_table_push(t->pa, t->level, n);
	}
}

static bool link_table(pte_t e, const struct model_table *parent, unsigned index)
{
	struct model_table *t = model_table_find(pte_pa(e));
	paddr_t parent_pa = parent->pa;

	if (t != NULL) {
		if (t->links == 0)
			types_again(t);
		return add_link(t, parent_pa, index);
	}
	t = insert(pte_pa(e), model_table_va(parent, index), parent->level - 1u);
	return t != NULL && add_link(t, parent_pa, index) && learn(t);
}

bool model_table_add_root(paddr_t root)
{
	struct model_table *t = model_table_find(root);
	bool known = t != NULL;

	if (!known)
		t = insert(root, 0, levels - 1);
	if (t == NULL)
		return false;
	if (!t->root)
		model_topology++;
	t->root = 1;
	return known || learn(t);
}

void model_table_forget(paddr_t pa)
{
	struct model_table *t = model_table_find(pa);

	if (t == NULL)
		return;
	model_topology++;
	for (unsigned i = pte_next_used(pa, 0);
	     i < PT_ENTRIES && (t->odd != 0 || t->typed != 0 || t->level > 0);
	     i = pte_next_used(pa, i + 1)) {
		pte_t e = entry_of(pa, i);

		if (pte_is_leaf(e) && (t->odd != 0 || t->typed != 0))
			count_entry(t, i, e, -1);
		else if (pte_is_table(e) && t->level > 0)
			(void)del_link(pte_pa(e), pa, i);
	}
	for (unsigned i = nr_links; i-- > 0;) {
		if (t->links > 1 && links[i].child == pa)
			links[i] = links[--nr_links];
	}
	remove_table(t);
}

/* Every hart has fenced: what nothing leads to any more is as unknown as before it was linked. */
void model_table_drop_root(paddr_t root)
{
	const struct model_table *t = model_table_find(root);
	unsigned n = 0;

	if (t == NULL)
		return;
	n = model_table_push(root, t->level, n);
	model_table_forget(root);
	while (n > 0) {
		paddr_t page = model_todo[--n];

		t = model_table_find(page);
		if (t == NULL || t->links != 0 || t->root)
			continue;
		if (t->level > 0)
			n = model_table_push(page, t->level, n);
		model_table_forget(page);
	}
}

bool model_table_update(struct model_table *t, unsigned index, pte_t old, pte_t new)
{
	count_entry(t, index, old, -1);
	count_entry(t, index, new, 1);
	if (t->level == 0)
		return true;
	if (pte_is_table(old))
		(void)del_link(pte_pa(old), t->pa, index);
	return !pte_is_table(new) || link_table(new, t, index);
}

const struct model_table *model_table_next(const struct model_table *t)
{
	unsigned i = t == NULL ? 0 : (unsigned)(t - tables) + 1;

	while (i < MAX_TABLES && !tables[i].known)
		i++;
	return i < MAX_TABLES ? &tables[i] : NULL;
}

unsigned model_tables_peak(void)
{
	return peak;
}
