/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Findings of tests that do not fit a stimulus (stim.h): each hart keeps its counts and the first
 * thing that was not as it must be, and the conductor reports them in the same style.
 */
#ifndef TESTS_MMU_LOOK_H
#define TESTS_MMU_LOOK_H

#include "tests/mmu/fences.h"
#include "tests/mmu/scene.h"

struct look {
	unsigned control_tries, control_stale;
	unsigned tries, bad;
	uint32_t stale_fences; /* as in struct tally */
	bool other_bad;
	struct glance {
		const char *what; /* "next instruction 4k" */
		enum access access;
		vaddr_t va;
		struct probe seen, expected; /* of an expected trap: its cause */
		bool old;		     /* seen is what was there before */
		enum fence fence;
		vaddr_t named; /* by the fence */
		unsigned delay;
		uint64_t
			*slot; /* the entry and what it held when that was seen; NULL: still does */
		uint64_t pte;
	} first;
};

/* One empty look for each hart; the test before has lost its own. */
struct look *look_pool(void);

/* Something was wrong: @g says what. Any hart, for its own @l. */
void look_bad(struct look *l, const struct glance *g);

/* Tell the test what @harts saw, @l[hart] each, of accesses @a; walks are those of @s. */
void look_report(struct test_run *t, enum access a, const struct scene *s,
		 const struct hartset *harts, const struct look *l);

/* Sum of tries, for lines that say what a race has been given. */
unsigned look_tries(const struct hartset *harts, const struct look *l);
/* "N tries: a failure in more than 3/N of them would have been seen (95 %)". */
void look_note_rate(const char *what, unsigned tries);

/* What an access must see: a value, or a page fault. */
struct probe look_value(uint64_t value);
struct probe look_fault(enum access a);
bool look_same(struct probe seen, struct probe expected);

#endif
