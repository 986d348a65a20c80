/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hotplug.* tests have in common: blocks of the device, add and remove that must work. */
#include "tests/hotcase.h"

#include "mm/kernel.h"
#include "tests/memdev.h"

uint64_t hotcase_block_size_of(const struct virtio_mem *v)
{
	return max_u64(v->geo.block_size, HOTPLUG_GRANULE);
}

uint64_t hotcase_nr_blocks_of(const struct virtio_mem *v)
{
	return min_u64(v->geo.region_size, v->geo.requested_size) / hotcase_block_size_of(v);
}

struct region hotcase_blocks_of(const struct virtio_mem *v, uint64_t first, uint64_t n)
{
	uint64_t size = hotcase_block_size_of(v);

	return (struct region){v->geo.addr + first * size, n * size};
}

uint64_t hotcase_block_size(const struct test_run *t)
{
	return hotcase_block_size_of(t->bench->vmem);
}

uint64_t hotcase_nr_blocks(const struct test_run *t)
{
	return hotcase_nr_blocks_of(t->bench->vmem);
}

struct region hotcase_blocks(const struct test_run *t, uint64_t first, uint64_t n)
{
	return hotcase_blocks_of(t->bench->vmem, first, n);
}

/* Tables, canaries and the like that an operation takes besides records. */
#define SPARE_FRAMES 64

bool hotcase_need_room(struct test_run *t, uint64_t size)
{
	uint64_t records = size / PAGE_SIZE * frame_record_size() / PAGE_SIZE;

	if (frame_counts().free >= records + SPARE_FRAMES)
		return true;
	test_skip(t, "needs %llu KiB of boot memory for records",
		  (unsigned long long)(records + SPARE_FRAMES) * PAGE_SIZE >> 10);
	return false;
}

bool hotcase_need(struct test_run *t, uint64_t n)
{
	if (hotcase_nr_blocks(t) < n) {
		test_skip(t, "needs %llu blocks, the device has %llu", (unsigned long long)n,
			  (unsigned long long)hotcase_nr_blocks(t));
		return false;
	}
	return hotcase_need_room(t, n * hotcase_block_size(t));
}

void hotcase_shuffle(struct test_run *t, unsigned *order, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		order[i] = i;
	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)rng_below(&t->rng, i);
		unsigned tmp = order[i - 1];

		order[i - 1] = order[j];
		order[j] = tmp;
	}
}

struct spots hotcase_spots(const struct test_run *t, struct region r)
{
	return (struct spots){direct_va(r.start), r.size, t->bench->seed};
}

static struct virtio_mem *device_of(struct test_run *t, struct region r)
{
	struct virtio_mem *v = memdev_of(t->bench, r.start);

	ASSERT(t, v != NULL, "no device has memory at 0x%llx", (unsigned long long)r.start);
	return v;
}

struct hot_region *hotcase_add(struct test_run *t, struct region r, uint64_t prot)
{
	struct hot_report rep;
	struct hot_region *h;

	ASSERT_OK(t, plug_add(device_of(t, r), r, prot, &h, &rep));
	if (t->verbose)
		hot_report_print("add", r, &rep);
	EXPECT(t, rep.shootdowns == 1, "add of 0x%llx bytes took %llu shootdowns",
	       (unsigned long long)r.size, (unsigned long long)rep.shootdowns);
	return h;
}

void hotcase_check_shootdowns(struct test_run *t, struct region r, const struct hot_report *rep)
{
	uint64_t due = hotplug_shootdowns_due(r, rep);

	EXPECT(t, rep->shootdowns == due, "remove took %llu shootdowns, due %llu",
	       (unsigned long long)rep->shootdowns, (unsigned long long)due);
}

bool hotcase_try_remove(struct test_run *t, struct hot_region *h)
{
	struct hot_report rep = {.shootdowns = 1};
	struct region r = h->phys;
	struct evacuation e;
	enum err err = plug_remove(device_of(t, r), h, &e, &rep);

	EXPECT(t, err == OK, "remove: %s", err_name(err));
	if (err != OK)
		return false;
	if (t->verbose)
		hot_report_print("remove", r, &rep);
	hotcase_check_shootdowns(t, r, &rep);
	return true;
}

void hotcase_remove(struct test_run *t, struct hot_region *h)
{
	if (!hotcase_try_remove(t, h))
		test_leave();
}
