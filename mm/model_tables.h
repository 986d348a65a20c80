/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's own knowledge of table pages: which are reachable, at what level, for which address.
 * Derived from roots and from stores alone, so that it cannot share a mistake with the code that
 * it judges. Locks: all under the model's.
 */
#ifndef MM_MODEL_TABLES_H
#define MM_MODEL_TABLES_H

#include "mm/walk.h"

struct model_table {
	paddr_t pa;	 /* 0: empty slot */
	vaddr_t va;	 /* that its entry 0 translates */
	uint32_t links;	 /* live entries that point to it; roots count one */
	uint16_t leaves; /* valid leaf entries in it */
	uint8_t level;
	bool known;
};

struct model_leaf {
	pte_t entry;
	vaddr_t va;
	unsigned level;
};

void model_tables_reset(unsigned levels);
/* Learn the table at @root and all below it. False: no room. */
bool model_table_add_root(paddr_t root);
/* What the first root that was added translates @va to now; an invalid entry if nothing. */
struct model_leaf model_table_lookup(vaddr_t va);
/* It is no root any more: tables that only it led to are forgotten. */
void model_table_drop_root(paddr_t root);
/* NULL if no store ever linked it. */
struct model_table *model_table_find(paddr_t pa);
/* Entry @index of @t was @old and is @new: count leaves, link and unlink pages. False: no room. */
bool model_table_update(struct model_table *t, unsigned index, pte_t old, pte_t new);
void model_table_forget(paddr_t pa);
vaddr_t model_table_va(const struct model_table *t, unsigned index);
/* Whether the page at @pa (of @level), or one below it, has a leaf that overlaps @r. */
bool model_table_maps(paddr_t pa, unsigned level, struct region r, struct model_leaf *leaf);
/* The same for every linked table. */
bool model_tables_map(struct region r, struct model_leaf *leaf);
unsigned model_tables_peak(void);

#endif
