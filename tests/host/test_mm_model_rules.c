/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of mm/model.h that need more than one address space or kind of entry, each from both
 * sides: ASIDs and global entries, NAPOT, Svinval, switches, A and D, frames that stay mapped.
 */
#include <string.h>

#include "firmware/root.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_window.h"
#include "tests/host/tap.h"

#define PROT_LOCAL (PROT_RW & ~PTE_G)

static void on_each_hart(void (*fence)(vaddr_t va), vaddr_t va)
{
	for (unsigned h = 0; h < HARTS; h++) {
		sim_run_on(h);
		fence(va);
	}
	sim_run_on(0);
}

/* What the model says of the one record that is left: why what was fenced does not do. */
static enum fence_gap gap(void)
{
	struct violation v[1] = {{.gap = NR_FENCE_GAPS}};
	unsigned kept;

	model_complete(window_begun);
	(void)model_take_violations(v, 1, &kept);
	return v[0].gap;
}

/* ---- ASIDs and global entries */

static void by_asid_0(vaddr_t va)
{
	(void)va;
	fence_local_asid(0);
}

static void by_asid_7(vaddr_t va)
{
	(void)va;
	fence_local_asid(7);
}

static void by_both(vaddr_t va)
{
	fence_local_va_asid(va, 0);
}

static void set(unsigned i, uint64_t prot)
{
	pte_store(slot(page(2, i), 0),
		  prot == 0 ? PTE_NONE : pte_leaf(window_frames + i * PAGE_SIZE, prot));
}

static void begin_with(uint64_t prot)
{
	set(5, prot);
	fence_all_harts();
	(void)rig_take_violations();
	window_begun = model_begin();
}

static void asid_reaches_local(const void *arg)
{
	window_setup(arg);
	begin_with(PROT_LOCAL);
	set(5, 0);
	on_each_hart(by_asid_0, 0);
	CHECK(window_complete() == 0, "rs2 = asid does not reach an entry without G");
	begin_with(PROT_LOCAL);
	set(5, 0);
	on_each_hart(by_both, page(2, 5));
	CHECK(window_complete() == 0, "rs1 = va, rs2 = asid do not reach it");
	begin_with(PROT_LOCAL);
	set(5, 0);
	on_each_hart(by_asid_7, 0);
	CHECK(gap() == GAP_OTHER_ASID, "another ASID does");
	begin_with(PROT_RW);
	set(5, 0);
	on_each_hart(by_asid_0, 0);
	CHECK(gap() == GAP_GLOBAL, "rs2 = asid reaches a global entry");
	begin_with(0);
	set(5, PROT_RW);
	on_each_hart(by_asid_0, 0);
	CHECK(gap() == GAP_GLOBAL, "rs2 = asid orders a new global entry");
	begin_with(0);
	set(5, PROT_LOCAL);
	on_each_hart(by_asid_0, 0);
	CHECK(window_complete() == 0, "rs2 = asid does not order a new entry");
}

/* G on the pointer: all below it is global. */
static void global_by_the_way(const void *arg)
{
	pte_slot_t s;
	pte_t e;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	e = pte_load(s);
	begin_with(PROT_LOCAL);
	pte_store(s, (pte_t){e.raw | PTE_G});
	on_each_hart(by_asid_0, 0);
	CHECK(gap() == GAP_GLOBAL, "rs2 = asid is enough for a pointer with G");
	fence_all_harts();
	window_begun = model_begin();
	set(5, 0);
	on_each_hart(by_asid_0, 0);
	CHECK(gap() == GAP_GLOBAL, "rs2 = asid is enough below a pointer with G");
	pte_store(s, PTE_NONE);
	on_each_hart(by_both, page(2, 5));
	CHECK(gap() == GAP_GLOBAL, "an address and an ASID are enough for a pointer with G");
	fence_all_harts();
	window_begun = model_begin();
	pte_store(s, e);
	fence_all_harts();
	CHECK(window_complete() == 0, "rs1 = rs2 = x0 is not enough");
}

/* The pointer has no G, but what it leads to: that stays when the pointer goes. */
static void global_below(const void *arg)
{
	pte_slot_t s;
	pte_t e;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	begin_with(PROT_LOCAL);
	e = pte_xchg(s, PTE_NONE);
	on_each_hart(by_asid_0, 0);
	CHECK(window_complete() == 0, "rs2 = asid does not reach a pointer without G");
	pte_store(s, e);
	begin_with(PROT_RW);
	(void)pte_xchg(s, PTE_NONE);
	on_each_hart(by_asid_0, 0);
	CHECK(gap() == GAP_GLOBAL, "rs2 = asid is enough for a pointer to a global leaf");
}

