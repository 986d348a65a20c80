/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of mm/model.h for what comes and goes: harts, roots, tables, frames. */
#include <string.h>

#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_window.h"

/* ---- harts */

static void hart_starts(const void *arg)
{
	window_setup(arg);
	sim_hart_start(3, false);
	CHECK(window_freed(0, 1) == BIT(VIOLATION_FRAME_FREED), "an unfenced hart holds nothing");
	sim_run_on(3);
	fence_local_va(page(0, 0));
	sim_run_on(0);
	model_table_freed(window_frames);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED), "an addressed fence is enough");
	sim_run_on(3);
	fence_local_all();
	sim_run_on(0);
	CHECK(window_freed(0, 1) == 0, "fenced");
	model_table_freed(window_frames);
	rig_check_silent("fenced");
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(window_named().bits[0] == 15, "the new hart holds nothing");
}

static void hart_stops(const void *arg)
{
	window_setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	pte_store(slot(page(0, 9), 0), PTE_NONE);
	fence_local_all();
	sim_hart_stop(2);
	CHECK(window_named().bits[0] == 2, "a hart that stopped holds something");
	sim_hart_stop(1);
	CHECK(window_complete() == 0, "harts that stopped hold something");
}

/* What changes before it is online no shootdown tells it: its own fence has to. */
static void hart_comes_between(const void *arg)
{
	window_setup(arg);
	sim_hart_starting(3);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	fence_all_harts();
	CHECK(window_complete() == 0, "a hart that is not online counts");
	sim_hart_online(3, true);
	CHECK(!rig_stale_somewhere(page(0, 5)), "it holds what changed before it fenced");
	CHECK(window_freed(5, 1) == 0, "it has fenced");
	sim_hart_stop(3);
	sim_hart_starting(3);
	sim_hart_online(3, false);
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	CHECK(window_named().bits[0] == 15, "a hart that is online does not count");
}

/* ---- tables */

static void table_freed(const void *arg)
{
	pte_slot_t s;
	paddr_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_pa(pte_load(s));
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_LINKED), "freed while it is linked");
	/* What was said to be free is unknown from here on: another one. */
	s = slot(page(3, 0), 1);
	table = pte_pa(pte_load(s));
	pte_store(s, PTE_NONE);
	rfence_all(page(3, 0), SZ_2M);
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED), "freed before rs1 = x0");
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_load(s));
	pte_store(s, PTE_NONE);
	fence_all_harts();
	model_table_freed(table);
	rig_check_silent("freed in the right order");
	window_begun = model_begin();
	pte_store((pte_slot_t){table + 8}, PTE_NONE);
	pte_store((pte_slot_t){table + 8}, pte_leaf(0, PROT_RW));
	CHECK(window_complete() == 0, "a table that was freed is watched");
	/* It comes back as the table of other addresses. */
	(void)pte_xchg(slot(page(2, 0), 1), pte_table(table));
	fence_all_harts();
	window_begun = model_begin();
	leaf(page(2, 1), window_frames);
	fence_va_everywhere(page(2, 1));
	CHECK(window_complete() == 0, "it is taken for what it was");
	s = slot(page(0, 0), 1);
	table = pte_pa(pte_xchg(s, PTE_NONE));
	pte_store(s, pte_table(table));
	fence_all_harts();
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_LINKED), "freed while linked again");
}

/* Unlinked and fenced everywhere, no walk leads to it: what is done to it then is nobody's. */
static void clean_after_unlink(const void *arg)
{
	pte_slot_t s;
	paddr_t table;

	window_setup(arg);
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_xchg(s, PTE_NONE));
	fence_all_harts();
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){table + i * sizeof(pte_t)}, PTE_NONE);
	CHECK(window_complete() == 0, "entries of a table that nobody can reach are held");
}

/* Cleaned before the fence, it still can be walked. */
static void clean_before_fence(const void *arg)
{
	pte_slot_t s;
	paddr_t table;

	window_setup(arg);
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_xchg(s, PTE_NONE));
	pte_store((pte_slot_t){table + 7 * sizeof(pte_t)}, PTE_NONE);
	CHECK(window_freed(7, 1) == BIT(VIOLATION_FRAME_FREED), "the leaf is not held");
}

static void second_root(const void *arg)
{
	paddr_t root;
	pte_slot_t s;
	pte_t e;

	window_setup(arg);
	root = ptpage_alloc();
	REQUIRE(root != FRAME_NONE, "no memory");
	memcpy(phys_to_ptr(root), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
	sim_set_root(1, root);
	s = pt_root(&(struct ptable){.mode = kernel_table()->mode, .root = root}, window_base).slot;
	window_begun = model_begin();
	e = pte_xchg(s, PTE_NONE);
	CHECK(window_complete() == NO_FENCE, "entries of another root are not watched");
	pte_store(s, e);
	fence_all_harts();
	model_table_freed(root);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_LINKED), "a root is freed under a hart");
	sim_set_root(2, root);
	sim_set_root(1, kernel_table()->root);
	sim_set_root(2, kernel_table()->root);
	model_root_dropped(root);
	window_begun = model_begin();
	pte_store(s, PTE_NONE);
	CHECK(window_complete() == 0, "a root that is no more is watched");
	ptpage_free(root, kernel_table()->mode->levels - 1);
	rig_check_silent("the root is freed");
}

