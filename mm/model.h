/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB model: an adversary that remembers, per hart, every translation and every table pointer
 * that the privileged architecture lets that hart still hold. It is fed by arch.h (stores to
 * entries, fences with their operands, root switches, harts that start and stop) and by the
 * allocators (death of frames and of table pages), and calls out what is freed, unplugged or
 * declared complete while some hart may still use the old entry.
 *
 * Rules (Privileged ISA, SFENCE.VMA and "Memory-Management Fence"):
 *  - a hart may cache any entry of a table that it can reach from the root that it runs, or by a
 *    pointer that it holds, valid or not, at any time, and keeps it until a fence reaches it;
 *  - rs1 = va reaches leaf entries of that address only, all of a superpage by any address in it;
 *    entries that were or became pointers need rs1 = x0; of a NAPOT entry each page its own fence;
 *  - rs2 = asid reaches that ASID only, and leaves what was or became global, by its own G or by
 *    that of a pointer on the way;
 *  - a fence orders the stores before it: one that runs beside a store proves nothing about it;
 *  - what maps a page has one memory type (Svpbmt), at the end of each operation.
 * Svvptc (invalid entries not kept for long) is not relied on: it bounds a time, not an order.
 *
 * model.c takes the feeds and model_check.c the questions; model_tables.c knows which tables there
 * are, model_types.c their memory types, model_paths.c how they are reached, model_spaces.c by
 * whom, model_records.c what was replaced.
 */
#ifndef MM_MODEL_H
#define MM_MODEL_H

#include "firmware/arch.h"
#include "mm/walk.h"

enum violation_kind {
	VIOLATION_NO_FENCE,	   /* operation complete, some hart may hold the old entry */
	VIOLATION_TABLE_FREED,	   /* table page freed, some hart may still walk it */
	VIOLATION_TABLE_LINKED,	   /* table page freed while an entry points to it */
	VIOLATION_TABLE_WRITTEN,   /* table page freed while a walker may still set A or D in it */
	VIOLATION_ROOT_HELD,	   /* root dropped while a hart may walk it */
	VIOLATION_SWITCH,	   /* root used behind another with its ASID, without a fence */
	VIOLATION_FRAME_FREED,	   /* frame freed, some hart may hold an old leaf to it */
	VIOLATION_FRAME_MAPPED,	   /* frame freed or unplugged while a live leaf maps it */
	VIOLATION_FRAME_UNPLUGGED, /* frame unplugged, some hart may hold an old leaf to it */
	VIOLATION_TYPES,	   /* live leaves give one page different memory types */
	VIOLATION_OVERFLOW,	   /* the log was full: nothing can be claimed any more */
	NR_VIOLATION_KINDS,
};

/* Why what was fenced since does not suffice; the later one says more. */
enum fence_gap {
	GAP_NONE,	     /* there was none */
	GAP_OTHER_ADDRESS,   /* rs1 names another address */
	GAP_OTHER_ASID,	     /* rs2 names another ASID */
	GAP_INVAL_UNORDERED, /* SINVAL.VMA without SFENCE.W.INVAL between it and the store */
	GAP_INVAL_OPEN,	     /* SINVAL.VMA without SFENCE.INVAL.IR behind it */
	GAP_GLOBAL,	     /* rs2 = asid, and the entry is global */
	GAP_POINTER,	     /* rs1 = va, and a pointer is concerned */
	GAP_NAPOT,	     /* an entry of the same NAPOT group is still there */
	GAP_BESIDE,	     /* it began before the store */
	NR_FENCE_GAPS,
};

struct violation {
	enum violation_kind kind;
	enum fence_gap gap;
	paddr_t pa;		/* what was freed or unplugged; 0 for NO_FENCE */
	vaddr_t va;		/* that the entry translated */
	unsigned level;		/* of the entry */
	pte_t old;		/* what may still be held */
	unsigned writer;	/* hart that stored */
	const char *op;		/* that it did; NULL: no store is to blame */
	uint64_t store;		/* its number, among all stores to entries */
	struct hartset holders; /* harts that may hold it */
	const char *full;	/* OVERFLOW: what there is no room for; else NULL */
};

const char *violation_name(enum violation_kind k);
/* The clause that the violation breaks. */
const char *violation_clause(enum violation_kind k);
const char *fence_gap_text(enum fence_gap gap);

/*
 * Start to watch. @pt is the live kernel table on which every hart that is online translates, with
 * ASID 0, fenced. Its direct map shows @direct: what is freed may stay mapped there.
 */
void model_init(const struct ptable *pt, struct region direct);
bool model_enabled(void);
/* False: it has overflowed, and has nothing to say any more, whatever happens. */
bool model_claims(void);

/* What this hart's stores do from here on, for reports: a constant. */
void model_operation(const char *name);

/* An operation of this hart begins; the token goes to model_complete(). */
uint64_t model_begin(void);
/* It is declared complete: no hart may hold anything that this hart changed since @begin. */
void model_complete(uint64_t begin);

/*
 * It ends without a fence (deferred.h): the harts @marked may hold the absence of what is there
 * now, each until model_repaired() on it. Anything else is as in model_complete().
 */
void model_deferred(uint64_t begin, const struct hartset *marked);
/* This hart's mark went behind @token (model_begin()), and it has fenced: it holds no such absence
 * any more that is older. */
void model_repaired(uint64_t token);

/* The root @root is no root any more. Every hart that ran it has left it and fenced since. */
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
