/* SPDX-License-Identifier: BSD-2-Clause */
/* What the hotplug.* tests have in common: blocks of the device, add and remove that must work. */
#include "tests/hotcase.h"

#include "mm/kernel.h"

uint64_t hotcase_block_size(const struct test_run *t)
{
	return max_u64(t->bench->vmem->geo.block_size, HOTPLUG_GRANULE);
}

/* @blocks memory blocks from the @first one on, of the device's region. */
struct region hotcase_blocks(const struct test_run *t, uint64_t first, uint64_t n)
{
	uint64_t size = hotcase_block_size(t);

	return (struct region){t->bench->vmem->geo.addr + first * size, n * size};
}

uint64_t hotcase_nr_blocks(const struct test_run *t)
{
	const struct virtio_mem_geometry *g = &t->bench->vmem->geo;

	return min_u64(g->region_size, g->requested_size) / hotcase_block_size(t);
}

/* Tables, canaries and the like that an operation takes besides records. */
#define SPARE_FRAMES 64

bool hotcase_need(struct test_run *t, uint64_t n)
{
	uint64_t frames = n * hotcase_block_size(t) / PAGE_SIZE;
	uint64_t records = (frames << FRAME_RECORD_SHIFT) / PAGE_SIZE;

	if (hotcase_nr_blocks(t) < n) {
		test_skip(t, "needs %llu blocks, the device has %llu", (unsigned long long)n,
			  (unsigned long long)hotcase_nr_blocks(t));
		return false;
	}
	if (frame_counts().free < records + SPARE_FRAMES) {
		test_skip(t, "needs %llu KiB of boot memory for records",
			  (unsigned long long)(records + SPARE_FRAMES) * PAGE_SIZE >> 10);
		return false;
	}
	return true;
}

struct spots hotcase_spots(const struct test_run *t, struct region r)
{
	return (struct spots){direct_va(r.start), r.size, t->bench->seed};
}

struct hot_region *hotcase_add(struct test_run *t, struct region r, uint64_t prot)
{
	struct hot_report rep;
	struct hot_region *h;

	ASSERT_OK(t, plug_add(t->bench->vmem, r, prot, &h, &rep));
	if (t->verbose)
		hot_report_print("add", r, &rep);
	EXPECT(t, rep.shootdowns == 1, "add of 0x%llx bytes took %llu shootdowns",
	       (unsigned long long)r.size, (unsigned long long)rep.shootdowns);
	return h;
}

void hotcase_remove(struct test_run *t, struct hot_region *h)
{
	struct hot_report rep = {.shootdowns = 1};
	struct region r = h->phys;
	struct evacuation e;

	ASSERT_OK(t, plug_remove(t->bench->vmem, h, &e, &rep));
	if (t->verbose)
		hot_report_print("remove", r, &rep);
	EXPECT(t, rep.shootdowns == 1, "remove took %llu shootdowns",
	       (unsigned long long)rep.shootdowns);
}
