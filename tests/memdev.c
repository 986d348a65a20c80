/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory devices of a run: the machine's own virtio-mem devices, or the built-in one. */
#include "tests/memdev.h"

#include <stdio.h>

#include "device/vmem_abi.h"
#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/bootmem.h"
#include "mm/frame.h"
#include "platform/builtin.h"
#include "platform/exitdev.h"
#include "platform/misbehave.h"
#include "platform/virtio_find.h"
#include "platform/virtio_mmio.h"

#define BUILTIN_BLOCK SZ_2M
/* Each unplug fills it word by word, so that its content is gone: kept small by default. */
#define BUILTIN_MAX (SZ_1G / 4)

/* What the device asks for over time: everything, then the steps of hotplug.follow. */
#define BUILTIN_SCHEDULE "100%,23%,0,57%,41%,100%"

static struct virtio_mem devices[MAX_VMEMS];
static struct virtio_place places[MAX_VMEMS];
static unsigned nr_places;

static void find_places(const struct machine *m)
{
	unsigned nr = virtio_find(m, VIRTIO_ID_MEM, places, MAX_VMEMS);

	nr_places = nr < MAX_VMEMS ? nr : MAX_VMEMS;
	if (nr > nr_places)
		note("vmem: more than %d virtio-mem devices, %u are not used", MAX_VMEMS,
		     nr - nr_places);
}

static uint64_t usable_bytes(void)
{
	const struct region *r;
	unsigned n = bootmem_regions(&r);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += r[i].size;
	return sum;
}

/* At most half of what there is, unless told otherwise. */
static void carve_builtin(struct bench *b)
{
	uint64_t block = b->args->vmem_block != 0 ? b->args->vmem_block : BUILTIN_BLOCK;
	uint64_t size = b->args->vmem_size;
	paddr_t pa;

	if (size == 0)
		size = align_down(min_u64(usable_bytes() / 2, BUILTIN_MAX), max_u64(block, SZ_2M));
	pa = size == 0 ? FRAME_NONE : bootmem_find_top(size, max_u64(block, SZ_2M));
	if (pa == FRAME_NONE || bootmem_carve((struct region){pa, size}) != OK) {
		b->vmem_why = "no room in RAM for the built-in device's region";
		note("vmem: %s (%llu MiB, vmem.size= says otherwise)", b->vmem_why,
		     (unsigned long long)size >> 20);
		return;
	}
	b->carved = (struct region){pa, size};
}

void memdev_choose(struct bench *b)
{
	enum vmem_arg arg = b->args->vmem;

	b->vmem_why = "no virtio-mem device";
	if (arg == VMEM_ARG_NONE)
		return;
	if (arg != VMEM_ARG_BUILTIN)
		find_places(b->machine);
	/* What is there, or was asked for by name, must not be missing without anybody noticing. */
	b->vmem_due = nr_places != 0 || arg != VMEM_ARG_AUTO;
	if (nr_places == 0 && arg != VMEM_ARG_VHOST)
		carve_builtin(b);
}

void *memdev_guest_ptr(void *ctx, uint64_t pa, uint64_t len, bool write)
{
	const struct region *r;
	unsigned n = bootmem_regions(&r);

	(void)ctx;
	(void)write;
	for (unsigned i = 0; i < n; i++) {
		if (pa >= r[i].start && len <= r[i].size && pa - r[i].start <= r[i].size - len)
			return phys_to_ptr(pa);
	}
	return NULL;
}

/* A typing mistake must not pass for a run: print what there is, and end. */
static void refuse_fault(const struct bench *b, const char *what)
{
	note("args: the built-in device can do this (how often by itself; 0: for ever):");
	for (unsigned i = 0; misbehave_info(i) != NULL; i++)
		note("  %-16s %u  %s", misbehave_info(i)->name, misbehave_info(i)->times,
		     misbehave_info(i)->what);
	say("hotwalk: DONE NOTHING wrong boot arguments: vmem.fault=%s", what);
	machine_exit_run(b->machine, 2);
}

