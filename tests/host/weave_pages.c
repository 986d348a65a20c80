/* SPDX-License-Identifier: BSD-2-Clause */
/* What harts do at once to frames, table pages, and pages that they map. */
#include "tests/host/weave_programs.h"

#include "firmware/arch.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "mm/window.h"

/* ---- frames and tables */

static paddr_t got[WEAVE_HARTS];

void weave_alloc_and_free(void)
{
	unsigned h = arch_hart();
	paddr_t pa = frame_alloc(0, OWNER_TEST);

	for (unsigned i = 0; i < WEAVE_HARTS; i++)
		CHECK(pa != FRAME_NONE && pa != got[i], "0x%llx twice", (unsigned long long)pa);
	got[h] = pa;
	got[h] = 0;
	frame_free(pa, 0, OWNER_TEST);
}

static void table_and_back(void)
{
	paddr_t pa = ptpage_alloc();

	CHECK(pa != FRAME_NONE, "no table");
	ptpage_free(pa, 0);
}

static void drain_tables(void)
{
	ptpage_drain();
}

/* ---- pages side by side, below one table */

static vaddr_t pages;
static paddr_t frames;

/* @mapped: bit n, page n is mapped at the start. */
static void make_pages(unsigned mapped)
{
	pages = vmalloc_reserve(SZ_2M, SZ_2M);
	frames = frame_alloc(2, OWNER_TEST);
	REQUIRE(pages != 0 && frames != FRAME_NONE, "no room");
	weave_begin();
	for (unsigned i = 0; i < 4; i++) {
		struct pt_batch b;

		weave_watch(pages + i * PAGE_SIZE, frames + i * PAGE_SIZE, i < 3);
		if ((mapped >> i & 1) == 0)
			continue;
		pt_begin(&b, kernel_table());
		REQUIRE_OK(pt_map(&b, weave_watched[i].va, weave_watched[i].pa, PAGE_SIZE, PROT_RW,
				  0));
		REQUIRE_OK(pt_commit(&b));
	}
}

void weave_no_pages(void)
{
	make_pages(0);
	/* Nothing stays. */
	weave_watched[3].may_fault = true;
}

static void all_pages(void)
{
	make_pages(15);
}

static void first_page(void)
{
	make_pages(1);
	weave_watched[3].may_fault = true;
}

static void two_pages(void)
{
	make_pages(3);
	weave_watched[3].may_fault = true;
}

static void three_pages(void)
{
	make_pages(7);
	weave_watched[3].may_fault = true;
}

static void map_mine(void)
{
	unsigned h = arch_hart();
	struct pt_batch b;

	kernel_begin(&b);
	CHECK_ERR(pt_map(&b, pages + h * PAGE_SIZE, frames + h * PAGE_SIZE, PAGE_SIZE, PROT_RW, 0),
		  OK);
	CHECK_ERR(pt_commit(&b), OK);
	kernel_end();
	CHECK(arch_virt_to_ptr(pages + h * PAGE_SIZE) != NULL, "no way there");
}

static void unmap_mine(void)
{
	unsigned h = arch_hart();
	struct pt_batch b;

	kernel_begin(&b);
	CHECK_ERR(pt_unmap(&b, pages + h * PAGE_SIZE, PAGE_SIZE, 0), OK);
	CHECK_ERR(pt_commit(&b), OK);
	kernel_end();
	frame_free(frames + h * PAGE_SIZE, 0, OWNER_TEST);
}

void weave_map_and_unmap_mine(void)
{
	map_mine();
	unmap_mine();
}

/* ---- a view */

static void open_and_close(void)
{
	void *p = NULL;

	CHECK_ERR(window_map(frames, PAGE_SIZE, PROT_RO, &p), OK);
	window_unmap();
}

static void window_and_pages(void)
{
	REQUIRE_OK(window_init(PAGE_SIZE));
	weave_no_pages();
}

/* ---- two tables, and harts that come and go */

static struct ptable own[WEAVE_HARTS];

static void own_tables(void)
{
	frames = frame_alloc(2, OWNER_TEST);
	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		REQUIRE_OK(pt_create(&own[h], "own", &mmu_modes[0]));
		REQUIRE_OK(pt_populate(&own[h], SZ_1G, 0));
		own[h].live = true;
	}
	weave_begin();
}

