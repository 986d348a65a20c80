/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of mm/model.h one by one, each from both sides. */
#include <stdlib.h>
#include <string.h>

#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define HARTS 3u
#define BIT(kind) (UINT32_C(1) << (kind))
#define NO_FENCE BIT(VIOLATION_NO_FENCE)

/*
 * Four tables of 4 KiB leaves side by side, the third with nothing in it yet; frames to map that
 * nothing is done to but what the rule is about.
 */
static vaddr_t base;
static paddr_t frames;
static uint64_t begun;

static vaddr_t page(unsigned table, unsigned i)
{
	return base + table * SZ_2M + i * PAGE_SIZE;
}

static pte_slot_t slot(vaddr_t va, unsigned level)
{
	struct pt_cursor c = pt_walk(kernel_table(), va, level);

	REQUIRE(c.level == level, "no entry of level %u", level);
	return c.slot;
}

static void fence_all_harts(void)
{
	fence_local_all();
	REQUIRE_OK(arch_rfence(arch_harts_online(), 0, UINT64_MAX));
}

static void leaf(vaddr_t va, paddr_t pa)
{
	pte_store(slot(va, 0), pte_leaf(pa, PROT_RW));
}

/* All is mapped, fenced and known; an operation begins. */
static void setup(const void *arg)
{
	rig_boot(arg);
	base = vmalloc_reserve(4 * SZ_2M, SZ_1G);
	frames = frame_alloc(9, OWNER_TEST);
	REQUIRE(frames != FRAME_NONE && base != 0, "no room");
	for (unsigned t = 0; t < 4; t++)
		REQUIRE_OK(pt_populate(kernel_table(), page(t, 0), 0));
	for (unsigned i = 0; i < 2 * PT_ENTRIES; i++)
		leaf(page(0, i), frames + i % PT_ENTRIES * PAGE_SIZE);
	fence_all_harts();
	rig_check_silent("set up");
	begun = model_begin();
}

static uint32_t complete(void)
{
	model_complete(begun);
	return rig_take_violations();
}

/* Harts that the model names as holders when the operation is declared complete. */
static struct hartset named(void)
{
	static struct violation v[64];
	struct hartset all = {{0}};
	unsigned n;

	model_complete(begun);
	n = model_take_violations(v, ARRAY_LEN(v));
	for (unsigned i = 0; i < n && i < 16; i++)
		all.bits[0] |= v[i].holders.bits[0];
	return all;
}

static void fence_va_everywhere(vaddr_t va)
{
	fence_local_va(va);
	REQUIRE_OK(arch_rfence(arch_harts_online(), va, 1));
}

/* ---- which fence reaches what */

static void leaf_by_address(const void *arg)
{
	setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	fence_va_everywhere(page(0, 5));
	CHECK(complete() == 0, "an addressed fence everywhere is not enough for a leaf");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	fence_va_everywhere(page(0, 7));
	CHECK(complete() == NO_FENCE, "a fence of the next page is enough");
	fence_all_harts();
	pte_store(slot(page(0, 8), 0), PTE_NONE);
	fence_local_va(page(0, 8));
	CHECK(named().bits[0] == 6, "others than harts 1 and 2 are named");
}

static void new_leaf_too(const void *arg)
{
	setup(arg);
	leaf(page(2, 0), frames);
	CHECK(complete() == NO_FENCE, "an invalid entry is not held");
	leaf(page(2, 1), frames);
	fence_va_everywhere(page(2, 1));
	CHECK(complete() == 0, "an addressed fence is not enough for an invalid entry");
}

