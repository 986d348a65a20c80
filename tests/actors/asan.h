/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler's instrumentation (-fsanitize=kernel-address, calls) asks before each access of
 * instrumented.c: here, the byte of the shadow, by a probe, since there may be none.
 */
#ifndef TESTS_ACTORS_ASAN_H
#define TESTS_ACTORS_ASAN_H

#include "firmware/types.h"

struct asan {
	unsigned checks;
	unsigned missing; /* no shadow */
	unsigned poisoned;
	vaddr_t first_missing; /* address that the shadow is of */
};

/* What was seen since the last call. One hart at a time. */
struct asan asan_take(void);

#endif
