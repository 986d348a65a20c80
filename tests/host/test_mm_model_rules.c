/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of mm/model.h that need more than one kind of entry or fence, each from both sides:
 * ASIDs and global entries, superpages, NAPOT, Svinval.
 */
#include "tests/host/arch_sim_window.h"

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

int main(void)
{
	static const struct rig_test tests[] = {
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
	};

	return rig_main((struct rig){.harts = HARTS}, tests, ARRAY_LEN(tests));
}
