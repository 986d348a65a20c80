/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost-user, backend side: messages, guest memory, one queue. */
#ifndef HOST_VHOST_H
#define HOST_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include "device/vring.h"

/* As much of QEMU's docs/interop/vhost-user as a device with one queue and a configuration needs.
 */

#define VHOST_MAX_REGIONS 8

struct vhost_ops {
	/* Copy @len bytes at @offset of the configuration space; all of it lies within. */
	void (*read_config)(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len);
	/* A memory table arrived and is mapped. Not 0 ends the connection. */
	int (*memory_changed)(void *ctx);
	/* The queue starts (and may hold something), or has stopped. */
	void (*ring_started)(void *ctx);
	void (*ring_stopped)(void *ctx);
	/* The driver's choice of features is known. */
	void (*features_set)(void *ctx, uint64_t features);
};

/* A piece of guest memory, mapped here. */
struct vhost_region {
	uint64_t guest_addr;
	uint64_t size_bytes;
	uint64_t user_addr; /* where QEMU has it: the queue's addresses are of this kind */
	uint64_t file_offset;
	int fd;
	uint8_t *map; /* of the first byte */
};

struct vhost {
	int sock;
	int backend_fd; /* for our own messages; -1 until QEMU sends it */
	int kick_fd;
	int call_fd;
	int err_fd;
	uint64_t features_offered; /* without the protocol's own bit */
	uint32_t config_bytes;
	uint64_t features;
	uint64_t protocol_features;
	struct vhost_region regions[VHOST_MAX_REGIONS];
	unsigned nb_regions;
	struct vring_params params;
	bool have_addr;
	bool enabled;
	struct vring ring;
	unsigned nb_unconfirmed; /* changes of the configuration that QEMU has not confirmed yet */
	const struct vhost_ops *ops;
	void *ctx;
	char error[160]; /* why vhost_handle_message() returned -1 */
};

void vhost_init(struct vhost *vh, int sock, uint64_t features, uint32_t config_bytes,
		const struct vhost_ops *ops, void *ctx);

/* Read and answer one message. 0; 1 when QEMU has closed the connection; -1 and vh->error. */
int vhost_handle_message(struct vhost *vh);

/* Empty the kick. */
void vhost_kick_clear(struct vhost *vh);

/* Interrupt the driver for a used buffer. */
void vhost_interrupt(struct vhost *vh);

/*
 * Tell QEMU that the configuration changed. Returns false, and sends nothing, when the queue is
 * not running (QEMU up to 11.1 crashes on a message then) or there is no channel for it. QEMU
 * confirms when it has seen it: as long as nb_unconfirmed is not 0, a request that is answered
 * could let the driver reset the device ahead of the message.
 */
bool vhost_config_changed(struct vhost *vh);

/* backend_fd has something to read: a confirmation. 0, or -1 and vh->error. */
int vhost_handle_confirmation(struct vhost *vh);

/* The queue cannot be served any more. */
void vhost_ring_broken(struct vhost *vh);

/* The region that holds all of [addr, addr + size) of guest physical memory, or NULL. */
const struct vhost_region *vhost_find_guest(const struct vhost *vh, uint64_t addr,
					    uint64_t size_bytes);

/* Forget the memory table and the queue; close everything but what was duplicated. */
void vhost_close(struct vhost *vh);

#endif
