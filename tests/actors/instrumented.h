/* SPDX-License-Identifier: BSD-2-Clause */
/* The one object that is compiled with -fsanitize=kernel-address. */
#ifndef TESTS_ACTORS_INSTRUMENTED_H
#define TESTS_ACTORS_INSTRUMENTED_H

#include "firmware/types.h"

/* Load every 8th word of @n bytes from the second one on, store the one before it; returns how many
 * accesses that were. */
unsigned instrumented_use(volatile uint64_t *p, uint64_t n);

#endif
