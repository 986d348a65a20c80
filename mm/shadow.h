/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What should be mapped: a sorted list of extents, kept by plain list operations beside the page
 * table and compared with a walk of it (audit.h). Edges of extents are edges of operations: a leaf
 * never crosses one, and inside one every leaf is as large as it may be.
 */
#ifndef MM_SHADOW_H
#define MM_SHADOW_H

#include "firmware/types.h"

struct extent {
	vaddr_t va;
	uint64_t size;
	paddr_t pa;
	uint64_t prot;	    /* PTE flags without V */
	unsigned max_level; /* no leaf above this level */
	bool parked;	    /* not in force (pte_is_parked()) */
};

struct shadow {
	struct extent *extents;
	unsigned nr;
	unsigned max;
	bool lost; /* an extent found no room: the audit says so instead of comparing */
};

void shadow_init(struct shadow *s, struct extent *storage, unsigned max);
/* Goes on with the extent before it where an edge between them would mean nothing to leaves. */
void shadow_map(struct shadow *s, struct extent e);
void shadow_unmap(struct shadow *s, vaddr_t va, uint64_t size);
void shadow_protect(struct shadow *s, vaddr_t va, uint64_t size, uint64_t prot);
void shadow_park(struct shadow *s, vaddr_t va, uint64_t size);
/* Join neighbours in [@va, @va + @size) that go on where the other ends, with the same rights. */
void shadow_merge(struct shadow *s, vaddr_t va, uint64_t size);
/* The extent that holds @va, or NULL. */
const struct extent *shadow_find(const struct shadow *s, vaddr_t va);

#endif
