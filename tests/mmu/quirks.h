/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Known deviations of machines: a failure is expected only where the machine's identity and what
 * it did both match. quirks=none turns all of them off.
 */
#ifndef TESTS_MMU_QUIRKS_H
#define TESTS_MMU_QUIRKS_H

#include "tests/test.h"

/* Whether every failure of @t is one that this machine is known for. */
bool quirk_explains(const struct test_run *t);
/* Name and erratum of the quirk that explains @t, behind quirk_explains(). */
const char *quirk_name(const struct test_run *t);

#endif
