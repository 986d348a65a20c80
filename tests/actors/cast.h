/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Actors: roles that harts play beside each other, each round after round, until every one has
 * played as many as were asked for. So all of them overlap from the first round to the last.
 */
#ifndef TESTS_ACTORS_CAST_H
#define TESTS_ACTORS_CAST_H

#include "firmware/rand.h"
#include "tests/test.h"

#define CAST_MAX 8u

struct actor {
	const char *name; /* of the role, for reports */
	/* One round. Any hart; must not wait for another actor's round. */
	void (*act)(struct actor *a);
	void *arg;
	struct rng rng;	 /* a stream of its own, from the test's seed */
	unsigned hart;	 /* that plays it */
	uint32_t rounds; /* that it has played */
	uint32_t fails;
	enum evidence evidence; /* of the first failure */
	char why[128];		/* its text */
};

/*
 * A cast for @t; at most CAST_MAX roles, of which the first is played by the boot hart and the next
 * by its peers in turn. With fewer harts than roles some hart plays several, one round each by
 * turns.
 */
void cast_begin(struct test_run *t);
struct actor *cast_add(const char *name, void (*act)(struct actor *a), void *arg);

/*
 * Play until each has @rounds rounds behind it, or the test's time is half over: then fewer, and
 * that is noted. Reports what failed into the test. The audit of what was done is the caller's.
 */
void cast_play(uint32_t rounds);

/*
 * Of a role, on its hart: wait until every hart that plays has come to a meeting, so that what
 * comes behind it happens at once. Each role that meets needs a hart of its own. False: somebody
 * plays no more, or the time for playing is over; nobody is waited for then.
 */
bool cast_meet(void);

/* Of a role, on its hart: the round went wrong. The first is told, the others are counted. */
void actor_fail(struct actor *a, enum evidence e, const char *fmt, ...) printf_fn(3, 4);

#endif
