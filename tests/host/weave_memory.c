/* SPDX-License-Identifier: BSD-2-Clause */
/* What harts do at once to memory that comes and goes, and beside it. */
#include "tests/host/weave_programs.h"

#include "firmware/arch.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/split.h"

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
	weave_begin();
	for (unsigned i = 0; i < GRANULES; i++) {
		paddr_t pa = granule(i).start;

		weave_watch(direct_va(pa + SZ_2M / 2), pa + SZ_2M / 2, (stay >> i & 1) == 0);
		if ((added >> i & 1) != 0)
			REQUIRE_OK(hot_add(granule(i), PROT_RW, &hot[i], NULL));
		if ((onlined >> i & 1) != 0)
			CHECK_ERR(hot_online(hot[i]), OK);
	}
}

static void none_added(void)
{
	make_hot(0, 0, 0);
}

static void hot_and_pages(void)
{
	weave_no_pages();
	none_added();
}

static void first_added(void)
{
	make_hot(1, 0, 0);
}

static void third_stays(void)
{
	make_hot(7, 4, 4);
	weave_before = rig_accounts();
}

static void first_and_third(void)
{
	make_hot(5, 4, 4);
}

static void third_stays_alone(void)
{
	make_hot(4, 4, 4);
	weave_before = rig_accounts();
}

static void add_mine(void)
{
	unsigned h = arch_hart();

	CHECK_ERR(hot_add(granule(h), PROT_RW, &hot[h], NULL), OK);
	CHECK_ERR(hot_online(hot[h]), OK);
}

/* The region, or none yet: never half of the list. */
static void look_for_first(void)
{
	const struct hot_region *r = hot_look_up(granule(0).start);

	CHECK(r == NULL || r == hot[0], "another region");
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

static void alloc_hot(void)
{
	paddr_t pa = frame_alloc_hot(0, OWNER_TEST);

	if (pa != FRAME_NONE)
		frame_free(pa, 0, OWNER_TEST);
}

/* One region of two granules, mapped by large leaves, and the third. */
static void two_in_one(void)
{
	const struct region both = {hot_base, 2 * HOTPLUG_GRANULE};

	sim_mem_add((struct region){hot_base, GRANULES * HOTPLUG_GRANULE}, false);
	for (unsigned i = 0; i < 2; i++)
		weave_watch(direct_va(granule(i).start + SZ_2M / 2), granule(i).start + SZ_2M / 2,
			    false);
	REQUIRE_OK(hot_add(both, PROT_RW, &hot[0], NULL));
	CHECK_ERR(hot_online(hot[0]), OK);
	weave_begin();
}

static void split_and_merge(void)
{
	CHECK_ERR(hot_split(hot[0], granule(1).start, &hot[1]), OK);
	CHECK_ERR(hot_merge(hot[0], NULL), OK);
}

/* A frame of the upper half is in use. */
static paddr_t used;

static void one_used(void)
{
	two_in_one();
	do
		used = frame_alloc_hot(0, OWNER_TEST);
	while (used != FRAME_NONE && used < granule(1).start);
	REQUIRE(used != FRAME_NONE, "no memory");
}

static void free_used(void)
{
	frame_free(used, 0, OWNER_TEST);
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
		CHECK_ERR(hot_online(hot[0]), OK);
}

static struct movable object;

static void with_object(void)
{
	two_in_one();
	REQUIRE_OK(movable_alloc(&object, 0));
	*(uint64_t *)movable_get(&object) = 42;
	movable_put(&object);
	weave_before = rig_accounts();
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

const struct weave_program weave_memory_programs[] = {
	PROGRAM("add||add", SBI, none_added, weave_settled, add_mine, add_mine),
	PROGRAM("add||add, ipi", IPI, none_added, weave_settled, add_mine, add_mine),
	PROGRAM("add||look", SBI, none_added, weave_settled, add_mine, look_for_first),
	PROGRAM("remove||add", SBI, first_added, weave_settled, remove_mine, add_mine),
	PROGRAM("remove||remove beside memory in use", SBI, third_stays, weave_settled, remove_mine,
		remove_mine),
	PROGRAM("remove||alloc beside it", SBI, third_stays, weave_settled, remove_mine, alloc_hot),
	PROGRAM("add,remove||map,unmap", SBI, hot_and_pages, weave_settled, add_and_remove_mine,
		weave_map_and_unmap_mine),
	PROGRAM("add,remove||alloc", IPI, none_added, weave_as_before, add_and_remove_mine,
		weave_alloc_and_free),
	PROGRAM("add||remove beside memory in use", SBI, first_and_third, weave_settled,
		remove_mine, add_and_remove_mine),
	PROGRAM("split,merge||alloc", SBI, two_in_one, weave_as_before, split_and_merge, alloc_hot),
	PROGRAM("split,merge||free", SBI, one_used, weave_settled, split_and_merge, free_used),
	PROGRAM("split,merge,add||free", SBI, one_used, weave_settled, split_merge_add, free_used),
	PROGRAM("offline||alloc", SBI, two_in_one, weave_as_before, offline_and_online, alloc_hot),
	PROGRAM("offline||use", SBI, with_object, weave_as_before, offline_and_online, use_object),
	PROGRAM("offline||replace", SBI, with_object, weave_as_before, offline_and_online,
		replace_object),
	PROGRAM("split,merge leaf||add", SBI, first_added, weave_settled, split_and_merge_leaf,
		add_mine),
	{.name = "add,remove||add,remove beside memory in use",
	 .longer = true,
	 .setup = third_stays_alone,
	 .hart = {add_and_remove_mine, add_and_remove_mine},
	 .legal = weave_legal,
	 .end = weave_as_before},
};
const unsigned weave_nr_memory_programs = ARRAY_LEN(weave_memory_programs);
