/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB model: an adversary that remembers, per hart, every translation and every table pointer
 * that the privileged architecture lets that hart still hold. It is fed by arch.h (stores to
 * entries, fences with their operands, root switches, harts that start and stop) and by the
 * allocators (death of frames and of table pages), and calls out what is freed, unplugged or
 * declared complete while some hart may still use the old entry.
 *
 * Rules (Privileged ISA, SFENCE.VMA and "Memory-Management Fence"):
 *  - a hart may cache any entry of a table that it can reach, valid or not, at any time;
 *  - rs1 = va reaches leaf entries of that address only; entries that were or became pointers
 *    need rs1 = x0;
 *  - rs2 = asid leaves global entries; kernel entries are global, so they need rs2 = x0;
 *  - a fence orders the stores before it: one that runs beside a store proves nothing about it.
 * Svvptc (invalid entries not kept for long) is not relied on: it bounds a time, not an order.
 */
#ifndef MM_MODEL_H
#define MM_MODEL_H

#include "firmware/arch.h"
#include "mm/walk.h"

enum violation_kind {
	VIOLATION_NO_FENCE,	   /* operation complete, some hart may hold the old entry */
	VIOLATION_TABLE_FREED,	   /* table page freed, some hart may still walk it */
	VIOLATION_TABLE_LINKED,	   /* table page freed while an entry points to it */
	VIOLATION_FRAME_FREED,	   /* frame freed, some hart may hold an old leaf to it */
	VIOLATION_FRAME_MAPPED,	   /* frame freed or unplugged while a live leaf maps it */
	VIOLATION_FRAME_UNPLUGGED, /* frame unplugged, some hart may hold an old leaf to it */
	VIOLATION_OVERFLOW,	   /* the log was full: nothing can be claimed any more */
	NR_VIOLATION_KINDS,
};

struct violation {
	enum violation_kind kind;
	paddr_t pa;		/* what was freed or unplugged; 0 for NO_FENCE */
	vaddr_t va;		/* that the entry translated */
	unsigned level;		/* of the entry */
	pte_t old;		/* what may still be held */
	unsigned writer;	/* hart that stored */
	struct hartset holders; /* harts that may hold it */
};

const char *violation_name(enum violation_kind k);
/* The clause that the violation breaks. */
const char *violation_clause(enum violation_kind k);

/*
 * Start to watch. @pt is the live kernel table on which this hart translates, fenced. From here
 * on every hart is taken to be able to hold what is reachable from a known root.
 */
void model_init(const struct ptable *pt);
bool model_enabled(void);

/* An operation of this hart begins; the token goes to model_complete(). */
uint64_t model_begin(void);
/* It is declared complete: no hart may hold anything that this hart changed since @begin. */
void model_complete(uint64_t begin);

/* No hart translates with the root @root any more, and every hart has fenced since. */
void model_root_dropped(paddr_t root);

/* A table page of @pa goes back to an allocator. */
void model_table_freed(paddr_t pa);
/* Frames go back to an allocator. */
void model_frames_freed(struct region r);
/* What [@va, @va + @size) translated to is about to be freed: no live leaf may be there any more.
 */
void model_range_freed(vaddr_t va, uint64_t size);
/* Frames are about to vanish from the machine: nothing may map them, nobody may hold them. */
void model_frames_unplugged(struct region r);

/*
 * Violations since the last call: up to @max of them in @v, *@kept in number, the first of each
 * kind among them where there is room; returns how many there were in all.
 */
unsigned model_take_violations(struct violation *v, unsigned max, unsigned *kept);

/* Figures for the closing lines: stores seen, fences seen, most records alive at once. */
struct model_stats {
	uint64_t stores;
	uint64_t fences;
	uint64_t records_peak;
	uint64_t tables_peak;
};
struct model_stats model_stats(void);

#endif
