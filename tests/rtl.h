/* SPDX-License-Identifier: BSD-2-Clause */
/* test=rtl: the set of tests for simulators that run 10,000 to 100,000 instructions a second. */
#ifndef TESTS_RTL_H
#define TESTS_RTL_H

#include "tests/test.h"

/* Where @t stands in the set's order, from 0; below 0: it is not of the set. */
int rtl_place(const struct test *t);

/* Behind the first result: what it took the boot hart to come there, where it can be counted. */
void rtl_print_first(const struct bench *b);

#endif
