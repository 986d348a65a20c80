/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of mm/model.h for address spaces that harts enter and leave, for dead tables and for
 * frames that stay mapped, each from both sides.
 */
#include <string.h>

#include "firmware/root.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_window.h"

#define PROT_LOCAL (PROT_RW & ~PTE_G)

/* ---- roots */

static paddr_t copy_root(void)
{
	paddr_t root = ptpage_alloc();

	REQUIRE(root != FRAME_NONE, "no memory");
	memcpy(phys_to_ptr(root), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
	return root;
}

static void run_root(unsigned hart, paddr_t root, uint16_t asid)
{
	sim_run_on(hart);
	arch_set_root(root, kernel_table()->mode->satp_mode, asid);
	sim_run_on(0);
}

/* The entry of the second root for an address that the kernel's has nothing for. */
static pte_slot_t own_slot(paddr_t root)
{
	const struct ptable pt = {.mode = kernel_table()->mode, .root = root};

	return pt_root(&pt, 0).slot;
}

static void another_root(const void *arg)
{
	paddr_t root, table;
	pte_slot_t s;

	window_setup(arg);
	root = copy_root();
	table = ptpage_alloc();
	REQUIRE(table != FRAME_NONE, "no memory");
	s = own_slot(root);
	run_root(1, root, 3);
	sim_run_on(1);
	fence_local_all();
	sim_run_on(0);
	window_begun = model_begin();
	pte_store(s, pte_table(table));
	CHECK(window_named().bits[0] == 2, "others than the hart that runs it are named");
	sim_run_on(1);
	fence_local_all();
	/* Behind the switch and before a fence it still holds what it had. */
	run_root(1, kernel_table()->root, 0);
	window_begun = model_begin();
	pte_store(s, PTE_NONE);
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED),
	      "a hart that left holds nothing");
	pte_store(s, pte_table(table));
	(void)rig_take_violations();
	sim_run_on(1);
	fence_local_asid(0);
	sim_run_on(0);
	pte_store(s, PTE_NONE);
	CHECK(window_complete() == NO_FENCE, "a fence of another ASID ends it");
	sim_run_on(1);
	fence_local_asid(3);
	sim_run_on(0);
	pte_store(s, pte_table(table));
	CHECK(window_complete() == 0, "a hart that left and fenced holds something");
	model_root_dropped(root);
	rig_check_silent("dropped");
}

static void root_dropped_early(const void *arg)
{
	paddr_t root;

	window_setup(arg);
	root = copy_root();
	run_root(1, root, 3);
	model_root_dropped(root);
	CHECK(rig_take_violations() == BIT(VIOLATION_ROOT_HELD), "a hart runs it");
	run_root(1, kernel_table()->root, 0);
	root = copy_root();
	run_root(2, root, 3);
	run_root(2, kernel_table()->root, 0);
	model_root_dropped(root);
	CHECK(rig_take_violations() == BIT(VIOLATION_ROOT_HELD), "a hart left it without a fence");
	sim_run_on(1);
	fence_local_all();
	sim_run_on(0);
	root = copy_root();
	sim_set_root(1, root);
	sim_set_root(1, kernel_table()->root);
	model_root_dropped(root);
	rig_check_silent("fenced behind both switches");
}

static void switch_without_fence(const void *arg)
{
	paddr_t root;

	window_setup(arg);
	root = copy_root();
	run_root(1, root, 0);
	run_root(1, kernel_table()->root, 0);
	rig_check_silent("a copy that translates alike");
	sim_run_on(1);
	fence_local_all();
	sim_run_on(0);
	pte_store(own_slot(root), pte_leaf(0, PROT_LOCAL));
	run_root(1, root, 0);
	run_root(1, kernel_table()->root, 0);
	CHECK(rig_take_violations() == BIT(VIOLATION_SWITCH), "no fence, one ASID, and silent");
	sim_run_on(1);
	fence_local_all();
	sim_run_on(0);
	sim_set_root(1, root);
	sim_set_root(1, kernel_table()->root);
	rig_check_silent("a fence behind each switch");
	run_root(1, root, 4);
	run_root(1, kernel_table()->root, 0);
	rig_check_silent("an ASID of its own");
}

/* ---- tables */

