/* SPDX-License-Identifier: BSD-2-Clause */
/* Device memory of tests. */
#include "tests/actors/device.h"

#include "firmware/console.h"
#include "tests/memdev.h"

struct device devices[DEVICES_MAX];
static const struct bench *bench;

static void give_back(struct device *d)
{
	if (d->plugged.size != 0 &&
	    plug_give_back(memdev_of(bench, d->plugged.start), d->plugged) != OK)
		note("0x%llx stays plugged", (unsigned long long)d->plugged.start);
	d->plugged.size = 0;
}

/* A test that was left in the middle: what it had mapped goes. */
static void tidy_up(void)
{
	for (unsigned i = 0; i < DEVICES_MAX; i++) {
		struct device *d = &devices[i];

		if (d->held)
			devmem_put(&d->mem);
		if (d->mem.r != NULL && devmem_unmap(&d->mem, NULL) != OK)
			note("0x%llx stays mapped", (unsigned long long)d->mem.r->phys.start);
		if (d->mem.r == NULL)
			give_back(d);
	}
}

void devices_begin(struct test_run *t)
{
	bench = t->bench;
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		devices[i] = (struct device){.held = false};
	t->cleanup = tidy_up;
}

void device_map(struct test_run *t, unsigned i, struct region r)
{
	struct hot_report rep;

	ASSERT_OK(t, devmem_map(&devices[i].mem, r, PROT_RW, &rep));
	EXPECT(t, rep.shootdowns == 1, "map of 0x%llx bytes took %llu shootdowns",
	       (unsigned long long)r.size, (unsigned long long)rep.shootdowns);
}

void device_open(struct test_run *t, unsigned i, struct region r)
{
	ASSERT_OK(t, virtio_mem_plug(memdev_of(t->bench, r.start), r.start, r.size));
	devices[i].plugged = r;
	device_map(t, i, r);
}

void device_close(struct test_run *t, unsigned i)
{
	struct hot_report rep;

	ASSERT_OK(t, devmem_unmap(&devices[i].mem, &rep));
	EXPECT(t, rep.shootdowns == 1, "unmap took %llu shootdowns",
	       (unsigned long long)rep.shootdowns);
	give_back(&devices[i]);
}