static void superpage_by_any_address(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	setup(arg);
	s = slot(page(3, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	fence_all_harts();
	pte_store(s, pte_leaf(frames, PROT_RW));
	fence_va_everywhere(page(3, 300));
	CHECK(complete() == 0, "any address inside a superpage reaches it");
	pte_store(s, PTE_NONE);
	fence_va_everywhere(page(4, 0));
	CHECK(complete() == NO_FENCE, "an address behind a superpage reaches it");
	fence_all_harts();
	pte_store(s, table);
}

static void pointer_needs_all(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		fence_local_va(page(2, i));
	REQUIRE_OK(arch_rfence(arch_harts_online(), page(2, 0), SZ_2M));
	CHECK(complete() == NO_FENCE, "addressed fences reach a pointer");
	fence_all_harts();
	pte_store(s, table);
	REQUIRE_OK(arch_rfence(arch_harts_online(), page(2, 0), SZ_2M));
	CHECK(complete() == NO_FENCE, "addressed fences reach a new pointer");
	fence_all_harts();
	(void)pte_xchg(s, PTE_NONE);
	pte_store(s, table);
	fence_all_harts();
	CHECK(complete() == 0, "rs1 = x0 does not reach a pointer");
}

static void split_needs_all(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	pte_store(s, pte_leaf(frames, PROT_RW));
	fence_all_harts();
	begun = model_begin();
	pte_store(s, table);
	fence_va_everywhere(page(2, 0));
	CHECK(complete() == NO_FENCE, "an addressed fence reaches a leaf that became a pointer");
}

static void asid_is_not_enough(const void *arg)
{
	setup(arg);
	for (unsigned h = 0; h < HARTS; h++) {
		sim_run_on(h);
		if (h == 0)
			pte_store(slot(page(0, 5), 0), PTE_NONE);
		fence_local_asid(0);
		fence_local_va_asid(page(0, 5), 0);
	}
	sim_run_on(0);
	CHECK(complete() == NO_FENCE, "rs2 = asid reaches a global entry");
}

static void earlier_fence(const void *arg)
{
	setup(arg);
	fence_all_harts();
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(complete() == NO_FENCE, "a fence before the store counts");
}

static void unmap_five(void *arg)
{
	(void)arg;
	pte_store(slot(page(0, 5), 0), PTE_NONE);
}

static void fence_beside(const void *arg)
{
	setup(arg);
	for (unsigned h = 1; h < HARTS; h++) {
		sim_run_on(h);
		fence_local_all();
	}
	sim_run_on(0);
	sim_during_fence(unmap_five, NULL);
	REQUIRE_OK(arch_rfence(arch_harts_online(), 0, UINT64_MAX));
	CHECK(complete() == NO_FENCE, "a fence that began before the store counts");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	sim_during_fence(unmap_five, NULL);
	REQUIRE_OK(arch_rfence(arch_harts_online(), 0, UINT64_MAX));
	CHECK(complete() == 0, "the same for an entry that was not stored to then");
}

/* A run must not grow while a fence is under way that would take all of it. */
static void unmap_six(void *arg)
{
	(void)arg;
	pte_store(slot(page(0, 6), 0), PTE_NONE);
}

static void run_beside_fence(const void *arg)
{
	setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	sim_during_fence(unmap_six, NULL);
	REQUIRE_OK(arch_rfence(arch_harts_online(), 0, UINT64_MAX));
	model_frames_freed((struct region){frames + 5 * PAGE_SIZE, PAGE_SIZE});
	rig_check_silent("what the fence reached");
	CHECK(complete() == NO_FENCE, "the store beside the fence is forgotten");
	fence_all_harts();
	pte_store(slot(page(0, 7), 0), PTE_NONE);
	sim_during_fence(unmap_six, NULL);
	fence_all_harts();
	CHECK(complete() == 0, "the run is held though it was fenced");
}

/* Side by side, but held by others, or old in another way: not one run. */
static void runs_of_like_ones(const void *arg)
{
	struct violation v[4];
	unsigned n;

	setup(arg);
	leaf(page(0, 6), frames + 6 * PAGE_SIZE);
	pte_store(slot(page(0, 6), 0), pte_leaf(frames + 6 * PAGE_SIZE, PROT_RO));
	fence_all_harts();
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	model_complete(begun);
	n = model_take_violations(v, ARRAY_LEN(v));
	CHECK(n == 2, "%u records", n);
	for (unsigned i = 0; i < n && i < 4; i++)
		CHECK(pte_prot(v[i].old) == (v[i].va == page(0, 6) ? PROT_RO : PROT_RW),
		      "old rights 0x%llx", (unsigned long long)v[i].old.raw);
	fence_all_harts();
	pte_store(slot(page(0, 10), 0), PTE_NONE);
	sim_hart_start(3, false);
	pte_store(slot(page(0, 11), 0), PTE_NONE);
	CHECK(named().bits[0] == 15, "the hart that came between is not named");
}

/* ---- runs */

static void runs_are_split(const void *arg)
{
	struct violation v[8];
	unsigned n;

	setup(arg);
	for (unsigned i = 10; i < 74; i++)
		pte_store(slot(page(0, i), 0), PTE_NONE);
	/* Page 30 to 39 on all harts; page 10 on one; the rest on none. */
	REQUIRE_OK(arch_rfence(arch_harts_online(), page(0, 30), 10 * PAGE_SIZE));
	fence_local_va(page(0, 10));
	model_complete(begun);
	n = model_take_violations(v, ARRAY_LEN(v));
	CHECK(n == 3, "%u records", n);
	for (unsigned i = 0; i < n && i < 8; i++) {
		uint64_t want = v[i].va == page(0, 10) ? 6 : 7;

		CHECK(v[i].va == page(0, 10) || v[i].va == page(0, 11) || v[i].va == page(0, 40),
		      "a run at 0x%llx", (unsigned long long)v[i].va);
		CHECK(v[i].holders.bits[0] == want, "holders 0x%llx of 0x%llx",
		      (unsigned long long)v[i].holders.bits[0], (unsigned long long)v[i].va);
		CHECK(pte_pa(v[i].old) == frames + (v[i].va - base), "old entry 0x%llx",
		      (unsigned long long)v[i].old.raw);
	}
}

/* Every part of a run: what is left is exactly what was not fenced. */
static void runs_by_frames(const void *arg)
{
	setup(arg);
	for (unsigned k = 0; k < 8 * 8 * 8; k++) {
		unsigned from = k % 8;
		unsigned n = 1 + k / 8 % 8;
		unsigned i = k / 64;
		bool fenced = i >= from && i < from + n;
		uint32_t seen;

		for (unsigned p = 0; p < 8; p++)
			leaf(page(0, p), frames + p * PAGE_SIZE);
		fence_all_harts();
		for (unsigned p = 0; p < 8; p++)
			pte_store(slot(page(0, p), 0), PTE_NONE);
		REQUIRE_OK(arch_rfence(arch_harts_online(), page(0, from), n * PAGE_SIZE));
		model_frames_freed((struct region){frames + i * PAGE_SIZE, PAGE_SIZE});
		seen = rig_take_violations();
		CHECK((seen == 0) == fenced, "%u+%u: page %u: 0x%x", from, n, i, seen);
	}
}

static void ends_of_the_space(const void *arg)
{
	vaddr_t top = 0 - PAGE_SIZE;

	setup(arg);
	REQUIRE_OK(pt_populate(kernel_table(), top, 0));
	fence_all_harts();
	begun = model_begin();
	leaf(top - PAGE_SIZE, frames);
	leaf(top, frames + PAGE_SIZE);
	CHECK_ERR(arch_rfence(arch_harts_online(), top, PAGE_SIZE), OK);
	CHECK(complete() == NO_FENCE, "the page below the top is forgotten");
	leaf(top - PAGE_SIZE, frames + PAGE_SIZE);
	leaf(top, frames + 2 * PAGE_SIZE);
	CHECK_ERR(arch_rfence(arch_harts_online(), top - PAGE_SIZE, 2 * PAGE_SIZE), OK);
	CHECK(complete() == 0, "the last two pages are fenced");
}

/* ---- stores that matter, and that do not */

static void no_change_no_record(const void *arg)
{
	pte_t e;
	paddr_t loose;

	setup(arg);
	e = pte_load(slot(page(0, 5), 0));
	pte_store(slot(page(0, 5), 0), e);
	pte_store(slot(page(2, 5), 0), (pte_t){UINT64_C(0xabc00)});
	loose = ptpage_alloc();
	REQUIRE(loose != FRAME_NONE, "no memory");
	pte_store((pte_slot_t){loose + 8}, pte_leaf(frames, PROT_RW));
	pte_store((pte_slot_t){loose + 8}, PTE_NONE);
	CHECK(complete() == 0, "nothing changed that a hart could hold");
	ptpage_free(loose, 0);
	rig_check_silent("a page that was never linked");
}

static void cmpxchg(const void *arg)
{
	pte_t seen = {UINT64_C(0x12345)};

	setup(arg);
	CHECK(!pte_cmpxchg(slot(page(0, 5), 0), &seen, PTE_NONE), "it succeeded");
	CHECK(complete() == 0, "a store that did not happen is recorded");
	CHECK(pte_cmpxchg(slot(page(0, 5), 0), &seen, PTE_NONE), "it failed");
	CHECK(complete() == NO_FENCE, "a store that happened is not recorded");
}

static void own_changes_only(const void *arg)
{
	uint64_t mine;

	setup(arg);
	mine = model_begin();
	sim_run_on(1);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	sim_run_on(0);
	model_complete(mine);
	rig_check_silent("another hart's operation is under way");
	sim_run_on(1);
	model_complete(mine);
	CHECK(rig_take_violations() == NO_FENCE, "its own is not judged");
	sim_run_on(0);
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	model_complete(model_begin());
	rig_check_silent("what was changed before the operation began");
	/* Side by side, by two harts: each is judged for its own. */
	pte_store(slot(page(0, 10), 0), PTE_NONE);
	sim_run_on(1);
	pte_store(slot(page(0, 11), 0), PTE_NONE);
	model_complete(mine);
	CHECK(rig_take_violations() == NO_FENCE, "its store is taken for another hart's");
}

/* ---- harts */

static void hart_starts(const void *arg)
{
	setup(arg);
	sim_hart_start(3, false);
	model_frames_freed((struct region){frames, PAGE_SIZE});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED),
	      "an unfenced hart holds nothing");
	sim_run_on(3);
	fence_local_va(page(0, 0));
	sim_run_on(0);
	model_table_freed(frames);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED), "an addressed fence is enough");
	sim_run_on(3);
	fence_local_all();
	sim_run_on(0);
	model_frames_freed((struct region){frames, PAGE_SIZE});
	model_table_freed(frames);
	rig_check_silent("fenced");
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(named().bits[0] == 15, "the new hart holds nothing");
}

