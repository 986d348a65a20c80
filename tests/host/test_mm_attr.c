/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights of memory in use, what is taken out of the direct map, and dumps of all of it. */
#include "mm/attr.h"
#include "mm/dump.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

/* Around an edge of 1 GiB: a large leaf where the mode has one, 2 MiB leaves before it. */
static const struct region memory = {UINT64_C(0x180000000) - 2 * SZ_2M, SZ_1G + 2 * SZ_2M};
static const struct shape roomy = {.name = "roomy",
				   .ram = {{UINT64_C(0x80000000), 32 * SZ_2M}},
				   .nr_ram = 1,
				   .image = {UINT64_C(0x80200000), 2 * SZ_2M}};
static struct hot_region *region;

static void boot(const struct rig *rig)
{
	rig_boot(rig);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
}

/* No hart, whatever it holds, gets more than @due of @kind at @va. */
static void check_access(vaddr_t va, enum sim_kind kind, enum sim_outcome due, const char *when)
{
	struct hartset online = arch_harts_online();

	hartset_for_each(h, &online) {
		struct sim_result r[8];
		unsigned n = sim_outcomes(h, va, kind, r, ARRAY_LEN(r));

		for (unsigned i = 0; i < n; i++)
			CHECK(r[i].outcome == due, "%s: hart%u, va 0x%llx, kind %d: outcome %d",
			      when, h, (unsigned long long)va, (int)kind, (int)r[i].outcome);
	}
}

/* Any stretch of pages of any leaf, there and back: rights, neighbours, leaves, accounts. */
static void there_and_back(const void *arg)
{
	struct rig_accounts before;

	boot(arg);
	before = rig_accounts();
	for (unsigned i = 0; i < 40 && rig_failures() == 0; i++) {
		uint64_t page = sim_below(memory.size / PAGE_SIZE - 1);
		uint64_t n = 1 + sim_below(min_u64(1024, memory.size / PAGE_SIZE - page));
		vaddr_t va = direct_va(memory.start + page * PAGE_SIZE);
		vaddr_t end = va + n * PAGE_SIZE;

		sim_run_on((unsigned)sim_below(2));
		CHECK_ERR(set_memory(va, n * PAGE_SIZE, PROT_RO), OK);
		check_access(va, SIM_STORE, SIM_PAGE_FAULT, "read-only");
		check_access(end - 8, SIM_STORE, SIM_PAGE_FAULT, "read-only");
		check_access(end - 8, SIM_LOAD, SIM_OK, "read-only");
		if (page != 0)
			check_access(va - 8, SIM_STORE, SIM_OK, "below");
		if (end != direct_va(region_end(memory)))
			check_access(end, SIM_STORE, SIM_OK, "above");
		rig_check_kernel("read-only");
		CHECK_ERR(set_memory(va, n * PAGE_SIZE, PROT_RW), OK);
		check_access(va, SIM_STORE, SIM_OK, "writable");
		rig_check_kernel("writable");
	}
	rig_check_accounts(&before, "there and back");
	rig_check_silent("there and back");
}

