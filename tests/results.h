/* SPDX-License-Identifier: BSD-2-Clause */
/* What became of each test, as KTAP lines and as the numbers at the end. */
#ifndef TESTS_RESULTS_H
#define TESTS_RESULTS_H

#include "tests/test.h"

enum outcome { PASSED, FAILED, XFAILED, SKIPPED, BLIND, TIMED_OUT, TRAPPED, NR_OUTCOMES };

/* Of a test that ran to its end: by its failures, its controls, its own word that it skips. */
enum outcome results_judge(struct test_run *t);

/* Print the result lines of test @number and count it. */
void results_report(struct test_run *t, unsigned number, enum outcome o);

/* Print the totals and the last line, of @planned tests of which @ran did. The exit status: 0
 * pass, 1 failures, 2 nothing was judged. */
unsigned results_conclude(const struct bench *b, unsigned planned, unsigned ran);

const char *evidence_name(enum evidence e);

#endif