static void hart_stops(const void *arg)
{
	setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	pte_store(slot(page(0, 9), 0), PTE_NONE);
	fence_local_all();
	sim_hart_stop(2);
	CHECK(named().bits[0] == 2, "a hart that stopped holds something");
	sim_hart_stop(1);
	CHECK(complete() == 0, "harts that stopped hold something");
}

/* It has fenced, but nobody sends it a fence yet: what changes now, it may hold. */
static void hart_not_yet_online(const void *arg)
{
	setup(arg);
	sim_hart_starting(3, true);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	REQUIRE_OK(arch_rfence(arch_harts_online(), 0, UINT64_MAX));
	sim_hart_online(3);
	CHECK(rig_stale_somewhere(page(0, 5)), "the simulated hart does not hold it");
	CHECK(complete() == NO_FENCE, "a hart that started before the store is not asked");
}

/* ---- tables */

static void table_freed(const void *arg)
{
	pte_slot_t s;
	paddr_t table;

	setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_pa(pte_load(s));
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_LINKED), "freed while it is linked");
	/* What was said to be free is unknown from here on: another one. */
	s = slot(page(3, 0), 1);
	table = pte_pa(pte_load(s));
	pte_store(s, PTE_NONE);
	REQUIRE_OK(arch_rfence(arch_harts_online(), page(3, 0), SZ_2M));
	model_table_freed(table);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_FREED), "freed before rs1 = x0");
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_load(s));
	pte_store(s, PTE_NONE);
	fence_all_harts();
	model_table_freed(table);
	rig_check_silent("freed in the right order");
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

	setup(arg);
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_xchg(s, PTE_NONE));
	fence_all_harts();
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){table + i * sizeof(pte_t)}, PTE_NONE);
	CHECK(complete() == 0, "entries of a table that nobody can reach are held");
}

