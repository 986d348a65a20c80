/* SPDX-License-Identifier: BSD-2-Clause */
/* What harts do at once: see weave.h. */
#include "tests/host/weave_programs.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "mm/split.h"
#include "mm/window.h"

/* ---- what every program has */

#define MAX_WATCHED 8u
#define MAX_OUTCOMES 8u

/* Where a hart may get to, at any moment, through what it may hold. */
static struct watched {
	vaddr_t va;
	paddr_t pa;
	bool may_fault;
} watched[MAX_WATCHED];
static unsigned nr_watched;

static struct rig_accounts before;
static struct hartset fenced; /* harts that are online and did their first fence */

static void watch(vaddr_t va, paddr_t pa, bool may_fault)
{
	watched[nr_watched++] = (struct watched){va, pa, may_fault};
}

static void begin(void)
{
	before = rig_accounts();
	fenced = arch_harts_online();
}

static void legal(void)
{
	struct sim_result r[MAX_OUTCOMES];

	for (unsigned i = 0; i < nr_watched; i++) {
		const struct watched *w = &watched[i];

		hartset_for_each(h, &fenced) {
			unsigned n = sim_outcomes(h, w->va, SIM_LOAD, r, MAX_OUTCOMES);

			for (unsigned k = 0; k < n; k++)
				CHECK(r[k].outcome == SIM_OK
					      ? r[k].pa == w->pa
					      : w->may_fault && r[k].outcome == SIM_PAGE_FAULT,
				      "hart%u may get %d 0x%llx at 0x%llx, due 0x%llx", h,
				      (int)r[k].outcome, (unsigned long long)r[k].pa,
				      (unsigned long long)w->va, (unsigned long long)w->pa);
		}
	}
}

/* Every hart gets what the table says, wherever anybody looked. */
static void settled(void)
{
	for (unsigned i = 0; i < nr_watched; i++) {
		struct pt_lookup l = pt_lookup(kernel_table(), watched[i].va);

		rig_check_everywhere(watched[i].va, l.mapped ? l.pa : FRAME_NONE, "end");
	}
	rig_check_kernel("end");
	rig_check_silent("end");
}

static void as_before(void)
{
	settled();
	rig_check_accounts(&before, "end");
}

/* ---- frames and tables */

static paddr_t got[WEAVE_HARTS];

static void alloc_and_free(void)
{
	unsigned h = arch_hart();
	paddr_t pa = frame_alloc(0, OWNER_TEST);

	for (unsigned i = 0; i < WEAVE_HARTS; i++)
		CHECK(pa != FRAME_NONE && pa != got[i], "0x%llx twice", (unsigned long long)pa);
	got[h] = pa;
	got[h] = 0;
	frame_free(pa, 0, OWNER_TEST);
}

static void alloc_hot(void)
{
	paddr_t pa = frame_alloc_hot(0, OWNER_TEST);

	if (pa != FRAME_NONE)
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
	begin();
	for (unsigned i = 0; i < 4; i++) {
		struct pt_batch b;

		watch(pages + i * PAGE_SIZE, frames + i * PAGE_SIZE, i < 3);
		if ((mapped >> i & 1) == 0)
			continue;
		pt_begin(&b, kernel_table());
		REQUIRE_OK(pt_map(&b, watched[i].va, watched[i].pa, PAGE_SIZE, PROT_RW, 0));
		REQUIRE_OK(pt_commit(&b));
	}
}

static void no_pages(void)
{
	make_pages(0);
	/* Nothing stays. */
	watched[3].may_fault = true;
}

static void all_pages(void)
{
	make_pages(15);
}

static void first_page(void)
{
	make_pages(1);
	watched[3].may_fault = true;
}

static void two_pages(void)
{
	make_pages(3);
	watched[3].may_fault = true;
}

