/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory device of a run: the machine's own virtio-mem device, or the built-in one. */
#ifndef TESTS_MEMDEV_H
#define TESTS_MEMDEV_H

#include "tests/test.h"

/* Before boot memory is handed out: decide which, and cut out a built-in device's region. */
void memdev_choose(struct bench *b);

/* With the kernel table in force: start it, print its line, set b->vmem or b->vmem_why. */
void memdev_start(struct bench *b);

/*
 * Back to a device that can be used, whatever a test left: nothing misbehaves, and a device that
 * was given up is revived. What is plugged stays. False (noted): it cannot be had.
 */
bool must_check memdev_recover(const struct bench *b);

#endif
