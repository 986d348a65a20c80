/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of shapes: pieces of large leaves, shared records, what is there already. */
#include <string.h>

#include "mm/kernel.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_log.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

#define GIB_AT UINT64_C(0x180000000)

static uint64_t mapped_bytes;

static void add_bytes(void *arg, vaddr_t va, unsigned level, pte_t e)
{
	const struct region *r = arg;

	if (va - direct_va(r->start) < r->size) {
		mapped_bytes += level_size(level);
		CHECK(pte_pa(e) - r->start == va - direct_va(r->start) && pte_prot(e) == PROT_RW,
		      "0x%llx leads to 0x%llx", (unsigned long long)va,
		      (unsigned long long)pte_pa(e));
	}
}

/* ---- T15: a piece of a large leaf */

static enum err unmap_piece(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_unmap(b, direct_va(r->start), r->size, 0);
}

static void piece(const struct scenario_run *run)
{
	struct region whole = {GIB_AT, SZ_1G};
	struct region hole = {GIB_AT + 3 * 64 * SZ_2M, 64 * SZ_2M};
	struct region below = {GIB_AT, hole.start - GIB_AT};
	struct region above = {region_end(hole), region_end(whole) - region_end(hole)};
	struct region small[] = {{GIB_AT + 5 * SZ_2M + PAGE_SIZE, PAGE_SIZE},
				 {GIB_AT + 5 * SZ_2M, SZ_2M / 2}};
	struct hot_region *a, *b, *c;
	struct rig_accounts before;

	rig_boot(&run->rig);
	sim_mem_add(whole, false);
	before = rig_accounts();
	REQUIRE_OK(hot_add(whole, PROT_RW, &a, NULL));
	scenario_arm(run);
	/* What is no multiple of 2 MiB is refused, and nothing moves. */
	log_begin(kernel_table());
	for (unsigned i = 0; i < ARRAY_LEN(small); i++) {
		CHECK_ERR(hot_split(a, small[i].start + (i == 1 ? small[i].size : 0), &b),
			  ERR_INVAL);
		CHECK_ERR(scene_change(unmap_piece, &small[i]), ERR_SPLIT);
	}
	CHECK(log_nr() == 0, "a refused removal stored something");
	log_end();
	/* 128 MiB of a GiB leaf are split out. */
	REQUIRE_OK(hot_split(a, hole.start, &b));
	REQUIRE_OK(hot_split(b, region_end(hole), &c));
	REQUIRE_OK(hot_remove(b, NULL));
	model_frames_unplugged(hole);
	scene_check_gone(hole, "removed");
	scene_check_there(below, "removed");
	scene_check_there(above, "removed");
	mapped_bytes = 0;
	scenario_walk(kernel_table(), &(struct walk_visitor){.leaf = add_bytes, .arg = &whole});
	CHECK(mapped_bytes == whole.size - hole.size, "0x%llx bytes are mapped",
	      (unsigned long long)mapped_bytes);
	rig_check_kernel("removed");
	rig_check_silent("removed");
	if (rig_failures() != 0)
		return;
	REQUIRE_OK(hot_remove(c, NULL));
	REQUIRE_OK(hot_remove(a, NULL));
	rig_check_accounts(&before, "all removed");
}

/* ---- T16: two regions whose records share a leaf */

static void shared_records(const struct scenario_run *run)
{
	struct region section = {GIB_AT, 64 * SZ_2M};
	struct region first = {GIB_AT, SZ_2M}, second = {GIB_AT + SZ_2M, SZ_2M};
	struct hot_region *a, *b, *c;
	struct rig_accounts before;
	struct frame *f;

	rig_boot(&run->rig);
	sim_mem_add(section, false);
	before = rig_accounts();
	REQUIRE_OK(hot_add(section, PROT_RW, &a, NULL));
	CHECK(pt_lookup(kernel_table(), frame_record_va(first.start)).level == 1,
	      "the records of 128 MiB are no leaf of 2 MiB");
	REQUIRE_OK(hot_split(a, second.start, &b));
	REQUIRE_OK(hot_split(b, region_end(second), &c));
	CHECK_ERR(hot_online(b), OK);
	REQUIRE(zone_alloc(&b->zone, 3, OWNER_TEST) == second.start, "no frames");
	scenario_arm(run);
	REQUIRE_OK(hot_remove(a, NULL));
	model_frames_unplugged(first);
	scene_check_gone(first, "removed");
	scene_check_there(second, "removed");
	f = frame_of(second.start);
	CHECK(f->owner == OWNER_TEST && f->order == 3, "the neighbour's record is lost");
	frame_free(second.start, 3, OWNER_TEST);
	rig_check_kernel("removed");
	rig_check_silent("removed");
	if (rig_failures() != 0)
		return;
	{
		struct evacuation e;

		REQUIRE_OK(hot_offline(b, &e));
	}
	REQUIRE_OK(hot_remove(b, NULL));
	REQUIRE_OK(hot_remove(c, NULL));
	rig_check_accounts(&before, "all removed");
}

