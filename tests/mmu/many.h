/* SPDX-License-Identifier: BSD-2-Clause */
/* Many 4 KiB pages at once, each with an entry of its own that changes, each to be fenced. */
#ifndef TESTS_MMU_MANY_H
#define TESTS_MMU_MANY_H

#include "tests/mmu/stim.h"

/* Numbers of pages that are tried: one, few, and as many as any second level has ways or sets. */
#define MANY_SIZES                                                                                 \
	{                                                                                          \
		1, 2, 3, 5, 8, 16, 33, 64                                                          \
	}
#define NR_MANY 8

/*
 * @n pages (1 to FENCE_MAX_EACH) of one table of the scene, anywhere in it, are remapped together.
 * Of fences, those of each page are relied on (FENCES_EACH).
 */
void many_build(struct scene *s, unsigned n, enum access a, enum half half, struct stim *st);

/* The body of a test: each size of MANY_SIZES with @fences, on each hart. */
void many_run(struct test_run *t, enum access a, uint32_t fences);

#endif
