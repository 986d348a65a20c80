/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-pci (modern): a virtio device whose registers capabilities point to. */
#ifndef PLATFORM_VIRTIO_PCI_H
#define PLATFORM_VIRTIO_PCI_H

#include "platform/pci.h"
#include "platform/virtio.h"

/*
 * Virtio 1.2, 4.1. Messages (MSI-X) where the tree says that they reach the harts, else its pin
 * (INTx), else polling. Both are off until virtio_set_interrupt().
 */

/* Vendor and device of type @device_id, as pci_next_function() tells them; never transitional. */
#define VIRTIO_PCI_ID(device_id) ((UINT32_C(0x1040) + (device_id)) << 16 | UINT32_C(0x1af4))

/*
 * Open the device that function @number of @b is. Nothing is written to its registers. Returns OK;
 * ERR_NOENT: it is of another type; ERR_RANGE: its capabilities lead nowhere, or one of the four
 * parts is missing; else errors of pci_function_open(). All but the first noted, with the value.
 */
enum err must_check virtio_pci_open(struct virtio_device *d, struct pci_bus *b, unsigned number,
				    uint32_t device_id);

#endif
