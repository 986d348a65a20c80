/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes: movable memory that any hart uses at any time, and what was written to it. */
#include "tests/host/resizes.h"

#include "firmware/arch.h"
#include "tests/host/arch_sim_rig.h"

static uint64_t mark(const struct thing *t, unsigned i)
{
	return (t->word + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* First and last word of each page, so that it stays cheap. */
static void thing_write(struct thing *t)
{
	uint64_t *p = movable_get(&t->m);

	REQUIRE(p != NULL, "a movable object lost its memory");
	t->word = sim_rand() | 1;
	for (unsigned i = 0; i < 2u << t->m.order; i++)
		p[i / 2 * 512 + (i % 2 != 0 ? 511 : 0)] = mark(t, i);
	movable_put(&t->m);
}

static void thing_verify(struct thing *t)
{
	const uint64_t *p = movable_get(&t->m);
	bool same = true;

	REQUIRE(p != NULL, "a movable object lost its memory");
	for (unsigned i = 0; i < 2u << t->m.order; i++)
		same &= p[i / 2 * 512 + (i % 2 != 0 ? 511 : 0)] == mark(t, i);
	if (world.control)
		world.found += !same;
	else
		CHECK(same, "content at 0x%llx is lost after %u moves", (unsigned long long)t->m.pa,
		      t->m.moves);
	movable_put(&t->m);
}

static void thing_free(struct thing *t)
{
	thing_verify(t);
	movable_free(&t->m);
	t->word = 0;
}

static void thing_alloc(struct thing *t)
{
	enum err err = movable_alloc(&t->m, (unsigned)sim_below(3) * (unsigned)sim_below(2));

	CHECK(err == OK || world.fail_at != 0, "no movable memory: %s", err_name(err));
	if (err == OK)
		thing_write(t);
}

void things_use(unsigned n)
{
	while (n-- > 0) {
		struct thing *t = &world.things[sim_below(THINGS)];
		unsigned what = (unsigned)sim_below(4);

		if (t->word == 0)
			thing_alloc(t);
		else if (what == 0)
			thing_free(t);
		else
			thing_verify(t);
		if (t->word != 0 && what == 1)
			thing_write(t);
	}
}

void things_free_all(void)
{
	for (unsigned i = 0; i < THINGS; i++) {
		if (world.things[i].word != 0)
			thing_free(&world.things[i]);
	}
}

void things_verify_all(void)
{
	for (unsigned i = 0; i < THINGS; i++) {
		if (world.things[i].word != 0)
			thing_verify(&world.things[i]);
	}
}

void things_in_between(void *unused)
{
	unsigned running = arch_hart();

	(void)unused;
	if (!world.bystanders)
		return;
	for (unsigned h = 0; h < world.harts; h++) {
		if (h == running || h == world.op_hart || sim_below(2) == 0)
			continue;
		sim_run_on(h);
		things_use(2);
		totals->in_between++;
	}
	sim_run_on(running);
}
