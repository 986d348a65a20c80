/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario T19: each allocation of each operation fails, one after the other, until there is none
 * left to fail: the error is told, and map and accounts are what they were.
 */
#include "mm/kernel.h"
#include "mm/split.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

#define GIB_AT UINT64_C(0x180000000)

/* One operation, and what brings back the state that it starts from. */
struct attempt {
	const char *name;
	void (*setup)(void);
	enum err (*op)(void);
	void (*undo)(void);
	unsigned min_allocations; /* so many it makes in Sv48, at the least */
	bool fails_each;	  /* there is no other way: every one that fails is ERR_NOMEM */
};

static uint64_t hash;

static void hash_leaf(void *arg, vaddr_t va, unsigned level, pte_t e)
{
	(void)arg;
	hash = (hash ^ va) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ e.raw ^ level) * UINT64_C(0xbf58476d1ce4e5b9);
	hash ^= hash >> 31;
}

/* All leaves: address, level, all bits. */
static uint64_t map_hash(void)
{
	hash = 1;
	scenario_walk(kernel_table(), &(struct walk_visitor){.leaf = hash_leaf});
	return hash;
}

/*
 * Whether the allocation that was to fail was reached. @k grows by one from round to round, so the
 * first time that it was not, it is the next.
 */
static bool reached(void)
{
	paddr_t pa = frame_alloc(0, OWNER_TEST);

	frame_fail_at(0);
	if (pa == FRAME_NONE)
		return false;
	frame_free(pa, 0, OWNER_TEST);
	return true;
}

static void try_all(const struct scenario_run *run, const struct attempt *a)
{
	unsigned k = 1;
	bool more;

	rig_boot(&run->rig);
	a->setup();
	scenario_arm(run);
	do {
		struct rig_accounts before = rig_accounts();
		uint64_t map = map_hash();
		enum err err;

		frame_fail_at(k);
		err = a->op();
		more = reached();
		CHECK(err == OK || (err == ERR_NOMEM && more), "%s, k=%u: %s", a->name, k,
		      err_name(err));
		CHECK(err != OK || !more || !a->fails_each, "%s, k=%u: the failure is not told",
		      a->name, k);
		if (err == OK)
			a->undo();
		else
			CHECK(map_hash() == map, "%s, k=%u: the map is another", a->name, k);
		rig_check_accounts(&before, a->name);
		rig_check_kernel(a->name);
		rig_check_silent(a->name);
		k++;
	} while (more && rig_failures() == 0);
	CHECK(rig_failures() != 0 || run->rig.mode->levels < 4 || k - 2 >= a->min_allocations,
	      "%s: %u allocations", a->name, k - 2);
}

/* ---- hot-plug */

static struct region add_range;
static struct hot_region *hot, *upper;

static void setup_add(uint64_t start, uint64_t blocks)
{
	add_range = (struct region){start, blocks * SZ_2M};
	sim_mem_add(add_range, false);
}

static void setup_one(void)
{
	setup_add(GIB_AT - SZ_2M, 1);
}

static void setup_many(void)
{
	setup_add(GIB_AT - 70 * SZ_2M, 140);
}

static enum err add(void)
{
	return hot_add(add_range, PROT_RW, &hot, NULL);
}

static void undo_add(void)
{
	REQUIRE_OK(hot_remove(hot, NULL));
}

static void setup_whole(void)
{
	setup_add(GIB_AT, 512);
	REQUIRE_OK(add());
}

static void setup_piece(void)
{
	setup_whole();
	REQUIRE_OK(hot_split(hot, GIB_AT + 10 * SZ_2M, &upper));
}

static enum err remove_piece(void)
{
	return hot_remove(hot, NULL);
}

/* The same leaves again; the frames of the records may be others. */
static void undo_remove_piece(void)
{
	REQUIRE_OK(hot_remove(upper, NULL));
	REQUIRE_OK(add());
	REQUIRE_OK(hot_split(hot, GIB_AT + 10 * SZ_2M, &upper));
}

static enum err cut(void)
{
	return hot_split(hot, GIB_AT + 100 * SZ_2M, &upper);
}

static void undo_cut(void)
{
	REQUIRE_OK(hot_merge(hot, NULL));
}

/* ---- single changes of the kernel's table */

#define VA_SIZE (4 * SZ_1G)

static struct {
	vaddr_t va;
	uint64_t size;
	vaddr_t gib; /* that it lies in */
} change;

static enum err do_map(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_map(b, change.va, UINT64_C(0x4000000000) + change.va % SZ_1G, change.size,
		      PROT_RW, mode_max_leaf(kernel_table()->mode));
}

static enum err do_unmap(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_unmap(b, change.va, change.size, PT_SPLIT);
}

