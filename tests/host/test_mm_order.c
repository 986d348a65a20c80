/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two orders of hot-remove: in the safe one nothing is exposed; in Linux's exactly what its
 * algorithm implies, and simulated harts do walk the dead tables.
 */
#include <stdlib.h>

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define MIB(n) ((uint64_t)(n) << 20)
#define BASE UINT64_C(0x140000000)

/* Enough for the records of all shapes. */

struct row {
	const char *name;
	struct region r;
	struct region beside; /* stays; empty: none */
	uint64_t sections;    /* that it touches */
};

static const struct row rows[] = {
	{"one block", {BASE + MIB(6), MIB(2)}, {0, 0}, 1},
	{"one block beside another", {BASE + MIB(6), MIB(2)}, {BASE + MIB(8), MIB(2)}, 1},
	{"a section", {BASE, MIB(128)}, {0, 0}, 1},
	{"across two sections", {BASE + MIB(126), MIB(4)}, {0, 0}, 2},
	{"1 GiB", {BASE, MIB(1024)}, {0, 0}, 8},
	{"1 GiB, 2 MiB off", {BASE + MIB(2), MIB(1024)}, {0, 0}, 9},
};

struct params {
	struct rig rig;
	const struct row *row;
};

static struct {
	const struct row *row;
	bool canary;
	paddr_t taken;
} scene;

/* ---- what has to come out, counted in the table before */

/*
 * Whether nothing is left of @table, whose entries are of @level and translate from @start on,
 * without [@va, @last]; adds the tables that go, this one among them, to @n.
 */
static bool goes(paddr_t table, unsigned level, vaddr_t start, vaddr_t va, vaddr_t last,
		 uint64_t *n)
{
	bool empty = true;

	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		pte_t e = pte_load((pte_slot_t){table + i * sizeof(pte_t)});
		vaddr_t at = start + i * level_size(level);
		bool touched = at + (level_size(level) - 1) >= va && at <= last;

		if (pte_is_none(e))
			continue;
		if (!touched)
			empty = false;
		else if (pte_is_table(e) && !goes(pte_pa(e), level - 1, at, va, last, n))
			empty = false;
	}
	*n += empty;
	return empty;
}

/* Tables that go with it. Those that the root points to never do. */
static uint64_t tables_due(vaddr_t va, uint64_t size)
{
	unsigned level = kernel_table()->mode->levels - 2;
	vaddr_t last = va + (size - 1);
	uint64_t n = 0;

	for (vaddr_t at = va;;) {
		struct pt_cursor c = pt_walk(kernel_table(), at, level);
		vaddr_t next = pt_next(c, at);
		pte_t e = pte_load(c.slot);

		if (pte_is_table(e))
			(void)goes(pte_pa(e), level - 1, align_down(at, level_size(level)), va,
				   last, &n);
		if (next == 0 || next > last)
			return n;
		at = next;
	}
}

static uint64_t frames_due(struct region r)
{
	return (r.size >> PAGE_SHIFT << FRAME_RECORD_SHIFT) >> PAGE_SHIFT;
}

/* ---- what harts may see between the change and its first fence */

static void in_the_window(void *arg)
{
	paddr_t pa;

	(void)arg;
	scene.canary = rig_canary_somewhere(frame_record_va(scene.row->r.start));
	pa = frame_alloc(0, OWNER_TEST);
	REQUIRE(pa != FRAME_NONE, "no memory");
	scene.taken = pa;
}

static struct hot_report remove_in(enum teardown_order order, const struct row *row)
{
	struct hot_region *r = hot_find(row->r.start);
	struct hot_report rep = {.us = 0};

	scene.canary = false;
	scene.taken = FRAME_NONE;
	shootdown_before_next(in_the_window, NULL);
	hotplug_use_order(order);
	REQUIRE_OK(hot_remove(r, &rep));
	CHECK(hotplug_shootdowns_due(row->r, &rep) == rep.shootdowns, "%llu shootdowns, due %llu",
	      (unsigned long long)rep.shootdowns,
	      (unsigned long long)hotplug_shootdowns_due(row->r, &rep));
	hotplug_use_order(TEARDOWN_SAFE);
	model_frames_unplugged(row->r);
	frame_free(scene.taken, 0, OWNER_TEST);
	return rep;
}

static void add(struct region r)
{
	struct hot_region *out;

	sim_mem_add(r, false);
	REQUIRE_OK(hot_add(r, PROT_RW, &out, NULL));
}

static void boot(const struct rig *rig)
{
	rig_boot(rig);
	model_expose(true);
}