/* Cleaned before the fence, it still can be walked. */
static void clean_before_fence(const void *arg)
{
	pte_slot_t s;
	paddr_t table;

	setup(arg);
	s = slot(page(1, 0), 1);
	table = pte_pa(pte_xchg(s, PTE_NONE));
	pte_store((pte_slot_t){table + 7 * sizeof(pte_t)}, PTE_NONE);
	model_frames_freed((struct region){frames + 7 * PAGE_SIZE, PAGE_SIZE});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED), "the leaf is not held");
}

static void second_root(const void *arg)
{
	paddr_t root;
	pte_slot_t s;
	pte_t e;

	setup(arg);
	root = ptpage_alloc();
	REQUIRE(root != FRAME_NONE, "no memory");
	memcpy(phys_to_ptr(root), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
	sim_set_root(1, root);
	s = pt_root(&(struct ptable){.mode = kernel_table()->mode, .root = root}, base).slot;
	begun = model_begin();
	e = pte_xchg(s, PTE_NONE);
	CHECK(complete() == NO_FENCE, "entries of another root are not watched");
	pte_store(s, e);
	fence_all_harts();
	model_table_freed(root);
	CHECK(rig_take_violations() == BIT(VIOLATION_TABLE_LINKED), "a root is freed under a hart");
	sim_set_root(2, root);
	sim_set_root(1, kernel_table()->root);
	sim_set_root(2, kernel_table()->root);
	model_root_dropped(root);
	begun = model_begin();
	pte_store(s, PTE_NONE);
	CHECK(complete() == 0, "a root that is no more is watched");
	ptpage_free(root, kernel_table()->mode->levels - 1);
	rig_check_silent("the root is freed");
}

/* A table of its own, in use for a while, is taken down behind model_root_dropped(). */
static void own_space(const void *arg)
{
	struct ptable pt;
	struct pt_batch b;

	setup(arg);
	REQUIRE_OK(pt_create(&pt, "own", kernel_table()->mode));
	memcpy((uint8_t *)phys_to_ptr(pt.root) + PAGE_SIZE / 2,
	       (uint8_t *)phys_to_ptr(kernel_table()->root) + PAGE_SIZE / 2, PAGE_SIZE / 2);
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_map(&b, SZ_1G, frames, 16 * PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	sim_set_root(1, pt.root);
	pt_begin(&b, &pt);
	REQUIRE_OK(pt_map(&b, 3 * SZ_1G, frames, 16 * PAGE_SIZE, PROT_RW, 0));
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
	frame_free(frames, 9, OWNER_TEST);
	CHECK((rig_take_violations() & ~BIT(VIOLATION_FRAME_FREED)) == 0, "frames");
}

/* ---- frames */

static void frames_freed(const void *arg)
{
	setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	model_frames_freed((struct region){frames + 4 * PAGE_SIZE, PAGE_SIZE});
	model_frames_freed((struct region){frames + 6 * PAGE_SIZE, PAGE_SIZE});
	rig_check_silent("its neighbours are freed");
	model_frames_freed((struct region){frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED), "freed before the fence");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	fence_va_everywhere(page(0, 6));
	model_frames_freed((struct region){frames, SZ_2M});
	rig_check_silent("freed behind the fence");
}

/* The table that the old pointer leads to still has leaves. */
static void frames_through_pointer(const void *arg)
{
	setup(arg);
	pte_store(slot(page(1, 0), 1), PTE_NONE);
	REQUIRE_OK(arch_rfence(arch_harts_online(), page(1, 0), SZ_2M));
	model_frames_freed((struct region){frames + 9 * PAGE_SIZE, PAGE_SIZE});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED),
	      "a leaf behind an old pointer is not reached");
}

