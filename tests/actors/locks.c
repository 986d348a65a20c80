/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.locks: many readers or one writer, and everybody gets his turn. */
#include "firmware/rwlock.h"
#include "tests/actors/cast.h"

#define ROUNDS 2000u

/* What the lock guards: two words that writers keep equal, one after the other. */
struct guarded {
	struct rwlock lock;
	bool locked; /* false: the control */
	volatile uint64_t a, b;
	uint64_t readers, together; /* readers inside now, and the most that ever were */
	uint32_t reads, torn;
};

static void work(void)
{
	for (volatile unsigned i = 0; i < 200; i++)
		;
}

static void read_round(struct actor *a)
{
	struct guarded *g = a->arg;
	uint64_t first, now;

	if (g->locked)
		rw_read_lock(&g->lock);
	now = __atomic_add_fetch(&g->readers, 1, __ATOMIC_RELAXED);
	if (now > g->together)
		g->together = now;
	__atomic_add_fetch(&g->reads, 1, __ATOMIC_RELAXED);
	first = g->a;
	work();
	if (g->b != first)
		__atomic_add_fetch(&g->torn, 1, __ATOMIC_RELAXED);
	__atomic_sub_fetch(&g->readers, 1, __ATOMIC_RELAXED);
	if (g->locked)
		rw_read_unlock(&g->lock);
}

static void write_round(struct actor *a)
{
	struct guarded *g = a->arg;
	uint64_t next;

	if (g->locked)
		rw_write_lock(&g->lock);
	if (g->locked && __atomic_load_n(&g->readers, __ATOMIC_RELAXED) != 0)
		actor_fail(a, EVIDENCE_CHECK, "a reader is inside beside the writer");
	next = g->a + 1;
	g->a = next;
	work();
	g->b = next;
	if (g->locked)
		rw_write_unlock(&g->lock);
}

static void play(struct test_run *t, struct guarded *g)
{
	cast_begin(t);
	cast_add("writer", write_round, g);
	cast_add("reader", read_round, g);
	cast_add("second reader", read_round, g);
	cast_add("second writer", write_round, g);
	cast_play(ROUNDS);
}

/* All of them make their rounds beside each other, so nobody starves: not the writers either. */
TEST(actor, locks, .needs = NEEDS_SMP)
{
	static struct guarded g;
	g = (struct guarded){.lock = RWLOCK(LOCK_HOTPLUG)};
	play(t, &g);
	test_control(t, ACCESS_LOAD, 1, g.torn, g.reads);
	g = (struct guarded){.lock = RWLOCK(LOCK_HOTPLUG), .locked = true};
	play(t, &g);
	EXPECT(t, g.torn == 0, "%u of %u readers saw a writer's half", g.torn, g.reads);
	EXPECT(t, g.a == g.b, "writers lost %lld stores", (long long)(g.a - g.b));
}
