/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that were lost and that no test has failed for yet. */
#ifndef TESTS_MISSING_H
#define TESTS_MISSING_H

#include "tests/test.h"

/*
 * Fail @t once for each hart that arrived at start and is no peer any more, unless a test has
 * failed since it was: what skips for want of harts must not end as PASS. @when is put in front.
 */
void missing_check(struct test_run *t, const char *when);

/* All that are missing now are told of: their test has failed, for this or something else. */
void missing_told(void);

/* As hart_run(). With the seeded fault wake-lost the last of @harts is given its work while it
 * sleeps, and is not told. */
enum err must_check missing_run(const struct hartset *harts, void (*fn)(void *), void *arg,
				uint64_t timeout_ms, struct hartset *lost);

/* Seeded fault hart-hangs: the first peer does, its interrupts off, and is lost outside any test.
 */
void missing_seed(void);

#endif
