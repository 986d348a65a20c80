/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Following the requested size: which blocks to plug and to unplug, as Linux's driver chooses them.
 *
 * Sub-block mode: the device's block is smaller than a memory block (128 MiB on RISC-V); memory
 * blocks may be plugged in part. Partly plugged ones are filled first, then the lowest unplugged
 * one; taking away begins with partly plugged ones, highest first, from their ends down.
 * Big-block mode: whole big blocks only, at least a memory block and a device block each.
 * Source: Linux drivers/virtio/virtio_mem.c, virtio_mem_sbm_plug_request() and its siblings.
 */
#ifndef PLATFORM_FOLLOW_H
#define PLATFORM_FOLLOW_H

#include "platform/plug.h"

#define FOLLOW_MEMORY_BLOCK (UINT64_C(128) << 20)

struct follow {
	struct virtio_mem *v;
	bool big;	       /* big-block mode */
	uint64_t memory_block; /* bytes; in big-block mode the big block */
	uint64_t step;	       /* smallest piece that comes or goes: sub-block or big block */
	struct region range;   /* whole memory blocks of the usable region */
	bool verbose;	       /* a line an operation */
	/* Why follow_run() stopped short, if it did. */
	struct zone_block stuck; /* what is pinned; pa FRAME_NONE: nothing */
	uint64_t moved;		 /* frames evacuated in all */
};

/*
 * @memory_block: a power of two, at least HOTPLUG_GRANULE. Big-block mode if the device's block is
 * not smaller, or @force_big. ERR_RANGE: no whole memory block fits the region (Linux: -ENOSPC).
 */
enum err must_check follow_init(struct follow *f, struct virtio_mem *v, uint64_t memory_block,
				bool force_big);

/*
 * Read what is requested and plug or unplug towards it, looking again between any two requests,
 * until it is reached as far as steps allow. A size that is asked for when the last one was
 * reached is the next call's. OK; ERR_BUSY: what is left is in use (f->stuck) or the
 * device stays busy; ERR_NOMEM; ERR_NACK: the device denies what it asked for, time after time;
 * ERR_IO: the device was given up. Whatever is plugged then stays plugged and in use.
 */
enum err must_check follow_run(struct follow *f);

/* How far plugged and requested are apart, in bytes, that steps cannot close. */
uint64_t follow_gap(const struct follow *f);

#endif