/* ---- superpages and NAPOT */

static void splintered(const void *arg)
{
	pte_slot_t s;

	window_setup(arg);
	s = slot(page(3, 0), 1);
	(void)pte_xchg(s, PTE_NONE);
	fence_all_harts();
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	fence_all_harts();
	window_begun = model_begin();
	pte_store(s, PTE_NONE);
	fence_va_everywhere(page(3, 511) + 0xfff);
	CHECK(window_complete() == 0, "one address does not reach all of a superpage");
	CHECK(window_freed(0, 512) == 0, "a part of it is still held");
}

#define GROUP PTE_NAPOT_PAGES

static void napot_store(unsigned first, unsigned n, uint64_t prot)
{
	pte_t e = pte_leaf(window_frames + GROUP / 2 * PAGE_SIZE, prot | PTE_N);

	for (unsigned i = first; i < first + n; i++)
		pte_store(slot(page(2, i), 0), prot == 0 ? PTE_NONE : e);
}

static void napot_begin(void)
{
	napot_store(0, GROUP, PROT_RW);
	fence_all_harts();
	(void)rig_take_violations();
	window_begun = model_begin();
}

static void napot(const void *arg)
{
	window_setup(arg);
	napot_begin();
	napot_store(0, GROUP, 0);
	for (unsigned i = 0; i < GROUP; i++)
		fence_va_everywhere(page(2, i));
	CHECK(window_complete() == 0, "a fence of each page is not enough");
	napot_begin();
	napot_store(0, GROUP, 0);
	for (unsigned i = 0; i < GROUP; i++) {
		if (i != 9)
			fence_va_everywhere(page(2, i));
	}
	CHECK(window_freed(9, 1) == BIT(VIOLATION_FRAME_FREED), "page 9 was not fenced");
	napot_begin();
	napot_store(0, GROUP, 0);
	fence_va_everywhere(page(2, 0));
	CHECK(gap() == GAP_OTHER_ADDRESS, "one address is enough for all 16 pages");
	napot_begin();
	napot_store(0, GROUP, 0);
	fence_all_harts();
	CHECK(window_complete() == 0, "rs1 = x0 is not enough");
}

/* While one entry of the group is there, translations of every page of it may be made. */
static void napot_in_part(const void *arg)
{
	window_setup(arg);
	napot_begin();
	napot_store(0, GROUP - 1, 0);
	fence_all_harts();
	CHECK(gap() == GAP_NAPOT, "one of 16 entries is left, and nothing is held");
	napot_begin();
	napot_store(3, 1, 0);
	fence_va_everywhere(page(2, 3));
	CHECK(gap() == GAP_NAPOT, "15 of 16 entries are left, and nothing is held");
	/* Other rights for all of it: the old ones are gone. */
	napot_begin();
	napot_store(0, GROUP, PROT_RO);
	fence_all_harts();
	CHECK(window_complete() == 0, "old rights are held behind the fence");
	/* The same translation in another form. */
	napot_begin();
	for (unsigned i = 0; i < GROUP; i++)
		set(i, PROT_RW);
	CHECK(window_freed(4, 1) == 0, "16 leaves that translate alike are a complaint");
	model_frames_unplugged((struct region){window_frames + 15 * PAGE_SIZE, PAGE_SIZE});
	CHECK((rig_take_violations() & BIT(VIOLATION_FRAME_UNPLUGGED)) != 0, "nothing is held");
}

static void napot_maps_all(const void *arg)
{
	window_setup(arg);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		pte_store(slot(page(0, i), 0), PTE_NONE);
		pte_store(slot(page(1, i), 0), PTE_NONE);
	}
	napot_store(0, 1, PROT_RW);
	fence_all_harts();
	model_frames_freed((struct region){window_frames + 15 * PAGE_SIZE, PAGE_SIZE});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_MAPPED), "page 15 is not mapped");
	model_frames_freed((struct region){window_frames + 16 * PAGE_SIZE, PAGE_SIZE});
	CHECK(rig_take_violations() == 0, "page 16 is");
}

/* ---- Svinval */

static void inval_begin(vaddr_t va)
{
	(void)va;
	fence_inval_begin();
}

static void inval_end(vaddr_t va)
{
	(void)va;
	fence_inval_end();
}

static void inval_all(vaddr_t va)
{
	(void)va;
	fence_inval_all();
}

