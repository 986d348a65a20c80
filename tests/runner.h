/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses, shuffles, runs and judges the tests, and prints KTAP. */
#ifndef TESTS_RUNNER_H
#define TESTS_RUNNER_H

#include "tests/test.h"

/* Traps and deadlines inside tests end the test, not the run. */
void runner_init(void);

/* Runs all that @b->args->test selects; prints plan to DONE line. Returns the exit status:
 * 0 pass, 1 failures, 2 nothing ran. */
unsigned runner_run(const struct bench *b);

/* One name a line. */
void runner_list(void);

#endif
