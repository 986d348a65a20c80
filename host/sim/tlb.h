/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The address-translation caches of one hart: two first-level TLBs, a second level, and pointers
 * to tables. Nothing leaves them but by a fence that has to reach it, or for want of room. This
 * file stores, finds and removes; mmu.c uses, fence.c decides what a fence reaches.
 */
#ifndef HOST_SIM_TLB_H
#define HOST_SIM_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sim/config.h"
#include "host/sim/rng.h"

/* An entry of a page table as it was read; also one that does not translate. */
struct tlb_entry {
	bool valid;
	bool global;	   /* G here or in a pointer above: every ASID */
	uint8_t level;	   /* of the page-table entry: 0 is 4 KiB */
	uint8_t span_bits; /* log2 of the pages that this entry answers for */
	uint16_t asid;
	uint16_t napot; /* which pages of a NAPOT range are held; else all bits set */
	uint16_t used;	/* accesses that have gone through, 1 << enum access */
	uint64_t vpn;	/* first page, 52 bits */
	uint64_t pte;
	uint64_t slot;	/* where it was read */
	uint64_t born;	/* when it, or a pointer on the way to it, was read */
	uint64_t stamp; /* last use, for REPLACE_LRU */
	uint64_t live;	/* counts up whenever this slot changes: see fast.h */
	bool sum, mxr;	/* when it was filled: only for a fault */
};

/* A pointer to the table of @level that translates what @vpn begins with. */
struct pwc_entry {
	bool valid;
	bool global;
	uint8_t level;
	uint16_t asid;
	uint64_t prefix; /* vpn >> 9 * (level + 1) */
	uint64_t table;
	uint64_t born;
	uint64_t stamp;
};

struct tlb {
	struct tlb_config config;
	struct rng rng;
	struct tlb_entry *l1i, *l1d, *l2;
	struct pwc_entry *pwc;
	uint64_t clock;
	uint64_t l2_spans; /* bit N: the second level has had an entry of 2^N pages */
	unsigned hart;	   /* faults may be on one hart only */
	uint16_t asid_mask;
};

enum tlb_array { TLB_L1I, TLB_L1D, TLB_L2 };

/* False without memory. */
bool tlb_init(struct tlb *t, const struct tlb_config *c, uint64_t seed);
void tlb_free(struct tlb *t);

/* An entry that answers for page @vpn in @asid, NULL if there is none. */
struct tlb_entry *tlb_find_l1(struct tlb *t, enum tlb_array a, uint64_t vpn, uint16_t asid);
struct tlb_entry *tlb_find_l2(struct tlb *t, uint64_t vpn, uint16_t asid);

/* Store a copy of @e, in place of some other entry. NULL where the array has no entries. */
struct tlb_entry *tlb_fill_l1(struct tlb *t, enum tlb_array a, const struct tlb_entry *e);
void tlb_fill_l2(struct tlb *t, const struct tlb_entry *e);

/* The pointer to the lowest table on the way to @vpn that is cached, at most @max_level. */
struct pwc_entry *pwc_find(struct tlb *t, uint64_t vpn, uint16_t asid, unsigned max_level);
void pwc_fill(struct tlb *t, const struct pwc_entry *e);

/* Each valid entry of @a to @drop, which removes it with tlb_drop() if it has to. */
void tlb_for_each(struct tlb *t, enum tlb_array a, void (*fn)(struct tlb_entry *e, const void *arg),
		  const void *arg);
void tlb_drop(struct tlb_entry *e);

/* The page-table entries that lie at @slot, all copies: what a walker does that found it changed.
 */
void tlb_forget_slot(struct tlb *t, uint64_t slot);

#endif
