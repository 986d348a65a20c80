/* SPDX-License-Identifier: BSD-2-Clause */
/* A walk of a whole table by memory alone: nothing of mm/ but the bits of an entry. */
#ifndef TESTS_HOST_SCENARIO_WALK_H
#define TESTS_HOST_SCENARIO_WALK_H

#include "mm/walk.h"

struct walk_counts {
	uint64_t tables;  /* the root included */
	uint64_t empty;	  /* of those not right below the root, which stay */
	uint64_t residue; /* invalid entries that are not zero */
	uint64_t leaves;
};

struct walk_visitor {
	void (*leaf)(void *arg, vaddr_t va, unsigned level, pte_t e); /* or NULL */
	void (*table)(void *arg, paddr_t pa);			      /* or NULL */
	void *arg;
};

/* Addresses ascend within each half of the space. @v may be NULL. */
struct walk_counts scenario_walk(const struct ptable *pt, const struct walk_visitor *v);

#endif