/* One leaf becomes 512 that translate alike, one of which then changes. */
static void split_translates_alike(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	pte_store(s, pte_leaf(frames, PROT_RW));
	fence_all_harts();
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){pte_pa(table) + i * sizeof(pte_t)},
			  pte_leaf(frames + i * PAGE_SIZE, PROT_RW));
	fence_all_harts();
	(void)rig_take_violations();
	pte_store(s, table);
	model_frames_freed((struct region){frames, SZ_2M});
	rig_check_silent("all of it translates alike");
	leaf(page(2, 7), 0);
	fence_va_everywhere(page(2, 7));
	model_frames_freed((struct region){frames + 6 * PAGE_SIZE, PAGE_SIZE});
	rig_check_silent("this page translates alike");
	model_frames_freed((struct region){frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_FREED),
	      "a page in the middle does not translate alike");
}

static void frames_unplugged(const void *arg)
{
	setup(arg);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		pte_store(slot(page(0, i), 0), PTE_NONE);
		if (i != 77)
			pte_store(slot(page(1, i), 0), PTE_NONE);
	}
	pte_store(slot(direct_va(frames), 1), PTE_NONE);
	fence_all_harts();
	model_frames_unplugged((struct region){frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_MAPPED), "one leaf is left");
	pte_store(slot(page(1, 77), 0), PTE_NONE);
	model_frames_unplugged((struct region){frames, SZ_2M});
	CHECK(rig_take_violations() == BIT(VIOLATION_FRAME_UNPLUGGED), "one old leaf is left");
	fence_all_harts();
	model_frames_unplugged((struct region){frames, SZ_2M});
	rig_check_silent("nothing is left");
}

