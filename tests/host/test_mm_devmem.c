/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of devices on the simulated machine: sub-sections, users, errors; allocation by node. */
#include <stdlib.h>
#include <string.h>

#include "mm/devmem.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define PIECES 12u
#define STEPS 120u
/* One section of 128 MiB, of which each piece is 2 MiB or 4 MiB. */
#define WINDOW UINT64_C(0x180000000)

static struct devmem devices[PIECES];
static struct hot_region *ram[PIECES];
static struct region at[PIECES];

static bool here(unsigned i)
{
	return devices[i].r != NULL || ram[i] != NULL;
}

/* What is there translates on every hart and has its records; what is not does neither. */
static void probe_all(const char *when)
{
	for (unsigned i = 0; i < PIECES; i++) {
		const paddr_t spots[] = {at[i].start, region_end(at[i]) - PAGE_SIZE};

		for (unsigned k = 0; k < ARRAY_LEN(spots); k++) {
			paddr_t pa = spots[k];

			rig_check_everywhere(direct_va(pa), here(i) ? pa : FRAME_NONE, when);
			CHECK(pt_lookup(kernel_table(), frame_record_va(pa)).mapped == here(i),
			      "%s: records of piece %u", when, i);
			CHECK((hot_find(pa) != NULL) == (ram[i] != NULL), "%s: hot_find %u", when,
			      i);
			CHECK((hot_find_device(pa) != NULL) == (devices[i].r != NULL),
			      "%s: hot_find_device %u", when, i);
		}
	}
}

static void take_away(unsigned i)
{
	struct evacuation e;
	struct hot_report rep = {.shootdowns = 1};

	if (devices[i].r != NULL) {
		CHECK_ERR(devmem_unmap(&devices[i], &rep), OK);
	} else {
		CHECK_ERR(hot_offline(ram[i], &e), OK);
		CHECK_ERR(hot_remove(ram[i], &rep), OK);
		ram[i] = NULL;
	}
	CHECK(rep.shootdowns == 1, "%llu shootdowns", (unsigned long long)rep.shootdowns);
	sim_mem_drop(at[i]);
}

static void bring(unsigned i)
{
	struct hot_report rep;
	enum err err;

	sim_mem_add(at[i], false);
	if (sim_below(3) == 0) {
		err = hot_add(at[i], PROT_RW, &ram[i], &rep);
		if (err == OK)
			CHECK_ERR(hot_online(ram[i]), OK);
		else
			ram[i] = NULL;
	} else {
		err = devmem_map(&devices[i], at[i], PROT_RW, &rep);
	}
	CHECK(err == OK || err == ERR_NOMEM, "%s", err_name(err));
	CHECK(err != OK || rep.shootdowns == 1, "more than one shootdown");
	if (err != OK)
		sim_mem_drop(at[i]);
}

/* Devices and RAM side by side in one section come and go; now and then there is no memory. */
static void section(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;

	rig_boot(rig);
	before = rig_accounts();
	memset(devices, 0, sizeof(devices));
	memset(ram, 0, sizeof(ram));
	for (unsigned i = 0; i < PIECES; i++)
		at[i] = (struct region){WINDOW + i * 2 * SZ_2M, (1 + i % 2) * SZ_2M};
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		unsigned i = (unsigned)sim_below(PIECES);
		unsigned order = (unsigned)sim_below(10);
		paddr_t pa;

		sim_run_on((unsigned)sim_below(rig->harts));
		if (here(i)) {
			take_away(i);
		} else {
			frame_fail_at(sim_below(6) == 0 ? 1 + sim_below(8) : 0);
			bring(i);
			frame_fail_at(0);
		}
		pa = frame_alloc_hot(order, OWNER_TEST);
		CHECK(pa == FRAME_NONE || hot_find(pa) != NULL, "0x%llx is handed out",
		      (unsigned long long)pa);
		if (pa != FRAME_NONE)
			frame_free(pa, order, OWNER_TEST);
		probe_all("step");
		rig_check_kernel("step");
		rig_check_silent("step");
	}
	sim_run_on(0);
	for (unsigned i = 0; i < PIECES; i++) {
		if (here(i))
			take_away(i);
	}
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
}

static void users(const void *arg)
{
	struct region r = {WINDOW, SZ_2M};
	struct devmem d = {.r = NULL};

	rig_boot(arg);
	sim_mem_add(r, false);
	CHECK(!devmem_get(&d), "a user of nothing");
	CHECK_ERR(devmem_unmap(&d, NULL), ERR_NOENT);
	REQUIRE_OK(devmem_map(&d, r, PROT_RW, NULL));
	CHECK_ERR(devmem_map(&d, r, PROT_RW, NULL), ERR_EXIST);
	CHECK(devmem_get(&d) && devmem_get(&d), "two users");
	CHECK_ERR(devmem_unmap(&d, NULL), ERR_BUSY);
	devmem_put(&d);
	CHECK_ERR(devmem_unmap(&d, NULL), ERR_BUSY);
	rig_check_everywhere(direct_va(r.start), r.start, "in use");
	CHECK(devmem_get(&d), "it is open still");
	devmem_put(&d);
	devmem_put(&d);
	CHECK_ERR(devmem_unmap(&d, NULL), OK);
	CHECK(!devmem_get(&d), "a user of what is gone");
	rig_check_everywhere(direct_va(r.start), FRAME_NONE, "gone");
	rig_check_silent("users");
}

