/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB model against a machine that caches all that it may, over every short sequence of stores,
 * fences, switches, starts and stops. The machine is a few lines and shares no code with the model:
 * each hart has a set of entries as it read them, is filled with whatever a walk can reach after
 * each step, and loses what a fence takes. Who holds something that the tables no longer say must
 * be named by the model, and nobody else.
 *
 * Two of the machine: one as the architecture has it, which no hart may be missed of; and one with
 * the liberties that the model takes (docs/model.md), beyond which no hart may be named.
 */
#include <stdio.h>
#include <stdlib.h>

#include "mm/model_records.h"
#include "mm/model_spaces.h"
#include "tests/host/every.h"
#include "tests/host/tap.h"

static uint64_t compared, exact, named;
static unsigned bad;

static struct hartset said_by_model(void)
{
	struct hartset s = model_unfenced();
	const struct model_record *r;
	unsigned n;

	r = model_records(&n);
	for (; n > 0; n--, r++)
		hartset_join(&s, &r->holders);
	return s;
}

static void compare(const struct step *const *steps, unsigned n)
{
	struct hartset least = every_stale(&every.strict);
	struct hartset most = every_stale(&every.liberal);
	struct hartset said = said_by_model();
	bool missed = (least.bits[0] & ~said.bits[0]) != 0;

	compared++;
	exact += hartset_eq(&least, &said);
	named += !hartset_empty(&said);
	if ((!missed && (said.bits[0] & ~most.bits[0]) == 0) || bad++ > 4)
		return;
	printf("# %s: harts 0x%llx hold, at most 0x%llx; the model says 0x%llx:\n",
	       missed ? "missed" : "named wrongly", (unsigned long long)least.bits[0],
	       (unsigned long long)most.bits[0], (unsigned long long)said.bits[0]);
	for (unsigned i = 0; i < n; i++)
		printf("#   %s\n", steps[i]->name);
}

/* All sequences of @length of the first @nr of @all. Only the end is compared: the rest was. */
static void all_of(const struct step *const *all, unsigned nr, unsigned length, unsigned nr_harts)
{
	const struct step *steps[8];
	unsigned at[8] = {0};

	for (unsigned k = 0; k < length;) {
		bool can = true;

		every_begin(nr_harts);
		for (unsigned i = 0; i < length && can; i++) {
			steps[i] = all[at[i]];
			can = every_possible(steps[i]);
			if (can)
				every_do(steps[i]);
		}
		if (can)
			compare(steps, length);
		for (k = 0; k < length && ++at[k] == nr; k++)
			at[k] = 0;
	}
}

static unsigned pick(const struct step **all, const struct step *from, unsigned n, unsigned have)
{
	for (unsigned i = 0; i < n; i++)
		all[have++] = &from[i];
	return have;
}

static void report(const char *what, unsigned length, unsigned nr, unsigned harts)
{
	tap_ok(bad == 0 && !every.too_small, "%s: %u of %u steps on %u harts", what, length, nr,
	       harts);
	printf("# %llu compared, %llu name a hart, %llu exact\n", (unsigned long long)compared,
	       (unsigned long long)named, (unsigned long long)exact);
	compared = named = exact = 0;
	bad = 0;
}

static uint64_t rng = 1;

static unsigned below(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(rng >> 33) % n;
}

static void long_ones(const struct step *const *all, unsigned nr)
{
	for (unsigned k = 0; k < 4000; k++) {
		const struct step *steps[12];
		unsigned n = 0;

		every_begin(NR_HARTS);
		while (n < 12) {
			steps[n] = all[below(nr)];
			if (!every_possible(steps[n]))
				continue;
			every_do(steps[n++]);
			compare(steps, n);
		}
	}
}

int main(int argc, char **argv)
{
	const struct step *all[64];
	unsigned nr;

	if (argc > 1)
		rng = strtoull(argv[1], NULL, 0);
	nr = pick(all, every_core, every_nr_core, 0);
	for (unsigned length = 1; length <= 4; length++)
		all_of(all, nr, length, 2);
	report("every sequence", 4, nr, 2);
	nr = pick(all, every_svinval, every_nr_svinval, 0);
	for (unsigned length = 1; length <= 5; length++)
		all_of(all, nr, length, 2);
	report("every sequence with Svinval", 5, nr, 2);
	nr = pick(all, every_core, every_nr_core, 0);
	nr = pick(all, every_more, every_nr_more, nr);
	for (unsigned length = 1; length <= 3; length++)
		all_of(all, nr, length, 3);
	report("every sequence", 3, nr, 3);
	long_ones(all, nr);
	report("sequences at random", 12, nr, 3);
	return tap_done();
}