static void inval_in_order(const void *arg)
{
	window_setup(arg);
	set(5, PROT_RW);
	set(6, PROT_RW);
	on_each_hart(inval_begin, 0);
	on_each_hart(fence_inval_va, page(2, 5));
	on_each_hart(fence_inval_va, page(2, 6));
	on_each_hart(inval_end, 0);
	CHECK(window_complete() == 0, "three steps in order are not enough");
	CHECK(!rig_stale_somewhere(page(2, 5)), "the machine holds it");
	pte_store(slot(page(2, 0), 1), PTE_NONE);
	on_each_hart(inval_begin, 0);
	on_each_hart(inval_all, 0);
	on_each_hart(inval_end, 0);
	CHECK(window_complete() == 0, "... for a pointer");
}

static void inval_incomplete(const void *arg)
{
	window_setup(arg);
	set(5, PROT_RW);
	on_each_hart(inval_all, 0);
	on_each_hart(inval_end, 0);
	CHECK(gap() == GAP_INVAL_UNORDERED, "without the first step");
	on_each_hart(inval_begin, 0);
	set(6, PROT_RW);
	on_each_hart(inval_all, 0);
	on_each_hart(inval_end, 0);
	CHECK(gap() == GAP_BESIDE, "the first step came before the store");
	CHECK(rig_stale_somewhere(page(2, 6)), "the machine does not hold it");
	set(7, PROT_RW);
	on_each_hart(inval_begin, 0);
	on_each_hart(inval_all, 0);
	CHECK(gap() == GAP_INVAL_OPEN, "without the last step");
	on_each_hart(inval_end, 0);
	set(8, PROT_RW);
	on_each_hart(inval_begin, 0);
	on_each_hart(inval_end, 0);
	CHECK(gap() == GAP_NONE, "without the step in the middle");
	set(9, PROT_RW);
	on_each_hart(inval_begin, 0);
	on_each_hart(fence_inval_va, page(2, 10));
	on_each_hart(inval_end, 0);
	CHECK(gap() == GAP_OTHER_ADDRESS, "of another address");
}

/* A loop over many leaves is one step for the model, whatever its stride. */
static void inval_strides(const void *arg)
{
	window_setup(arg);
	for (unsigned i = 0; i < 400; i++)
		set(i, PROT_RW);
	for (unsigned h = 0; h < HARTS; h++) {
		sim_run_on(h);
		fence_inval_begin();
		for (unsigned i = 0; i < 400; i++)
			fence_inval_va(page(2, i));
		fence_inval_end();
	}
	sim_run_on(0);
	CHECK(window_complete() == 0, "a fence of each page is not enough");
	for (unsigned i = 0; i < 400; i++)
		set(i, 0);
	for (unsigned h = 0; h < HARTS; h++) {
		sim_run_on(h);
		fence_inval_begin();
		for (unsigned i = 0; i < 400; i += 2)
			fence_inval_va(page(2, i));
		fence_inval_end();
	}
	sim_run_on(0);
	CHECK(window_freed(100, 1) == 0, "page 100 was fenced");
	CHECK(window_freed(101, 1) == BIT(VIOLATION_FRAME_FREED), "page 101 was not");
}

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
	set(5, PROT_RW & ~PTE_D);
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
	static const struct shape large = {.name = "large",
					   .ram = {{UINT64_C(0x80000000), 64 * SZ_2M}},
					   .nr_ram = 1,
					   .image = {UINT64_C(0x80200000), 2 * SZ_2M}};
	struct rig rig = *(const struct rig *)arg;
	struct pt_batch b;
	vaddr_t va;

	rig.shape = &large;
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
	struct rig rig = {.harts = HARTS};
	static const struct {
		const char *name;
		void (*fn)(const void *);
	} tests[] = {
		{"rs2 = asid reaches what is not global", asid_reaches_local},
		{"global by a pointer on the way", global_by_the_way},
		{"a pointer to what is global", global_below},
		{"a superpage that was splintered", splintered},
		{"NAPOT: each page its own fence", napot},
		{"NAPOT: a group that is left in part", napot_in_part},
		{"NAPOT: one entry maps all of the group", napot_maps_all},
		{"Svinval: three steps in order", inval_in_order},
		{"Svinval: a step is missing", inval_incomplete},
		{"Svinval: strides", inval_strides},
		{"another root and ASID", another_root},
		{"a root is dropped early", root_dropped_early},
		{"a switch without a fence", switch_without_fence},
		{"A and D in a dead table", a_and_d},
		{"a tree goes as a whole", whole_tree},
		{"a large batch", large_batch},
		{"frames that stay mapped", freed_while_mapped},
	};

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		rig.mode = &mmu_modes[m];
		for (unsigned i = 0; i < ARRAY_LEN(tests); i++)
			tap_ok(rig_run(tests[i].fn, &rig), "%s: %s", rig.mode->name, tests[i].name);
	}
	return tap_done();
}
