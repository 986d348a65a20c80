/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations on the kernel's table. */
#include "tests/host/scenario_ops.h"

#include "mm/kernel.h"
#include "mm/split.h"
#include "tests/host/arch_sim_rig.h"

#define MANY 100u

struct scene scene;

const char *scene_op_name(enum scene_op op)
{
	static const char *const names[NR_SCENE_OPS] = {"add",	       "remove",  "map",
							"unmap",       "protect", "unmap many",
							"unmap table", "split",	  "merge"};

	return names[op];
}

enum err scene_change(enum err (*fn)(struct pt_batch *, void *), void *arg)
{
	struct pt_batch b;
	enum err err, done;

	kernel_begin_freeing(&b);
	err = fn(&b, arg);
	done = pt_commit(&b);
	kernel_end_freeing();
	return done != OK ? done : err;
}

static enum err map_small(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_map(b, scene.va, scene.block, SZ_2M, PROT_RW, 0);
}

static enum err map_large(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_map(b, scene.va, scene.block, SZ_2M, PROT_RW, 1);
}

static enum err map_half(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_map(b, scene.va + SZ_2M / 2, scene.block + SZ_2M / 2, SZ_2M / 2, PROT_RW, 0);
}

static enum err map_page(struct pt_batch *b, void *arg)
{
	(void)arg;
	return pt_map(b, scene.va, scene.block, PAGE_SIZE, PROT_RW, 0);
}

static enum err unmap(struct pt_batch *b, void *arg)
{
	return pt_unmap(b, scene.va, *(uint64_t *)arg, 0);
}

static enum err protect(struct pt_batch *b, void *arg)
{
	return pt_protect(b, scene.va, *(uint64_t *)arg, PROT_RO, PT_SPLIT);
}

static enum err merge(struct pt_batch *b, void *arg)
{
	(void)arg;
	pt_merge(b, scene.va, SZ_2M, 1);
	return OK;
}

/* One extent, so that a leaf may span it: mapped large, split, and its rights as before. */
static enum err split_and_back(struct pt_batch *b, void *arg)
{
	enum err err = pt_protect(b, scene.va, PAGE_SIZE, PROT_RO, PT_SPLIT);

	(void)arg;
	return err != OK ? err : pt_protect(b, scene.va, PAGE_SIZE, PROT_RW, 0);
}

void scene_prepare(enum scene_op op)
{
	scene.phys = (struct region){UINT64_C(0x180000000) - 3 * SZ_2M, SZ_2M};
	sim_mem_add(scene.phys, false);
	scene.va = direct_va(scene.phys.start);
	if (op == OP_REMOVE)
		REQUIRE_OK(hot_add(scene.phys, PROT_RW, &scene.r, NULL));
	if (op == OP_ADD || op == OP_REMOVE)
		return;
	scene.va = vmalloc_reserve(SZ_2M, SZ_2M);
	scene.block = frame_alloc(9, OWNER_TEST);
	REQUIRE(scene.va != 0 && scene.block != FRAME_NONE, "no room");
	if (op == OP_MAP)
		REQUIRE_OK(scene_change(map_half, NULL));
	else if (op == OP_SPLIT || op == OP_MERGE)
		REQUIRE_OK(scene_change(map_large, NULL));
	else
		REQUIRE_OK(scene_change(map_small, NULL));
	if (op == OP_MERGE)
		REQUIRE_OK(scene_change(split_and_back, NULL));
}

static enum err unmap_and_free(uint64_t size)
{
	enum err err = scene_change(unmap, &size);

	if (err == OK)
		frame_free_range((struct region){scene.block, size}, OWNER_TEST);
	return err;
}

enum err scene_operate(enum scene_op op)
{
	uint64_t size = op == OP_PROTECT ? 3 * PAGE_SIZE : PAGE_SIZE;

	switch (op) {
	case OP_ADD:
		return hot_add(scene.phys, PROT_RW, &scene.r, NULL);
	case OP_REMOVE:
		return hot_remove(scene.r, NULL);
	case OP_MAP:
		return scene_change(map_page, NULL);
	case OP_UNMAP:
		return unmap_and_free(PAGE_SIZE);
	case OP_UNMAP_MANY:
		return unmap_and_free(MANY * PAGE_SIZE);
	case OP_UNMAP_TABLE:
		return unmap_and_free(SZ_2M);
	case OP_MERGE:
		return scene_change(merge, NULL);
	default:
		return scene_change(protect, &size);
	}
}

void scene_check_there(struct region r, const char *when)
{
	rig_check_everywhere(direct_va(r.start), r.start, when);
	rig_check_everywhere(direct_va(region_end(r) - PAGE_SIZE), region_end(r) - PAGE_SIZE, when);
	CHECK(pt_lookup(kernel_table(), frame_record_va(r.start)).mapped &&
		      pt_lookup(kernel_table(), frame_record_va(region_end(r) - PAGE_SIZE)).mapped,
	      "%s: records of 0x%llx are not mapped", when, (unsigned long long)r.start);
}

void scene_check_gone(struct region r, const char *when)
{
	rig_check_everywhere(direct_va(r.start), FRAME_NONE, when);
	rig_check_everywhere(direct_va(region_end(r) - PAGE_SIZE), FRAME_NONE, when);
	CHECK(!pt_lookup(kernel_table(), frame_record_va(r.start)).mapped,
	      "%s: records of 0x%llx are mapped", when, (unsigned long long)r.start);
}
