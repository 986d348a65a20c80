/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2: a virtio device behind one block of registers. */

#include <stdio.h>

#include "platform/virtio_mmio.h"

#include "device/mmio.h" /* register offsets only */
#include "firmware/console.h"
#include "firmware/mmio.h"
#include "mm/io.h"

#define VERSION_LEGACY 1

_Static_assert(VIRTIO_INT_USED == VMMIO_INT_USED, "InterruptStatus");
_Static_assert(VIRTIO_INT_CONFIG == VMMIO_INT_CONFIG, "InterruptStatus");

static uint32_t reg_read(const struct virtio_device *d, uint32_t reg)
{
	return mmio_read32(d->regs + reg);
}

static void reg_write(const struct virtio_device *d, uint32_t reg, uint32_t value)
{
	mmio_write32(d->regs + reg, value);
}

static uint32_t status(const struct virtio_device *d)
{
	return reg_read(d, VMMIO_REG_STATUS);
}

static void set_status(const struct virtio_device *d, uint32_t bits)
{
	reg_write(d, VMMIO_REG_STATUS, bits);
}

static uint32_t features(const struct virtio_device *d, uint32_t word)
{
	reg_write(d, VMMIO_REG_DEVICE_FEATURES_SEL, word);
	return reg_read(d, VMMIO_REG_DEVICE_FEATURES);
}

static void set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
	reg_write(d, VMMIO_REG_DRIVER_FEATURES_SEL, word);
	reg_write(d, VMMIO_REG_DRIVER_FEATURES, bits);
}

static uint32_t queue_max(const struct virtio_device *d, uint32_t index)
{
	reg_write(d, VMMIO_REG_QUEUE_SEL, index);
	if (reg_read(d, VMMIO_REG_QUEUE_READY) != 0)
		return 0;
	return reg_read(d, VMMIO_REG_QUEUE_NUM_MAX);
}

static enum err queue_start(struct virtio_device *d, uint32_t index, const struct virtq *q)
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
	return reg_read(d, VMMIO_REG_QUEUE_READY) == 1 ? OK : ERR_IO;
}

static void notify(const struct virtio_device *d, uint32_t index)
{
	reg_write(d, VMMIO_REG_QUEUE_NOTIFY, index);
}

static uint32_t take_interrupts(const struct virtio_device *d)
{
	uint32_t bits = reg_read(d, VMMIO_REG_INTERRUPT_STATUS);

	/* Acknowledged before anything is read on its account, so that no later one is lost. */
	if (bits != 0)
		reg_write(d, VMMIO_REG_INTERRUPT_ACK, bits);
	return bits;
}

static uint32_t generation(const struct virtio_device *d)
{
	return reg_read(d, VMMIO_REG_CONFIG_GENERATION);
}

static uint32_t config32(const struct virtio_device *d, uint32_t offset)
{
	return reg_read(d, VMMIO_REG_CONFIG + offset);
}

static const struct virtio_transport transport = {
	.status = status,
	.set_status = set_status,
	.features = features,
	.set_features = set_features,
	.queue_max = queue_max,
	.queue_start = queue_start,
	.notify = notify,
	.take_interrupts = take_interrupts,
	.generation = generation,
	.config32 = config32,
};

enum err virtio_mmio_open(struct virtio_device *d, const char *name, vaddr_t regs, uint64_t size,
			  uint32_t irq, uint32_t device_id)
{
	uint32_t version;

	*d = (struct virtio_device){.bus = &transport, .regs = regs, .irq = irq};
	snprintf(d->name, sizeof(d->name), "%s", name);
	if (size < VMMIO_REG_CONFIG) {
		note("%s: %llu bytes of registers are too few", d->name, (unsigned long long)size);
		return ERR_RANGE;
	}
	d->config_size = size - VMMIO_REG_CONFIG;
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

enum err virtio_mmio_open_slot(struct virtio_device *d, const struct machine_virtio *slot,
			       uint32_t device_id)
{
	char name[VIRTIO_NAME_LEN];
	vaddr_t regs;
	enum err e = io_map(slot->base, slot->size, &regs);

	if (e != OK)
		return e;
	snprintf(name, sizeof(name), "virtio-mmio@%llx", (unsigned long long)slot->base);
	return virtio_mmio_open(d, name, regs, slot->size, slot->irq, device_id);
}
