/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A storm: many harts fence at once. Each sender has a page of its own, which every target keeps
 * touching; the sender changes it, makes a call of some kind, and as soon as the call is back asks
 * every target what it sees. A target answers at once, with its S-mode interrupts on or off, while
 * other calls are under way.
 */
#ifndef TESTS_MMU_STORM_H
#define TESTS_MMU_STORM_H

#include "tests/mmu/flip.h"

struct storm {
	struct test_run *t;
	const char *what; /* for reports */
	enum access access;
	struct hartset senders, targets; /* a hart may be both */
	bool deaf;			 /* targets take no S-mode interrupts */
	bool mixed;	    /* ranges, address spaces, ASIDs, SBI FENCE.I; else pages */
	unsigned rounds;    /* of each sender */
	uint32_t budget_us; /* no sender begins another round behind that */
	/*
	 * A hart that comes and goes: in the masks while @guest_in, which hart 0 sets and clears;
	 * nobody's target.
	 */
	bool has_guest;
	unsigned guest;
};

/* In the scene that is open, on all harts of the storm, hart 0 too if it is one of them. */
void storm_run(const struct storm *s);

/* The same in two halves, for a hart 0 that is none of them; it sets the guest in between. */
void storm_begin(const struct storm *s);
/* False when the guest may still be in a mask behind clearing it: after about a second. */
bool storm_guest(bool in);
void storm_end(void);
/* All senders are through. */
bool storm_over(void);
/* No sender begins another round. */
void storm_stop(void);

/* Rounds without fences, fewer, of the same kind. Before storm_run(). */
void storm_control(const struct storm *s);

/* Controls, failures, what was tried and what it bounds, how long calls took. Once, at the end. */
void storm_report(const struct storm *s);

/* Forget what the test before saw; makes the pages of all harts of @t in the open scene. */
void storm_prepare(struct test_run *t, struct scene *scene);

#endif
