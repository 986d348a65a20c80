/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mm/'s own code, run by two or three simulated harts at once, in every order of their steps that
 * can make a difference.
 *
 * A step ends before each access to an entry, each fence, each lock taken, each atomic operation
 * and each look at who is online. What answers an interrupt is a step of the hart that it came to,
 * while that takes interrupts; what the SBI fences on another hart is a step too, at any time.
 * Hardware walks are no steps: after each step that stored or fenced, a program looks at all that
 * each hart may hold.
 *
 * Orders that differ only in steps of two harts that touch nothing in common are tried once
 * (dynamic partial-order reduction with sleep sets, Flanagan and Godefroid 2005). All stores and
 * fences touch one thing in common, so none of their orders is left out. Plain memory is no step:
 * every access of mm/ to it is watched (weave_race.c), and one that no lock orders is a failure.
 */
#ifndef TESTS_HOST_WEAVE_H
#define TESTS_HOST_WEAVE_H

#include "tests/host/arch_sim_rig.h"

#define WEAVE_HARTS 3u

struct weave_program {
	const char *name;
	unsigned online; /* harts that are online at the start; 0: those that run something */
	enum shootdown_backend backend;
	void (*setup)(void);		 /* on hart 0, in any order but one */
	void (*hart[WEAVE_HARTS])(void); /* CHECK in them, no REQUIRE */
	void (*legal)(void);		 /* behind each step that stored or fenced; or NULL */
	void (*end)(void);		 /* when all harts are done */
	bool longer;			 /* run with WEAVE_LONG=1 only */
	/* For faults: not the race itself, but what it leads to; and which orders are bad. */
	bool races_pass;
	uint64_t drawn;	 /* orders are drawn by this seed instead of all tried; 0: they are not */
	bool all;	 /* those that differ in nothing too: no reduction */
	const char *bad; /* those that say this; NULL: all that anything is wrong with */
};

struct weave_result {
	bool ran;	    /* to the end, or to the limit */
	bool complete;	    /* every order that can make a difference was run */
	uint64_t schedules; /* run to their end */
	uint64_t cut;	    /* given up, since they would have been no new ones */
	uint64_t distinct;  /* that differ in the order of two steps that touch the same */
	uint64_t bad;
	uint64_t steps;	   /* of all of them */
	unsigned longest;  /* steps of one */
	char what[320];	   /* what was wrong with the first bad one */
	char replay[4000]; /* its choices, for WEAVE_REPLAY */
};

/*
 * Try every order of @p, with @faults armed behind its setup (NULL: none), in a process of its own.
 * Without faults it ends with the first bad one. At most @limit orders. With WEAVE_REPLAY="NAME:
 * CHOICES" in the environment, the program of that name runs in that one order, each step printed.
 */
void weave_explore(const struct weave_program *p, const char *faults, uint64_t limit,
		   struct weave_result *r);

#endif
