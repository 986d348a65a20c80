/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-pci (modern): a virtio device whose registers capabilities point to. */

#include <stdio.h>

#include "platform/virtio_pci.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/mmio.h"
#include "mm/io.h"
#include "platform/intc.h"

/* struct virtio_pci_cap (4.1.4): id, next, then these. */
#define CAP_VENDOR 0x09
#define CAP_LEN 2
#define CAP_TYPE 3
#define CAP_BAR 4
#define CAP_OFFSET 8
#define CAP_LENGTH 12
#define CAP_MULTIPLIER 16 /* of the notification capability only */
#define CAP_BYTES 16U
#define CONFIG_BYTES 0x100U

enum { PART_COMMON = 1, PART_NOTIFY, PART_ISR, PART_DEVICE, NR_PARTS };

/* struct virtio_pci_common_cfg (4.1.4.3). */
#define REG_DEVICE_FEATURE_SELECT 0x00
#define REG_DEVICE_FEATURE 0x04
#define REG_DRIVER_FEATURE_SELECT 0x08
#define REG_DRIVER_FEATURE 0x0c
#define REG_CONFIG_VECTOR 0x10
#define REG_NUM_QUEUES 0x12
#define REG_DEVICE_STATUS 0x14
#define REG_CONFIG_GENERATION 0x15
#define REG_QUEUE_SELECT 0x16
#define REG_QUEUE_SIZE 0x18
#define REG_QUEUE_VECTOR 0x1a
#define REG_QUEUE_ENABLE 0x1c
#define REG_QUEUE_NOTIFY_OFF 0x1e
#define REG_QUEUE_DESC 0x20
#define REG_QUEUE_DRIVER 0x28
#define REG_QUEUE_DEVICE 0x30
#define COMMON_BYTES 0x38

#define NO_VECTOR 0xffffU
#define CHANGE_VECTOR 0 /* every table has it */

/* Nobody needs more of a part; a BAR may be large, and each page is mapped by itself. */
#define MAX_PART_BYTES UINT64_C(0x10000)

struct part {
	uint64_t length; /* bytes; 0: not found */
	paddr_t cpu;
	uint32_t multiplier;
};

static const struct {
	const char *name;
	uint32_t bytes; /* at least */
	uint32_t align;
} part_kinds[NR_PARTS] = {
	[PART_COMMON] = {"common", COMMON_BYTES, 4},
	[PART_NOTIFY] = {"notify", 2, 2},
	[PART_ISR] = {"isr", 1, 1},
	[PART_DEVICE] = {"device", 4, 4},
};

static void refuse(const struct pci_function *f, unsigned at, const char *field, uint64_t value,
		   const char *why)
{
	note("%s: capability at %#x: %s %#llx %s", f->name, at, field, (unsigned long long)value,
	     why);
}

/* A part that capability @at describes, if it can be one. What cannot is noted, and passed by. */
static bool part_read(const struct pci_function *f, unsigned at, unsigned type, struct part *p)
{
	vaddr_t cap = f->config + at;
	uint32_t len = mmio_read8(cap + CAP_LEN);
	uint32_t bar = mmio_read8(cap + CAP_BAR);
	uint32_t need = CAP_BYTES + (type == PART_NOTIFY ? 4 : 0);
	uint32_t offset, length;

	if (len < need || at + len > CONFIG_BYTES) {
		refuse(f, at, "cap_len", len, "is too short, or leaves configuration space");
		return false;
	}
	/* 4.1.4.2: reserved values are ignored. I/O space is no way for us. */
	if (bar >= PCI_BARS || f->bars[bar].size == 0) {
		refuse(f, at, "bar", bar, "is no memory");
		return false;
	}
	offset = mmio_read32(cap + CAP_OFFSET);
	length = mmio_read32(cap + CAP_LENGTH);
	if ((uint64_t)offset + length > f->bars[bar].size) {
		refuse(f, at, "offset + length", (uint64_t)offset + length, "leaves the BAR");
		return false;
	}
	if (length < part_kinds[type].bytes || offset % part_kinds[type].align != 0) {
		refuse(f, at, length < part_kinds[type].bytes ? "length" : "offset",
		       length < part_kinds[type].bytes ? length : offset, "cannot be");
		return false;
	}
	*p = (struct part){.length = length, .cpu = f->bars[bar].cpu + offset};
	if (type == PART_NOTIFY)
		p->multiplier = mmio_read32(cap + CAP_MULTIPLIER);
	return true;
}

