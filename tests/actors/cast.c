/* SPDX-License-Identifier: BSD-2-Clause */
/* Roles that harts play beside each other. */
#include "tests/actors/cast.h"

#include <stdarg.h>
#include <stdio.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/time.h"

static struct test_run *test;
static struct actor cast[CAST_MAX];
static unsigned nr_cast;
static uint32_t wanted;
static uint64_t deadline; /* nobody begins a round behind it */

void cast_begin(struct test_run *t)
{
	test = t;
	nr_cast = 0;
}

struct actor *cast_add(const char *name, void (*act)(struct actor *a), void *arg)
{
	struct actor *a = &cast[nr_cast];

	ASSERT(test, nr_cast < CAST_MAX, "%s is one role too many", name);
	*a = (struct actor){.name = name, .act = act, .arg = arg};
	a->rng = rng_stream(rng_next(&test->rng), nr_cast);
	nr_cast++;
	return a;
}

void actor_fail(struct actor *a, enum evidence e, const char *fmt, ...)
{
	va_list ap;

	if (a->fails++ != 0)
		return;
	a->evidence = e;
	va_start(ap, fmt);
	vsnprintf(a->why, sizeof(a->why), fmt, ap);
	va_end(ap);
}

/* Somebody has not played enough yet: all go on, so that it is never alone. */
static bool unfinished(void)
{
	for (unsigned i = 0; i < nr_cast; i++) {
		if (__atomic_load_n(&cast[i].rounds, __ATOMIC_RELAXED) < wanted)
			return !time_past(deadline);
	}
	return false;
}

/*
 * Harts that play, how many of them wait at the meeting, and how often all have met: one word, so
 * that nobody sees half of a change.
 */
#define MEET_WAITS UINT64_C(1)
#define MEET_PLAYS (UINT64_C(1) << 16)
#define MEET_PHASE 32
static uint64_t meeting;

static uint64_t all_here(uint64_t m)
{
	uint64_t waits = (uint16_t)m, plays = (uint16_t)(m / MEET_PLAYS);

	/* All wait: on to the next one. */
	if (waits == plays && plays != 0)
		m = ((m >> MEET_PHASE) + 1) << MEET_PHASE | plays * MEET_PLAYS;
	return m;
}

static struct hartset players;

/* The phase before; who ends it wakes the others. */
static uint64_t change_meeting(uint64_t by)
{
	uint64_t old = __atomic_load_n(&meeting, __ATOMIC_RELAXED);
	uint64_t new;

	do
		new = all_here(old + by);
	while (!__atomic_compare_exchange_n(&meeting, &old, new, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED));
	if (old >> MEET_PHASE != new >> MEET_PHASE) {
		hartset_for_each(h, &players)
			hart_wake(h);
	}
	return old >> MEET_PHASE;
}

static bool met(void *arg)
{
	return __atomic_load_n(&meeting, __ATOMIC_ACQUIRE) >> MEET_PHASE != *(uint64_t *)arg;
}

bool cast_meet(void)
{
	uint64_t phase = change_meeting(MEET_WAITS);

	return hart_wait_until(met, &phase, deadline) &&
	       (uint16_t)(__atomic_load_n(&meeting, __ATOMIC_RELAXED) / MEET_PLAYS) ==
		       hartset_count(&players);
}

static void play(void *arg)
{
	(void)arg;
	while (unfinished()) {
		for (unsigned i = 0; i < nr_cast; i++) {
			struct actor *a = &cast[i];

			if (a->hart != arch_hart())
				continue;
			a->act(a);
			__atomic_store_n(&a->rounds, a->rounds + 1, __ATOMIC_RELAXED);
		}
	}
	(void)change_meeting(-MEET_PLAYS);
}

/* Boot hart first, then its peers in turn. */
static struct hartset assign(void)
{
	struct hartset harts = {{0}};
	unsigned order[CAST_MAX];
	unsigned n = 0;

	order[n++] = 0;
	hartset_for_each(h, &test->peers) {
		if (n < CAST_MAX)
			order[n++] = h;
	}
	for (unsigned i = 0; i < nr_cast; i++) {
		cast[i].hart = order[i % n];
		hartset_add(&harts, cast[i].hart);
	}
	return harts;
}

void cast_play(uint32_t rounds)
{
	struct hartset harts = assign();
	uint32_t fewest = UINT32_MAX;

	wanted = rounds;
	players = harts;
	meeting = hartset_count(&harts) * MEET_PLAYS;
	deadline = time_deadline_ms(test_timeout_ms(test) / 4);
	test_on_harts(test, &harts, play, NULL);
	for (unsigned i = 0; i < nr_cast; i++) {
		struct actor *a = &cast[i];

		fewest = a->rounds < fewest ? a->rounds : fewest;
		EXPECT(test, a->rounds != 0, "%s on hart%u never had its turn", a->name, a->hart);
		if (a->fails != 0)
			test_fail(test, a->evidence, "%s on hart%u: %u of %u rounds: %s", a->name,
				  a->hart, a->fails, a->rounds, a->why);
	}
	if (fewest < rounds)
		note("%u of %u rounds: this machine is slow", fewest, rounds);
}