static void three_pages(void)
{
	make_pages(7);
	watched[3].may_fault = true;
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

static void map_and_unmap_mine(void)
{
	map_mine();
	unmap_mine();
}

/* ---- memory that comes and goes, granules side by side */

#define GRANULES 4u

static const paddr_t hot_base = UINT64_C(0x100000000);
static struct hot_region *hot[GRANULES];

static struct region granule(unsigned i)
{
	return (struct region){hot_base + i * HOTPLUG_GRANULE, HOTPLUG_GRANULE};
}

/* @added: bit n, granule n is there at the start; @online, @stay: the same. */
static void make_hot(unsigned added, unsigned onlined, unsigned stay)
{
	sim_mem_add((struct region){hot_base, GRANULES * HOTPLUG_GRANULE}, false);
	begin();
	for (unsigned i = 0; i < GRANULES; i++) {
		paddr_t pa = granule(i).start;

		watch(direct_va(pa + SZ_2M / 2), pa + SZ_2M / 2, (stay >> i & 1) == 0);
		if ((added >> i & 1) != 0)
			REQUIRE_OK(hot_add(granule(i), PROT_RW, &hot[i], NULL));
		if ((onlined >> i & 1) != 0)
			hot_online(hot[i]);
	}
}

static void none_added(void)
{
	make_hot(0, 0, 0);
}

static void hot_and_pages(void)
{
	no_pages();
	none_added();
}

static void first_added(void)
{
	make_hot(1, 0, 0);
}

static void third_stays(void)
{
	make_hot(7, 4, 4);
	before = rig_accounts();
}

static void first_and_third(void)
{
	make_hot(5, 4, 4);
}

static void third_stays_alone(void)
{
	make_hot(4, 4, 4);
	before = rig_accounts();
}

static void add_mine(void)
{
	unsigned h = arch_hart();

	CHECK_ERR(hot_add(granule(h), PROT_RW, &hot[h], NULL), OK);
	hot_online(hot[h]);
}

static void remove_mine(void)
{
	CHECK_ERR(hot_remove(hot[arch_hart()], NULL), OK);
}

static void add_and_remove_mine(void)
{
	unsigned h = arch_hart();

	CHECK_ERR(hot_add(granule(h), PROT_RW, &hot[h], NULL), OK);
	CHECK_ERR(hot_remove(hot[h], NULL), OK);
}

/* One region of two granules, mapped by large leaves, and the third. */
static void two_in_one(void)
{
	const struct region both = {hot_base, 2 * HOTPLUG_GRANULE};

	sim_mem_add((struct region){hot_base, GRANULES * HOTPLUG_GRANULE}, false);
	for (unsigned i = 0; i < 2; i++)
		watch(direct_va(granule(i).start + SZ_2M / 2), granule(i).start + SZ_2M / 2, false);
	REQUIRE_OK(hot_add(both, PROT_RW, &hot[0], NULL));
	hot_online(hot[0]);
	begin();
}

static void split_and_merge(void)
{
	CHECK_ERR(hot_split(hot[0], granule(1).start, &hot[1]), OK);
	CHECK_ERR(hot_merge(hot[0], NULL), OK);
}

/* A frame of the upper half is in use. */
static void one_used(void)
{
	two_in_one();
	do
		got[1] = frame_alloc_hot(0, OWNER_TEST);
	while (got[1] != FRAME_NONE && got[1] < granule(1).start);
	REQUIRE(got[1] != FRAME_NONE, "no memory");
}

static void free_used(void)
{
	frame_free(got[1], 0, OWNER_TEST);
}

/* What the upper half was described by describes something else now. */
static void split_merge_add(void)
{
	split_and_merge();
	CHECK_ERR(hot_add(granule(3), PROT_RW, &hot[1], NULL), OK);
}

static void offline_and_online(void)
{
	struct evacuation e;
	enum err err = hot_offline(hot[0], &e);

	CHECK(err == OK || err == ERR_BUSY, "offline: %s", err_name(err));
	if (err == OK)
		hot_online(hot[0]);
}

static struct movable object;

static void with_object(void)
{
	two_in_one();
	REQUIRE_OK(movable_alloc(&object, 0));
	*(uint64_t *)movable_get(&object) = 42;
	movable_put(&object);
	before = rig_accounts();
}

static void use_object(void)
{
	const uint64_t *p = movable_get(&object);

	CHECK(p != NULL && *p == 42, "the object has lost its content");
	if (p != NULL)
		movable_put(&object);
}

static void replace_object(void)
{
	movable_free(&object);
	CHECK_ERR(movable_alloc(&object, 0), OK);
	*(uint64_t *)movable_get(&object) = 42;
	movable_put(&object);
}

/* A page of a granule loses a right and gets it back, so its leaf is split and whole again. */
static void split_leaf(void)
{
	vaddr_t va = direct_va(granule(0).start);
	struct pt_batch b;

	kernel_begin(&b);
	CHECK_ERR(pt_protect(&b, va, PAGE_SIZE, PROT_RO, PT_SPLIT), OK);
	CHECK_ERR(pt_commit(&b), OK);
	kernel_end();
}

static void merge_leaf(void)
{
	vaddr_t va = direct_va(granule(0).start);
	struct pt_batch b;

	kernel_begin(&b);
	CHECK_ERR(pt_protect(&b, va, PAGE_SIZE, PROT_RW, 0), OK);
	CHECK_ERR(pt_commit(&b), OK);
	pt_begin(&b, kernel_table());
	pt_merge(&b, va, SZ_2M, 1);
	CHECK_ERR(pt_commit(&b), OK);
	kernel_end();
}

static void split_and_merge_leaf(void)
{
	split_leaf();
	merge_leaf();
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
	no_pages();
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
	begin();
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
	hartset_add(&fenced, h);
}

static void hart_goes(void)
{
	unsigned h = arch_hart();

	hartset_del(&fenced, h);
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
	settled();
}

/* What is checked behind each step, and in the end. */
#define PROGRAM(n, via, before, then, ...)                                                         \
	{                                                                                          \
		.name = (n), .backend = SHOOTDOWN_##via, .setup = (before), .legal = legal,        \
		.end = (then), .hart = {                                                           \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

const struct weave_program weave_programs[] = {
	PROGRAM("alloc||alloc", SBI, begin, as_before, alloc_and_free, alloc_and_free),
	PROGRAM("alloc||alloc||alloc", SBI, begin, as_before, alloc_and_free, alloc_and_free,
		alloc_and_free),
	PROGRAM("table||table", SBI, begin, as_before, table_and_back, table_and_back),
	PROGRAM("table||drain", SBI, begin, as_before, table_and_back, drain_tables),
	PROGRAM("map||map", SBI, no_pages, settled, map_mine, map_mine),
	PROGRAM("map||map, ipi", IPI, no_pages, settled, map_mine, map_mine),
	PROGRAM("unmap||unmap", SBI, three_pages, settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap of all", SBI, two_pages, settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||map", SBI, first_page, settled, unmap_mine, map_mine),
	PROGRAM("unmap||unmap, ipi", IPI, three_pages, settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap, svinval", SVINVAL, three_pages, settled, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap||unmap", SBI, all_pages, settled, unmap_mine, unmap_mine, unmap_mine),
	PROGRAM("unmap||unmap||unmap, ipi", IPI, all_pages, settled, unmap_mine, unmap_mine,
		unmap_mine),
	PROGRAM("map,unmap||map,unmap", SBI, no_pages, settled, map_and_unmap_mine,
		map_and_unmap_mine),
	PROGRAM("add||add", SBI, none_added, settled, add_mine, add_mine),
	PROGRAM("add||add, ipi", IPI, none_added, settled, add_mine, add_mine),
	PROGRAM("remove||add", SBI, first_added, settled, remove_mine, add_mine),
	PROGRAM("remove||remove beside memory in use", SBI, third_stays, settled, remove_mine,
		remove_mine),
	PROGRAM("remove||alloc beside it", SBI, third_stays, settled, remove_mine, alloc_hot),
	PROGRAM("add,remove||map,unmap", SBI, hot_and_pages, settled, add_and_remove_mine,
		map_and_unmap_mine),
	PROGRAM("add,remove||alloc", IPI, none_added, as_before, add_and_remove_mine,
		alloc_and_free),
	PROGRAM("add||remove beside memory in use", SBI, first_and_third, settled, remove_mine,
		add_and_remove_mine),
	PROGRAM("split,merge||alloc", SBI, two_in_one, as_before, split_and_merge, alloc_hot),
	PROGRAM("split,merge||free", SBI, one_used, settled, split_and_merge, free_used),
	PROGRAM("split,merge,add||free", SBI, one_used, settled, split_merge_add, free_used),
	PROGRAM("offline||alloc", SBI, two_in_one, as_before, offline_and_online, alloc_hot),
	PROGRAM("offline||use", SBI, with_object, as_before, offline_and_online, use_object),
	PROGRAM("offline||replace", SBI, with_object, as_before, offline_and_online,
		replace_object),
	PROGRAM("split,merge leaf||add", SBI, first_added, settled, split_and_merge_leaf, add_mine),
	PROGRAM("view||map", SBI, window_and_pages, settled, open_and_close, map_mine),
	PROGRAM("shootdown||shootdown, ipi", IPI, own_tables, as_before, map_in_own, map_in_own),
	PROGRAM("shootdown||shootdown, sbi", SBI, own_tables, as_before, map_in_own, map_in_own),
	{.name = "add,remove||add,remove beside memory in use",
	 .longer = true,
	 .setup = third_stays_alone,
	 .hart = {add_and_remove_mine, add_and_remove_mine},
	 .legal = legal,
	 .end = as_before},
	/* Harts that are there before the program begins, and not. */
	{.name = "unmap||hart comes",
	 .online = 1,
	 .setup = three_pages,
	 .hart = {unmap_mine, hart_comes},
	 .legal = legal,
	 .end = settled_but_for_the_new},
	PROGRAM("unmap||hart goes", SBI, three_pages, settled, unmap_mine, hart_goes),
	PROGRAM("unmap||hart goes, ipi", IPI, three_pages, settled, unmap_mine, hart_goes),
};
const unsigned weave_nr_programs = ARRAY_LEN(weave_programs);

const struct weave_program *weave_program(const char *name)
{
	for (unsigned i = 0; i < weave_nr_programs; i++) {
		if (strcmp(weave_programs[i].name, name) == 0)
			return &weave_programs[i];
	}
	return NULL;
}
