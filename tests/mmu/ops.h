/* SPDX-License-Identifier: BSD-2-Clause */
/* The changes of a table that every suite tries: built once, used by local and remote tests. */
#ifndef TESTS_MMU_OPS_H
#define TESTS_MMU_OPS_H

#include "tests/mmu/stim.h"

enum op {
	OP_REMAP,   /* a leaf leads to another page */
	OP_UNMAP,   /* a leaf becomes invalid */
	OP_PROTECT, /* a leaf loses the right to this kind of access */
	OP_SPLIT,   /* a leaf becomes a table of smaller leaves, to other pages */
	OP_MERGE,   /* the reverse */
	OP_TABLE,   /* a table pointer leads to another table */
	OP_WALK,    /* the same, probed where only the pointer can be held */
	OP_MAKE,    /* an invalid entry becomes a leaf */
	OP_GRANT,   /* a leaf gains the right to this kind of access */
	OP_LINK,    /* an invalid entry becomes a table pointer */
	OP_RESERVE, /* a leaf gets the reserved memory type (Svpbmt): it does not translate any more
		     */
	OP_RELEASE, /* the reverse */
};

/* Levels of leaves: 4 KiB, 2 MiB, 1 GiB, 512 GiB, 256 TiB. */
enum { LEVEL_4K, LEVEL_2M, LEVEL_1G, LEVEL_512G, LEVEL_256T };
const char *level_name(unsigned level);

/* One for each of hundreds of tests: narrow. */
struct op_case {
	enum op op : 8;
	unsigned level : 8;
	enum access access : 8;
	bool global : 1; /* leaves have G set: rs2 other than x0 does not reach them */
};

/*
 * Build @c in @s for one half into @st. False: this machine cannot do it, the test was told to
 * skip (level beyond the mode, not enough memory of the right alignment).
 */
bool op_build(struct scene *s, const struct op_case *c, enum half half, struct stim *st);
/* The same at @start, aligned to a leaf of that level, which nothing is mapped at. */
bool op_build_at(struct scene *s, const struct op_case *c, vaddr_t start, struct stim *st);

/*
 * Open a scene and build @c in it for each half: NR_HALVES stimuli. NULL: op_build() could not, and
 * the scene is closed.
 */
struct stim *op_open(struct test_run *t, const struct op_case *c);

#endif