/* ---- the log */

static void overflow(const void *arg)
{
	struct violation v[16];
	uint32_t kinds = 0;
	unsigned n;

	setup(arg);
	/* To and fro, so that no two make a run. */
	for (unsigned k = 0; k < 6000; k++) {
		unsigned i = k % 2 != 0 ? k % PT_ENTRIES : PT_ENTRIES - 2 - k % (PT_ENTRIES - 1);

		leaf(page(0, i), (k + 1) * PAGE_SIZE);
	}
	n = model_take_violations(v, ARRAY_LEN(v));
	CHECK(n == 1, "%u violations", n);
	for (unsigned i = 0; i < n; i++)
		kinds |= BIT(v[i].kind);
	CHECK(kinds == BIT(VIOLATION_OVERFLOW), "0x%x", kinds);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(complete() == 0, "something is claimed behind an overflow");
}

static void many_pages(const void *arg)
{
	setup(arg);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			leaf(page(0, i), frames + i * PAGE_SIZE + round % 2 * PAGE_SIZE);
	}
	CHECK(model_stats().records_peak < 100, "%llu records",
	      (unsigned long long)model_stats().records_peak);
	CHECK(complete() == NO_FENCE, "nothing is held");
}

#define MANY_TABLES 3000u

/* Thousands of tables come and go in any order; the rest stay known. */
static void many_tables(const void *arg)
{
	static const struct shape large = {.name = "large",
					   .ram = {{UINT64_C(0x80000000), 64 * SZ_2M}},
					   .nr_ram = 1,
					   .image = {UINT64_C(0x80200000), 2 * SZ_2M}};
	static bool gone[MANY_TABLES];
	struct rig rig = *(const struct rig *)arg;
	struct violation v[1];
	unsigned left = MANY_TABLES;
	struct pt_batch b;
	vaddr_t va;

	rig.shape = &large;
	rig_boot(&rig);
	va = vmalloc_reserve(MANY_TABLES * SZ_2M, SZ_2M);
	for (unsigned i = 0; i < MANY_TABLES; i++) {
		pt_begin(&b, kernel_table());
		REQUIRE_OK(pt_map(&b, va + i * SZ_2M, 0, PAGE_SIZE, PROT_RW, 0));
		REQUIRE_OK(pt_commit(&b));
	}
	for (unsigned k = 0; k < MANY_TABLES / 2; k++) {
		unsigned i = (unsigned)sim_below(MANY_TABLES);

		if (gone[i])
			continue;
		gone[i] = true;
		left--;
		pt_begin(&b, kernel_table());
		REQUIRE_OK(pt_unmap(&b, va + i * SZ_2M, PAGE_SIZE, 0));
		REQUIRE_OK(pt_commit(&b));
	}
	rig_check_silent("unmapped");
	rig_check_kernel("unmapped");
	begun = model_begin();
	for (unsigned i = 0; i < MANY_TABLES; i++) {
		if (!gone[i])
			pte_store(slot(va + i * SZ_2M, 0), PTE_NONE);
	}
	model_complete(begun);
	CHECK(model_take_violations(v, 1) == left, "some of %u tables are not known", left);
}

