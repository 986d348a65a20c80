/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio devices of a type, on whatever bus the machine has them. */
#ifndef PLATFORM_VIRTIO_FIND_H
#define PLATFORM_VIRTIO_FIND_H

#include "firmware/machine.h"
#include "platform/virtio.h"

/* Where one is. */
struct virtio_place {
	const struct machine_virtio *slot; /* NULL: a PCI function */
	unsigned function;		   /* its number on the root bus */
};

/*
 * Early, when only the early window shows registers and nothing is mapped: the places of devices of
 * type @device_id, virtio-mmio slots in the order of their registers, then PCI functions. Returns
 * how many there are; the first @max are in @places. Nothing is written to any device.
 */
unsigned virtio_find(const struct machine *m, uint32_t device_id, struct virtio_place *places,
		     unsigned max);

/* With the kernel table in force. Errors of virtio_mmio_open_slot() and virtio_pci_open(). */
enum err must_check virtio_open(struct virtio_device *d, const struct machine *m,
				const struct virtio_place *place, uint32_t device_id);

#endif
