/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-pmem device: a range of memory, and requests to make its content last. */
#ifndef DEVICE_PMEM_H
#define DEVICE_PMEM_H

#include "device/mmio.h"
#include "device/pmem_abi.h"
#include "device/vring.h"

/*
 * Rules: virtio 1.2, 5.19. The memory itself, and what flushing it means, are the owner's. Nothing
 * here locks: the caller lets one thread or hart in at a time.
 */

enum pmem_error {
	PMEM_ERR_REQUEST = -48,	 /* fewer than 4 readable bytes */
	PMEM_ERR_RESPONSE = -49, /* fewer than 4 writable bytes */
};

struct pmem_ops {
	/*
	 * Make what the driver has stored so far last: 0, or not 0 when that failed. Called before
	 * the answer reaches the used ring (5.19.6.2).
	 */
	int (*flush)(void *ctx);
	/* A used buffer that the driver wants to hear of. */
	void (*interrupt)(void *ctx);
};

/* Read members freely, write none but hold. */
struct pmem {
	uint64_t start;	     /* guest physical */
	uint64_t size_bytes; /* of the memory */
	const struct pmem_ops *ops;
	void *ctx;
	struct vring *ring;
	struct vring_chain chain; /* too large for a small stack */
	uint64_t flushes;	  /* that were answered with success */
	uint64_t failures;	  /* requests that were answered with failure */
	bool hold;		  /* the owner's: nothing is taken from the queue while it is set */
};

/*
 * A device whose requests come through @ring. No check of @start and @size_bytes: what a driver
 * does with values that cannot be is for tests. @ops and its flush are not NULL.
 */
void pmem_init(struct pmem *p, uint64_t start, uint64_t size_bytes, struct vring *ring,
	       const struct pmem_ops *ops, void *ctx);

/* Feature bits that are offered (5.19.3), and whether a driver may go on that accepted @accepted.
 */
uint64_t pmem_features(const struct pmem *p);
bool pmem_features_ok(const struct pmem *p, uint64_t accepted);

/* The configuration space as the driver sees it (5.19.4). */
void pmem_config(const struct pmem *p, struct virtio_pmem_config *config);

/*
 * Serve everything that is in the queue. Returns the number of requests, or an error of vring.h or
 * above after which the device needs a reset. A type that is unknown is answered with failure.
 */
int pmem_process(struct pmem *p);
const char *pmem_error_text(int error);

/*
 * Put virtio-mmio registers in front of @p, whose ring is that of @dev from then on. Its interrupt
 * op has to call vmmio_used_buffer(@dev).
 */
void pmem_mmio_init(struct vmmio *dev, struct pmem *p, const struct vmmio_ops *ops, void *ctx);

#endif
