/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-mem device at a virtqueue: take requests, answer them, follow the schedule. */
#ifndef DEVICE_VMEMQ_H
#define DEVICE_VMEMQ_H

#include "device/schedule.h"
#include "device/vmem.h"
#include "device/vring.h"

enum vmemq_error {
	VMEMQ_ERR_REQUEST = -32,  /* fewer than 24 readable bytes, or an unknown type */
	VMEMQ_ERR_RESPONSE = -33, /* fewer than 10 writable bytes */
};

struct vmemq {
	struct vmem *vm;
	struct vring *ring;
	struct schedule *sched;	      /* may be NULL */
	void (*interrupt)(void *ctx); /* a used buffer that the driver wants to hear of */
	void *ctx;
	bool hold;		  /* the owner's: nothing is taken from the queue while it is set */
	struct vring_chain chain; /* too large for a small stack */
};

/*
 * Serve everything that is in the queue, as long as @hold is not set (an op may set it; when it
 * is cleared, call this again). Each response is in the used ring, and the interrupt
 * given, before the schedule moves. Returns the number of requests served, or an error of
 * vring.h or above after which the device needs a reset (2.1.2); the chain at fault is not
 * given back.
 */
int vmemq_process(struct vmemq *q);

/* Any error of vring.h or above, in words. */
const char *vmemq_error_text(int error);

#endif
