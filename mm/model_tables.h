/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's own knowledge of table pages: which there are, at what level, and which entries lead
 * to them. Derived from roots and from stores alone, so that it cannot share a mistake with the
 * code that it judges. Locks: all under the model's.
 */
#ifndef MM_MODEL_TABLES_H
#define MM_MODEL_TABLES_H

#include "mm/walk.h"

/* 32 bytes: there are thousands. */
struct model_table {
	paddr_t pa;
	vaddr_t va; /* that its entry 0 translates, as it was linked first */
	/* An entry that points to it; further ones are kept apart. */
	uint64_t parent : 44; /* frame number */
	uint64_t index : 9;
	uint64_t level : 3;
	uint64_t known : 1;
	uint64_t root : 1;
	uint64_t held : 1;     /* an old pointer to it may be held: see the records */
	uint64_t links : 16;   /* live entries of known tables that point to it */
	uint64_t leaves : 10;  /* valid leaf entries in it */
	uint64_t globals : 10; /* valid entries in it that have G */
	uint64_t odd : 10;     /* leaves in it that are not of the direct map */
	uint64_t typed : 10;   /* leaves in it that have a memory type */
};

/* An entry that ends a walk. A NAPOT one as the page that was asked for: level 0, own frame. */
struct model_leaf {
	pte_t entry;
	vaddr_t va;
	unsigned level;
};

/* @direct: what the direct map shows, from @direct_va on. */
void model_tables_reset(unsigned levels, vaddr_t direct_va, struct region direct);
vaddr_t model_sign_extend(vaddr_t va);

/* Learn the table at @root and all below it. False: no room. */
bool model_table_add_root(paddr_t root);
/* It is no root any more: tables that only it led to are forgotten. */
void model_table_drop_root(paddr_t root);
/* NULL if no store ever linked it. */
struct model_table *model_table_find(paddr_t pa);
/* Entry @index of @t was @old and is @new: count leaves, link and unlink pages. False: no room. */
bool model_table_update(struct model_table *t, unsigned index, pte_t old, pte_t new);
/* The page is a table no more: what it points to has one link less. */
void model_table_forget(paddr_t pa);
vaddr_t model_table_va(const struct model_table *t, unsigned index);

/*
 * Entries that point to @t now: @fn is called with the table that each is in, the entry's index
 * and the entry.
 */
typedef void (*model_link_fn)(void *arg, const struct model_table *parent, unsigned index, pte_t e);
void model_table_for_links(const struct model_table *t, model_link_fn fn, void *arg);

/* The known table behind @t in no order, the first behind NULL; NULL behind the last. */
const struct model_table *model_table_next(const struct model_table *t);

/* Pages to be looked at: no more than the siblings that are not done, for each level. */
#define MODEL_TODO (PT_MAX_LEVELS * PT_ENTRIES)
extern paddr_t model_todo[MODEL_TODO];
/*
 * Put the tables that @table, of @level, points to on the list of @n; returns how many are on it.
 * Only tables of the level below: what points elsewhere (to itself, say) would never end.
 */
unsigned model_table_push(paddr_t table, unsigned level, unsigned n);

/* ---- mm/model_look.c */

/* What @root, a known table, translates @va to now; an invalid entry if nothing. */
struct model_leaf model_table_lookup(paddr_t root, vaddr_t va);
/* The frames that the leaf @e of @level leads to; of a NAPOT one all 16. */
struct region model_leads_to(pte_t e, unsigned level);
/* Whether @e, an entry of @level, is global, or leads to an entry that is. */
bool model_entry_global(pte_t e, unsigned level);
/* Whether a walker could set A or D in a leaf of @t. */
bool model_table_unset(const struct model_table *t);

/*
 * Whether [@va, @va + @size) translates now, in @root, to where the leaf @e leads and with its
 * rights, be it in leaves of other sizes.
 */
bool model_translates(paddr_t root, vaddr_t va, pte_t e, uint64_t size);

/*
 * Whether the page at @pa (of @level), or one below it, has a leaf that overlaps @r. With @alike, a
 * root: one whose part of @r does not translate there in the same way.
 */
bool model_table_maps(paddr_t pa, unsigned level, struct region r, paddr_t alike,
		      struct model_leaf *leaf);
/*
 * The same for every table that @pick says yes to, and where @odd, leaves only that are not of the
 * direct map.
 */
bool model_tables_map(struct region r, bool odd, bool (*pick)(const struct model_table *),
		      struct model_leaf *leaf);
/*
 * The first leaf that overlaps @r, in a table that @pick says yes to, and whose memory type is not
 * @type; for type 0 only tables that have leaves with one are searched.
 */
bool model_tables_differ(struct region r, uint64_t type, bool (*pick)(const struct model_table *),
			 struct model_leaf *leaf);
unsigned model_tables_peak(void);

#endif
