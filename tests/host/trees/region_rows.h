/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the RAM and reserved tables as rows: a tree, and the regions that come of it. */
#ifndef TESTS_HOST_TREES_REGION_ROWS_H
#define TESTS_HOST_TREES_REGION_ROWS_H

#include "tests/host/trees/shapes.h"

/* One chapter, and what is to come of it. */
struct region_row {
	const char *name;
	struct shape shape;
	uint64_t mem_limit; /* 0: all */
	unsigned nr;	    /* regions; the first four of them are in want */
	struct region want[4];
	const char *note; /* part of a note, NULL: none at all */
};

/* @reserved: the reserved table is meant, not RAM. If not, it prints what there was instead. */
bool region_row_holds(const struct region_row *row, bool reserved);

#endif
