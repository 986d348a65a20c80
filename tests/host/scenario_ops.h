/* SPDX-License-Identifier: BSD-2-Clause */
/* Every operation that changes the kernel's table, as one step with a scene of its own. */
#ifndef TESTS_HOST_SCENARIO_OPS_H
#define TESTS_HOST_SCENARIO_OPS_H

#include "mm/hotplug.h"
#include "mm/map.h"

enum scene_op {
	OP_ADD,		/* hot-add of 2 MiB: leaves and tables come */
	OP_REMOVE,	/* and go */
	OP_MAP,		/* one page into a table that is there */
	OP_UNMAP,	/* one page of it */
	OP_PROTECT,	/* three pages read-only */
	OP_UNMAP_MANY,	/* 100 pages of a table that stays: more than addressed fences are made for
			 */
	OP_UNMAP_TABLE, /* all of it: the table goes */
	OP_SPLIT,	/* one page of a 2 MiB leaf read-only: a table comes */
	OP_MERGE,	/* 512 pages become a leaf: the table goes */
	NR_SCENE_OPS,
};

struct scene {
	struct hot_region *r;
	struct region phys; /* hot-plugged */
	vaddr_t va;	    /* an address that the operation changes */
	paddr_t block;	    /* 2 MiB of the test's own */
};

extern struct scene scene;

const char *scene_op_name(enum scene_op op);
/* On a machine that booted. */
void scene_prepare(enum scene_op op);
/* Errors of the operation; behind success what it took away is given back too. */
enum err must_check scene_operate(enum scene_op op);

/* One batch on the kernel's table, with its lock held. */
enum err must_check scene_change(enum err (*fn)(struct pt_batch *, void *), void *arg);

/* Every hart sees both ends of the hot-added memory @r, and its records are mapped; or are not. */
void scene_check_there(struct region r, const char *when);
void scene_check_gone(struct region r, const char *when);

#endif
