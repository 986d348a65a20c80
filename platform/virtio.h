/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio device as its driver sees it, whatever bus it sits on. */
#ifndef PLATFORM_VIRTIO_H
#define PLATFORM_VIRTIO_H

#include "platform/pci_msix.h"
#include "platform/virtq.h"

/*
 * Virtio 1.2, chapters 2 and 3; behind it virtio_mmio.h (4.2) or virtio_pci.h (4.1). Not locked:
 * one caller at a time, but virtio_take_interrupts() goes beside any.
 */

#define VIRTIO_NAME_LEN 32
#define VIRTIO_MAX_CONFIG 64 /* bytes that virtio_read_config() reads at most */
#define VIRTIO_MAX_QUEUES 2  /* a memory device has one */

struct virtio_device;

/* What a bus has to offer; plain accesses to registers, no judgement but where an error is named.
 */
struct virtio_transport {
	uint32_t (*status)(const struct virtio_device *d);
	void (*set_status)(const struct virtio_device *d, uint32_t status);
	/* Bits [32 * @word, 32 * @word + 32). */
	uint32_t (*features)(const struct virtio_device *d, uint32_t word);
	void (*set_features)(const struct virtio_device *d, uint32_t word, uint32_t bits);
	uint32_t (*queue_max)(const struct virtio_device *d, uint32_t index);
	/* OK; ERR_IO: it does not become ready; ERR_RANGE (noted): it cannot be notified. */
	enum err (*queue_start)(struct virtio_device *d, uint32_t index, const struct virtq *q);
	void (*notify)(const struct virtio_device *d, uint32_t index);
	/* VIRTIO_INT_* since the last call, acknowledged. */
	uint32_t (*take_interrupts)(const struct virtio_device *d);
	/* See virtio_choose_interrupt(). NULL: there is nothing to choose. */
	void (*choose_interrupt)(struct virtio_device *d);
	/* Let the device raise its line, or not. NULL: nothing has to be done for either. */
	void (*set_interrupt)(struct virtio_device *d, bool on);
	uint32_t (*generation)(const struct virtio_device *d);
	/* Both a multiple of 4, inside of config_size. */
	uint32_t (*config32)(const struct virtio_device *d, uint32_t offset);
};

struct virtio_device {
	const struct virtio_transport *bus;
	vaddr_t regs;	      /* virtio-mmio: all registers; virtio-pci: the common configuration */
	uint64_t config_size; /* bytes of the device's own configuration */
	uint32_t irq;	      /* of intc.h; 0: none, to be polled */
	bool message;	      /* @irq is a message of the device's own, not a line */
	char name[VIRTIO_NAME_LEN];
	/* virtio-pci only. */
	vaddr_t function; /* configuration space */
	uint32_t pin_irq; /* of its pin; 0: none */
	struct pci_msix msix;
	vaddr_t isr;
	vaddr_t config;
	vaddr_t notify;
	uint64_t notify_size; /* bytes */
	uint32_t notify_multiplier;
	vaddr_t queue_notify[VIRTIO_MAX_QUEUES]; /* of the queues that were started */
};

/* Bits of virtio_take_interrupts(). */
#define VIRTIO_INT_USED 1U
#define VIRTIO_INT_CONFIG 2U

/* Reset and wait for it to be done (2.4). Returns OK or ERR_TIMEOUT (1 s). */
enum err must_check virtio_reset(struct virtio_device *d);

/*
 * From reset to FEATURES_OK (3.1.1). Accepts what the device offers of @wanted; @required must be
 * among it. Returns OK with the outcome in @accepted; ERR_NOSYS when something required is not
 * offered or the device refuses FEATURES_OK (noted; FAILED is set).
 */
enum err must_check virtio_negotiate(struct virtio_device *d, uint64_t wanted, uint64_t required,
				     uint64_t *accepted);

/*
 * How many descriptors queue @index may have. Returns 0 if there is no such queue, or if it is
 * in use already.
 */
uint32_t virtio_queue_max(struct virtio_device *d, uint32_t index);

/*
 * Hand @q to the device as queue @index (below VIRTIO_MAX_QUEUES). Returns OK, ERR_IO if it does
 * not become ready, ERR_RANGE if its notification lies outside the device's registers; noted.
 */
enum err must_check virtio_queue_start(struct virtio_device *d, uint32_t index,
				       const struct virtq *q);

void virtio_driver_ok(struct virtio_device *d);

/* Tell the device that this driver has given up on it (2.1.1). */
void virtio_fail(struct virtio_device *d);

/* Not alive: it asks for a reset (2.1.2), or lost DRIVER_OK. For a device that was started. */
bool virtio_is_alive(const struct virtio_device *d);

/* Notify queue @index, which was started; all written to memory before is seen by the device. */
void virtio_notify(const struct virtio_device *d, uint32_t index);

/* What the device signalled since the last call, acknowledged. Any context. */
uint32_t virtio_take_interrupts(const struct virtio_device *d);

/*
 * Choose d->irq for the calling hart: a message where bus and controller have that, else the line.
 * After each reset, whatever was chosen before, and before virtio_driver_ok(): a reset takes the
 * device's vectors (4.1.5.1.2.1). The conductor only.
 */
void virtio_choose_interrupt(struct virtio_device *d);

/*
 * Whether the device may interrupt: not before its handler is there, and no longer when it goes,
 * since on PCI others share a line. It may not from the opening on. Off, it has no message any
 * more, and can be polled.
 */
void virtio_set_interrupt(struct virtio_device *d, bool on);

/*
 * Read @len_bytes (a multiple of 4, at most VIRTIO_MAX_CONFIG) of the configuration at @offset (a
 * multiple of 4), by 32-bit loads, all from one moment: read twice under one generation, until both
 * agree. Returns OK, ERR_RANGE when it lies outside the registers, ERR_IO when it does not hold
 * still.
 */
enum err must_check virtio_read_config(const struct virtio_device *d, uint32_t offset, void *buf,
				       uint32_t len_bytes);

#endif