/* Out, looked at, back; then out and removed. */
static void park(const void *arg)
{
	paddr_t pa = memory.start + SZ_1G / 2 + 5 * PAGE_SIZE;
	struct rig_accounts before;
	struct evacuation e;

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &region, NULL));
	CHECK_ERR(hot_online(region), OK);
	CHECK(kernel_page_present(direct_va(pa)), "not present inside a large leaf");
	CHECK_ERR(set_direct_map_invalid(pa, 3 * PAGE_SIZE), OK);
	check_access(direct_va(pa), SIM_LOAD, SIM_PAGE_FAULT, "out");
	check_access(direct_va(pa) + 3 * PAGE_SIZE, SIM_LOAD, SIM_OK, "above");
	CHECK(!kernel_page_present(direct_va(pa)), "present");
	rig_check_kernel("out");
	/* A part of it, and more than it. */
	CHECK_ERR(set_direct_map_default(pa + PAGE_SIZE, 4 * PAGE_SIZE), OK);
	check_access(direct_va(pa) + PAGE_SIZE, SIM_STORE, SIM_OK, "a part is back");
	check_access(direct_va(pa), SIM_LOAD, SIM_PAGE_FAULT, "the rest is not");
	rig_check_kernel("a part is back");
	CHECK_ERR(set_direct_map_default(pa, PAGE_SIZE), OK);
	rig_check_kernel("back");
	/* A whole large leaf, a page of it back, and out again. */
	CHECK_ERR(set_direct_map_invalid(align_down(pa, SZ_2M), SZ_2M), OK);
	CHECK_ERR(set_direct_map_default(pa, PAGE_SIZE), OK);
	check_access(direct_va(pa), SIM_STORE, SIM_OK, "a page of a large one is back");
	check_access(direct_va(pa) + PAGE_SIZE, SIM_LOAD, SIM_PAGE_FAULT, "its neighbour is not");
	rig_check_kernel("a page of a large one is back");
	/* The rest of it goes out in pieces: a leaf again, that is out, and its table is gone. */
	CHECK_ERR(set_direct_map_invalid(align_down(pa, SZ_2M), SZ_2M / 2), OK);
	rig_check_kernel("out in pieces");
	CHECK(pt_walk(kernel_table(), direct_va(pa), 0).level != 0, "pages that grew together not");
	check_access(direct_va(pa), SIM_LOAD, SIM_PAGE_FAULT, "out in pieces");
	CHECK_ERR(hot_offline(region, &e), OK);
	CHECK_ERR(hot_remove(region, NULL), OK);
	sim_mem_drop(memory);
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
	rig_check_silent("removed");
}

/* The k-th allocation fails: as before. */
static void nomem(const void *arg)
{
	vaddr_t va;
	struct rig_accounts before;
	unsigned k = 1;

	boot(arg);
	va = direct_va(memory.start + SZ_1G / 2 + PAGE_SIZE);
	before = rig_accounts();
	for (; k < 16; k++) {
		enum err err;

		frame_fail_at(k);
		err = set_memory(va, PAGE_SIZE, PROT_RO);
		frame_fail_at(0);
		if (err == OK)
			break;
		CHECK_ERR(err, ERR_NOMEM);
		check_access(va, SIM_STORE, SIM_OK, "refused");
		rig_check_kernel("refused");
		rig_check_accounts(&before, "refused");
	}
	CHECK(k > 1, "nothing was allocated");
	check_access(va, SIM_STORE, SIM_PAGE_FAULT, "behind all of them");
	rig_check_silent("nomem");
}

/* A piece of the vmalloc area and the same memory in the direct map. */
static void alias(const void *arg)
{
	struct rig_accounts before;
	vaddr_t va;
	paddr_t pa;
	struct pt_batch b;
	unsigned k = 1;

	boot(arg);
	before = rig_accounts();
	va = vmalloc_reserve(SZ_2M, SZ_2M);
	pa = zone_alloc(&region->zone, 9, OWNER_TEST);
	REQUIRE(va != 0 && pa != FRAME_NONE, "no room");
	kernel_begin(&b);
	REQUIRE_OK(pt_map(&b, va, pa, SZ_2M, PROT_RW, 1));
	REQUIRE_OK(pt_commit(&b));
	kernel_end();
	/* Both sides have to be split, or none. */
	for (; k < 16; k++) {
		enum err err;

		frame_fail_at(k);
		err = set_memory(va + SZ_2M / 2, PAGE_SIZE, PROT_RO);
		frame_fail_at(0);
		if (err == OK)
			break;
		CHECK_ERR(err, ERR_NOMEM);
		check_access(va + SZ_2M / 2, SIM_STORE, SIM_OK, "refused");
		check_access(direct_va(pa) + SZ_2M / 2, SIM_STORE, SIM_OK, "refused");
		rig_check_kernel("refused");
	}
	CHECK(k > 2, "only %u allocations", k - 1);
	check_access(va + SZ_2M / 2, SIM_STORE, SIM_PAGE_FAULT, "read-only");
	check_access(direct_va(pa) + SZ_2M / 2, SIM_STORE, SIM_PAGE_FAULT, "its alias");
	check_access(direct_va(pa), SIM_STORE, SIM_OK, "beside its alias");
	CHECK_ERR(set_memory(va, SZ_2M, PROT_RW), OK);
	check_access(direct_va(pa) + SZ_2M / 2, SIM_STORE, SIM_OK, "writable");
	rig_check_kernel("writable");
	CHECK_ERR(set_memory(va, 2 * SZ_2M, PROT_RO), ERR_NOENT);
	rig_check_kernel("half of it is not mapped");
	kernel_begin_freeing(&b);
	REQUIRE_OK(pt_unmap(&b, va, SZ_2M, 0));
	REQUIRE_OK(pt_commit(&b));
	kernel_end_freeing();
	frame_free(pa, 9, OWNER_TEST);
	rig_check_accounts(&before, "alias");
	rig_check_silent("alias");
}

