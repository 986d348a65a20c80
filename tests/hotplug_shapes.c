/* SPDX-License-Identifier: BSD-2-Clause */
/* hotplug.*: holes, edges inside leaves, odd orders of addition; what failure leaves behind. */
#include "firmware/arch.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"
#include "tests/test.h"

static void remove_range(struct test_run *t, struct region r)
{
	struct hot_report rep = {.shootdowns = 1};
	struct evacuation e;

	ASSERT_OK(t, plug_remove_range(t->bench->vmem, r, &e, &rep));
	hot_report_print("remove", r, &rep);
	hotcase_check_shootdowns(t, r, &rep);
}

/* Join all that lies side by side; leaves grow with it. */
static void merge_all(struct test_run *t)
{
	for (struct hot_region *r = hot_first(); r != NULL;) {
		enum err err = hot_merge(r, NULL);

		EXPECT(t, err == OK || err == ERR_NOENT, "merge at 0x%llx: %s",
		       (unsigned long long)r->phys.start, err_name(err));
		if (err != OK)
			r = r->next;
	}
}

static void remove_all(struct test_run *t)
{
	while (hot_first() != NULL)
		hotcase_remove(t, hot_first());
}

/*
 * Take @hole out of @all: its neighbours keep address and content on every hart, it traps on every
 * hart; put it back and join: the leaves are as large as before.
 */
static void punch(struct test_run *t, struct region all, struct region hole)
{
	struct region below = {all.start, hole.start - all.start};
	struct region above = {region_end(hole), region_end(all) - region_end(hole)};
	struct spots gone = hotcase_spots(t, hole);
	struct pt_lookup before;

	t->verbose = true;
	(void)hotcase_add(t, all, PROT_RW);
	before = pt_lookup(kernel_table(), direct_va(all.start));
	if (below.size != 0) {
		struct spots s = hotcase_spots(t, below);

		probes_write_and_read(t, &t->all, &s);
	}
	if (above.size != 0) {
		struct spots s = hotcase_spots(t, above);

		probes_write_and_read(t, &t->all, &s);
	}
	probes_write_and_read(t, &t->all, &gone);
	probes_control_next(t, &t->all, &gone, ACCESS_LOAD);
	remove_range(t, hole);
	probes_must_trap(t, &t->all, &gone, ACCESS_LOAD);
	accounts_audit(t);
	if (below.size != 0) {
		struct spots s = hotcase_spots(t, below);

		probes_read(t, &t->all, &t->all, &s);
	}
	if (above.size != 0) {
		struct spots s = hotcase_spots(t, above);

		probes_read(t, &t->all, &t->all, &s);
	}
	(void)hotcase_add(t, hole, PROT_RW);
	probes_write_and_read(t, &t->all, &gone);
	merge_all(t);
	accounts_audit(t);
	EXPECT(t, hot_first()->phys.start == all.start && hot_first()->phys.size == all.size,
	       "0x%llx+0x%llx after the merge", (unsigned long long)hot_first()->phys.start,
	       (unsigned long long)hot_first()->phys.size);
	EXPECT(t, pt_lookup(kernel_table(), direct_va(all.start)).level == before.level,
	       "leaf of level %u before, %u after", before.level,
	       pt_lookup(kernel_table(), direct_va(all.start)).level);
	remove_all(t);
}

/* An eighth of the whole region, 128 MiB of 1 GiB: out of one large leaf where the mode has it. */
TEST(hotplug, hole, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	uint64_t n = hotcase_nr_blocks(t);

	if (!hotcase_need(t, max_u64(n, 8)))
		return;
	punch(t, hotcase_blocks(t, 0, n), hotcase_blocks(t, n / 8 * 3, n / 8));
}

