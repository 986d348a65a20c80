/* SPDX-License-Identifier: BSD-2-Clause */
/* Test names and patterns. */
#ifndef TESTS_GLOB_H
#define TESTS_GLOB_H

#include "firmware/types.h"

/* Whether @name matches one of the comma separated patterns; * stands for any characters. */
bool glob_list_matches(const char *patterns, const char *name);

/* A number for a test's name: its random stream does not depend on the order of tests. */
uint64_t hash_name(const char *suite, const char *name);

#endif
