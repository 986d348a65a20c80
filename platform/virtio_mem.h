/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver: what a device offers, what of it is plugged, requests one at a time. */
#ifndef PLATFORM_VIRTIO_MEM_H
#define PLATFORM_VIRTIO_MEM_H

#include "firmware/lock.h"
#include "platform/virtio_mem_config.h"
#include "platform/virtio.h"

/*
 * Virtio 1.2, 5.15. Any hart may call, one device serves one call at a time: each takes the
 * device's lock, and holds it until the device has answered (2 s a request at most, some
 * 130 ms of back-off while it is busy). Interrupts stay as they are meanwhile, so the hart answers
 * shootdowns; interrupt handlers may call virtio_mem_poll() and nothing else.
 *
 * A device that breaks the rules, answers ERROR to a request that was right, or does not answer is
 * given up: `broken` is set, one note says why, every later call returns ERR_IO and touches no
 * register. What is plugged then stays plugged and may be used on; the driver's DMA memory is
 * never used for anything else. After ERR_TIMEOUT the state of the blocks asked for is unknown:
 * leave them alone. virtio_mem_revive() starts such a device anew.
 */

struct virtio_mem_msg; /* request and response, in memory that the device reads and writes */

/* Read members freely, write none. */
struct virtio_mem {
	struct virtio_device dev;
	struct virtq queue;
	struct spinlock lock;
	uint64_t features;
	struct virtio_mem_geometry geo; /* as of the last refresh */
	uint64_t *bitmap;		/* one bit a block: plugged, as far as the driver knows */
	uint64_t nr_blocks;
	uint64_t plugged_bytes; /* blocks set in bitmap, exact after each request */
	struct virtio_mem_msg *msg;
	paddr_t msg_pa;
	uint32_t config_changed;  /* atomic; set by interrupt or poll */
	unsigned idle_interrupts; /* in a row, that had nothing to say */
	bool polled;		  /* no interrupt: config_changed is found by polling */
	bool broken;
	bool may_shrink; /* an UNPLUG_ALL was sent since the last refresh */
	uint64_t nr_requests;
	uint64_t nr_busy; /* BUSY answers */
};

/*
 * Start the device behind @dev (opened for type 24; copied): negotiation, queue, interrupt (the
 * caller's hart), configuration. What an earlier run left plugged is unplugged first
 * (5.15.5.1). Returns OK with config_changed set, so that the first look finds requested_size; or
 * ERR_NOSYS (features), ERR_RANGE (configuration), ERR_NOENT (no queue), ERR_NOMEM, ERR_TIMEOUT,
 * ERR_BUSY (leftovers stay), ERR_IO. After an error the device is given up.
 */
enum err must_check virtio_mem_init(struct virtio_mem *v, const struct virtio_device *dev);

/*
 * Start the device anew, and keep what is plugged: a device reset changes no block and no content
 * (5.15.5.2). For a device that was given up, or that should be reset; works with memory in use.
 * By STATE requests blocks that were plugged without the driver's knowledge (an answer that was
 * lost) are found and unplugged. Returns OK: accounts agree, config_changed is set. Errors of
 * virtio_mem_init(); ERR_INVAL if that never succeeded; ERR_IO when the device no longer has what
 * was plugged: do not use that memory. After an error the device is given up, and may be revived
 * again.
 */
enum err must_check virtio_mem_revive(struct virtio_mem *v);

/*
 * Let the device go: reset, interrupt off (call it on the hart that called init), memory given
 * back. Blocks stay as they are. @v is given up then. ERR_TIMEOUT: the reset was not confirmed,
 * the memory is the device's for good.
 */
enum err must_check virtio_mem_close(struct virtio_mem *v);

/*
 * Say "ready": a STATE request for the first block, answer ignored (with nothing requested nothing
 * is usable, and it is ERROR by rule). Devices of hotwalk's make change sizes from then on.
 * Returns OK, ERR_BUSY, ERR_IO, ERR_TIMEOUT.
 */
enum err must_check virtio_mem_ready(struct virtio_mem *v);

/*
 * Plug [@addr, @addr + @size_bytes), both multiples of the block size, unplugged, inside the
 * usable region. The content is undefined. Large ranges take several requests; when one fails,
 * the others are taken back. Returns OK; ERR_INVAL, ERR_RANGE, ERR_EXIST (nothing was sent);
 * ERR_NACK (more than requested), ERR_BUSY (8 tries), ERR_IO, ERR_TIMEOUT.
 */
enum err must_check virtio_mem_plug(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes);

/*
 * Unplug a plugged range that nothing uses or maps any more. ERR_NOENT if part of it is not
 * plugged (nothing was sent); else as above, except that requests that succeeded stay:
 * virtio_mem_plugged() tells what is left.
 */
enum err must_check virtio_mem_unplug(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes);

/*
 * Unplug everything; nothing of the region may be in use or mapped. The usable region may shrink,
 * and is read anew. Returns OK, ERR_BUSY, ERR_IO, ERR_TIMEOUT.
 */
enum err must_check virtio_mem_unplug_all(struct virtio_mem *v);

/*
 * What the device says of a range in the usable region: @state is VIRTIO_MEM_STATE_PLUGGED,
 * _UNPLUGGED or _MIXED (device/vmem_abi.h). Returns OK, ERR_INVAL, ERR_RANGE, ERR_BUSY, ERR_IO,
 * ERR_TIMEOUT.
 */
enum err must_check virtio_mem_state(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes,
				     uint16_t *state);

/* Bytes of [@addr, @addr + @size_bytes) that the driver knows as plugged. */
uint64_t virtio_mem_plugged(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes);

/* Look at the device's interrupt status; for machines and devices without an interrupt. */
void virtio_mem_poll(struct virtio_mem *v);

/* Did the device say that its configuration changed, since the last call? Polls where it must. */
bool virtio_mem_config_changed(struct virtio_mem *v);

/* Read the configuration anew into geo. Returns OK; ERR_RANGE, ERR_IO: given up. */
enum err must_check virtio_mem_refresh(struct virtio_mem *v);

/*
 * Refresh and compare the device's plugged_size with the driver's accounts. Returns OK, or ERR_IO:
 * they differ (noted with both values, the device is not given up), or it was given up.
 */
enum err must_check virtio_mem_check(struct virtio_mem *v);

/*
 * The proximity domain of its memory: what the device says, if it says anything (5.15.4.1: node_id
 * is ignored without ACPI_PXM), else 0. @told, if not NULL, gets which.
 */
uint16_t virtio_mem_node(const struct virtio_mem *v, bool *told);

/* "virtio-mmio@10008000 region 0x100000000+1 GiB, block 2 MiB, unplugged-inaccessible". */
void virtio_mem_describe(const struct virtio_mem *v, char *buf, size_t len);

#endif
