/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many readers or one writer, in phases: writers take turns, and between two of them every reader
 * that waits gets in. Nobody starves, and a reader waits for one writer at most.
 *
 * A hart that reads must not ask to read again: a writer that came in between waits for its first
 * reading, and its second for the writer. The order of locks (lock_order.h) forbids it.
 * A hart that waits answers shootdowns, however its interrupts stand.
 */
#ifndef FIRMWARE_RWLOCK_H
#define FIRMWARE_RWLOCK_H

#include "firmware/lock_order.h"
#include "firmware/types.h"

struct rwlock {
	uint32_t readers_in;  /* readers that came; the low bits: a writer is here, and its phase */
	uint32_t readers_out; /* readers that left */
	uint32_t writers_in;  /* tickets of writers */
	uint32_t writers_out;
	unsigned writer; /* hart index + 1, 0: none; for reports only */
	enum lock_rank rank;
};

#define RWLOCK(r)                                                                                  \
	{                                                                                          \
		.rank = (r)                                                                        \
	}

void rw_read_lock(struct rwlock *l);
void rw_read_unlock(struct rwlock *l);
/* False: a writer is here or waits. */
bool must_check rw_read_trylock(struct rwlock *l);

/* Somebody writes, or waits to: what the lock guards may change at any moment. */
bool rw_is_written(const struct rwlock *l);

void rw_write_lock(struct rwlock *l);
void rw_write_unlock(struct rwlock *l);

#endif
