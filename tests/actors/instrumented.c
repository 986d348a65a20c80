/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that the compiler makes ask for their shadow (objects.mk has the flags). */
#include "tests/actors/instrumented.h"

unsigned instrumented_use(volatile uint64_t *p, uint64_t n)
{
	unsigned accesses = 0;

	for (uint64_t i = 0; i < n / sizeof(*p); i += 8) {
		p[i] = p[i + 1] + 1; /* two words: what it has just asked for it asks for once */
		accesses += 2;
	}
	return accesses;
}
