/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2, as the driver sees it: registers, status, features, configuration. */
#ifndef PLATFORM_VIRTIO_MMIO_H
#define PLATFORM_VIRTIO_MMIO_H

#include "firmware/machine.h"
#include "platform/virtq.h"

/*
 * Virtio 1.2, 4.2. Works on registers alone, so a device that is emulated by trapping looks the
 * same. Not locked: one caller at a time, but virtio_mmio_take_interrupts() goes beside any.
 */

#define VIRTIO_MMIO_NAME_LEN 32
#define VIRTIO_MMIO_MAX_CONFIG 64 /* bytes that virtio_mmio_read_config() reads at most */

struct virtio_mmio {
	vaddr_t regs;
	uint64_t size; /* bytes of registers, configuration space included */
	uint32_t irq;  /* 0: none, to be polled */
	char name[VIRTIO_MMIO_NAME_LEN];
};

/* Bits of virtio_mmio_take_interrupts(). */
#define VIRTIO_MMIO_INT_USED 1U
#define VIRTIO_MMIO_INT_CONFIG 2U

/*
 * Look for a device of type @device_id behind the registers at @regs. @name is copied. Nothing is
 * written to the device. Returns OK; ERR_NOENT if there is none, or one of another type;
 * ERR_NOSYS for one with a legacy interface, ERR_RANGE for too few registers (both noted).
 */
enum err must_check virtio_mmio_open(struct virtio_mmio *d, const char *name, vaddr_t regs,
				     uint64_t size, uint32_t irq, uint32_t device_id);

/* The same for a slot of the device tree; maps its registers. ERR_NOMEM from io_map() too. */
enum err must_check virtio_mmio_open_slot(struct virtio_mmio *d, const struct machine_virtio *slot,
					  uint32_t device_id);

/* Reset and wait for it to be done (2.4). Returns OK or ERR_TIMEOUT (1 s). */
enum err must_check virtio_mmio_reset(struct virtio_mmio *d);

/*
 * From reset to FEATURES_OK (3.1.1). Accepts what the device offers of @wanted; @required must be
 * among it. Returns OK with the outcome in @accepted; ERR_NOSYS when something required is not
 * offered or the device refuses FEATURES_OK (noted; FAILED is set).
 */
enum err must_check virtio_mmio_negotiate(struct virtio_mmio *d, uint64_t wanted, uint64_t required,
					  uint64_t *accepted);

/*
 * How many descriptors queue @index may have. Returns 0 if there is no such queue, or if it is
 * in use already.
 */
uint32_t virtio_mmio_queue_max(struct virtio_mmio *d, uint32_t index);

/* Hand @q to the device as queue @index. Returns OK, or ERR_IO if it does not become ready. */
enum err must_check virtio_mmio_queue_start(struct virtio_mmio *d, uint32_t index,
					    const struct virtq *q);

void virtio_mmio_driver_ok(struct virtio_mmio *d);

/* Tell the device that this driver has given up on it (2.1.1). */
void virtio_mmio_fail(struct virtio_mmio *d);

/* Not alive: it asks for a reset (2.1.2), or lost DRIVER_OK. For a device that was started. */
bool virtio_mmio_is_alive(const struct virtio_mmio *d);

/* Notify queue @index; everything written to memory before is seen by the device. */
void virtio_mmio_notify(const struct virtio_mmio *d, uint32_t index);

/* What the device signalled since the last call, acknowledged. Any context. */
uint32_t virtio_mmio_take_interrupts(const struct virtio_mmio *d);

/*
 * Read @len_bytes (a multiple of 4, at most VIRTIO_MMIO_MAX_CONFIG) of the configuration at
 * @offset (a multiple of 4), by 32-bit loads, all from one moment: read twice under one
 * generation, until both agree. Returns OK, ERR_RANGE when it lies outside the registers, ERR_IO
 * when it does not hold still.
 */
enum err must_check virtio_mmio_read_config(const struct virtio_mmio *d, uint32_t offset, void *buf,
					    uint32_t len_bytes);

#endif
