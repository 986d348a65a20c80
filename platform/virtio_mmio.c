/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2, as the driver sees it: registers, status, features, configuration. */

#include <stdio.h>
#include <string.h>

#include "platform/virtio_mmio.h"

#include "device/mmio.h" /* register offsets and status bits only */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/mmio.h"
#include "firmware/time.h"
#include "mm/io.h"

#define VERSION_LEGACY 1
#define RESET_TIMEOUT_MS 1000
#define CONFIG_TRIES 32

_Static_assert(VIRTIO_MMIO_INT_USED == VMMIO_INT_USED, "InterruptStatus");
_Static_assert(VIRTIO_MMIO_INT_CONFIG == VMMIO_INT_CONFIG, "InterruptStatus");

static uint32_t reg_read(const struct virtio_mmio *d, uint32_t reg)
{
	return mmio_read32(d->regs + reg);
}

static void reg_write(const struct virtio_mmio *d, uint32_t reg, uint32_t value)
{
	mmio_write32(d->regs + reg, value);
}

enum err virtio_mmio_open(struct virtio_mmio *d, const char *name, vaddr_t regs, uint64_t size,
			  uint32_t irq, uint32_t device_id)
{
	uint32_t version;

	*d = (struct virtio_mmio){.regs = regs, .size = size, .irq = irq};
	snprintf(d->name, sizeof(d->name), "%s", name);
	if (size < VMMIO_REG_CONFIG) {
		note("%s: %llu bytes of registers are too few", d->name, (unsigned long long)size);
		return ERR_RANGE;
	}
	if (reg_read(d, VMMIO_REG_MAGIC) != VMMIO_MAGIC)
		return ERR_NOENT;
	/* The type has the same place in version 1, and an empty slot says 0 in both. */
	if (reg_read(d, VMMIO_REG_DEVICE_ID) != device_id)
		return ERR_NOENT;
	version = reg_read(d, VMMIO_REG_VERSION);
	if (version == VERSION_LEGACY) {
		note("%s: version 1 (legacy), start QEMU with "
		     "-global virtio-mmio.force-legacy=false",
		     d->name);
		return ERR_NOSYS;
	}
	if (version != VMMIO_VERSION) {
		note("%s: version %u is unknown", d->name, (unsigned)version);
		return ERR_NOSYS;
	}
	return OK;
}

enum err virtio_mmio_open_slot(struct virtio_mmio *d, const struct machine_virtio *slot,
			       uint32_t device_id)
{
	char name[VIRTIO_MMIO_NAME_LEN];
	vaddr_t regs;
	enum err e = io_map(slot->base, slot->size, &regs);

	if (e != OK)
		return e;
	snprintf(name, sizeof(name), "virtio-mmio@%llx", (unsigned long long)slot->base);
	return virtio_mmio_open(d, name, regs, slot->size, slot->irq, device_id);
}

enum err virtio_mmio_reset(struct virtio_mmio *d)
{
	uint64_t deadline = time_deadline_ms(RESET_TIMEOUT_MS);
	bool late = false;

	reg_write(d, VMMIO_REG_STATUS, 0);
	/* Asked once more after the deadline: this hart may have been held up in between. */
	while (reg_read(d, VMMIO_REG_STATUS) != 0) {
		if (late) {
			note("%s: reset does not end", d->name);
			return ERR_TIMEOUT;
		}
		late = time_past(deadline);
		arch_yield();
	}
	return OK;
}

static void status_add(struct virtio_mmio *d, uint32_t bits)
{
	reg_write(d, VMMIO_REG_STATUS, reg_read(d, VMMIO_REG_STATUS) | bits);
}

void virtio_mmio_fail(struct virtio_mmio *d)
{
	status_add(d, VIRTIO_STATUS_FAILED);
}

static uint64_t features_read(struct virtio_mmio *d)
{
	uint64_t low, high;

	reg_write(d, VMMIO_REG_DEVICE_FEATURES_SEL, 0);
	low = reg_read(d, VMMIO_REG_DEVICE_FEATURES);
	reg_write(d, VMMIO_REG_DEVICE_FEATURES_SEL, 1);
	high = reg_read(d, VMMIO_REG_DEVICE_FEATURES);
	return high << 32 | low;
}

static void features_write(struct virtio_mmio *d, uint64_t features)
{
	reg_write(d, VMMIO_REG_DRIVER_FEATURES_SEL, 0);
	reg_write(d, VMMIO_REG_DRIVER_FEATURES, (uint32_t)features);
	reg_write(d, VMMIO_REG_DRIVER_FEATURES_SEL, 1);
	reg_write(d, VMMIO_REG_DRIVER_FEATURES, (uint32_t)(features >> 32));
}

