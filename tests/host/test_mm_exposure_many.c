/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * More pages freed too early at once than the measure has room for one by one: none is lost, and
 * where it cannot be helped nothing is claimed any more.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/exposure.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/model_exposure.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define BIT(kind) (UINT32_C(1) << (kind))
#define MANY 300u

static vaddr_t base;
static paddr_t frames[MANY]; /* none beside another */
static pte_slot_t slots[MANY];

static void fence_everywhere(void)
{
	struct hartset online = arch_harts_online();

	CHECK_ERR(arch_rfence(&online, 0, UINT64_MAX), OK);
}

/* Every second page of a stretch: what is left has a gap on both sides. */
static void take_apart(void)
{
	paddr_t gaps[MANY];

	for (unsigned i = 0; i < MANY; i++) {
		frames[i] = frame_alloc(0, OWNER_TEST);
		gaps[i] = frame_alloc(0, OWNER_TEST);
		REQUIRE(frames[i] != FRAME_NONE && gaps[i] != FRAME_NONE, "no memory");
	}
	for (unsigned i = 0; i < MANY; i++)
		frame_free(gaps[i], 0, OWNER_TEST);
}

/* @step apart, so that at SZ_2M each has a table of its own. */
static void map_all(const struct rig *rig, unsigned n, uint64_t step)
{
	struct pt_batch b;

	rig_boot(rig);
	model_expose(true);
	base = vmalloc_reserve(MANY * step, SZ_2M);
	REQUIRE(base != 0, "no address space");
	take_apart();
	kernel_begin(&b);
	for (unsigned i = 0; i < n; i++)
		REQUIRE_OK(pt_map(&b, base + i * step, frames[i], PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	kernel_end();
	for (unsigned i = 0; i < n; i++)
		slots[i] = pt_walk(kernel_table(), base + i * step, step == SZ_2M).slot;
	rig_check_silent("mapped");
	model_exposures_begin(true);
}

static void free_early(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		(void)pte_xchg(slots[i], PTE_NONE);
		frame_free(frames[i], 0, OWNER_TEST);
	}
}

static void expect(uint64_t frames_due, uint64_t tables, uint64_t open, uint32_t kinds)
{
	struct exposure_sum x;

	model_exposures_end(&x);
	CHECK(x.frames == frames_due && x.tables == tables && x.open == open,
	      "%llu frames, %llu tables, %llu open; due %llu, %llu, %llu",
	      (unsigned long long)x.frames, (unsigned long long)x.tables,
	      (unsigned long long)x.open, (unsigned long long)frames_due,
	      (unsigned long long)tables, (unsigned long long)open);
	CHECK(rig_take_violations() == kinds, "reported otherwise");
	CHECK(model_claims(), "nothing is claimed any more");
}

static void frames_over(const void *arg)
{
	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY);
	fence_everywhere();
	expect(MANY, 0, 0, 0);
}

static void frames_open(const void *arg)
{
	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY);
	expect(MANY, 0, MANY, BIT(VIOLATION_FRAME_FREED));
}

/* What came behind the fence is open, what came before it is not. */
static void frames_half(const void *arg)
{
	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY / 2);
	fence_everywhere();
	free_early(MANY / 2, MANY);
	expect(MANY, 0, MANY - MANY / 2, BIT(VIOLATION_FRAME_FREED));
}

static void free_last(void *arg)
{
	(void)arg;
	free_early(MANY - 1, MANY);
}

static void frames_beside(const void *arg)
{
	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY - 1);
	sim_during_fence(free_last, NULL);
	fence_everywhere();
	expect(MANY, 0, 1, BIT(VIOLATION_FRAME_FREED));
}

static void free_most(void *arg)
{
	(void)arg;
	free_early(MANY / 4, MANY);
}

/* Room is made while a fence is under way, which is none for what came beside it. */
static void frames_most_beside(const void *arg)
{
	struct exposure_sum x;

	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY / 4);
	sim_during_fence(free_most, NULL);
	fence_everywhere();
	model_exposures_end(&x);
	CHECK(x.open >= MANY - MANY / 4 && x.open <= MANY, "%llu open", (unsigned long long)x.open);
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED), "reported otherwise");
}

/* Some are one hart's only, when the others are everybody's: that hart's fence ends those. */
static void frames_two_holders(const void *arg)
{
	struct hartset one = hartset_of(1), others;

	map_all(arg, MANY, PAGE_SIZE);
	others = arch_harts_online();
	hartset_del(&others, 1);
	free_early(0, MANY / 4);
	CHECK_ERR(arch_rfence(&others, 0, UINT64_MAX), OK);
	free_early(MANY / 4, MANY);
	CHECK_ERR(arch_rfence(&one, 0, UINT64_MAX), OK);
	expect(MANY, 0, MANY - MANY / 4, BIT(VIOLATION_FRAME_FREED));
}

/* All harts but one have fenced. */
static void frames_one_hart(const void *arg)
{
	struct hartset others;

	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY);
	others = arch_harts_online();
	hartset_del(&others, 1);
	CHECK_ERR(arch_rfence(&others, 0, UINT64_MAX), OK);
	expect(MANY, 0, MANY, BIT(VIOLATION_FRAME_FREED));
}