static void arm_faults(const struct bench *b)
{
	char what[64];
	char unknown[40];

	if (b->args->vmem_fault[0] == '\0')
		return;
	if (!b->builtin)
		refuse_fault(b, "...: needs the built-in device (vmem=builtin)");
	if (misbehave(b->args->vmem_fault, unknown, sizeof(unknown)) != OK) {
		snprintf(what, sizeof(what), "%s: no such fault", unknown);
		refuse_fault(b, what);
	}
	note("vmem.fault: %s", b->args->vmem_fault);
}

static enum err open_builtin(const struct bench *b, struct virtio_device *dev)
{
	struct builtin_params p = {
		.region = b->carved.start,
		.size = b->carved.size,
		.block = b->args->vmem_block != 0 ? b->args->vmem_block : BUILTIN_BLOCK,
		.has_node = b->args->vmem_node <= UINT16_MAX,
		.node = (uint16_t)b->args->vmem_node,
		.schedule = BUILTIN_SCHEDULE,
		.ptr = memdev_guest_ptr,
	};
	uint64_t size;
	vaddr_t regs;
	enum err err = builtin_init(&p, &regs, &size);

	if (err != OK)
		return err;
	return virtio_mmio_open(dev, "builtin", regs, size, 0, VIRTIO_ID_MEM);
}

/* Keep them in the order of their regions, whatever the order of their registers is. */
static void add_device(struct bench *b, struct virtio_mem *v)
{
	unsigned at = b->nr_vmems++;

	for (; at > 0 && b->vmems[at - 1]->geo.addr > v->geo.addr; at--)
		b->vmems[at] = b->vmems[at - 1];
	b->vmems[at] = v;
}

static enum err start_device(struct bench *b, unsigned i)
{
	struct virtio_mem *v = &devices[i];
	struct virtio_device dev;
	enum err err;

	if (b->builtin)
		err = open_builtin(b, &dev);
	else
		err = virtio_open(&dev, b->machine, &places[i], VIRTIO_ID_MEM);
	if (err == OK && b->builtin)
		arm_faults(b);
	if (err == OK)
		err = virtio_mem_init(v, &dev);
	if (err == OK)
		err = virtio_mem_refresh(v);
	if (err == OK)
		add_device(b, v);
	return err;
}

void memdev_start(struct bench *b)
{
	unsigned n = nr_places;

	b->builtin = b->carved.size != 0;
	if (b->builtin)
		n = 1;
	else
		arm_faults(b);
	if (n == 0) {
		note("vmem: %s", b->vmem_why);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		enum err err = start_device(b, i);

		if (err != OK) {
			b->vmem_why = "the virtio-mem device cannot be used";
			b->nr_vmems = 0;
			note("vmem: %s: %s", b->vmem_why, err_name(err));
			return;
		}
	}
	for (unsigned i = 0; i < n && !b->args->brief; i++) {
		char line[160];

		virtio_mem_describe(b->vmems[i], line, sizeof(line));
		note("vmem%u: %s", i, line);
		if (!b->vmems[i]->polled)
			note("vmem%u: interrupt %u%s", i, (unsigned)b->vmems[i]->dev.irq,
			     b->vmems[i]->dev.message ? ", a message" : "");
	}
	b->vmem = b->vmems[0];
}

struct virtio_mem *memdev_of(const struct bench *b, paddr_t pa)
{
	for (unsigned i = 0; i < b->nr_vmems; i++) {
		const struct virtio_mem_geometry *g = &b->vmems[i]->geo;

		if (pa >= g->addr && pa - g->addr < g->region_size)
			return b->vmems[i];
	}
	return NULL;
}

bool memdev_recover(const struct bench *b)
{
	enum err err = OK;

	if (b->builtin)
		behave();
	for (unsigned i = 0; i < b->nr_vmems && err == OK; i++) {
		if (b->vmems[i]->broken)
			err = virtio_mem_revive(b->vmems[i]);
	}
	/* Reviving asks for STATE, which starts the device's schedule. */
	if (b->builtin)
		behave();
	if (err != OK)
		note("vmem: the device cannot be revived: %s", err_name(err));
	return err == OK;
}
