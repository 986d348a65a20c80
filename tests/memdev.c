/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory device of a run: the machine's own virtio-mem device, or the built-in one. */
#include "tests/memdev.h"

#include <stdio.h>

#include "device/vmem_abi.h"
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/image.h"
#include "mm/bootmem.h"
#include "mm/frame.h"
#include "platform/builtin.h"
#include "platform/exitdev.h"
#include "platform/misbehave.h"

#define BUILTIN_BLOCK SZ_2M
/* Each unplug fills it word by word, so that its content is gone: kept small by default. */
#define BUILTIN_MAX (SZ_1G / 4)

/* What the device asks for over time: everything, then the steps of hotplug.follow. */
#define BUILTIN_SCHEDULE "100%,23%,0,57%,41%,100%"

static struct virtio_mem device;
static const struct machine_virtio *slot;

/* MagicValue and DeviceID (virtio 1.2, 4.2.2), through the early window: nothing is mapped yet. */
static bool is_vmem_slot(const struct machine_virtio *v)
{
	const volatile uint32_t *regs = early_window(v->base, 16);

	return regs != NULL && regs[0] == UINT32_C(0x74726976) && regs[2] == VIRTIO_ID_MEM;
}

static const struct machine_virtio *find_slot(const struct machine *m)
{
	for (unsigned i = 0; i < m->nr_virtio; i++) {
		if (is_vmem_slot(&m->virtio[i]))
			return &m->virtio[i];
	}
	return NULL;
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
	slot = arg == VMEM_ARG_BUILTIN ? NULL : find_slot(b->machine);
	/* What is there, or was asked for by name, must not be missing without anybody noticing. */
	b->vmem_due = slot != NULL || arg != VMEM_ARG_AUTO;
	if (slot == NULL && arg != VMEM_ARG_VHOST)
		carve_builtin(b);
}

/* The built-in device takes any boot memory for a queue; the driver's is dma memory only. */
static void *guest_ptr(void *ctx, uint64_t pa, uint64_t len, bool write)
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

static enum err open_builtin(const struct bench *b, struct virtio_mmio *dev)
{
	struct builtin_params p = {
		.region = b->carved.start,
		.size = b->carved.size,
		.block = b->args->vmem_block != 0 ? b->args->vmem_block : BUILTIN_BLOCK,
		.schedule = BUILTIN_SCHEDULE,
		.ptr = guest_ptr,
	};
	uint64_t size;
	vaddr_t regs;
	enum err err = builtin_init(&p, &regs, &size);

	if (err != OK)
		return err;
	return virtio_mmio_open(dev, "builtin", regs, size, 0, VIRTIO_ID_MEM);
}

void memdev_start(struct bench *b)
{
	struct virtio_mmio dev;
	char line[160];
	enum err err;

	b->builtin = b->carved.size != 0;
	if (!b->builtin)
		arm_faults(b);
	if (slot == NULL && !b->builtin) {
		note("vmem: %s", b->vmem_why);
		return;
	}
	if (slot != NULL)
		err = virtio_mmio_open_slot(&dev, slot, VIRTIO_ID_MEM);
	else
		err = open_builtin(b, &dev);
	if (err == OK && b->builtin)
		arm_faults(b);
	if (err == OK)
		err = virtio_mem_init(&device, &dev);
	if (err == OK)
		err = virtio_mem_refresh(&device);
	if (err != OK) {
		b->vmem_why = "the virtio-mem device cannot be used";
		note("vmem: %s: %s", b->vmem_why, err_name(err));
		return;
	}
	virtio_mem_describe(&device, line, sizeof(line));
	note("vmem0: %s", line);
	b->vmem = &device;
}

bool memdev_recover(const struct bench *b)
{
	enum err err = OK;

	if (b->builtin)
		behave();
	if (b->vmem != NULL && b->vmem->broken)
		err = virtio_mem_revive(b->vmem);
	/* Reviving asks for STATE, which starts the device's schedule. */
	if (b->builtin)
		behave();
	if (err != OK)
		note("vmem: the device cannot be revived: %s", err_name(err));
	return err == OK;
}
