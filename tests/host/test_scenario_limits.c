/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of limits: the largest leaf, the first and the last address, the highest frame. */
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"

/* ---- T18: leaf sizes, by arithmetic of their own */

static unsigned best(vaddr_t va, paddr_t pa, uint64_t size, unsigned max_level)
{
	unsigned level = 0;

	for (unsigned l = 1; l <= max_level; l++) {
		uint64_t unit = UINT64_C(4096) << 9 * l;

		if (va % unit == 0 && pa % unit == 0 && size >= unit)
			level = l;
	}
	return level;
}

struct leaf_row {
	uint64_t va, pa, size; /* va: offset from an edge of 512 GiB */
	uint64_t leaves[3];    /* due, where 1 GiB leaves are possible */
};

/* Worked out by hand: head, middle, tail. */
static const struct leaf_row rows[] = {
	{0, 0, SZ_1G, {0, 0, 1}},
	{0, 0, SZ_1G - PAGE_SIZE, {511, 511, 0}},
	{0, 0, SZ_1G + SZ_2M + PAGE_SIZE, {1, 1, 1}},
	{SZ_2M, SZ_2M, SZ_1G, {0, 512, 0}},
	{SZ_2M, SZ_2M, 2 * SZ_1G - SZ_2M, {0, 511, 1}},
	{PAGE_SIZE, PAGE_SIZE, SZ_2M, {512, 0, 0}},
	{PAGE_SIZE, PAGE_SIZE, 2 * SZ_1G - PAGE_SIZE, {511, 511, 1}},
	/* Not aligned alike: to 2 MiB, to 4 KiB. */
	{0, SZ_2M, 2 * SZ_1G, {0, 1024, 0}},
	{0, PAGE_SIZE, SZ_2M, {512, 0, 0}},
	{PAGE_SIZE, 0, 2 * SZ_2M, {1024, 0, 0}},
	{0, 0, PAGE_SIZE, {1, 0, 0}},
	{SZ_1G - SZ_2M - PAGE_SIZE,
	 SZ_1G - SZ_2M - PAGE_SIZE,
	 SZ_1G + SZ_2M + 2 * PAGE_SIZE,
	 {2, 1, 1}},
};

static void map_row(const struct scenario_run *run, unsigned i, vaddr_t base)
{
	const struct leaf_row *r = &rows[i];
	unsigned top = mode_max_leaf(run->rig.mode);
	uint64_t due[3] = {r->leaves[0], r->leaves[1], r->leaves[2]};
	struct ptable pt;
	struct pt_batch b;

	/* Sv39's GiB leaf is in the root: the tables below take its place. */
	if (top < 2) {
		due[1] += due[2] * 512;
		due[2] = 0;
	}
	REQUIRE_OK(pt_create(&pt, "row", run->rig.mode));
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_map(&b, base + r->va, r->pa, r->size, PROT_RW, top < 2 ? top : 2));
	for (unsigned l = 0; l < 3; l++)
		CHECK(b.counts.leaves_set[l] == due[l], "row %u: %llu leaves of level %u, due %llu",
		      i, (unsigned long long)b.counts.leaves_set[l], l, (unsigned long long)due[l]);
	REQUIRE_OK(pt_unmap(&b, base + r->va, r->size, 0));
	REQUIRE_OK(pt_commit(&b));
	pt_destroy(&pt);
}

static void leaf_sizes(const struct scenario_run *run)
{
	const struct mmu_mode *mode = run->rig.mode;
	/* The end of a row at the very top of the space. */
	vaddr_t top = 0 - 4 * SZ_1G;

	rig_boot(&run->rig);
	scenario_arm(run);
	CHECK(mode_max_leaf(mode) == mode->levels - 2, "a leaf in the root");
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		map_row(run, i, mode->direct.start & ~(SZ_1G * 4 - 1));
		map_row(run, i, top);
		if ((rows[i].va + rows[i].size) % SZ_1G == 0)
			map_row(run, i, 0 - (rows[i].va + rows[i].size));
	}
	for (unsigned i = 0; i < 20000; i++) {
		unsigned shift = (unsigned)sim_below(34);
		vaddr_t va = sim_rand() >> 24 << PAGE_SHIFT << shift % 20;
		paddr_t pa = sim_below(2) ? va : sim_rand() >> 30 << PAGE_SHIFT << shift % 19;
		uint64_t size = ((sim_rand() >> (20 + shift)) + 1) << PAGE_SHIFT;
		unsigned max = (unsigned)sim_below(mode_max_leaf(mode) + 1);

		CHECK(pt_best_level(va, pa, size, max) == best(va, pa, size, max),
		      "level %u for 0x%llx to 0x%llx, size 0x%llx",
		      pt_best_level(va, pa, size, max), (unsigned long long)va,
		      (unsigned long long)pa, (unsigned long long)size);
	}
}

/* ---- T28: the ends of what can be mapped */

static bool inside(const struct area *a, vaddr_t va, uint64_t size)
{
	return va >= a->start && size <= a->size && va - a->start <= a->size - size;
}

