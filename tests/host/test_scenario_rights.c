/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of rights: neighbours of what is split, aliases, what is taken out of the direct map.
 */
#include "mm/attr.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_fences.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

#define GIB_AT UINT64_C(0x180000000)

static const struct region memory = {GIB_AT, SZ_1G};
static struct hot_region *region;

static void boot(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
}

/* Whatever a hart may hold: @kind at @va is allowed, or a page fault. */
static void check_access(vaddr_t va, enum sim_kind kind, bool allowed, const char *when)
{
	struct hartset online = arch_harts_online();

	hartset_for_each(h, &online) {
		struct sim_result r[16];
		unsigned n = sim_outcomes(h, va, kind, r, ARRAY_LEN(r));

		for (unsigned i = 0; i < n; i++)
			CHECK(r[i].outcome == (allowed ? SIM_OK : SIM_PAGE_FAULT),
			      "%s: hart%u may %s 0x%llx (kind %d)", when, h,
			      allowed ? "fault at" : "use", (unsigned long long)va, (int)kind);
	}
}

/* ---- T24: the neighbours of a split, at each store and each fence of it */

static struct {
	vaddr_t beside[3];
	unsigned looks;
} readers;

static void read_beside(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(readers.beside); i++)
		check_access(readers.beside[i], SIM_STORE, true, "beside a split");
	readers.looks++;
}

static void read_at_store(pte_slot_t slot, pte_t old, pte_t new)
{
	(void)slot;
	(void)old;
	(void)new;
	read_beside();
}

static void read_at_fence(unsigned hart, enum sim_step step, const struct fence_op *op)
{
	(void)hart;
	(void)step;
	(void)op;
	read_beside();
}

static void neighbours(const struct scenario_run *run)
{
	static const struct sim_watch watch = {read_at_store, read_at_fence};
	paddr_t pa = GIB_AT + 100 * SZ_2M + 7 * PAGE_SIZE;

	boot(run);
	scenario_arm(run);
	/* The next page, the next 2 MiB, the far end of the leaf. */
	readers.beside[0] = direct_va(pa + PAGE_SIZE);
	readers.beside[1] = direct_va(pa + SZ_2M);
	readers.beside[2] = direct_va(region_end(memory) - PAGE_SIZE);
	sim_watch(&watch);
	REQUIRE_OK(set_memory(direct_va(pa), PAGE_SIZE, PROT_RO));
	check_access(direct_va(pa), SIM_STORE, false, "read-only");
	check_access(direct_va(pa), SIM_LOAD, true, "read-only");
	read_beside();
	REQUIRE_OK(set_memory(direct_va(pa), PAGE_SIZE, PROT_RW));
	sim_watch(NULL);
	check_access(direct_va(pa), SIM_STORE, true, "writable");
	CHECK(readers.looks > 500, "%u looks", readers.looks);
	rig_check_kernel("there and back");
	rig_check_silent("there and back");
}

static void aliases(const struct scenario_run *run)
{
	vaddr_t page = SZ_2M / 2;

	boot(run);
	scene_prepare(OP_SPLIT);
	scenario_arm(run);
	CHECK(kernel_page_present(direct_va(GIB_AT + SZ_1G / 2)), "not present in a large leaf");
	REQUIRE_OK(set_memory(scene.va + page, PAGE_SIZE, PROT_RO));
	check_access(scene.va + page, SIM_STORE, false, "read-only");
	check_access(direct_va(scene.block) + page, SIM_STORE, false, "its alias");
	check_access(direct_va(scene.block) + page + PAGE_SIZE, SIM_STORE, true, "beside it");
	REQUIRE_OK(set_memory(scene.va + page, PAGE_SIZE, PROT_RW));
	check_access(direct_va(scene.block) + page, SIM_STORE, true, "back");
	/* Executable for a while: what goes back to all is not. */
	REQUIRE_OK(set_memory(direct_va(GIB_AT), PAGE_SIZE, PROT_RX));
	check_access(direct_va(GIB_AT), SIM_FETCH, true, "executable");
	REQUIRE_OK(set_direct_map_default(GIB_AT, PAGE_SIZE));
	check_access(direct_va(GIB_AT), SIM_FETCH, false, "by default");
	check_access(direct_va(GIB_AT), SIM_STORE, true, "by default");
	rig_check_silent("rights");
}

/* ---- T25: invalid and not zero, then the memory goes */

static void invalid_then_removed(const struct scenario_run *run)
{
	struct rig_accounts before;
	struct walk_counts n;
	struct evacuation e;

	rig_boot(&run->rig);
	sim_mem_add(memory, false);
	before = rig_accounts();
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
	REQUIRE_OK(set_direct_map_invalid(GIB_AT + 5 * SZ_2M + PAGE_SIZE, 3 * PAGE_SIZE));
	REQUIRE_OK(set_direct_map_invalid(GIB_AT + 9 * SZ_2M, SZ_2M));
	check_access(direct_va(GIB_AT + 9 * SZ_2M), SIM_LOAD, false, "taken out");
	/* Else there is nothing that could be left. */
	n = scenario_walk(kernel_table(), NULL);
	CHECK(n.residue == 4, "%llu entries are invalid and hold bits",
	      (unsigned long long)n.residue);
	scenario_arm(run);
	REQUIRE_OK(hot_offline(region, &e));
	REQUIRE_OK(hot_remove(region, NULL));
	model_frames_unplugged(memory);
	n = scenario_walk(kernel_table(), NULL);
	CHECK(n.residue == 0, "removed: %llu entries are invalid and hold bits",
	      (unsigned long long)n.residue);
	CHECK(n.empty == 0, "removed: %llu tables are empty", (unsigned long long)n.empty);
	rig_check_accounts(&before, "removed");
	rig_check_kernel("removed");
	rig_check_silent("removed");
}

static const struct scenario scenarios[] = {
	{.name = "T24 rights: neighbours of a split may be used at each step of it",
	 .fn = neighbours,
	 .shape = &rig_roomy,
	 .backends = true,
	 .controls = {{.fault = "split-breaks", .says = "beside a split"},
		      {.fault = "protect-whole", .says = "beside a split"},
		      {.fault = "no-shootdown", .says = "read-only: hart1 may use"}}},
	{.name = "T24 rights: the alias in step, no X by default, presence in a large leaf",
	 .fn = aliases,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "alias-kept", .says = "its alias: hart0 may use"},
		      {.fault = "default-keeps-x", .says = "by default: hart0 may use"},
		      {.fault = "present-leaf", .says = "not present in a large leaf"}}},
	{.name = "T25 rights: taken out of the direct map, then removed: no residue",
	 .fn = invalid_then_removed,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "parked-kept", .says = "entries are invalid and hold bits"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
