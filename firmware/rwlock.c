/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Phase-fair lock of many readers or one writer, with tickets (B. Brandenburg, J. Anderson,
 * "Spin-Based Reader-Writer Synchronization for Multiprocessor Real-Time Systems").
 */
#include "firmware/rwlock.h"

#include "firmware/arch.h"
#include "firmware/lock.h"

#define READER 4u /* one reader in readers_in and readers_out */
#define WRITER 2u /* a writer is here */
#define PHASE 1u  /* which of two that follow each other */
#define WRITER_BITS (WRITER | PHASE)

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

void rw_read_lock(struct rwlock *l)
{
	uint32_t writer;

	lock_want(l->rank);
	writer = __atomic_fetch_add(&l->readers_in, READER, __ATOMIC_ACQUIRE) & WRITER_BITS;
	/* This writer only: the next one has the other phase, and comes behind this reader. */
	while (writer != 0 && (load(&l->readers_in) & WRITER_BITS) == writer)
		lock_wait();
	lock_taken(l->rank, true);
}

bool rw_read_trylock(struct rwlock *l)
{
	uint32_t in = __atomic_load_n(&l->readers_in, __ATOMIC_RELAXED);

	do {
		if ((in & WRITER_BITS) != 0)
			return false;
	} while (!__atomic_compare_exchange_n(&l->readers_in, &in, in + READER, true,
					      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	lock_taken(l->rank, true);
	return true;
}

void rw_read_unlock(struct rwlock *l)
{
	lock_given_back(l->rank);
	__atomic_fetch_add(&l->readers_out, READER, __ATOMIC_RELEASE);
}

bool rw_is_written(const struct rwlock *l)
{
	return load(&l->writers_in) != load(&l->writers_out);
}

void rw_write_lock(struct rwlock *l)
{
	uint32_t ticket, readers;

	lock_want(l->rank);
	ticket = __atomic_fetch_add(&l->writers_in, 1, __ATOMIC_RELAXED);
	while (load(&l->writers_out) != ticket)
		lock_wait();
	readers = __atomic_fetch_add(&l->readers_in, WRITER | (ticket & PHASE), __ATOMIC_ACQUIRE);
	/* Those that came before; who comes now waits for this writer. */
	while (load(&l->readers_out) != (readers & ~WRITER_BITS))
		lock_wait();
	lock_taken(l->rank, false);
	l->writer = arch_hart() + 1;
}

void rw_write_unlock(struct rwlock *l)
{
	l->writer = 0;
	lock_given_back(l->rank);
	/* Readers first, then the next writer: that is what makes the phases. */
	__atomic_fetch_and(&l->readers_in, ~WRITER_BITS, __ATOMIC_RELEASE);
	__atomic_store_n(&l->writers_out, l->writers_out + 1, __ATOMIC_RELEASE);
}
