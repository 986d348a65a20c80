/* SPDX-License-Identifier: BSD-2-Clause */
/* The persistent memory of a run: the machine's virtio-pmem device, or the built-in one. */
#ifndef TESTS_PMEMDEV_H
#define TESTS_PMEMDEV_H

#include "tests/test.h"

/* Before boot memory is handed out: decide which, and cut out a built-in device's memory. */
void pmemdev_choose(struct bench *b);

/*
 * Behind memdev_start(): start it, print its line, set b->pmem. One that cannot be used is noted,
 * and pmemdev_due() stays true: the tests that need it fail then.
 */
void pmemdev_start(struct bench *b);

/* There should be one: its absence is no reason to skip. */
bool pmemdev_due(void);

#endif
