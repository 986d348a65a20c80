/* SPDX-License-Identifier: BSD-2-Clause */
/* The configuration of a virtio-mem device: read, decoded, and believed only if it can be true. */
#ifndef PLATFORM_VIRTIO_MEM_CONFIG_H
#define PLATFORM_VIRTIO_MEM_CONFIG_H

#include "firmware/types.h"
#include "platform/virtio.h"

/* Virtio 1.2, 5.15.4. Sizes in bytes. */
struct virtio_mem_geometry {
	uint64_t block_size;  /* power of two, at least a page; all below are multiples of it */
	paddr_t addr;	      /* start of the region */
	uint64_t region_size; /* not 0; the region ends within 56 bits of physical address */
	uint64_t usable_size; /* from the region's start; requests must lie inside */
	uint64_t plugged_size;
	uint64_t requested_size; /* what the device would like plugged_size to be */
	uint16_t node_id;	 /* means something only where ACPI_PXM was accepted */
};

/* More blocks than this in a region are not believed. */
#define VIRTIO_MEM_MAX_REGION_BLOCKS (UINT64_C(1) << 26)

/*
 * Read and check the configuration. Returns OK; ERR_RANGE for a value that the specification
 * forbids or that no machine can mean (noted, with the value); ERR_IO if it cannot be read.
 */
enum err must_check virtio_mem_config_read(const struct virtio_device *d,
					   struct virtio_mem_geometry *g);

/*
 * The same once more, and against what was read before: only usable, plugged and requested size
 * may change, and usable grows unless @may_shrink (5.15.4.2). ERR_RANGE, noted, otherwise.
 */
enum err must_check virtio_mem_config_reread(const struct virtio_device *d,
					     const struct virtio_mem_geometry *old, bool may_shrink,
					     struct virtio_mem_geometry *g);

/*
 * The part of the usable region that can be used in pieces of @granule (a power of two): aligned
 * to it and to the block size at both ends. Empty if there is none. Source: Linux
 * virtio_mem_bbm_init(), which rounds up likewise.
 */
struct region virtio_mem_granules(const struct virtio_mem_geometry *g, uint64_t granule);

/* "1 GiB", "1536 MiB", "4097 B": @bytes in the largest unit that is exact. Returns @buf. */
const char *virtio_mem_size_text(uint64_t bytes, char *buf, size_t len);

#endif