/* The first of each kind that can be used: the device lists them as it prefers them (4.1.4). */
static enum err parts_find(const struct pci_function *f, struct part *parts)
{
	struct pci_walk w = {0};
	enum err e;

	while ((e = pci_next_capability(f, &w)) == OK) {
		unsigned type;

		if (mmio_read8(f->config + w.at) != CAP_VENDOR)
			continue;
		type = mmio_read8(f->config + w.at + CAP_TYPE);
		if (type >= PART_COMMON && type < NR_PARTS && parts[type].length == 0)
			(void)part_read(f, w.at, type, &parts[type]);
	}
	if (e != ERR_NOENT)
		return e;
	for (unsigned type = PART_COMMON; type < NR_PARTS; type++) {
		if (parts[type].length == 0) {
			note("%s: no %s registers", f->name, part_kinds[type].name);
			return ERR_RANGE;
		}
	}
	return OK;
}

static uint32_t status(const struct virtio_device *d)
{
	return mmio_read8(d->regs + REG_DEVICE_STATUS);
}

static void set_status(const struct virtio_device *d, uint32_t bits)
{
	mmio_write8(d->regs + REG_DEVICE_STATUS, (uint8_t)bits);
}

static uint32_t features(const struct virtio_device *d, uint32_t word)
{
	mmio_write32(d->regs + REG_DEVICE_FEATURE_SELECT, word);
	return mmio_read32(d->regs + REG_DEVICE_FEATURE);
}

static void set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
	mmio_write32(d->regs + REG_DRIVER_FEATURE_SELECT, word);
	mmio_write32(d->regs + REG_DRIVER_FEATURE, bits);
}

static uint32_t queue_max(const struct virtio_device *d, uint32_t index)
{
	if (index >= mmio_read16(d->regs + REG_NUM_QUEUES))
		return 0;
	mmio_write16(d->regs + REG_QUEUE_SELECT, (uint16_t)index);
	if (mmio_read16(d->regs + REG_QUEUE_ENABLE) != 0)
		return 0;
	return mmio_read16(d->regs + REG_QUEUE_SIZE);
}

/* 4.1.3.1: 64-bit fields by two 32-bit accesses. */
static void write64(const struct virtio_device *d, uint32_t reg, uint64_t value)
{
	mmio_write32(d->regs + reg, (uint32_t)value);
	mmio_write32(d->regs + reg + 4, (uint32_t)(value >> 32));
}

static enum err queue_start(struct virtio_device *d, uint32_t index, const struct virtq *q)
{
	uint64_t at;

	mmio_write16(d->regs + REG_QUEUE_SELECT, (uint16_t)index);
	at = (uint64_t)mmio_read16(d->regs + REG_QUEUE_NOTIFY_OFF) * d->notify_multiplier;
	if (at % 2 != 0 || at + 2 > d->notify_size) {
		note("%s: queue %u is notified at %#llx of %#llx bytes", d->name, (unsigned)index,
		     (unsigned long long)at, (unsigned long long)d->notify_size);
		return ERR_RANGE;
	}
	d->queue_notify[index] = d->notify + at;
	mmio_write16(d->regs + REG_QUEUE_SIZE, q->size);
	write64(d, REG_QUEUE_DESC, q->desc_pa);
	write64(d, REG_QUEUE_DRIVER, q->driver_pa);
	write64(d, REG_QUEUE_DEVICE, q->device_pa);
	mmio_post(); /* the rings' first content, before the device may look */
	mmio_write16(d->regs + REG_QUEUE_ENABLE, 1);
	return mmio_read16(d->regs + REG_QUEUE_ENABLE) == 1 ? OK : ERR_IO;
}

static void notify(const struct virtio_device *d, uint32_t index)
{
	mmio_write16(d->queue_notify[index], (uint16_t)index);
}

/*
 * By message there is no ISR status (4.1.4.5): the vector alone says what happened, and this one
 * has been mapped to changes of the configuration only.
 */
static uint32_t take_interrupts(const struct virtio_device *d)
{
	if (d->message)
		return VIRTIO_INT_CONFIG;
	/* 4.1.4.5: reading it takes the bits back, and the pin with them. */
	return mmio_read8(d->isr) & (VIRTIO_INT_USED | VIRTIO_INT_CONFIG);
}