/* A table of its own, in use for a while, is taken down behind model_root_dropped(). */
static void own_space(const void *arg)
{
	struct ptable pt;
	struct pt_batch b;

	window_setup(arg);
	REQUIRE_OK(pt_create(&pt, "own", kernel_table()->mode));
	memcpy((uint8_t *)phys_to_ptr(pt.root) + PAGE_SIZE / 2,
	       (uint8_t *)phys_to_ptr(kernel_table()->root) + PAGE_SIZE / 2, PAGE_SIZE / 2);
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_map(&b, SZ_1G, window_frames, 16 * PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	sim_set_root(1, pt.root);
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_map(&b, 3 * SZ_1G, window_frames, 16 * PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	fence_all_harts();
	sim_set_root(1, kernel_table()->root);
	fence_all_harts();
	model_root_dropped(pt.root);
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_unmap(&b, SZ_1G, 16 * PAGE_SIZE, 0));
	REQUIRE_OK(pt_unmap(&b, 3 * SZ_1G, 16 * PAGE_SIZE, 0));
	REQUIRE_OK(pt_commit(&b));
	rig_check_silent("a space that is no more is taken down");
	CHECK(window_freed(0, 512) == 0, "frames");
}

/* ---- window_frames */

static void frames_freed(const void *arg)
{
	window_setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(window_freed(4, 1) == 0 && window_freed(6, 1) == 0, "its neighbours are freed");
	CHECK(window_freed(0, 512) == BIT(VIOLATION_FRAME_FREED), "freed before the fence");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	fence_va_everywhere(page(0, 6));
	CHECK(window_freed(0, 512) == 0, "freed behind the fence");
}

/* The table that the old pointer leads to still has leaves. */
static void frames_through_pointer(const void *arg)
{
	window_setup(arg);
	pte_store(slot(page(1, 0), 1), PTE_NONE);
	rfence_all(page(1, 0), SZ_2M);
	CHECK(window_freed(9, 1) == BIT(VIOLATION_FRAME_FREED),
	      "a leaf behind an old pointer is not reached");
}

/* One leaf becomes 512 that translate alike, one of which then changes. */
static void split_translates_alike(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	fence_all_harts();
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){pte_pa(table) + i * sizeof(pte_t)},
			  pte_leaf(window_frames + i * PAGE_SIZE, PROT_RW));
	fence_all_harts();
	(void)rig_take_violations();
	pte_store(s, table);
	CHECK(window_freed(0, 512) == 0, "all of it translates alike");
	leaf(page(2, 7), 0);
	fence_va_everywhere(page(2, 7));
	CHECK(window_freed(6, 1) == 0, "this page translates alike");
	CHECK(window_freed(0, 512) == BIT(VIOLATION_FRAME_FREED),
	      "a page in the middle does not translate alike");
}

/* 512 leaves become one that translates alike; but one of them had other rights when it did. */
static void merge_translates_alike(const void *arg)
{
	pte_slot_t s, odd;
	pte_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_load(s);
	odd = (pte_slot_t){pte_pa(table) + 7 * sizeof(pte_t)};
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){pte_pa(table) + i * sizeof(pte_t)},
			  pte_leaf(window_frames + i * PAGE_SIZE, PROT_RW));
	fence_all_harts();
	(void)rig_take_violations();
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	CHECK(window_freed(0, 512) == 0, "all of it translates alike");
	pte_store(s, table);
	pte_store(odd, pte_leaf(window_frames + 7 * PAGE_SIZE, PROT_RO));
	fence_all_harts();
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	CHECK(window_freed(6, 1) == 0 && window_freed(8, 504) == 0, "the others translate alike");
	CHECK(window_freed(7, 1) == BIT(VIOLATION_FRAME_FREED), "this page has other rights");
}

static void frames_unplugged(const void *arg)
{
	window_setup(arg);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		pte_store(slot(page(0, i), 0), PTE_NONE);
		if (i != 77)
			pte_store(slot(page(1, i), 0), PTE_NONE);
	}
	pte_store(slot(direct_va(window_frames), 1), PTE_NONE);
	fence_all_harts();
	model_frames_unplugged((struct region){window_frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_MAPPED), "one leaf is left");
	pte_store(slot(page(1, 77), 0), PTE_NONE);
	model_frames_unplugged((struct region){window_frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_UNPLUGGED), "one old leaf is left");
	fence_all_harts();
	model_frames_unplugged((struct region){window_frames, SZ_2M});
	rig_check_silent("nothing is left");
}

int main(void)
{
	static const struct rig_test tests[] = {
		{"a hart starts", hart_starts},
		{"a hart stops", hart_stops},
		{"a hart comes between", hart_comes_between},
		{"a table is freed", table_freed},
		{"a table is cleaned when nobody can reach it", clean_after_unlink},
		{"a table is cleaned before the fence", clean_before_fence},
		{"a second root", second_root},
		{"a space of its own", own_space},
		{"frames are freed", frames_freed},
		{"frames behind an old pointer", frames_through_pointer},
		{"a split translates alike", split_translates_alike},
		{"a merge translates alike", merge_translates_alike},
		{"frames are unplugged", frames_unplugged},
	};

	return rig_main((struct rig){.harts = HARTS}, tests, ARRAY_LEN(tests));
}
