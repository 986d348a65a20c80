/* SPDX-License-Identifier: BSD-2-Clause */
/* What harts do at once. */
#ifndef TESTS_HOST_WEAVE_PROGRAMS_H
#define TESTS_HOST_WEAVE_PROGRAMS_H

#include "tests/host/weave.h"

extern const struct weave_program weave_programs[];
extern const unsigned weave_nr_programs;
const struct weave_program *weave_program(const char *name);

#endif