/* One block at the start, at the end, and somewhere inside. */
TEST(hotplug, small_hole, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	uint64_t n = min_u64(hotcase_nr_blocks(t), 64);

	if (!hotcase_need(t, max_u64(n, 3)))
		return;
	punch(t, hotcase_blocks(t, 0, n), hotcase_blocks(t, 0, 1));
	punch(t, hotcase_blocks(t, 0, n), hotcase_blocks(t, n - 1, 1));
	punch(t, hotcase_blocks(t, 0, n), hotcase_blocks(t, 1 + rng_below(&t->rng, n - 2), 1));
}

/* A hole grows block by block until nothing is left: every edge is one that was split before. */
TEST(hotplug, erode, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	uint64_t n = min_u64(hotcase_nr_blocks(t), 80);
	uint64_t left[80];

	(void)hotcase_add(t, hotcase_blocks(t, 0, n), PROT_RW);
	for (uint64_t i = 0; i < n; i++)
		left[i] = i;
	for (uint64_t i = n; i > 0; i--) {
		uint64_t j = rng_below(&t->rng, i);
		struct region r = hotcase_blocks(t, left[j], 1);
		struct spots s = hotcase_spots(t, r);
		struct evacuation e;

		probes_write_and_read(t, &t->all, &s);
		ASSERT_OK(t, plug_remove_range(t->bench->vmem, r, &e, NULL));
		probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
		accounts_audit(t);
		left[j] = left[i - 1];
	}
	EXPECT(t, hot_first() == NULL, "something is left at 0x%llx",
	       (unsigned long long)hot_first()->phys.start);
}

/* Memory below memory that was added before: the highest frame stays the highest. */
TEST(hotplug, below, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region high = hotcase_blocks(t, hotcase_nr_blocks(t) - 1, 1);
	struct region low = hotcase_blocks(t, 0, 1);
	struct spots s = hotcase_spots(t, low);
	paddr_t boot_max = hot_max_pa();
	struct hot_region *h, *l;

	if (!hotcase_need(t, 2))
		return;
	h = hotcase_add(t, high, PROT_RW);
	EXPECT(t, hot_max_pa() == max_u64(boot_max, region_end(high)), "max pa 0x%llx",
	       (unsigned long long)hot_max_pa());
	l = hotcase_add(t, low, PROT_RW);
	EXPECT(t, hot_max_pa() == max_u64(boot_max, region_end(high)), "max pa shrank to 0x%llx",
	       (unsigned long long)hot_max_pa());
	probes_write_and_read(t, &t->all, &s);
	hotcase_remove(t, h);
	EXPECT(t, hot_max_pa() == max_u64(boot_max, region_end(low)), "max pa 0x%llx after removal",
	       (unsigned long long)hot_max_pa());
	probes_read(t, &t->all, &t->all, &s);
	hotcase_remove(t, l);
}

/* The k-th allocation of a removal that has to split fails: refused, all as before, still usable.
 */
TEST(hotplug, remove_nomem, .needs = NEEDS_VMEM)
{
	uint64_t n = min_u64(hotcase_nr_blocks(t), 512);
	struct region all = hotcase_blocks(t, 0, n);
	struct region hole = hotcase_blocks(t, n / 2 + 1, 1);
	struct spots s = hotcase_spots(t, all);
	unsigned k = 1;

	if (!hotcase_need(t, max_u64(n, 3)))
		return;
	(void)hotcase_add(t, all, PROT_RW);
	probes_write_and_read(t, &t->all, &s);
	for (; k < 32 && t->fails == 0; k++) {
		struct accounts before = accounts_take(t->bench);
		struct evacuation e;
		enum err err;

		frame_fail_at(k);
		err = plug_remove_range(t->bench->vmem, hole, &e, NULL);
		frame_fail_at(0);
		if (err == OK)
			break;
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		accounts_compare(t, &before);
		probes_read(t, &t->all, &t->all, &s);
	}
	if (k == 1)
		test_skip(t, "no leaf had to be split here, so nothing was allocated");
	remove_all(t);
}
