/* SPDX-License-Identifier: BSD-2-Clause */
/* Accounting: a walk of the whole table against the shadow map and the computed minimum. */
#ifndef MM_AUDIT_H
#define MM_AUDIT_H

#include "firmware/types.h"
#include "mm/walk.h"

enum audit_problem {
	AUDIT_OK,
	AUDIT_MISSING,	   /* should be mapped, is not */
	AUDIT_EXTRA,	   /* is mapped, should not be */
	AUDIT_WRONG,	   /* mapped to another address or with other rights */
	AUDIT_LEAF_SIZE,   /* smaller or larger than the largest that fits */
	AUDIT_EMPTY_TABLE, /* a table page that translates nothing, not preallocated */
	AUDIT_RESIDUE,	   /* an invalid entry that is not zero */
	AUDIT_TABLE_COUNT, /* tables found and tables counted differ */
	AUDIT_SHADOW_LOST, /* the shadow map was too small */
};

struct audit {
	enum audit_problem problem; /* the first one */
	vaddr_t va;
	unsigned level;
	pte_t seen;
	uint64_t expected; /* address, level or count, by problem */
	/* What the walk found. */
	uint64_t leaves[PT_MAX_LEVELS];
	uint64_t tables; /* root included */
	uint64_t empty;	 /* preallocated and empty */
};

const char *audit_problem_name(enum audit_problem p);

/* Locks: the caller keeps the table from changing. */
struct audit audit_table(const struct ptable *pt);

#endif
