/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The past of the simulated machine's tables, from which arch_sim_walk.c tells what a hart may
 * hold: stores, fences and roots, and which pages walks can enter. For arch_sim_tlb.c,
 * arch_sim_pages.c and arch_sim_walk.c alone.
 */
#ifndef TESTS_HOST_ARCH_SIM_PAST_H
#define TESTS_HOST_ARCH_SIM_PAST_H

#include "mm/pte.h"
#include "tests/host/arch_sim.h"

#define MAX_OLD_ROOTS 8u
#define LOG_BUCKETS (1u << 14)

/* One store to an entry that some hart could reach. */
struct change {
	uint64_t seq;
	paddr_t slot;
	pte_t old;
	pte_t new;
	bool global;   /* one of both is, or leads to what is */
	int32_t below; /* the one before it in its bucket, -1: none */
};

struct past_fence {
	uint64_t seq;
	struct fence_op op;
};

struct root {
	paddr_t table;
	unsigned levels;
	uint16_t asid;
	uint64_t left; /* when it was switched away from */
};

struct sim_tlb {
	bool on;
	uint64_t last_full;	   /* rs1 = rs2 = x0 */
	struct past_fence *fences; /* lesser ones since */
	unsigned nr_fences, max_fences;
	struct root root;
	struct root old_roots[MAX_OLD_ROOTS];
	unsigned nr_old_roots;
	uint64_t inval_begun; /* SFENCE.W.INVAL, 0: none */
	unsigned nr_pending;  /* of fences[], from the end: SFENCE.INVAL.IR is to come */
};

struct past {
	uint64_t now; /* counts whatever may change what a hart holds */
	struct sim_tlb tlbs[SIM_MAX_HARTS];
	struct change *changes;
	int32_t nr_changes;
	int32_t log_heads[LOG_BUCKETS]; /* by past_bucket(): the latest in @changes */
};
extern struct past past;

static inline unsigned past_bucket(paddr_t slot)
{
	return (unsigned)((slot >> 3) * UINT64_C(0xbf58476d1ce4e5b9) >> 44) % LOG_BUCKETS;
}

/* When @t last fenced what @c changed, the entry of [@va, @va + @size). */
uint64_t past_fenced_at(const struct sim_tlb *t, const struct change *c, vaddr_t va, uint64_t size,
			bool global, uint16_t asid);

/* ---- arch_sim_pages.c */

/* Pages that a walk can enter, with the entries and roots that lead to them. */
struct page {
	paddr_t pa;
	vaddr_t va; /* that its entry 0 translates, as it was linked first */
	unsigned level;
	unsigned links;
	bool reachable;
	struct page *next;
};

/* The page at @pa if a walk ever entered it, else NULL. */
struct page *page_find(paddr_t pa);
pte_t page_entry(paddr_t table, unsigned index);
/* An entry or a root leads to @pa from here on, a table of @level whose entry 0 translates @va. */
void page_link(paddr_t pa, vaddr_t va, unsigned level);
/* It does so no more. The page stays reachable through what harts hold. */
void page_unlink(paddr_t pa);
/* The history is forgotten: those that nothing leads to are not reachable any more. */
void pages_forget_lost(void);
/* The lowest address that the entry at @slot translates. */
vaddr_t page_slot_va(const struct page *p, paddr_t slot);

/* Room for @size bytes, never given back; for @nr elements of @size, @have of which are in use. */
void *room_take(size_t size);
void *room_grow(const void *array, size_t have, size_t nr, size_t size);

#endif
