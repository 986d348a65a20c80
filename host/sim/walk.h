/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table walk, and what a page-table entry means. */
#ifndef HOST_SIM_WALK_H
#define HOST_SIM_WALK_H

#include "host/sim/hart.h"

/* Is @va one that the mode in force can translate? */
bool walk_canonical(const struct hart *h, uint64_t va);

/*
 * Find the entry that ends the walk for page @vpn: a leaf, or one that does not translate. Reads
 * memory and the pointers that are cached; stores the pointers that it finds. False: the walk made
 * an access that is not allowed (access fault).
 */
bool walk_page(struct hart *h, uint64_t vpn, struct tlb_entry *out);

/* True if the leaf @e translates at all: valid, no reserved bits, aligned. */
bool walk_leaf_valid(const struct hart *h, const struct tlb_entry *e);

/* Host address of the page-table entry at @slot for @a, NULL if a walk may not touch it. */
uint64_t *walk_slot(struct hart *h, uint64_t slot, enum access a);

#endif