/* ---- T17: something is there already */

struct attempt {
	vaddr_t va;
	paddr_t pa;
	uint64_t size;
	unsigned max_level;
	bool force;
};

static enum err map_over(struct pt_batch *b, void *arg)
{
	const struct attempt *a = arg;

	/* By hand: what takes a leaf for a table does (its frame for the table's page). */
	if (a->force) {
		pte_t e = pt_lookup(kernel_table(), a->va).leaf;

		pte_store(pt_slot(pte_pa(e), a->va, 0), pte_leaf(a->pa, PROT_RW));
	}
	return pt_map(b, a->va, a->pa, a->size, PROT_RW, a->max_level);
}

static void map_large(void)
{
	scene_prepare(OP_SPLIT);
	memset(sim_word(scene.block), 0x77, SZ_2M);
}

static void over(const struct scenario_run *run)
{
	struct region hot = {GIB_AT, 2 * SZ_2M};
	struct hot_region *a, *b;
	struct rig_accounts before;

	rig_boot(&run->rig);
	map_large();
	sim_mem_add((struct region){hot.start, 4 * SZ_2M}, false);
	REQUIRE_OK(hot_add(hot, PROT_RW, &a, NULL));
	before = rig_accounts();
	{
		struct attempt rows[] = {
			{scene.va, scene.block, SZ_2M, 1, false},
			{scene.va, scene.block, SZ_2M, 0, false},
			{scene.va, scene.block + SZ_2M, SZ_2M, 1, false},
			{scene.va + 3 * PAGE_SIZE, scene.block, PAGE_SIZE, 0, false},
			{scene.va + 3 * PAGE_SIZE, scene.block + 3 * PAGE_SIZE, PAGE_SIZE, 0,
			 run->control.mistake == 1},
			{scene.va - PAGE_SIZE, 0, 2 * PAGE_SIZE, 0, false},
			{scene.va + SZ_2M - PAGE_SIZE, 0, 2 * PAGE_SIZE, 0, false},
		};
		struct region adds[] = {hot,
					{hot.start, SZ_2M},
					{hot.start + SZ_2M, 2 * SZ_2M},
					{hot.start - SZ_2M, 2 * SZ_2M}};

		log_begin(kernel_table());
		scenario_arm(run);
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
			CHECK_ERR(scene_change(map_over, &rows[i]), ERR_EXIST);
		for (unsigned i = 0; i < ARRAY_LEN(adds); i++)
			CHECK_ERR(hot_add(adds[i], PROT_RW, &b, NULL), ERR_EXIST);
	}
	CHECK(log_nr() == 0, "a refused mapping did something");
	for (uint64_t off = 0; off < SZ_2M; off += sizeof(uint64_t))
		CHECK(*sim_word(scene.block + off) == UINT64_C(0x7777777777777777),
		      "a page of data was taken for a table, at 0x%llx", (unsigned long long)off);
	rig_check_accounts(&before, "refused");
	rig_check_kernel("refused");
	rig_check_silent("refused");
}

static const struct scenario scenarios[] = {
	{.name = "T15 pieces: of a GiB leaf split out, of a 2 MiB leaf refused",
	 .fn = piece,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "neighbour-leaf", .says = "removed: hart0 may get"},
		      {.fault = "one-page-short", .says = "removed: hart0 may get"}}},
	{.name = "T16 shared records: one of two regions goes, the other keeps its records",
	 .fn = shared_records,
	 .controls = {{.fault = "neighbour-leaf", .says = "removed"}}},
	{.name = "T17 over what is there: refused, no store to data",
	 .fn = over,
	 .controls = {{.fault = "overlap-accepted", .says = "hot_add(adds[i]"},
		      {.mistake = 1,
		       .name = "a leaf taken for a table",
		       .says = "taken for a table"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