static void a_and_d(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	pte_store(slot(page(2, 5), 0), pte_leaf(window_frames + 5 * PAGE_SIZE, PROT_RW & ~PTE_D));
	fence_all_harts();
	table = pte_xchg(s, PTE_NONE);
	model_table_freed(pte_pa(table));
	CHECK(rig_take_violations() == (BIT(VIOLATION_TABLE_FREED) | BIT(VIOLATION_TABLE_WRITTEN)),
	      "a walker may set D there");
	s = slot(page(3, 0), 1);
	pte_store(slot(page(3, 5), 0), pte_leaf(window_frames, PROT_RO & ~PTE_D));
	fence_all_harts();
	(void)rig_take_violations();
	table = pte_xchg(s, PTE_NONE);
	model_table_freed(pte_pa(table));
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED), "nothing is left to be set");
	s = slot(page(1, 0), 1);
	pte_store(slot(page(1, 5), 0), pte_leaf(window_frames, PROT_RW & ~PTE_A));
	table = pte_xchg(s, PTE_NONE);
	fence_all_harts();
	model_table_freed(pte_pa(table));
	rig_check_silent("fenced everywhere");
}

/* A tree that is unlinked at its top goes page by page, in any order, entries and all. */
static void whole_tree(const void *arg)
{
	pte_slot_t s;
	paddr_t top, low;
	vaddr_t va;

	for (unsigned order = 0; order < 3; order++) {
		if (order == 0)
			window_setup(arg);
		va = vmalloc_reserve(SZ_1G, SZ_1G);
		if (kernel_table()->mode->levels == 3)
			return; /* below the root there is one level only */
		REQUIRE_OK(pt_populate(kernel_table(), va, 0));
		fence_all_harts();
		s = slot(va, 2);
		top = pte_pa(pte_load(s));
		low = pte_pa(pte_load(slot(va, 1)));
		leaf(va, window_frames);
		fence_all_harts();
		pte_store(s, PTE_NONE);
		if (order == 2) {
			model_table_freed(low);
			CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED),
			      "by a pointer to the table above it a hart still comes there");
			continue;
		}
		fence_all_harts();
		model_table_freed(order == 0 ? top : low);
		model_table_freed(order == 0 ? low : top);
		rig_check_silent("unlinked and fenced");
	}
}

#define MANY 2600u

/* Thousands of tables go in one batch, each with something in it. */
static void large_batch(const void *arg)
{
	struct rig rig = *(const struct rig *)arg;
	struct pt_batch b;
	vaddr_t va;

	rig.shape = &rig_roomy;
	rig_boot(&rig);
	va = vmalloc_reserve(MANY * SZ_2M, SZ_2M);
	for (unsigned i = 0; i < MANY; i++) {
		pt_begin(&b, kernel_table());
		REQUIRE_OK(pt_map(&b, va + i * SZ_2M + SZ_2M - PAGE_SIZE, 0, 2 * PAGE_SIZE, PROT_RW,
				  0));
		REQUIRE_OK(pt_commit(&b));
		i++;
	}
	rig_check_silent("mapped");
	pt_begin(&b, kernel_table());
	REQUIRE_OK(pt_unmap(&b, va, MANY * SZ_2M, PT_HOLES_OK));
	REQUIRE_OK(pt_commit(&b));
	rig_check_silent("unmapped in one batch");
	rig_check_kernel("unmapped in one batch");
}

/* ---- frames */

static void freed_while_mapped(const void *arg)
{
	paddr_t pa;

	window_setup(arg);
	pa = frame_alloc(0, OWNER_TEST);
	leaf(page(2, 0), pa);
	fence_all_harts();
	frame_free(pa, 0, OWNER_TEST);
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_MAPPED), "a second mapping is left");
	pa = frame_alloc(0, OWNER_TEST);
	leaf(page(2, 0), pa);
	fence_all_harts();
	pte_store(slot(page(2, 0), 0), PTE_NONE);
	frame_free(pa, 0, OWNER_TEST);
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED), "it was not fenced");
	pa = frame_alloc(0, OWNER_TEST);
	leaf(page(2, 0), pa);
	pte_store(slot(page(2, 0), 0), PTE_NONE);
	fence_all_harts();
	frame_free(pa, 0, OWNER_TEST);
	rig_check_silent("the direct map alone shows it");
	/* In a table that nothing leads to any more. */
	pa = frame_alloc(0, OWNER_TEST);
	leaf(page(2, 0), pa);
	pte_store(slot(page(2, 0), 1), PTE_NONE);
	fence_all_harts();
	frame_free(pa, 0, OWNER_TEST);
	rig_check_silent("an unlinked table maps nothing");
}

int main(void)
{
	static const struct rig_test tests[] = {
		{"another root and ASID", another_root},
		{"a root is dropped early", root_dropped_early},
		{"a switch without a fence", switch_without_fence},
		{"A and D in a dead table", a_and_d},
		{"a tree goes as a whole", whole_tree},
		{"a large batch", large_batch},
		{"frames that stay mapped", freed_while_mapped},
	};

	return rig_main((struct rig){.harts = HARTS}, tests, ARRAY_LEN(tests));
}