static void violations_are_counted(const void *arg)
{
	struct violation v[2];

	setup(arg);
	for (unsigned i = 0; i < 60; i += 2)
		pte_store(slot(page(0, i), 0), PTE_NONE);
	model_complete(begun);
	CHECK(model_take_violations(v, 2) == 30, "not all are counted");
	CHECK(model_take_violations(v, 2) == 0, "they are reported twice");
	CHECK(complete() == 0, "they are reported by the next operation");
}

static void words(const void *arg)
{
	(void)arg;
	for (unsigned k = 0; k < NR_VIOLATION_KINDS; k++) {
		CHECK(violation_name((enum violation_kind)k) != NULL, "no name");
		CHECK(violation_clause((enum violation_kind)k) != NULL, "no clause");
	}
}

/* ---- all rules at once, against the simulated harts */

#define ROUNDS 3000u

static void random_store(pte_t *tables)
{
	unsigned t = (unsigned)sim_below(2);
	unsigned first = (unsigned)sim_below(24);
	unsigned n = 1 + (unsigned)sim_below(8);
	uint64_t what = sim_below(8);
	uint64_t prot = sim_below(4) == 0 ? PROT_RO : PROT_RW;
	paddr_t pa = frames + sim_below(64) * PAGE_SIZE;
	pte_slot_t s = slot(page(t, 0), 1);
	pte_t e = pte_load(s);

	if (what == 0) {
		/* The table goes, or comes back, or a superpage takes its place. */
		pte_t choice[] = {pte_is_table(e) ? PTE_NONE : tables[t], pte_leaf(0, PROT_RW),
				  PTE_NONE};

		pte_store(s, choice[sim_below(ARRAY_LEN(choice))]);
		return;
	}
	if (!pte_is_table(e))
		return;
	for (unsigned i = 0; i < n; i++) {
		unsigned at = what == 1 ? first + n - 1 - i : first + i;

		pte_store(slot(page(t, at), 0),
			  what < 5 ? PTE_NONE : pte_leaf(pa + i * PAGE_SIZE, prot));
	}
}

static void random_fence(void)
{
	struct hartset targets = {{1 + sim_below((1u << HARTS) - 1)}};
	vaddr_t va = page((unsigned)sim_below(2), (unsigned)sim_below(32));

	switch (sim_below(6)) {
	case 0:
		fence_local_all();
		break;
	case 1:
		fence_local_va(va + sim_below(PAGE_SIZE));
		break;
	case 2:
		fence_local_asid(0);
		break;
	case 3:
		REQUIRE_OK(arch_rfence(&targets, 0, sim_below(2) != 0 ? 0 : UINT64_MAX));
		break;
	default:
		REQUIRE_OK(arch_rfence(&targets, va, PAGE_SIZE * (1 + sim_below(16))));
		break;
	}
}

