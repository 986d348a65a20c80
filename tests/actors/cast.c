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
