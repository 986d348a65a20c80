/* SPDX-License-Identifier: BSD-2-Clause */
/* The persistent memory of a run. */
#include "tests/pmemdev.h"

#include "device/pmem_abi.h"
#include "firmware/console.h"
#include "mm/bootmem.h"
#include "mm/frame.h"
#include "platform/builtin_pmem.h"
#include "platform/virtio_find.h"
#include "platform/virtio_mmio.h"
#include "tests/memdev.h"

static struct virtio_pmem device;
static struct virtio_place place;
static bool placed;
static bool due;

bool pmemdev_due(void)
{
	return due;
}

static void carve(struct bench *b)
{
	uint64_t size = align_up(b->args->pmem, VIRTIO_PMEM_GRANULE);
	paddr_t pa = bootmem_find_top(size, VIRTIO_PMEM_GRANULE);

	if (pa == FRAME_NONE || bootmem_carve((struct region){pa, size}) != OK)
		note("pmem: no room in RAM for %llu MiB", (unsigned long long)size >> 20);
	else
		b->carved_pmem = (struct region){pa, size};
}

void pmemdev_choose(struct bench *b)
{
	unsigned nr = 0;

	if (b->args->vmem != VMEM_ARG_NONE)
		nr = virtio_find(b->machine, VIRTIO_ID_PMEM, &place, 1);
	if (nr > 1)
		note("pmem: more than one virtio-pmem device, %u are not used", nr - 1);
	placed = nr != 0;
	due = placed || b->args->pmem != 0;
	if (!placed && b->args->pmem != 0)
		carve(b);
}

static enum err open_device(const struct bench *b, struct virtio_device *dev)
{
	struct builtin_pmem_params p = {.memory = b->carved_pmem, .ptr = memdev_guest_ptr};
	uint64_t size;
	vaddr_t regs;
	enum err err;

	if (placed)
		return virtio_open(dev, b->machine, &place, VIRTIO_ID_PMEM);
	if (p.memory.size == 0)
		return ERR_NOMEM;
	err = builtin_pmem_init(&p, &regs, &size);
	if (err != OK)
		return err;
	return virtio_mmio_open(dev, "builtin-pmem", regs, size, 0, VIRTIO_ID_PMEM);
}

/* Everybody else's memory: RAM, what is reserved, the virtio-mem devices' regions. */
static unsigned taken_by_others(const struct bench *b, struct region *taken, unsigned max)
{
	const struct region *ram;
	unsigned n = bootmem_ram(&ram);
	unsigned nr = 0;

	for (unsigned i = 0; i < n && nr < max; i++)
		taken[nr++] = ram[i];
	for (unsigned i = 0; i < b->machine->nr_reserved && nr < max; i++)
		taken[nr++] = b->machine->reserved[i];
	for (unsigned i = 0; i < b->nr_vmems && nr < max; i++)
		taken[nr++] = (struct region){b->vmems[i]->geo.addr, b->vmems[i]->geo.region_size};
	return nr;
}

void pmemdev_start(struct bench *b)
{
	static struct region taken[64];
	struct virtio_device dev;
	char line[96];
	enum err err;

	if (!due)
		return;
	err = open_device(b, &dev);
	if (err == OK)
		err = virtio_pmem_init(&device, &dev, taken,
				       taken_by_others(b, taken, ARRAY_LEN(taken)));
	if (err != OK) {
		note("pmem: the virtio-pmem device cannot be used: %s", err_name(err));
		return;
	}
	b->pmem = &device;
	virtio_pmem_describe(&device, line, sizeof(line));
	note("pmem0: %s", line);
}
