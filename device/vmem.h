/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem device: blocks, sizes, requests. No I/O, no queue, no storage of its own. */
#ifndef DEVICE_VMEM_H
#define DEVICE_VMEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/vmem_abi.h"

/*
 * Rules: virtio 1.2, 5.15. Where the text leaves a choice (order of ERROR and NACK, how much
 * more than requested_size is usable) this device does as QEMU's does. Nothing here locks:
 * the caller lets one thread or hart in at a time.
 */

enum vmem_error {
	VMEM_OK = 0,
	VMEM_ERR_BLOCK_SIZE = -1, /* block_size is no power of two, or below 4096 */
	VMEM_ERR_ALIGN = -2,	  /* addr, region_size or a requested size is no multiple of it */
	VMEM_ERR_RANGE = -3,	  /* region is empty or wraps, or a requested size exceeds it */
	VMEM_ERR_STORAGE = -4,	  /* less storage than vmem_storage_bytes() asks for */
};

/* What the usable region exceeds requested_size by, as in QEMU. */
#define VMEM_USABLE_EXTRA_BYTES (256ULL << 20)

/* Smallest block_size accepted (QEMU takes 1 MiB and more; small ones serve tests). */
#define VMEM_MIN_BLOCK_BYTES 4096ULL

/* A request, decoded. */
struct vmem_request {
	uint16_t type;	    /* VIRTIO_MEM_REQ_* */
	uint16_t nb_blocks; /* as sent; not meaningful for UNPLUG_ALL */
	uint64_t addr;	    /* as sent, guest physical; not meaningful for UNPLUG_ALL */
};

struct vmem_response {
	uint16_t type;	/* VIRTIO_MEM_RESP_* */
	uint16_t state; /* VIRTIO_MEM_STATE_*, for an acknowledged STATE only, else 0 */
};

/*
 * What the device asks of whoever owns it. Any member may be NULL. Offsets count from the start
 * of the region. All are called from within
 * vmem_handle(), vmem_set_requested_size() or vmem_system_reset(), with the ctx of vmem_init();
 * none may call back into these three.
 */
struct vmem_ops {
	/*
	 * A well-formed request that would be granted comes: return VIRTIO_MEM_RESP_ACK to let it
	 * through, anything else is answered instead, and nothing changes. For STATE and UNPLUG_ALL
	 * too. This is the place for faults, and for looking at memory before it changes.
	 */
	uint16_t (*admit)(void *ctx, const struct vmem_request *req);
	/*
	 * Make the content of a range go away, before its blocks become unplugged. Not 0
	 * means that nothing was discarded: the answer is BUSY. UNPLUG asks once for its range,
	 * UNPLUG_ALL and a system reset once for every maximal run of plugged blocks.
	 */
	int (*discard)(void *ctx, uint64_t offset_bytes, uint64_t size_bytes);
	/* Make a range ready for use, before the blocks change state. Not 0: BUSY. */
	int (*populate)(void *ctx, uint64_t offset_bytes, uint64_t size_bytes);
	/* A field of the configuration changed of which the driver has to be told. */
	void (*notify_config)(void *ctx);
	/* usable_region_size changed (comes before notify_config). */
	void (*usable_changed)(void *ctx);
	/* A request was answered (and takes effect now, if it was acknowledged). */
	void (*answered)(void *ctx, const struct vmem_request *req,
			 const struct vmem_response *resp);
};

struct vmem_params {
	uint64_t addr;		 /* guest physical, multiple of block_size */
	uint64_t region_size;	 /* bytes, multiple of block_size, not 0 */
	uint64_t block_size;	 /* bytes, power of two, >= VMEM_MIN_BLOCK_BYTES */
	uint64_t requested_size; /* bytes, multiple of block_size, <= region_size */
	uint16_t node_id;	 /* meaningful with has_node only */
	bool has_node;		 /* offer ACPI_PXM */
	bool readable_unplugged; /* do not offer UNPLUGGED_INACCESSIBLE */
};

/* Read members freely, write none. Sizes in bytes. */
struct vmem {
	struct vmem_params params; /* requested_size is kept current here */
	uint64_t usable_size;
	uint64_t plugged_size;
	uint32_t generation; /* counts changes of any field of the configuration */
	uint64_t *bitmap;    /* one bit a block, 1 is plugged; bits past the end are 0 */
	uint64_t nb_blocks;  /* region_size / block_size */
	const struct vmem_ops *ops;
	void *ctx;
};

/* Bytes (a multiple of 8) that a region needs; 0 when the sizes are not valid. */
size_t vmem_storage_bytes(uint64_t region_size, uint64_t block_size);

/*
 * Set up a device with everything unplugged. @storage is 8-byte aligned and stays the device's
 * until it is no longer used, @ops likewise. Calls no op. Returns VMEM_OK or an error above.
 */
int vmem_init(struct vmem *vm, const struct vmem_params *params, void *storage,
	      size_t storage_bytes, const struct vmem_ops *ops, void *ctx);

/* Feature bits that are offered (5.15.3). */
uint64_t vmem_features(const struct vmem *vm);

/*
 * May a driver go on that accepted these features? False when it accepted one that was not
 * offered, lacks VERSION_1, or refused UNPLUGGED_INACCESSIBLE ("MAY fail", 5.15.5; QEMU does).
 */
bool vmem_features_ok(const struct vmem *vm, uint64_t accepted);

/* The configuration space as the driver sees it (5.15.4). */
void vmem_config(const struct vmem *vm, struct virtio_mem_config *config);

/*
 * Read a request as the driver sent it. False when @len_bytes is below VIRTIO_MEM_REQ_BYTES or
 * the type is unknown: there is no response to that, the device needs a reset.
 */
bool vmem_decode(const void *data, size_t len_bytes, struct vmem_request *req);

/* Carry out one request (5.15.6). The type VIRTIO_MEM_RESP_* says what came of it. */
void vmem_handle(struct vmem *vm, const struct vmem_request *req, struct vmem_response *resp);

/* Write a response as the driver reads it. */
void vmem_encode(const struct vmem_response *resp, struct virtio_mem_resp *raw);

/*
 * Ask the driver for another size. The usable region grows at once where it has to, and never
 * shrinks here (5.15.4: only UNPLUG_ALL and system reset may). Returns VMEM_OK, VMEM_ERR_ALIGN
 * or VMEM_ERR_RANGE; the driver is notified when something changed.
 */
int vmem_set_requested_size(struct vmem *vm, uint64_t size_bytes);

/*
 * The machine was reset: unplug everything, shrink the usable region (5.15.6, SHOULD). A run
 * that cannot be discarded stays plugged. Returns the number of bytes that did; notifies nobody.
 * A *device* reset has no function: it must change neither blocks nor contents (5.15.5).
 */
uint64_t vmem_system_reset(struct vmem *vm);

/* Is the whole range [offset, offset + size) plugged, unplugged, or neither? VIRTIO_MEM_STATE_*.
 * Multiples of block_size, size not 0, within the region; anything else counts as MIXED. */
uint16_t vmem_range_state(const struct vmem *vm, uint64_t offset_bytes, uint64_t size_bytes);

/*
 * The first run of blocks in the wanted state at or after block @first. Returns its length in
 * blocks and its start in @start; 0 when there is none.
 */
uint64_t vmem_next_run(const struct vmem *vm, uint64_t first, bool plugged, uint64_t *start);

#endif
