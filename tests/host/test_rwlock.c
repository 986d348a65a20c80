/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader-writer lock with threads for harts, and step by step: who gets in when. arch_yield()
 * is where a waiting thread stops, so a test that counts its calls knows who waits.
 */
#include <pthread.h>
#include <sched.h>

#include "firmware/arch.h"
#include "firmware/lock.h"
#include "firmware/rwlock.h"
#include "tests/host/tap.h"

#define THREADS 4u
#define ROUNDS 20000u

static __thread unsigned self;
static __thread struct lock_stack held;
static __thread uint64_t yields;

unsigned arch_hart(void)
{
	return self;
}

void arch_yield(void)
{
	yields++;
	sched_yield();
}

void lock_wait(void)
{
	arch_yield();
}

void lock_want(enum lock_rank rank)
{
	lock_order_want(&held, rank, self);
}

void lock_taken(enum lock_rank rank, bool shared)
{
	tap_failed += !lock_order_push(&held, rank, shared);
}

void lock_given_back(enum lock_rank rank)
{
	tap_failed += !lock_order_pop(&held, rank);
}

static struct rwlock lock = RWLOCK(LOCK_HOTPLUG);

/* ---- exclusion, with everybody at once */

static volatile uint64_t a, b;
static uint32_t torn, readers, together;

static void *read_and_write(void *arg)
{
	self = (unsigned)(uintptr_t)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		if (i % 4 == self % 4) {
			rw_write_lock(&lock);
			if (__atomic_load_n(&readers, __ATOMIC_RELAXED) != 0)
				__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
			a = a + 1;
			b = b + 1;
			rw_write_unlock(&lock);
			continue;
		}
		rw_read_lock(&lock);
		if (__atomic_add_fetch(&readers, 1, __ATOMIC_RELAXED) > 1)
			__atomic_store_n(&together, 1, __ATOMIC_RELAXED);
		if (a != b)
			__atomic_fetch_add(&torn, 1, __ATOMIC_RELAXED);
		if (i % 64 == 0)
			sched_yield(); /* so that others come in */
		__atomic_sub_fetch(&readers, 1, __ATOMIC_RELAXED);
		rw_read_unlock(&lock);
	}
	return NULL;
}

static void test_exclusion(void)
{
	pthread_t t[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, read_and_write, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	tap_is(torn, 0, "nobody is inside beside a writer");
	tap_is(a, THREADS * ROUNDS / 4, "no writer's work is lost");
	tap_ok(together == 1, "readers are inside together");
}

/* ---- who gets in when: a second thread asks, and this one watches */

struct other {
	pthread_t thread;
	bool write;
	uint32_t inside, leave;
};

static void *ask(void *arg)
{
	struct other *o = arg;

	self = 1;
	if (o->write)
		rw_write_lock(&lock);
	else
		rw_read_lock(&lock);
	__atomic_store_n(&o->inside, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&o->leave, __ATOMIC_ACQUIRE) == 0)
		sched_yield();
	if (o->write)
		rw_write_unlock(&lock);
	else
		rw_read_unlock(&lock);
	return NULL;
}

static void other_start(struct other *o, bool write)
{
	*o = (struct other){.write = write};
	pthread_create(&o->thread, NULL, ask, o);
}

static bool other_inside(const struct other *o)
{
	return __atomic_load_n(&o->inside, __ATOMIC_ACQUIRE) != 0;
}

static void other_wait(const struct other *o)
{
	while (!other_inside(o))
		sched_yield();
}

static void other_end(struct other *o)
{
	__atomic_store_n(&o->leave, 1, __ATOMIC_RELEASE);
	pthread_join(o->thread, NULL);
}

/* Until the lock's own words say that a writer has announced itself. */
static void wait_for_writer(uint32_t tickets)
{
	while (__atomic_load_n(&lock.writers_in, __ATOMIC_ACQUIRE) != tickets ||
	       (__atomic_load_n(&lock.readers_in, __ATOMIC_ACQUIRE) & 3) == 0)
		sched_yield();
}

static void wait_for_reader(uint32_t came)
{
	while (__atomic_load_n(&lock.readers_in, __ATOMIC_ACQUIRE) >> 2 != came)
		sched_yield();
}

static void test_phases(void)
{
	struct other w, r, w2;
	uint32_t tickets = lock.writers_in, came = lock.readers_in >> 2;

	/* A reader inside, a writer that waits: a second reader comes behind the writer. */
	rw_read_lock(&lock);
	other_start(&w, true);
	wait_for_writer(tickets + 1);
	tap_ok(!rw_read_trylock(&lock), "no reader gets past a writer that waits");
	other_start(&r, false);
	wait_for_reader(came + 2);
	/* A second writer: it comes behind that reader. */
	other_start(&w2, true);
	while (__atomic_load_n(&lock.writers_in, __ATOMIC_ACQUIRE) != tickets + 2)
		sched_yield();
	tap_ok(!other_inside(&w) && !other_inside(&r) && !other_inside(&w2), "all of them wait");
	rw_read_unlock(&lock);
	other_wait(&w);
	tap_ok(!other_inside(&r) && !other_inside(&w2), "the writer first, alone");
	other_end(&w);
	other_wait(&r);
	tap_ok(!other_inside(&w2), "then the reader, before the next writer");
	other_end(&r);
	other_wait(&w2);
	other_end(&w2);
	tap_ok(rw_read_trylock(&lock), "and a reader again");
	rw_read_unlock(&lock);
}

/* ---- the order of locks */

static void test_order(void)
{
	struct rwlock outer = RWLOCK(LOCK_HOTPLUG), inner = RWLOCK(LOCK_MMAP);
	struct lock_order_error e;

	rw_read_lock(&outer);
	rw_write_lock(&inner);
	tap_is(lock_order_errors(&e), 0, "hotplug, then mmap: in order");
	rw_read_unlock(&outer);
	rw_write_unlock(&inner);
	tap_is(held.nr, 0, "given back in another order");
	rw_write_lock(&inner);
	rw_read_lock(&outer);
	tap_ok(lock_order_errors(&e) == 1 && e.held == LOCK_MMAP && e.wanted == LOCK_HOTPLUG,
	       "mmap, then hotplug: told");
	tap_is(lock_order_errors(&e), 0, "... once");
	rw_read_unlock(&outer);
	rw_write_unlock(&inner);
	rw_read_lock(&outer);
	/* This thread would wait for ever behind a writer, here as in Linux (2026, vmap). */
	rw_read_lock(&outer);
	tap_is(lock_order_errors(&e), 1, "a reading inside a reading: told");
	rw_read_unlock(&outer);
	rw_read_unlock(&outer);
	/* What is only tried waits for nobody, and changes nothing for what is held already. */
	rw_write_lock(&inner);
	tap_ok(rw_read_trylock(&outer) && lock_order_errors(&e) == 0,
	       "tried out of order: allowed");
	lock_want(LOCK_MMAP);
	tap_ok(lock_order_errors(&e) == 1 && e.held == LOCK_MMAP && e.wanted == LOCK_MMAP,
	       "wanted beneath what was tried: told");
	rw_read_unlock(&outer);
	rw_write_unlock(&inner);
	for (unsigned r = 0; r < NR_LOCK_RANKS; r++)
		tap_ok(lock_rank_name((enum lock_rank)r) != NULL, "rank %u has a name: %s", r,
		       lock_rank_name((enum lock_rank)r));
}

int main(void)
{
	test_exclusion();
	test_phases();
	test_order();
	return tap_done();
}