static enum err do_protect(struct pt_batch *b, void *arg)
{
	return pt_protect(b, change.va, change.size, *(uint64_t *)arg, PT_SPLIT);
}

static enum err do_split(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_split(b, change.va, change.size);
}

static enum err do_merge(struct pt_batch *b, void *arg)
{
	(void)arg;
	pt_merge(b, change.gib, SZ_1G, mode_max_leaf(kernel_table()->mode));
	return OK;
}

/* Pages on both sides of an edge of a GiB, where nothing is. */
static void setup_map(void)
{
	change.va = vmalloc_reserve(VA_SIZE, SZ_1G) + VA_SIZE / 2 - PAGE_SIZE;
	change.size = SZ_1G + 2 * PAGE_SIZE;
}

static enum err map(void)
{
	return scene_change(do_map, NULL);
}

static void unmap_back(void)
{
	REQUIRE_OK(scene_change(do_unmap, NULL));
}

/* A page in the middle of a GiB. */
static void setup_inside(void)
{
	change.va = vmalloc_reserve(VA_SIZE, SZ_1G);
	change.size = SZ_1G;
	change.gib = change.va;
	REQUIRE_OK(map());
	change.va += 100 * SZ_2M + 7 * PAGE_SIZE;
	change.size = PAGE_SIZE;
}

static enum err unmap(void)
{
	return scene_change(do_unmap, NULL);
}

static void map_back(void)
{
	REQUIRE_OK(map());
	REQUIRE_OK(scene_change(do_merge, NULL));
}

static enum err protect(void)
{
	uint64_t prot = PROT_RO;

	return scene_change(do_protect, &prot);
}

static void protect_back(void)
{
	uint64_t prot = PROT_RW;

	REQUIRE_OK(scene_change(do_protect, &prot));
	REQUIRE_OK(scene_change(do_merge, NULL));
}

static enum err split(void)
{
	return scene_change(do_split, NULL);
}

static void merge_back(void)
{
	REQUIRE_OK(scene_change(do_merge, NULL));
}

static enum err merge(void)
{
	return scene_change(do_merge, NULL);
}

/* Rights that changed and came back leave edges behind, until they are merged. */
static void split_again(void)
{
	uint64_t prot = PROT_RW;

	REQUIRE_OK(protect());
	REQUIRE_OK(scene_change(do_protect, &prot));
}

static void setup_merge(void)
{
	setup_inside();
	split_again();
}

static const struct attempt add_attempts[] = {
	{"add 2 MiB", setup_one, add, undo_add, 9, true},
	/* A block of records that fails is replaced by pages: fewer errors than failures. */
	{"add across a GiB", setup_many, add, undo_add, 10, false},
};

static const struct attempt remove_attempts[] = {
	{"remove of a piece", setup_piece, remove_piece, undo_remove_piece, 2, true},
	{"remove of all", setup_whole, remove_piece, setup_whole, 0, true},
	{"cut of a region", setup_whole, cut, undo_cut, 0, true},
};

static const struct attempt change_attempts[] = {
	{"map", setup_map, map, unmap_back, 4, true},
	{"unmap", setup_inside, unmap, map_back, 2, true},
	{"protect", setup_inside, protect, protect_back, 2, true},
	{"split", setup_inside, split, merge_back, 2, true},
	{"merge", setup_merge, merge, split_again, 0, true},
};

static const struct scenario_run *run_of_all;

static void one(const void *arg)
{
	try_all(run_of_all, arg);
}

static void all(const struct scenario_run *run, const struct attempt *a, unsigned nr)
{
	run_of_all = run;
	for (unsigned i = 0; i < nr && rig_failures() == 0; i++)
		CHECK(rig_run(one, &a[i]), "%s", a[i].name);
}

static void adds(const struct scenario_run *run)
{
	all(run, add_attempts, ARRAY_LEN(add_attempts));
}

static void removes(const struct scenario_run *run)
{
	all(run, remove_attempts, ARRAY_LEN(remove_attempts));
}

static void changes(const struct scenario_run *run)
{
	all(run, change_attempts, ARRAY_LEN(change_attempts));
}

static const struct scenario scenarios[] = {
	{.name = "T19 no memory: at every allocation of an add",
	 .fn = adds,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "undo-forgotten", .says = "the map is another"}}},
	{.name = "T19 no memory: at every allocation of a removal",
	 .fn = removes,
	 .shape = &rig_roomy,
	 .controls = {{.fault = "leak-table", .says = "table pages, were"}}},
	{.name = "T19 no memory: at every allocation of map, unmap, protect, split, merge",
	 .fn = changes,
	 .controls = {{.fault = "undo-tables", .says = "table pages, were"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
