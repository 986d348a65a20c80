/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of owners: what comes back, how much of it, and to whom. */
#include <string.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

/* ---- T13: cycles */

#define CYCLES 1000u
#define CYCLE_BASE (UINT64_C(0x180000000) - 64 * SZ_2M)

static void check_tables(const char *when)
{
	struct walk_counts n = scenario_walk(kernel_table(), NULL);

	CHECK(n.empty == 0, "%s: %llu table pages translate nothing", when,
	      (unsigned long long)n.empty);
	CHECK(n.residue == 0, "%s: %llu invalid entries hold bits", when,
	      (unsigned long long)n.residue);
	CHECK(n.tables == kernel_table()->nr_tables, "%s: %llu tables, counted %llu", when,
	      (unsigned long long)n.tables, (unsigned long long)kernel_table()->nr_tables);
}

static void cycles(const struct scenario_run *run)
{
	struct rig_accounts before;
	static uint64_t root[PT_ENTRIES];

	rig_boot(&run->rig);
	memcpy(root, sim_word(kernel_table()->root), PAGE_SIZE);
	sim_mem_add((struct region){CYCLE_BASE, 128 * SZ_2M}, false);
	before = rig_accounts();
	scenario_arm(run);
	for (unsigned i = 0; i < CYCLES && rig_failures() == 0; i++) {
		/* 1, 2, 4, ... 64 blocks, below, on and above an edge of a GiB. */
		uint64_t n = UINT64_C(1) << i % 7;
		struct region r = {CYCLE_BASE + sim_below(128 - n + 1) * SZ_2M, n * SZ_2M};
		struct hot_region *hot;

		REQUIRE_OK(hot_add(r, PROT_RW, &hot, NULL));
		if (i % 16 == 0)
			check_tables("added");
		REQUIRE_OK(hot_remove(hot, NULL));
		model_frames_unplugged(r);
		if (i % 16 == 0) {
			check_tables("removed");
			rig_check_accounts(&before, "removed");
			rig_check_silent("removed");
		}
	}
	CHECK(memcmp(root, sim_word(kernel_table()->root), PAGE_SIZE) == 0, "the root changed");
	check_tables("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_kernel("at the end");
	rig_check_silent("at the end");
}

/* ---- T14: each page to the allocator that it came from */

static enum err unmap_boot(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_unmap(b, direct_va(r->start), r->size, 0);
}

static enum err map_boot(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_map(b, direct_va(r->start), r->start, r->size, PROT_RW, 1);
}

/* The head of boot RAM is mapped by pages, since firmware lies in front of it: a boot-time table.
 */
static void boot_table(const struct scenario_run *run)
{
	struct region head = {rig_usual->ram[0].start + rig_usual->reserved[0].size, 0};
	struct frame_counts before, gone, back;
	paddr_t table;

	head.size = rig_usual->ram[0].start + SZ_2M - head.start;
	rig_boot(&run->rig);
	table = align_down(pt_walk(kernel_table(), direct_va(head.start), 0).slot.pa, PAGE_SIZE);
	REQUIRE(frame_owner(table) == OWNER_BOOT, "no boot-time table");
	/* Other harts' stacks and the like are not here: nothing in this range is used. */
	ptpage_drain();
	before = frame_counts();
	scenario_arm(run);
	REQUIRE_OK(scene_change(unmap_boot, &head));
	ptpage_drain();
	gone = frame_counts();
	CHECK(frame_owner(table) == OWNER_NONE, "the boot-time table is still somebody's");
	CHECK(gone.owned[OWNER_BOOT] == before.owned[OWNER_BOOT] - 1 &&
		      gone.owned[OWNER_TABLE] == before.owned[OWNER_TABLE] &&
		      gone.free == before.free + 1,
	      "boot memory has %llu frames, had %llu", (unsigned long long)gone.owned[OWNER_BOOT],
	      (unsigned long long)before.owned[OWNER_BOOT]);
	/* Its successor is a run-time one. */
	REQUIRE_OK(scene_change(map_boot, &head));
	back = frame_counts();
	CHECK(back.owned[OWNER_TABLE] == before.owned[OWNER_TABLE] + 1 &&
		      back.owned[OWNER_BOOT] == gone.owned[OWNER_BOOT],
	      "run-time tables: %llu, were %llu", (unsigned long long)back.owned[OWNER_TABLE],
	      (unsigned long long)before.owned[OWNER_TABLE]);
	{
		const char *first = "";
		unsigned n = frame_errors(&first);

		CHECK(n == 0, "wrong frees: %s", first);
	}
	rig_check_silent("boot-time table");
}

/* Records of 128 MiB: one block of 2 MiB, or 512 pages where no block is left. */
static void records(const struct scenario_run *run)
{
	const struct region r = {UINT64_C(0x180000000) - 64 * SZ_2M, 64 * SZ_2M};
	static paddr_t kept[64];
	struct rig_accounts before;
	unsigned n = 0;

	rig_boot(&run->rig);
	sim_mem_add(r, false);
	for (unsigned small = 0; small < 2; small++) {
		struct hot_region *hot;
		struct hot_report rep;

		/* A page out of each free block of 2 MiB and more. */
		while (small != 0 && n < ARRAY_LEN(kept) &&
		       (kept[n] = frame_alloc(9, OWNER_TEST)) != FRAME_NONE)
			n++;
		for (unsigned i = 0; i < n; i++)
			frame_free_range((struct region){kept[i] + PAGE_SIZE, SZ_2M - PAGE_SIZE},
					 OWNER_TEST);
		before = rig_accounts();
		scenario_arm(run);
		REQUIRE_OK(hot_add(r, PROT_RW, &hot, &rep));
		CHECK(rep.counts.leaves_set[0] == (small != 0 ? 512 : 0),
		      "%llu small leaves hold the records",
		      (unsigned long long)rep.counts.leaves_set[0]);
		CHECK(frame_counts().owned[OWNER_FRAMETABLE] ==
			      before.frames.owned[OWNER_FRAMETABLE] + 512,
		      "%llu frames hold records",
		      (unsigned long long)frame_counts().owned[OWNER_FRAMETABLE]);
		REQUIRE_OK(hot_remove(hot, NULL));
		rig_check_accounts(&before, small != 0 ? "512 pages" : "a block");
		rig_check_silent("records");
		fault_disarm();
	}
}

static const struct scenario scenarios[] = {
	{.name = "T13 cycles: 1000 adds and removes, tables as needed, accounts as before",
	 .fn = cycles,
	 .controls = {{.fault = "leak-table", .says = "table pages, were"},
		      {.fault = "leak-records", .says = "free frames, were"},
		      {.fault = "double-free", .says = "wrong frees"},
		      {.fault = "wrong-owner", .says = "wrong frees"},
		      {.fault = "one-page-short", .says = "free frames"}}},
	{.name = "T14 owners: a boot-time table goes back as boot memory",
	 .fn = boot_table,
	 .controls = {{.fault = "wrong-owner", .says = "still somebody's"},
		      {.fault = "leak-table", .says = "still somebody's"},
		      {.fault = "double-free", .says = "wrong frees"}}},
	{.name = "T14 owners: records, as a block of 2 MiB or as 512 pages",
	 .fn = records,
	 .controls = {{.fault = "leak-records", .says = "free frames"},
		      {.fault = "wrong-owner", .says = "wrong frees"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