static void limits_of(const struct scenario_run *run, const struct shape *shape)
{
	const struct mmu_mode *mode = run->rig.mode;
	struct rig rig = run->rig;
	struct region can, ends[2], bad[4];
	struct hot_region *r;
	struct rig_accounts before;

	rig.shape = shape;
	rig_boot(&rig);
	can = kernel_mappable_range();
	before = rig_accounts();
	CHECK(inside(&mode->direct, direct_va(can.start), can.size), "%s: outside the direct map",
	      shape->name);
	CHECK(inside(&mode->vmemmap, frame_record_va(can.start),
		     can.size >> PAGE_SHIFT << FRAME_RECORD_SHIFT),
	      "%s: records outside their area", shape->name);
	/* RAM need not begin at a section: records of all of it are in the area. */
	for (unsigned i = 0; i < shape->nr_ram; i++)
		CHECK(shape->ram[i].start >= can.start &&
			      region_end(shape->ram[i]) <= region_end(can),
		      "%s: RAM outside the range", shape->name);
	ends[0] = (struct region){align_up(can.start, SZ_2M), SZ_2M};
	ends[1] = (struct region){align_down(region_end(can), SZ_2M) - SZ_2M, SZ_2M};
	bad[0] = (struct region){region_end(ends[1]), SZ_2M};
	bad[1] = (struct region){ends[1].start, 2 * SZ_2M};
	bad[2] = (struct region){ends[0].start - SZ_2M, SZ_2M};
	/* Round the top of the address space. */
	bad[3] = (struct region){ends[1].start, SZ_2M - ends[1].start};
	scenario_arm(run);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		enum err err = hot_add(bad[i], PROT_RW, &r, NULL);

		CHECK(err == ERR_RANGE, "%s: row %u, 0x%llx+0x%llx: %s", shape->name, i,
		      (unsigned long long)bad[i].start, (unsigned long long)bad[i].size,
		      err_name(err));
	}
	for (unsigned i = 0; i < 2; i++) {
		enum err err;

		sim_mem_add(ends[i], false);
		err = hot_add(ends[i], PROT_RW, &r, NULL);
		/* RAM of the shape may be there. */
		CHECK(err == OK || (err == ERR_EXIST && i == 0), "%s: end %u: %s", shape->name, i,
		      err_name(err));
		if (err != OK)
			continue;
		scene_check_there(ends[i], "at an end");
		REQUIRE_OK(hot_remove(r, NULL));
		scene_check_gone(ends[i], "at an end");
	}
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

static const struct scenario_run *limits_run;

static void limits_child(const void *arg)
{
	limits_of(limits_run, arg);
}

static void limits(const struct scenario_run *run)
{
	limits_run = run;
	for (unsigned i = 0; i < rig_nr_shapes; i++)
		CHECK(rig_run(limits_child, &rig_shapes[i]), "%s", rig_shapes[i].name);
}

/* ---- T29: the highest frame */

static void highest(const struct scenario_run *run)
{
	const paddr_t base = UINT64_C(0x180000000);
	struct region low = {base, SZ_2M}, high = {base + 16 * SZ_2M, SZ_2M};
	struct hot_region *a, *b;
	paddr_t boot;

	rig_boot(&run->rig);
	sim_mem_add((struct region){base, 17 * SZ_2M}, false);
	boot = hot_max_pa();
	CHECK(boot == region_end(rig_usual->ram[0]), "boot RAM ends at 0x%llx",
	      (unsigned long long)boot);
	scenario_arm(run);
	REQUIRE_OK(hot_add(high, PROT_RW, &a, NULL));
	CHECK(hot_max_pa() == region_end(high), "an add: 0x%llx", (unsigned long long)hot_max_pa());
	REQUIRE_OK(hot_add(low, PROT_RW, &b, NULL));
	CHECK(hot_max_pa() == region_end(high), "a lower add: 0x%llx",
	      (unsigned long long)hot_max_pa());
	REQUIRE_OK(hot_remove(a, NULL));
	CHECK(hot_max_pa() == region_end(low), "the higher one goes: 0x%llx",
	      (unsigned long long)hot_max_pa());
	REQUIRE_OK(hot_remove(b, NULL));
	CHECK(hot_max_pa() == boot, "both are gone: 0x%llx", (unsigned long long)hot_max_pa());
}

static const struct scenario scenarios[] = {
	{.name = "T18 leaf sizes: the largest that fits, never in the root",
	 .fn = leaf_sizes,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "small-leaf", .says = "leaves of level"}}},
	{.name = "T28 limits: both ends of direct map and records, on every machine",
	 .fn = limits,
	 .controls = {{.fault = "mappable-unchecked", .says = "row 0"}}},
	{.name = "T29 highest frame: a lower add does not lower it",
	 .fn = highest,
	 .controls = {{.fault = "max-pfn-assigned", .says = "a lower add"},
		      {.fault = "max-pfn-stuck", .says = "an add"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
