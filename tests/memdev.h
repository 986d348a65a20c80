/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory devices of a run: the machine's own virtio-mem devices, or the built-in one. */
#ifndef TESTS_MEMDEV_H
#define TESTS_MEMDEV_H

#include "tests/test.h"

/* Before boot memory is handed out: decide which, and cut out a built-in device's region. */
void memdev_choose(struct bench *b);

/*
 * With the kernel table in force: start them, print a line of each, set b->vmems and b->vmem, or
 * b->vmem_why. If one of them cannot be used, none is: its absence must not pass for a choice.
 */
void memdev_start(struct bench *b);

/* The device whose region holds @pa, or NULL. */
struct virtio_mem *memdev_of(const struct bench *b, paddr_t pa);

/*
 * Back to devices that can be used, whatever a test left: nothing misbehaves, and a device that
 * was given up is revived. What is plugged stays. False (noted): it cannot be had.
 */
bool must_check memdev_recover(const struct bench *b);

/* Where the firmware sees a built-in device's queue: any boot memory, the driver's is dma only. */
void *memdev_guest_ptr(void *ctx, uint64_t pa, uint64_t len, bool write);

#endif
