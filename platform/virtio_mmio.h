/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2: a virtio device behind one block of registers. */
#ifndef PLATFORM_VIRTIO_MMIO_H
#define PLATFORM_VIRTIO_MMIO_H

#include "firmware/machine.h"
#include "platform/virtio.h"

/*
 * Virtio 1.2, 4.2. Works on registers alone, so a device that is emulated by trapping looks the
 * same.
 */

/*
 * Look for a device of type @device_id behind the registers at @regs. @name is copied. Nothing is
 * written to the device. Returns OK; ERR_NOENT if there is none, or one of another type;
 * ERR_NOSYS for one with a legacy interface, ERR_RANGE for too few registers (both noted).
 */
enum err must_check virtio_mmio_open(struct virtio_device *d, const char *name, vaddr_t regs,
				     uint64_t size, uint32_t irq, uint32_t device_id);

/* The same for a slot of the device tree; maps its registers. ERR_NOMEM from io_map() too. */
enum err must_check virtio_mmio_open_slot(struct virtio_device *d,
					  const struct machine_virtio *slot, uint32_t device_id);

#endif