/* Allocated again: of those that lie scattered it is not known which it was, and that is said. */
static void reused(const void *arg)
{
	char text[EXPOSURE_TEXT_LEN];
	struct exposure_sum x;

	map_all(arg, MANY, PAGE_SIZE);
	free_early(0, MANY);
	for (unsigned i = 0; i < 3; i++)
		CHECK(frame_alloc_near(frames[i], OWNER_TEST) == frames[i], "another page");
	fence_everywhere();
	model_exposures_end(&x);
	CHECK(x.reused <= 3 && x.reused + x.unsure >= 3, "%llu reused, %llu more perhaps",
	      (unsigned long long)x.reused, (unsigned long long)x.unsure);
	CHECK(strstr(exposure_text(text, sizeof(text), &x), " to 3 allocated again") != NULL, "%s",
	      text);
}

static void free_tables_early(unsigned n, bool unlink)
{
	for (unsigned i = 0; i < n; i++) {
		model_table_freed(pte_pa(pte_load(slots[i])));
		if (unlink)
			pte_store(slots[i], PTE_NONE);
	}
}

/* As Linux does: each is freed, then unlinked. */
static void tables_over(const void *arg)
{
	map_all(arg, MANY, SZ_2M);
	free_tables_early(MANY, true);
	fence_everywhere();
	expect(0, MANY, 0, 0);
}

static void tables_open(const void *arg)
{
	map_all(arg, MANY, SZ_2M);
	free_tables_early(MANY, true);
	expect(0, MANY, MANY, BIT(VIOLATION_TABLE_FREED));
}

/* One table among frames: what is open is told of both. */
static void both_kinds(const void *arg)
{
	map_all(arg, MANY, SZ_2M);
	for (unsigned i = 0; i < MANY; i++) {
		paddr_t table = pte_pa(pte_load(slots[i]));

		(void)pte_xchg((pte_slot_t){table}, PTE_NONE);
		frame_free(frames[i], 0, OWNER_TEST);
		if (i != 10)
			continue;
		model_table_freed(table);
		pte_store(slots[i], PTE_NONE);
	}
	expect(MANY, 1, MANY + 1, BIT(VIOLATION_FRAME_FREED) | BIT(VIOLATION_TABLE_FREED));
}

/* Entries lead to all of them still: each waits for a store of its own, and that is too many. */
static void tables_linked(const void *arg)
{
	struct exposure_sum x;

	map_all(arg, MANY, SZ_2M);
	free_tables_early(MANY, false);
	model_exposures_end(&x);
	CHECK((rig_take_violations() & BIT(VIOLATION_OVERFLOW)) != 0, "no overflow is reported");
	CHECK(!model_claims(), "it claims to know");
}

/* The enemy's: records of a section, each in a frame by itself, taken down in Linux's order. */
static void scattered_records(const void *arg)
{
	const struct region r = {UINT64_C(0x140000000), UINT64_C(128) << 20};
	const uint64_t pages = (r.size >> PAGE_SHIFT) * frame_record_size() >> PAGE_SHIFT;
	static paddr_t all[8192];
	struct hot_report rep = {.us = 0};
	struct hot_region *h;
	unsigned n = 0;

	rig_boot(arg);
	while (n < ARRAY_LEN(all) && (all[n] = frame_alloc(0, OWNER_TEST)) != FRAME_NONE)
		n++;
	for (unsigned i = 0; i < n; i += 2)
		frame_free(all[i], 0, OWNER_TEST);
	model_expose(true);
	sim_mem_add(r, false);
	REQUIRE_OK(hot_add(r, PROT_RW, &h, NULL));
	hotplug_use_order(TEARDOWN_LINUX);
	REQUIRE_OK(hot_remove(h, &rep));
	CHECK(rep.exposed.frames == pages && rep.exposed.open == 0,
	      "%llu of %llu records, %llu open", (unsigned long long)rep.exposed.frames,
	      (unsigned long long)pages, (unsigned long long)rep.exposed.open);
	rig_check_silent("removed");
	CHECK(model_claims(), "nothing is claimed any more");
}

static bool fails_with(void (*scenario)(const void *), const struct rig *rig, const char *fault)
{
	struct rig armed = *rig;

	armed.faults = fault;
	return !rig_run(scenario, &armed);
}

static const struct {
	const char *name;
	void (*fn)(const void *);
} singles[] = {
	{"frames, and a fence", frames_over},
	{"frames, and none", frames_open},
	{"a fence between them", frames_half},
	{"one beside the fence", frames_beside},
	{"most beside the fence", frames_most_beside},
	{"all harts but one", frames_one_hart},
	{"some of one hart", frames_two_holders},
	{"allocated again", reused},
	{"tables, and a fence", tables_over},
	{"tables, and none", tables_open},
	{"frames and tables", both_kinds},
	{"tables that stay linked", tables_linked},
	{"records page by page", scattered_records},
};

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m], .seed = seed, .harts = 3};

		for (unsigned i = 0; i < ARRAY_LEN(singles); i++)
			tap_ok(rig_run(singles[i].fn, &rig), "%s: %s", rig.mode->name,
			       singles[i].name);
		tap_ok(fails_with(scattered_records, &rig, "model-full"),
		       "%s: control: no room is seen", rig.mode->name);
	}
	return tap_done();
}