/* Who asks while another hart merges leaves waits for it: a deadlock here. */
static void present_beside_merge(const void *arg)
{
	boot(arg);
	spin_lock(&kernel_table_lock);
	sim_run_on(1);
	(void)kernel_page_present(direct_va(memory.start));
}

static void count_run(void *arg, const struct dump_run *r)
{
	*(uint64_t *)arg += r->size;
}

/* What a dump sees is what is mapped; and it takes its locks in order. */
static void dump(const void *arg)
{
	uint64_t bytes = 0, more = 0;
	struct dump d = {.run = count_run, .arg = &bytes};

	rig_boot(arg);
	CHECK(dump_check_wx(&d), "va 0x%llx is writable and executable",
	      (unsigned long long)d.first_wx);
	CHECK(d.tables == kernel_table()->nr_tables, "%llu tables", (unsigned long long)d.tables);
	sim_mem_add(memory, false);
	REQUIRE_OK(hot_add(memory, PROT_RWX, &region, NULL));
	d.arg = &more;
	CHECK(!dump_check_wx(&d) && d.first_wx == direct_va(memory.start), "W+X is not seen");
	CHECK(more - bytes == memory.size + (memory.size >> PAGE_SHIFT << FRAME_RECORD_SHIFT),
	      "0x%llx bytes more", (unsigned long long)(more - bytes));
	CHECK(d.dead == 0, "dead tables");
	CHECK(sim_lock_errors() == 0, "locks out of order");
	rig_arm("lock-order");
	dump_walk(&d);
	CHECK(sim_lock_errors() == 1, "the wrong order is not seen");
}

static void broken(const void *arg, void (*scenario)(const void *), const char *fault)
{
	struct rig rig = *(const struct rig *)arg;

	rig.faults = fault;
	tap_ok(!rig_run(scenario, &rig), "%s: with %s it is red", rig.mode->name, fault);
}

int main(void)
{
	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.shape = &roomy,
				  .mode = &mmu_modes[m],
				  .harts = 2,
				  .seed = 1,
				  .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		tap_ok(rig_run(there_and_back, &rig), "%s: there and back", name);
		tap_ok(rig_run(park, &rig), "%s: out of the direct map", name);
		tap_ok(rig_run(nomem, &rig), "%s: allocations that fail", name);
		tap_ok(rig_run(alias, &rig), "%s: alias", name);
		tap_ok(rig_run(dump, &rig), "%s: dump", name);
		tap_ok(!rig_run(present_beside_merge, &rig), "%s: who asks waits", name);
		broken(&rig, there_and_back, "protect-whole");
		broken(&rig, nomem, "split-no-fence");
		broken(&rig, park, "parked-kept");
		broken(&rig, park, "present-leaf");
		broken(&rig, alias, "alias-kept");
	}
	return tap_done();
}
