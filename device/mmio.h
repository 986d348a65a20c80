/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2 registers in front of a device with one queue. */
#ifndef DEVICE_MMIO_H
#define DEVICE_MMIO_H

#include <stdbool.h>
#include <stdint.h>

#include "device/schedule.h"
#include "device/vmem.h"
#include "device/vmemq.h"
#include "device/vring.h"

/*
 * Virtio 1.2, 4.2. For machines without a virtio-mem device: whoever owns the window traps the
 * driver's loads and stores and calls vmmio_read() and vmmio_write(). Not locked.
 */

#define VMMIO_WINDOW_BYTES 0x200ULL /* registers, and the configuration space at 0x100 */
#define VMMIO_MAGIC 0x74726976U	    /* "virt" */
#define VMMIO_VERSION 2U
#define VMMIO_VENDOR 0x4b4c5748U /* "HWLK" */

/* Register offsets (4.2.2); shared with the driver. */
#define VMMIO_REG_MAGIC 0x000
#define VMMIO_REG_VERSION 0x004
#define VMMIO_REG_DEVICE_ID 0x008
#define VMMIO_REG_VENDOR_ID 0x00c
#define VMMIO_REG_DEVICE_FEATURES 0x010
#define VMMIO_REG_DEVICE_FEATURES_SEL 0x014
#define VMMIO_REG_DRIVER_FEATURES 0x020
#define VMMIO_REG_DRIVER_FEATURES_SEL 0x024
#define VMMIO_REG_QUEUE_SEL 0x030
#define VMMIO_REG_QUEUE_NUM_MAX 0x034
#define VMMIO_REG_QUEUE_NUM 0x038
#define VMMIO_REG_QUEUE_READY 0x044
#define VMMIO_REG_QUEUE_NOTIFY 0x050
#define VMMIO_REG_INTERRUPT_STATUS 0x060
#define VMMIO_REG_INTERRUPT_ACK 0x064
#define VMMIO_REG_STATUS 0x070
#define VMMIO_REG_QUEUE_DESC_LOW 0x080
#define VMMIO_REG_QUEUE_DESC_HIGH 0x084
#define VMMIO_REG_QUEUE_DRIVER_LOW 0x090
#define VMMIO_REG_QUEUE_DRIVER_HIGH 0x094
#define VMMIO_REG_QUEUE_DEVICE_LOW 0x0a0
#define VMMIO_REG_QUEUE_DEVICE_HIGH 0x0a4
#define VMMIO_REG_SHM_SEL 0x0ac
#define VMMIO_REG_SHM_LEN_LOW 0x0b0
#define VMMIO_REG_SHM_LEN_HIGH 0x0b4
#define VMMIO_REG_SHM_BASE_LOW 0x0b8
#define VMMIO_REG_SHM_BASE_HIGH 0x0bc
#define VMMIO_REG_CONFIG_GENERATION 0x0fc
#define VMMIO_REG_CONFIG 0x100

/* Device status bits (2.1). */
#define VIRTIO_STATUS_ACKNOWLEDGE 1U
#define VIRTIO_STATUS_DRIVER 2U
#define VIRTIO_STATUS_DRIVER_OK 4U
#define VIRTIO_STATUS_FEATURES_OK 8U
#define VIRTIO_STATUS_NEEDS_RESET 64U
#define VIRTIO_STATUS_FAILED 128U

/* InterruptStatus bits (4.2.2). */
#define VMMIO_INT_USED 1U
#define VMMIO_INT_CONFIG 2U

struct vmmio_ops {
	/* For the queue's parts and buffers, all guest physical. Must not be NULL. */
	vring_translate_fn translate;
	/* The interrupt line: asserted while InterruptStatus is not 0. May be NULL. */
	void (*set_interrupt)(void *ctx, bool asserted);
	/* The driver wrote 0 to Status. May be NULL. */
	void (*was_reset)(void *ctx);
};

struct vmmio;

/* What a kind of device answers behind its registers. @model is what vmmio_init_kind() was given.
 */
struct vmmio_kind {
	uint32_t device_id;
	uint64_t (*features)(const void *model);
	/* May a driver go on that accepted these? */
	bool (*features_ok)(const void *model, uint64_t accepted);
	/* Fill in the configuration space, VMMIO_CONFIG_BYTES of zeros so far. */
	void (*config)(const void *model, uint8_t *bytes);
	uint32_t (*generation)(const void *model);
	/* Serve the queue; below 0: the device needs a reset. */
	int (*process)(struct vmmio *dev);
	/* The machine was reset, and the registers with it. May be NULL. */
	void (*system_reset)(struct vmmio *dev);
};

#define VMMIO_CONFIG_BYTES (VMMIO_WINDOW_BYTES - VMMIO_REG_CONFIG)

/* Read members freely, write none. */
struct vmmio {
	const struct vmmio_kind *kind;
	void *model;
	struct vmem *vm; /* of a virtio-mem device, else NULL; its queue is q */
	const struct vmmio_ops *ops;
	void *ctx;
	uint32_t status;
	uint32_t interrupt_status;
	uint32_t device_features_sel;
	uint32_t driver_features_sel;
	uint64_t driver_features;
	uint32_t queue_sel;
	uint32_t queue_num;
	bool queue_ready;
	uint64_t queue_desc;
	uint64_t queue_driver;
	uint64_t queue_device;
	struct vring ring;
	struct vmemq q;
	int error;	  /* why NEEDS_RESET was set: vring.h, vmemq.h; 0 when it is not */
	uint64_t misuses; /* accesses that the specification does not allow, and were ignored */
};

/* Put registers in front of @model, a device of @kind. Its used buffers: vmmio_used_buffer(). */
void vmmio_init_kind(struct vmmio *dev, const struct vmmio_kind *kind, void *model,
		     const struct vmmio_ops *ops, void *ctx);

/*
 * Put registers in front of @vm. Its notify_config op has to call vmmio_config_changed(); the
 * other ops are the owner's. @sched may be NULL. All of them stay in use.
 */
void vmmio_init(struct vmmio *dev, struct vmem *vm, struct schedule *sched,
		const struct vmmio_ops *ops, void *ctx);

/*
 * The driver loads or stores @size_bytes (1, 2, 4 or 8) at @offset of the window. Registers are
 * 32 bits wide and aligned (4.2.2.2); any other access to them reads 0, or is ignored, and is
 * counted in misuses. The configuration space takes any width at any aligned offset, reads 0
 * behind its end, and cannot be written (5.15.4). Values are zero-extended.
 */
uint64_t vmmio_read(struct vmmio *dev, uint64_t offset, unsigned size_bytes);
void vmmio_write(struct vmmio *dev, uint64_t offset, uint64_t value, unsigned size_bytes);

/* The configuration changed: interrupt, if DRIVER_OK is set (2.1: none before that). */
void vmmio_config_changed(struct vmmio *dev);

/* The queue has a used buffer that the driver wants to hear of. @ctx: the struct vmmio. */
void vmmio_used_buffer(void *ctx);

/* The machine was reset: registers and device (vmem_system_reset()). */
void vmmio_system_reset(struct vmmio *dev);

#endif
