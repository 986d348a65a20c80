/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue, against a driver that may lie. */
#ifndef DEVICE_VRING_H
#define DEVICE_VRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Virtio 1.2, 2.7. Offered are plain chains only: no indirect descriptors, no event index, no
 * packed layout. Whatever the driver writes into the rings yields an error at worst, never an
 * access outside what vring_translate_fn allowed. Not locked.
 */

#define VRING_MAX_SIZE 64 /* descriptors a queue; also the longest chain */

enum vring_error {
	VRING_OK = 0,
	VRING_ERR_SIZE = -1,	/* queue size is 0, above the maximum, or no power of two */
	VRING_ERR_ALIGN = -2,	/* a ring's address is not aligned as 2.7 demands */
	VRING_ERR_MEMORY = -3,	/* an address or length does not lie in guest memory */
	VRING_ERR_INDEX = -4,	/* descriptor index out of range, or avail->idx ran too far */
	VRING_ERR_LOOP = -5,	/* a chain longer than the queue, so it loops */
	VRING_ERR_ORDER = -6,	/* a readable descriptor after a writable one */
	VRING_ERR_FLAGS = -7,	/* INDIRECT, which was not negotiated */
	VRING_ERR_SHORT = -8,	/* fewer writable bytes than there is to write */
	VRING_ERR_STOPPED = -9, /* the queue was not started */
};

/*
 * Turn [addr, addr + len) into a pointer that is good for all of it, or return NULL. The
 * addresses are whatever the caller has put there (guest physical, for descriptors; see
 * vring_start() for the rings).
 */
typedef void *(*vring_translate_fn)(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write);

struct vring_params {
	uint16_t size; /* descriptors, a power of two, at most VRING_MAX_SIZE */
	uint64_t desc; /* addresses of the three parts, for @ring_translate */
	uint64_t avail;
	uint64_t used;
	uint16_t base; /* first avail index not yet taken: 0, or what vring_stop() returned */
	vring_translate_fn ring_translate; /* for the three parts; vhost-user has other addresses */
	vring_translate_fn translate;	   /* for buffers: guest physical addresses */
	void *ctx;
};

struct vring {
	struct vring_params params;
	uint8_t *desc;
	uint8_t *avail;
	uint8_t *used;
	uint16_t last_avail;
	uint16_t used_idx;
	bool started;
};

struct vring_segment {
	uint8_t *data;
	uint32_t len_bytes;
};

/* A chain taken from the queue. Lengths and addresses are copies: the driver changes none. */
struct vring_chain {
	uint16_t head;
	uint16_t nb_readable; /* segments [0, nb_readable) are the driver's, then the writable */
	uint16_t nb_segments;
	uint64_t readable_bytes;
	uint64_t writable_bytes;
	struct vring_segment segments[VRING_MAX_SIZE];
};

/* Check sizes, alignment and memory, and start at @base. VRING_OK, _SIZE, _ALIGN or _MEMORY. */
int vring_start(struct vring *ring, const struct vring_params *params);

/* Stop the queue; returns the avail index to go on from. */
uint16_t vring_stop(struct vring *ring);

/* Take the next chain: 1 when there is one, 0 when there is none, or an error above. */
int vring_pop(struct vring *ring, struct vring_chain *chain);

/* Copy up to @len_bytes from the readable part's start. Returns how many were there. */
size_t vring_gather(const struct vring_chain *chain, void *buf, size_t len_bytes);

/* Copy @len_bytes to the writable part's start: VRING_OK, or VRING_ERR_SHORT and nothing copied. */
int vring_scatter(const struct vring_chain *chain, const void *buf, size_t len_bytes);

/* Give a chain back, @written bytes into its writable part. */
void vring_push(struct vring *ring, const struct vring_chain *chain, uint32_t written);

/*
 * Take chain after chain into @chain and have @serve answer each (0, or an error that ends it), as
 * long as *@hold is not set, at most one queue's worth a call: a driver that adds as fast as it is
 * served has given a notice for what it added. Returns how many were served, or an error of
 * vring_pop() or @serve.
 */
int vring_serve(struct vring *ring, struct vring_chain *chain, const bool *hold,
		int (*serve)(void *ctx), void *ctx);

/* Does the driver want to hear of what was pushed (2.7.7)? Ask after vring_push(). */
bool vring_wants_interrupt(const struct vring *ring);

const char *vring_error_text(int error);

#endif
