/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the virtio-mem driver: one out, one answer in, and what becomes of a bad one. */
#ifndef PLATFORM_VIRTIO_MEM_REQUEST_H
#define PLATFORM_VIRTIO_MEM_REQUEST_H

#include "device/vmem_abi.h"
#include "platform/virtio_mem.h"

/*
 * For virtio_mem*.c alone. The device's lock is held, or the device is not
 * started yet.
 */

#define VMREQ_QUEUE 0
#define VMREQ_BUSY_TRIES 8

/* In lines of their own: a device that is not coherent would take neighbours along. */
struct virtio_mem_msg {
	struct virtio_mem_req req __attribute__((aligned(64)));
	struct virtio_mem_resp resp __attribute__((aligned(64)));
};

/*
 * Give the device up, for the reason in @fmt: noted, `broken` set, FAILED written. Returns @e.
 */
enum err must_check vmreq_give_up(struct virtio_mem *v, enum err e, const char *fmt, ...)
	printf_fn(3, 4);

/*
 * Send a request, again while the device is busy, @tries times at most. @nr_blocks as it goes
 * out. @state: for STATE only, else NULL. Returns OK for ACK; ERR_NACK; ERR_BUSY; ERR_INVAL for
 * ERROR; ERR_IO or ERR_TIMEOUT: given up.
 */
enum err must_check vmreq_try(struct virtio_mem *v, uint16_t type, paddr_t addr, uint16_t nr_blocks,
			      uint16_t *state, unsigned tries);

/*
 * The same, for PLUG, UNPLUG and STATE of a range that is right by the rules (at most 65535
 * blocks): ERROR means that the device sees them otherwise, and gives it up with ERR_IO.
 */
enum err must_check vmreq_send(struct virtio_mem *v, uint16_t type, paddr_t addr,
			       uint64_t size_bytes, uint16_t *state);

/* Bytes of the next request of @left bytes: nb_blocks has 16 bits. */
uint64_t vmreq_chunk_bytes(const struct virtio_mem *v, uint64_t left);

/*
 * Ask the device for the state of the whole usable region, by as few STATE requests as show it:
 * one for each run, and where the answer is MIXED for each half. @fn gets the pieces in ascending
 * order; an error of its own ends the walk and is returned. ERR_IO, ERR_TIMEOUT: given up, for a
 * device that stays BUSY too.
 */
enum err must_check vmreq_walk(struct virtio_mem *v,
			       enum err (*fn)(struct virtio_mem *v, paddr_t addr,
					      uint64_t size_bytes, bool plugged));

/*
 * From a reset that the device confirmed to DRIVER_OK (3.1.1). What an earlier start allocated is
 * kept, but for the queue. On error the device is given up, with a note.
 */
enum err must_check vmreq_start(struct virtio_mem *v);

/* virtio_mem_refresh(). */
enum err must_check vmreq_refresh(struct virtio_mem *v);

/*
 * UNPLUG_ALL, up to @tries times while the device is busy. ERR_BUSY: the accounts are as they were,
 * and may be wrong; ERR_IO, ERR_TIMEOUT: given up.
 */
enum err must_check vmreq_unplug_all(struct virtio_mem *v, unsigned tries);

#endif
