/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether tests of Svpbmt make sense here. */
#ifndef TESTS_MMU_SVPBMT_H
#define TESTS_MMU_SVPBMT_H

#include "tests/test.h"

/* Claimed, not forgotten, and every hart takes memory types; else the test is told to skip. */
bool svpbmt_usable(struct test_run *t);

#endif