static void agrees(const void *arg)
{
	pte_t tables[2];
	unsigned held = 0;

	setup(arg);
	for (unsigned t = 0; t < 2; t++)
		tables[t] = pte_load(slot(page(t, 0), 1));
	for (unsigned round = 0; round < ROUNDS && rig_failures() == 0; round++) {
		struct hartset due, said = {{0}};

		begun = model_begin();
		for (uint64_t k = 1 + sim_below(5); k > 0; k--) {
			sim_run_on((unsigned)sim_below(HARTS));
			random_store(tables);
			for (uint64_t f = sim_below(4); f > 0; f--) {
				sim_run_on((unsigned)sim_below(HARTS));
				random_fence();
			}
		}
		due = sim_holders();
		for (unsigned h = 0; h < HARTS; h++) {
			sim_run_on(h);
			model_complete(begun);
		}
		{
			static struct violation v[16];
			unsigned n = model_take_violations(v, ARRAY_LEN(v));

			for (unsigned i = 0; i < n && i < ARRAY_LEN(v); i++)
				said.bits[0] |= v[i].holders.bits[0];
			if (n > ARRAY_LEN(v))
				said = due;
		}
		CHECK(hartset_eq(&due, &said), "round %u: harts 0x%llx may hold, 0x%llx are named",
		      round, (unsigned long long)due.bits[0], (unsigned long long)said.bits[0]);
		held += !hartset_empty(&due);
		sim_run_on(0);
		/* What was unlinked is put back, so that both know the same tables. */
		for (unsigned t = 0; t < 2; t++)
			pte_store(slot(page(t, 0), 1), tables[t]);
		fence_all_harts();
		rig_check_silent("all fenced");
		due = sim_holders();
		CHECK(hartset_empty(&due), "something is held behind full fences");
	}
	CHECK(held > ROUNDS / 10 && held < ROUNDS, "%u of %u rounds held something", held, ROUNDS);
}

int main(int argc, char **argv)
{
	struct rig rig = {.mode = &mmu_modes[1], .harts = HARTS};
	static const struct {
		const char *name;
		void (*fn)(const void *);
	} tests[] = {
		{"a leaf by its address", leaf_by_address},
		{"an invalid entry is held too", new_leaf_too},
		{"a superpage by any address in it", superpage_by_any_address},
		{"a pointer by rs1 = x0 alone", pointer_needs_all},
		{"a leaf that became a pointer", split_needs_all},
		{"rs2 = asid is not enough", asid_is_not_enough},
		{"a fence before the store", earlier_fence},
		{"a fence beside the store", fence_beside},
		{"a run beside a fence", run_beside_fence},
		{"runs of like entries", runs_of_like_ones},
		{"runs are split", runs_are_split},
		{"runs are split at every edge", runs_by_frames},
		{"the top of the address space", ends_of_the_space},
		{"stores that change nothing", no_change_no_record},
		{"cmpxchg", cmpxchg},
		{"each hart's own operation", own_changes_only},
		{"a hart starts", hart_starts},
		{"a hart stops", hart_stops},
		{"a hart is not yet online", hart_not_yet_online},
		{"a table is freed", table_freed},
		{"a table is cleaned when nobody can reach it", clean_after_unlink},
		{"a table is cleaned before the fence", clean_before_fence},
		{"a second root", second_root},
		{"a space of its own", own_space},
		{"frames are freed", frames_freed},
		{"frames behind an old pointer", frames_through_pointer},
		{"a split translates alike", split_translates_alike},
		{"frames are unplugged", frames_unplugged},
		{"overflow", overflow},
		{"runs keep the log short", many_pages},
		{"thousands of tables", many_tables},
		{"violations are counted", violations_are_counted},
		{"words", words},
	};

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		rig.mode = &mmu_modes[m];
		for (unsigned i = 0; i < ARRAY_LEN(tests); i++)
			tap_ok(rig_run(tests[i].fn, &rig), "%s: %s", rig.mode->name, tests[i].name);
		rig.seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
		tap_ok(rig_run(agrees, &rig), "%s: the model agrees with the harts",
		       rig.mode->name);
	}
	return tap_done();
}