/* 4.1.5.1.2.2: whether a vector was taken has to be read back. */
static bool map_vector(const struct virtio_device *d, uint32_t reg, uint16_t vector)
{
	uint16_t holds;

	mmio_write16(d->regs + reg, vector);
	holds = mmio_read16(d->regs + reg);
	if (holds == vector)
		return true;
	note("%s: register %#x holds vector %#x, %#x was written", d->name, (unsigned)reg, holds,
	     vector);
	return false;
}

/*
 * Changes of the configuration get a vector, queues none: they are polled, and what they had to say
 * would pass for such a change.
 */
static bool map_vectors(const struct virtio_device *d)
{
	uint16_t queues = mmio_read16(d->regs + REG_NUM_QUEUES);

	for (uint16_t i = 0; i < queues && i < VIRTIO_MAX_QUEUES; i++) {
		mmio_write16(d->regs + REG_QUEUE_SELECT, i);
		if (!map_vector(d, REG_QUEUE_VECTOR, NO_VECTOR))
			return false;
	}
	return map_vector(d, REG_CONFIG_VECTOR, CHANGE_VECTOR);
}

/* Its ISR status is kept from here on, its pin is off still. */
static void end_messages(struct virtio_device *d)
{
	pci_msix_stop(&d->msix);
	d->message = false;
	d->irq = d->pin_irq;
}

/* The table first, the vector stays masked; the registers refuse a vector without MSI-X. */
static bool start_messages(struct virtio_device *d)
{
	struct intc_message m;
	uint32_t irq;

	if (intc_message(arch_hart(), &irq, &m) != OK)
		return false;
	pci_msix_start(&d->msix);
	d->message = true;
	d->irq = irq;
	if (pci_msix_set(&d->msix, CHANGE_VECTOR, m.address, m.data) == OK)
		return true;
	note("%s: the table of MSI-X does not hold %#x for %#llx", d->name, (unsigned)m.data,
	     (unsigned long long)m.address);
	return false;
}

static void choose_interrupt(struct virtio_device *d)
{
	if (d->msix.control == 0)
		return;
	if ((d->message || start_messages(d)) && map_vectors(d))
		return;
	if (d->message)
		end_messages(d);
	note("%s: no messages, %s", d->name, d->irq != 0 ? "its pin instead" : "polled");
}

static void set_interrupt(struct virtio_device *d, bool on)
{
	if (!d->message) {
		pci_set_pin(d->function, on);
		return;
	}
	pci_msix_set_masked(&d->msix, CHANGE_VECTOR, !on);
	if (!on)
		end_messages(d);
}

static uint32_t generation(const struct virtio_device *d)
{
	return mmio_read8(d->regs + REG_CONFIG_GENERATION);
}

static uint32_t config32(const struct virtio_device *d, uint32_t offset)
{
	return mmio_read32(d->config + offset);
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
	.choose_interrupt = choose_interrupt,
	.set_interrupt = set_interrupt,
	.generation = generation,
	.config32 = config32,
};

static enum err parts_map(struct virtio_device *d, const struct part *parts)
{
	enum err e = io_map(parts[PART_COMMON].cpu, COMMON_BYTES, &d->regs);

	d->config_size = min_u64(parts[PART_DEVICE].length, MAX_PART_BYTES);
	d->notify_size = min_u64(parts[PART_NOTIFY].length, MAX_PART_BYTES);
	d->notify_multiplier = parts[PART_NOTIFY].multiplier;
	if (e == OK)
		e = io_map(parts[PART_ISR].cpu, 1, &d->isr);
	if (e == OK)
		e = io_map(parts[PART_DEVICE].cpu, d->config_size, &d->config);
	if (e == OK)
		e = io_map(parts[PART_NOTIFY].cpu, d->notify_size, &d->notify);
	return e;
}

enum err virtio_pci_open(struct virtio_device *d, struct pci_bus *b, unsigned number,
			 uint32_t device_id)
{
	struct part parts[NR_PARTS] = {0};
	struct pci_function f;
	enum err e;

	if (pci_function_id(b, number) != VIRTIO_PCI_ID(device_id))
		return ERR_NOENT;
	e = pci_function_open(b, number, &f);
	if (e != OK)
		return e;
	e = parts_find(&f, parts);
	if (e != OK) {
		pci_function_close(&f);
		return e;
	}
	*d = (struct virtio_device){
		.bus = &transport, .irq = f.irq, .pin_irq = f.irq, .function = f.config};
	if (pci_msix_open(&f, &d->msix) != OK || !f.messages)
		d->msix = (struct pci_msix){0};
	snprintf(d->name, sizeof(d->name), "virtio-%s", f.name);
	return parts_map(d, parts);
}
