/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's fuzz target: between its steps and what holds after each. */
#ifndef TESTS_FUZZ_FUZZ_DEVICE_TARGET_H
#define TESTS_FUZZ_FUZZ_DEVICE_TARGET_H

#include "device/mmio.h"
#include "tests/fuzz/fuzz_device.h"

/* Where the shortcuts put a queue of eight; the input may choose anything else. */
#define DESC_ADDR UINT64_C(0x1000)
#define AVAIL_ADDR UINT64_C(0x1200)
#define USED_ADDR UINT64_C(0x1300)
#define BUF_ADDR UINT64_C(0x1500)
#define QUEUE_SIZE 8u
#define RESP_BYTES 10u

/* The device, its driver's memory, and what both are held against. */
struct target {
	struct guest guest;
	struct model model;
	struct vmem vm;
	struct vmmio io;
	struct schedule sched;
	uint64_t sizes[4];
	uint64_t *storage;
	uint16_t avail_idx; /* of the shortcuts' queue */
	/* What the owner of the device does. */
	unsigned fail_discard; /* the n-th from now on fails; 0: none */
	unsigned fail_populate;
	uint16_t admit; /* for the next admit_left requests */
	unsigned admit_left;
	/* Watched. */
	bool line;
	bool stood_in_way; /* admit, discard or populate said no to this request */
	uint16_t stood_answer;
	unsigned answered; /* in this step */
	uint16_t used_before;
	struct vmem_response resp; /* the last one */
};
extern struct target target;

/* Take a step as the input says. The first byte modulo 12 says which. */
void target_step(struct feed *f);

#endif