static void refused(const void *arg)
{
	struct region can, ram_at = {WINDOW, SZ_2M};
	struct devmem d = {.r = NULL}, other = {.r = NULL};
	struct hot_region *h;

	rig_boot(arg);
	can = kernel_mappable_range();
	sim_mem_add((struct region){WINDOW, 4 * SZ_2M}, false);
	REQUIRE_OK(hot_add(ram_at, PROT_RW, &h, NULL));
	REQUIRE_OK(devmem_map(&other, (struct region){WINDOW + SZ_2M, SZ_2M}, PROT_RW, NULL));
	CHECK_ERR(devmem_map(&d, ram_at, PROT_RW, NULL), ERR_EXIST);
	CHECK_ERR(devmem_map(&d, (struct region){WINDOW + SZ_2M, 2 * SZ_2M}, PROT_RW, NULL),
		  ERR_EXIST);
	CHECK_ERR(hot_add((struct region){WINDOW + SZ_2M, SZ_2M}, PROT_RW, &h, NULL), ERR_EXIST);
	CHECK_ERR(devmem_map(&d, (struct region){region_end(can), SZ_2M}, PROT_RW, NULL),
		  ERR_RANGE);
	CHECK_ERR(devmem_map(&d, (struct region){-SZ_2M, 2 * SZ_2M}, PROT_RW, NULL), ERR_RANGE);
	CHECK_ERR(devmem_map(&d, (struct region){WINDOW + PAGE_SIZE, SZ_2M}, PROT_RW, NULL),
		  ERR_INVAL);
	CHECK(hot_range_allowed((struct region){region_end(can) - SZ_2M, SZ_2M}), "the last one");
	CHECK(!hot_range_allowed((struct region){region_end(can) - SZ_2M, SZ_2M + 1}), "and more");
	CHECK(d.r == NULL, "something is mapped");
	rig_check_kernel("refused");
}

/* Nodes 4 (two pieces), 9 and 1 beside boot memory's 0, in the order of fallback of each. */
static void nodes(const void *arg)
{
	static const uint16_t of[] = {4, 9, 1, 4};
	static const struct {
		uint16_t ask;
		uint16_t due[4];
	} rows[] = {
		{4, {4, 4, 9, 0}}, {9, {9, 0, 0, 0}},  {1, {1, 4, 4, 9}},
		{2, {4, 4, 9, 0}}, {10, {0, 0, 0, 0}},
	};
	struct hot_region *h[4];

	rig_boot(arg);
	for (unsigned i = 0; i < 4; i++) {
		struct region r = {WINDOW + i * 2 * SZ_2M, SZ_2M};

		sim_mem_add(r, false);
		REQUIRE_OK(hot_add(r, PROT_RW, &h[i], NULL));
		h[i]->zone.node = of[i];
		CHECK_ERR(hot_online(h[i]), OK);
	}
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		paddr_t got[4];

		for (unsigned k = 0; k < 4; k++) {
			struct hot_region *r;

			got[k] = frame_alloc_node(9, OWNER_TEST, rows[i].ask);
			REQUIRE(got[k] != FRAME_NONE, "row %u: nothing left", i);
			r = hot_find(got[k]);
			CHECK((r == NULL ? 0 : r->zone.node) == rows[i].due[k],
			      "row %u, allocation %u: node %u", i, k, r == NULL ? 0 : r->zone.node);
		}
		for (unsigned k = 0; k < 4; k++)
			frame_free(got[k], 9, OWNER_TEST);
	}
	/* A cut keeps the node; pieces of different nodes never join. */
	CHECK_ERR(hot_merge(h[0], NULL), ERR_NOENT);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m], .seed = seed, .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		for (rig.harts = 1; rig.harts <= 3; rig.harts++)
			tap_ok(rig_run(section, &rig), "%s: %u harts: a section", name, rig.harts);
		rig.harts = 2;
		tap_ok(rig_run(users, &rig), "%s: users", name);
		tap_ok(rig_run(refused, &rig), "%s: refused", name);
		tap_ok(rig_run(nodes, &rig), "%s: nodes", name);
	}
	/* Each fault is seen here too. */
	struct rig rig = {.mode = &mmu_modes[1], .seed = seed, .harts = 2};

	rig.faults = "zone-device-online";
	tap_ok(!rig_run(section, &rig), "zone-device-online is found");
	rig.faults = "zone-device-users";
	tap_ok(!rig_run(users, &rig), "zone-device-users is found");
	rig.faults = "zone-device-range";
	tap_ok(!rig_run(refused, &rig), "zone-device-range is found");
	rig.faults = "mappable-end";
	tap_ok(!rig_run(refused, &rig), "mappable-end is found");
	rig.faults = "node-ignored";
	tap_ok(!rig_run(nodes, &rig), "node-ignored is found");
	rig.faults = "no-shootdown";
	tap_ok(!rig_run(section, &rig), "no-shootdown is found");
	return tap_done();
}
