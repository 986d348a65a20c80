/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario T41: new memory holds what looks like entries; who takes it clears it first. */
#include <string.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

static const struct region first = {UINT64_C(0x180000000), 64 * SZ_2M};
/* Records of less than 128 MiB: pages, in a table of their own. */
static const struct region second = {UINT64_C(0x1c0000000), 32 * SZ_2M};

static unsigned tables_in_first;

static void count_table(void *arg, paddr_t pa)
{
	(void)arg;
	tables_in_first += pa - first.start < first.size;
}

static unsigned count_tables(void)
{
	tables_in_first = 0;
	scenario_walk(kernel_table(), &(struct walk_visitor){.table = count_table});
	return tables_in_first;
}

/* Every word a leaf of all rights that leads to boot memory. */
static void poison(struct region r)
{
	sim_mem_add(r, false);
	for (uint64_t off = 0; off < r.size; off += sizeof(uint64_t))
		*sim_word(r.start + off) = pte_leaf(UINT64_C(0x80000000), PROT_RWX).raw;
}

static enum err map_one(struct pt_batch *b, void *arg)
{
	return pt_map(b, *(vaddr_t *)arg, UINT64_C(0x4000000000), PAGE_SIZE, PROT_RW, 0);
}

static enum err unmap_one(struct pt_batch *b, void *arg)
{
	return pt_unmap(b, *(vaddr_t *)arg, PAGE_SIZE, 0);
}

static void records_are_zero(struct region r)
{
	static const struct frame zero;

	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE)
		CHECK(memcmp(frame_of(pa), &zero, sizeof(zero)) == 0,
		      "the record of 0x%llx is not zero", (unsigned long long)pa);
}

static void poisoned(const struct scenario_run *run)
{
	struct hot_region *a, *b;
	struct rig_accounts before;
	struct evacuation e;
	vaddr_t va;

	rig_boot(&run->rig);
	poison(first);
	poison(second);
	before = rig_accounts();
	REQUIRE_OK(hot_add(first, PROT_RW, &a, NULL));
	records_are_zero(first);
	CHECK_ERR(hot_online(a), OK);
	/* Tables and records of what follows come from poisoned memory. */
	frame_prefer_hot(true);
	REQUIRE_OK(hot_add(second, PROT_RW, &b, NULL));
	CHECK(count_tables() != 0, "no table lies in new memory");
	CHECK(frame_counts().owned[OWNER_FRAMETABLE] != 0, "no records");
	records_are_zero(second);
	if (run->control.mistake == 1) {
		/* As if the page had not been cleared. */
		va = vmalloc_reserve(SZ_2M, SZ_2M);
		REQUIRE_OK(scene_change(map_one, &va));
		sim_word(align_down(pt_walk(kernel_table(), va, 0).slot.pa, PAGE_SIZE))[7] =
			pte_leaf(UINT64_C(0x80000000), PROT_RWX).raw;
	}
	rig_check_kernel("poisoned");
	rig_check_silent("poisoned");
	/* What holds a table or records cannot go, and that is said. */
	CHECK_ERR(hot_offline(a, &e), ERR_BUSY);
	CHECK(e.stuck.owner == OWNER_TABLE || e.stuck.owner == OWNER_FRAMETABLE, "it is held by %s",
	      owner_name(e.stuck.owner));
	REQUIRE_OK(hot_remove(b, NULL));
	/* And from what is about to go no table is taken. */
	if (run->control.mistake != 2)
		zone_drain(&a->zone, true);
	ptpage_drain();
	va = vmalloc_reserve(SZ_2M, SZ_2M);
	REQUIRE_OK(scene_change(map_one, &va));
	CHECK(count_tables() == 0, "a table lies in memory that is about to go");
	REQUIRE_OK(scene_change(unmap_one, &va));
	ptpage_drain();
	zone_drain(&a->zone, false);
	CHECK_ERR(hot_offline(a, &e), OK);
	CHECK_ERR(hot_remove(a, NULL), OK);
	model_frames_unplugged(first);
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
	rig_check_silent("removed");
}

static const struct scenario scenarios[] = {
	{.name = "T41 poison: tables and records in new memory are cleared, none in what goes",
	 .fn = poisoned,
	 .shape = &rig_roomy,
	 .controls = {{.mistake = 1, .name = "a word that is left", .says = "poisoned: kernel"},
		      {.mistake = 2, .name = "a zone that does not drain", .says = "about to go"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