/* The same region, both ways. */
static void both_orders(const void *arg)
{
	const struct params *p = arg;
	const struct row *row = p->row;
	struct rig_accounts before;
	struct exposure_sum x;
	struct hot_report rep;
	uint64_t tables, records_tables;
	vaddr_t rec;

	boot(&p->rig);
	rec = frame_record_va(row->r.start);
	scene.row = row;
	if (row->beside.size != 0)
		add(row->beside);
	before = rig_accounts();
	for (unsigned o = 0; o < 4; o++) {
		bool linux_order = o % 2 != 0;

		add(row->r);
		records_tables = tables_due(rec, frames_due(row->r) * PAGE_SIZE);
		tables = records_tables + tables_due(direct_va(row->r.start), row->r.size);
		rep = remove_in(linux_order ? TEARDOWN_LINUX : TEARDOWN_SAFE, row);
		x = rep.exposed;
		CHECK(rep.counts.tables_unlinked == tables, "%llu tables went, %llu were its own",
		      (unsigned long long)rep.counts.tables_unlinked, (unsigned long long)tables);
		CHECK(rep.shootdowns == (linux_order ? row->sections + 2 : 1), "%llu shootdowns",
		      (unsigned long long)rep.shootdowns);
		if (linux_order) {
			struct hartset online = arch_harts_online();

			CHECK(x.tables == tables && x.linked == tables, "%llu tables exposed",
			      (unsigned long long)x.tables);
			CHECK(x.frames == frames_due(row->r), "%llu records pages exposed",
			      (unsigned long long)x.frames);
			CHECK(hartset_eq(&x.harts, &online), "to %u harts",
			      hartset_count(&x.harts));
			/* From the first page to the flush: all but the first store. */
			if (row->r.size == SZ_2M)
				CHECK(x.stores == 8 + records_tables - 1, "%llu stores, due %llu",
				      (unsigned long long)x.stores,
				      (unsigned long long)(8 + records_tables - 1));
			CHECK(scene.canary == (records_tables != 0),
			      "some hart may %swalk a dead table", scene.canary ? "" : "not ");
			/* The smallest block that is free is one that came free just now. */
			if (row->r.size == SZ_2M)
				CHECK(x.reused == 1, "%llu pages allocated again",
				      (unsigned long long)x.reused);
		} else {
			CHECK(x.tables == 0 && x.frames == 0 && x.reused == 0 && x.stores == 0 &&
				      hartset_empty(&x.harts),
			      "order=safe exposes %llu tables, %llu records",
			      (unsigned long long)x.tables, (unsigned long long)x.frames);
			CHECK(!scene.canary, "some hart may walk a dead table in order=safe");
		}
		CHECK(x.measured && x.open == 0, "%llu are open", (unsigned long long)x.open);
		rig_check_silent("removed");
		rig_check_everywhere(direct_va(row->r.start), FRAME_NONE, "removed");
		rig_check_everywhere(rec, FRAME_NONE, "removed");
		rig_check_kernel("removed");
		rig_check_accounts(&before, "removed");
		sim_mem_drop(row->r);
	}
	model_exposures_take(&x);
	CHECK(x.removals == 2, "%llu removals exposed something", (unsigned long long)x.removals);
}

/* A middle part: edges are split first, with a shootdown of their own; the rest translates on. */
static void part(const void *arg)
{
	const struct row hole = {"hole", {BASE + MIB(386), MIB(130)}, {0, 0}, 2};
	const struct params *p = arg;
	struct hot_region *r, *upper;
	struct hot_report rep;

	boot(&p->rig);
	scene.row = &hole;
	add((struct region){BASE, MIB(1024)});
	REQUIRE_OK(hot_split(hot_find(BASE), hole.r.start, &r));
	REQUIRE_OK(hot_split(r, region_end(hole.r), &upper));
	rep = remove_in(TEARDOWN_LINUX, &hole);
	CHECK(rep.shootdowns == hole.sections + 3, "%llu shootdowns",
	      (unsigned long long)rep.shootdowns);
	CHECK(rep.exposed.frames == frames_due(hole.r), "%llu record pages exposed",
	      (unsigned long long)rep.exposed.frames);
	rig_check_silent("removed");
	rig_check_kernel("removed");
	rig_check_everywhere(direct_va(hole.r.start - PAGE_SIZE), hole.r.start - PAGE_SIZE,
			     "below");
	rig_check_everywhere(direct_va(region_end(hole.r)), region_end(hole.r), "above");
	rig_check_everywhere(direct_va(hole.r.start), FRAME_NONE, "hole");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct params p = {
			.rig = {.mode = &mmu_modes[m], .seed = seed, .shape = &rig_roomy}};
		const char *name = p.rig.mode->name;

		for (p.rig.harts = 1; p.rig.harts <= SIM_MAX_HARTS; p.rig.harts++) {
			p.rig.backend = p.rig.harts % 2 != 0 ? SHOOTDOWN_IPI : SHOOTDOWN_SBI;
			for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
				p.row = &rows[i];
				tap_ok(rig_run(both_orders, &p), "%s, %u harts: %s", name,
				       p.rig.harts, rows[i].name);
			}
			tap_ok(rig_run(part, &p), "%s, %u harts: a part of a region", name,
			       p.rig.harts);
		}
	}
	return tap_done();
}
