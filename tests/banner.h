/* SPDX-License-Identifier: BSD-2-Clause */
/* The first lines: what this machine is, as far as it matters to the results. */
#ifndef TESTS_BANNER_H
#define TESTS_BANNER_H

#include "tests/test.h"

void banner_print(const struct bench *b);

#endif
