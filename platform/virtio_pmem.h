/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-pmem driver: where a device's memory lies, and flushes one at a time. */
#ifndef PLATFORM_VIRTIO_PMEM_H
#define PLATFORM_VIRTIO_PMEM_H

#include "firmware/lock.h"
#include "platform/virtio.h"

/*
 * Virtio 1.2, 5.19. Any hart may flush, one request is under way at a time. The memory is nobody's
 * RAM: mm/devmem.h maps it.
 *
 * A device that breaks the rules or does not answer is given up: `broken` is set, one note says
 * why, every later flush returns ERR_IO and touches no register. The memory may be used on; its DMA
 * memory is never used for anything else.
 */

/* Where it starts and ends: a leaf of the direct map, 8 pages of records (Linux: subsection). */
#define VIRTIO_PMEM_GRANULE SZ_2M

struct virtio_pmem_msg; /* request and response, in memory that the device reads and writes */

/* Read members freely, write none. */
struct virtio_pmem {
	struct virtio_device dev;
	struct virtq queue;
	struct spinlock lock;
	struct region phys; /* the memory */
	struct virtio_pmem_msg *msg;
	paddr_t msg_pa;
	bool broken;
	uint64_t nr_flushes; /* that the device confirmed */
};

/*
 * Start the device behind @dev (opened for type 27; copied). Its memory must overlap none of the
 * @nr regions @taken, in whatever order they are. Returns OK; ERR_NOSYS (features), ERR_RANGE
 * (memory that cannot be, is not aligned to VIRTIO_PMEM_GRANULE, or is somebody else's: noted),
 * ERR_NOENT (no queue), ERR_NOMEM, ERR_TIMEOUT, ERR_IO. After an error the device is given up.
 */
enum err must_check virtio_pmem_init(struct virtio_pmem *p, const struct virtio_device *dev,
				     const struct region *taken, unsigned nr);

/*
 * What was stored to the memory so far, by any hart that this one has synchronised with, lasts
 * when this returns OK. ERR_NACK: the device says that it failed, and may be asked again. ERR_IO,
 * ERR_TIMEOUT: given up. Source: Linux virtio_pmem_flush().
 */
enum err must_check virtio_pmem_flush(struct virtio_pmem *p);

/* "virtio-mmio@10007000 region 0x100000000+16 MiB". */
void virtio_pmem_describe(const struct virtio_pmem *p, char *buf, size_t len);

#endif