static void map_in_own(void)
{
	unsigned h = arch_hart();
	struct pt_batch b;

	pt_begin(&b, &own[h]);
	CHECK_ERR(pt_map(&b, SZ_1G, frames, PAGE_SIZE, PROT_RW, 0), OK);
	CHECK_ERR(pt_commit(&b), OK);
}

static void hart_comes(void)
{
	unsigned h = arch_hart();

	sim_hart_starting(h);
	sim_hart_online(h, true);
	hartset_add(&weave_fenced, h);
}

static void hart_goes(void)
{
	unsigned h = arch_hart();

	hartset_del(&weave_fenced, h);
	sim_hart_stop(h);
}

/*
 * A hart that translates and has not fenced may hold anything at all (docs/model.md): what is freed
 * at that moment is reported, and of that hart alone. Behind its fence it gets what is due.
 */
static void settled_but_for_the_new(void)
{
	struct violation v[4];
	unsigned kept;

	model_take_violations(v, ARRAY_LEN(v), &kept);
	for (unsigned i = 0; i < kept; i++)
		CHECK(v[i].kind == VIOLATION_FRAME_FREED && v[i].holders.bits[0] == 2,
		      "%s of 0x%llx", violation_name(v[i].kind),
		      (unsigned long long)v[i].holders.bits[0]);
	weave_settled();
}

const struct weave_program weave_pages_programs[] = {
	PROGRAM("alloc||alloc", SBI, weave_begin, weave_as_before, weave_alloc_and_free,
		weave_alloc_and_free),
	PROGRAM("alloc||alloc||alloc", SBI, weave_begin, weave_as_before, weave_alloc_and_free,
		weave_alloc_and_free, weave_alloc_and_free),
	PROGRAM("table||table", SBI, weave_begin, weave_as_before, table_and_back, table_and_back),
	PROGRAM("table||drain", SBI, weave_begin, weave_as_before, table_and_back, drain_tables),
	PROGRAM("map||map", SBI, weave_no_pages, weave_settled, map_mine, map_mine),
	PROGRAM("map||map, ipi", IPI, weave_no_pages, weave_settled, map_mine, map_mine),
	PROGRAM("unmap||unmap", SBI, three_pages, weave_settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap of all", SBI, two_pages, weave_settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||map", SBI, first_page, weave_settled, unmap_mine, map_mine),
	PROGRAM("unmap||unmap, ipi", IPI, three_pages, weave_settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap, svinval", SVINVAL, three_pages, weave_settled, unmap_mine,
		unmap_mine),
	PROGRAM("unmap||unmap||unmap", SBI, all_pages, weave_settled, unmap_mine, unmap_mine,
		unmap_mine),
	PROGRAM("unmap||unmap||unmap, ipi", IPI, all_pages, weave_settled, unmap_mine, unmap_mine,
		unmap_mine),
	PROGRAM("map,unmap||map,unmap", SBI, weave_no_pages, weave_settled,
		weave_map_and_unmap_mine, weave_map_and_unmap_mine),
	PROGRAM("view||map", SBI, window_and_pages, weave_settled, open_and_close, map_mine),
	PROGRAM("shootdown||shootdown, ipi", IPI, own_tables, weave_as_before, map_in_own,
		map_in_own),
	PROGRAM("shootdown||shootdown, sbi", SBI, own_tables, weave_as_before, map_in_own,
		map_in_own),
	/* Harts that are there before the program begins, and not. */
	{.name = "unmap||hart comes",
	 .online = 1,
	 .setup = three_pages,
	 .hart = {unmap_mine, hart_comes},
	 .legal = weave_legal,
	 .end = settled_but_for_the_new},
	PROGRAM("unmap||hart goes", SBI, three_pages, weave_settled, unmap_mine, hart_goes),
	PROGRAM("unmap||hart goes, ipi", IPI, three_pages, weave_settled, unmap_mine, hart_goes),
};
const unsigned weave_nr_pages_programs = ARRAY_LEN(weave_pages_programs);