enum err virtio_mmio_negotiate(struct virtio_mmio *d, uint64_t wanted, uint64_t required,
			       uint64_t *accepted)
{
	uint64_t offered;

	status_add(d, VIRTIO_STATUS_ACKNOWLEDGE);
	status_add(d, VIRTIO_STATUS_DRIVER);
	offered = features_read(d);
	if ((required & ~offered) != 0) {
		note("%s: features %#llx lack %#llx", d->name, (unsigned long long)offered,
		     (unsigned long long)(required & ~offered));
		virtio_mmio_fail(d);
		return ERR_NOSYS;
	}
	*accepted = offered & (wanted | required);
	features_write(d, *accepted);
	status_add(d, VIRTIO_STATUS_FEATURES_OK);
	/* 3.1.1, step 6: the device may refuse, and says so by taking the bit back. */
	if ((reg_read(d, VMMIO_REG_STATUS) & VIRTIO_STATUS_FEATURES_OK) == 0) {
		note("%s: device refuses features %#llx of %#llx", d->name,
		     (unsigned long long)*accepted, (unsigned long long)offered);
		virtio_mmio_fail(d);
		return ERR_NOSYS;
	}
	return OK;
}

uint32_t virtio_mmio_queue_max(struct virtio_mmio *d, uint32_t index)
{
	reg_write(d, VMMIO_REG_QUEUE_SEL, index);
	if (reg_read(d, VMMIO_REG_QUEUE_READY) != 0)
		return 0;
	return reg_read(d, VMMIO_REG_QUEUE_NUM_MAX);
}

enum err virtio_mmio_queue_start(struct virtio_mmio *d, uint32_t index, const struct virtq *q)
{
	reg_write(d, VMMIO_REG_QUEUE_SEL, index);
	reg_write(d, VMMIO_REG_QUEUE_NUM, q->size);
	reg_write(d, VMMIO_REG_QUEUE_DESC_LOW, (uint32_t)q->desc_pa);
	reg_write(d, VMMIO_REG_QUEUE_DESC_HIGH, (uint32_t)(q->desc_pa >> 32));
	reg_write(d, VMMIO_REG_QUEUE_DRIVER_LOW, (uint32_t)q->driver_pa);
	reg_write(d, VMMIO_REG_QUEUE_DRIVER_HIGH, (uint32_t)(q->driver_pa >> 32));
	reg_write(d, VMMIO_REG_QUEUE_DEVICE_LOW, (uint32_t)q->device_pa);
	reg_write(d, VMMIO_REG_QUEUE_DEVICE_HIGH, (uint32_t)(q->device_pa >> 32));
	mmio_post(); /* the rings' first content, before the device may look */
	reg_write(d, VMMIO_REG_QUEUE_READY, 1);
	if (reg_read(d, VMMIO_REG_QUEUE_READY) != 1) {
		note("%s: queue %u does not become ready", d->name, (unsigned)index);
		return ERR_IO;
	}
	return OK;
}

void virtio_mmio_driver_ok(struct virtio_mmio *d)
{
	status_add(d, VIRTIO_STATUS_DRIVER_OK);
}

bool virtio_mmio_is_alive(const struct virtio_mmio *d)
{
	uint32_t status = reg_read(d, VMMIO_REG_STATUS);

	return (status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
	       VIRTIO_STATUS_DRIVER_OK;
}

void virtio_mmio_notify(const struct virtio_mmio *d, uint32_t index)
{
	mmio_post();
	reg_write(d, VMMIO_REG_QUEUE_NOTIFY, index);
}

uint32_t virtio_mmio_take_interrupts(const struct virtio_mmio *d)
{
	uint32_t bits = reg_read(d, VMMIO_REG_INTERRUPT_STATUS);

	/* Acknowledged before anything is read on its account, so that no later one is lost. */
	if (bits != 0)
		reg_write(d, VMMIO_REG_INTERRUPT_ACK, bits);
	return bits;
}

static void config_copy(const struct virtio_mmio *d, uint32_t offset, uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word = reg_read(d, VMMIO_REG_CONFIG + offset + i);

		memcpy(buf + i, &word, sizeof(word));
	}
}

enum err virtio_mmio_read_config(const struct virtio_mmio *d, uint32_t offset, void *buf,
				 uint32_t len_bytes)
{
	uint8_t again[VIRTIO_MMIO_MAX_CONFIG];

	if (len_bytes > sizeof(again) || (offset | len_bytes) % 4 != 0 ||
	    (uint64_t)VMMIO_REG_CONFIG + offset + len_bytes > d->size)
		return ERR_RANGE;
	for (unsigned i = 0; i < CONFIG_TRIES; i++) {
		uint32_t generation = reg_read(d, VMMIO_REG_CONFIG_GENERATION);

		/*
		 * The generation alone (4.2.2.2) is not enough behind a vhost-user device: its
		 * process changes the fields first, and the generation moves when the message
		 * about it arrives.
		 */
		config_copy(d, offset, buf, len_bytes);
		config_copy(d, offset, again, len_bytes);
		if (memcmp(buf, again, len_bytes) == 0 &&
		    reg_read(d, VMMIO_REG_CONFIG_GENERATION) == generation)
			return OK;
		arch_yield();
	}
	note("%s: configuration does not hold still", d->name);
	return ERR_IO;
}
