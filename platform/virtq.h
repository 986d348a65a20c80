/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's side of a split virtqueue, against a device that may lie. */
#ifndef PLATFORM_VIRTQ_H
#define PLATFORM_VIRTQ_H

#include "firmware/types.h"

/*
 * Virtio 1.2, 2.7. No indirect descriptors, no event index. Used buffers are polled for, so the
 * device is told not to interrupt for them. Not locked: one caller at a time.
 */

#define VIRTQ_MAX_SIZE 8 /* descriptors */

struct virtq_mem; /* the three parts, in memory that the device reads and writes */

struct virtq_buf {
	paddr_t pa;
	uint32_t len_bytes; /* not 0 */
};

/* Read members freely, write none. */
struct virtq {
	struct virtq_mem *mem;
	paddr_t desc_pa; /* for the device: descriptors, driver area, device area */
	paddr_t driver_pa;
	paddr_t device_pa;
	uint16_t size;
	uint16_t nr_free;      /* descriptors */
	uint16_t nr_in_flight; /* chains */
	uint16_t free_head;
	uint16_t avail_idx;
	uint16_t used_idx; /* first used element not yet taken */
	/* For each head: descriptors of its chain (0: not in flight), bytes it may write. */
	uint16_t chain_len[VIRTQ_MAX_SIZE];
	uint32_t writable_bytes[VIRTQ_MAX_SIZE];
	/* The device can write descriptors' memory, so the links are kept here. */
	uint16_t next[VIRTQ_MAX_SIZE];
};

/*
 * An empty queue of at most @max_size descriptors (a power of two is taken from it), in boot
 * memory from dma_alloc(). Returns OK, ERR_INVAL if @max_size is 0, ERR_NOMEM.
 */
enum err must_check virtq_init(struct virtq *q, uint32_t max_size);

/* Give the memory back: only when the device never saw it, or after a reset that it confirmed. */
void virtq_free(struct virtq *q);

/*
 * Offer a chain: @nr_out buffers that the device reads, then @nr_in that it writes. @head names
 * it until it is used. The buffers are the device's until then.
 * Returns OK, ERR_INVAL for no buffers or an empty one, ERR_NOMEM without room.
 */
enum err must_check virtq_add(struct virtq *q, const struct virtq_buf *out, unsigned nr_out,
			      const struct virtq_buf *in, unsigned nr_in, uint16_t *head);

/* Does the device want to be notified of what was added (2.7.10)? */
bool virtq_wants_notify(const struct virtq *q);

/*
 * Take the next used chain: its head and the bytes written. Returns OK; ERR_NOENT when there is
 * none yet; ERR_IO when the device broke the rules (unknown or idle head, more bytes than were
 * writable, index too far ahead). After ERR_IO the queue and its buffers must not be used again.
 */
enum err must_check virtq_take_used(struct virtq *q, uint16_t *head, uint32_t *len_bytes);

#endif
