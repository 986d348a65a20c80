/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's accounts of a virtio-mem device: which blocks are plugged. For virtio_mem*.c alone.
 *
 * Locks: the device's is held, or the device is not started yet.
 */
#ifndef PLATFORM_VIRTIO_MEM_BLOCKS_H
#define PLATFORM_VIRTIO_MEM_BLOCKS_H

#include "platform/virtio_mem.h"

/* The bitmap for the region in @v's geometry, all unplugged. ERR_NOMEM. */
enum err must_check vmblocks_alloc(struct virtio_mem *v);
void vmblocks_free(struct virtio_mem *v);

/* Enter a range into the accounts. Each of its blocks is in the other state now. */
void vmblocks_account(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged);

/* All are unplugged now. */
void vmblocks_forget(struct virtio_mem *v);

/* virtio_mem_plugged() of whole blocks of the region. */
uint64_t vmblocks_plugged(const struct virtio_mem *v, paddr_t addr, uint64_t size_bytes);

#endif
