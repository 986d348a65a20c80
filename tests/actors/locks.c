/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.locks: many readers or one writer, and everybody gets his turn. */
#include "firmware/rwlock.h"
#include "firmware/time.h"
#include "mm/hotplug.h"
#include "mm/shootdown.h"
#include "tests/actors/cast.h"
#include "tests/hotcase.h"

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

/* ---- the list of hot-added memory */

static struct {
	struct region r;
	uint32_t readers; /* who came to read, before this one */
	struct hot_region *seen;
	bool done;
} looked;

static void look_up(void *arg)
{
	(void)arg;
	looked.seen = hot_look_up(looked.r.start);
	__atomic_store_n(&looked.done, true, __ATOMIC_RELEASE);
	hart_wake(0);
}

/* It has come back, or waits for the lock. */
static bool is_there(void *arg)
{
	(void)arg;
	return __atomic_load_n(&looked.done, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&hotplug_lock.readers_in, __ATOMIC_RELAXED) / 4 != looked.readers;
}

/* In the middle of the add, which holds the lock. */
static void look_meanwhile(void *arg)
{
	looked.readers = __atomic_load_n(&hotplug_lock.readers_in, __ATOMIC_RELAXED) / 4;
	hart_post(arg, look_up, NULL);
	(void)hart_wait_until(is_there, NULL, time_deadline_ms(TEST_TIMEOUT_MS / 4));
}

/*
 * A hart looks for a region that another one is about to add: it is told when that is done, not in
 * the middle of it.
 */
TEST(actor, hot_list, .needs = NEEDS_VMEM | NEEDS_SMP)
{
	struct hartset one = {{0}};
	struct hot_region *h;

	if (!hotcase_need(t, 1))
		return;
	hartset_for_each(i, &t->peers)
		one = hartset_of(i);
	looked.r = hotcase_blocks(t, 0, 1);
	looked.done = false;
	/* Apart, because a built-in device makes a shootdown of its own. */
	ASSERT_OK(t, virtio_mem_plug(t->bench->vmem, looked.r.start, looked.r.size));
	shootdown_before_next(look_meanwhile, &one);
	ASSERT_OK(t, hot_add(looked.r, PROT_RW, &h, NULL));
	test_wait_harts(t, &one);
	EXPECT(t, looked.seen == h, "it found region %p, due %p", (void *)looked.seen, (void *)h);
	hotcase_remove(t, h);
	EXPECT(t, hot_look_up(looked.r.start) == NULL, "it is there still");
}
