/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of mm/model.h one by one, each from both sides: stores, fences, runs, the log. */
#include <stdlib.h>

#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_window.h"

/* ---- which fence reaches what */

static void leaf_by_address(const void *arg)
{
	window_setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	fence_va_everywhere(page(0, 5));
	CHECK(window_complete() == 0, "an addressed fence everywhere is not enough for a leaf");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	fence_va_everywhere(page(0, 7));
	CHECK(window_complete() == NO_FENCE, "a fence of the next page is enough");
	fence_all_harts();
	pte_store(slot(page(0, 8), 0), PTE_NONE);
	fence_local_va(page(0, 8));
	CHECK(window_named().bits[0] == 6, "others than harts 1 and 2 are named");
}

static void new_leaf_too(const void *arg)
{
	window_setup(arg);
	leaf(page(2, 0), window_frames);
	CHECK(window_complete() == NO_FENCE, "an invalid entry is not held");
	leaf(page(2, 1), window_frames);
	fence_va_everywhere(page(2, 1));
	CHECK(window_complete() == 0, "an addressed fence is not enough for an invalid entry");
}

static void superpage_by_any_address(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	window_setup(arg);
	s = slot(page(3, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	fence_all_harts();
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	fence_va_everywhere(page(3, 300));
	CHECK(window_complete() == 0, "any address inside a superpage reaches it");
	pte_store(s, PTE_NONE);
	fence_va_everywhere(page(4, 0));
	CHECK(window_complete() == NO_FENCE, "an address behind a superpage reaches it");
	fence_all_harts();
	pte_store(s, table);
}

static void pointer_needs_all(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		fence_local_va(page(2, i));
	rfence_all(page(2, 0), SZ_2M);
	CHECK(window_complete() == NO_FENCE, "addressed fences reach a pointer");
	fence_all_harts();
	pte_store(s, table);
	rfence_all(page(2, 0), SZ_2M);
	CHECK(window_complete() == NO_FENCE, "addressed fences reach a new pointer");
	fence_all_harts();
	(void)pte_xchg(s, PTE_NONE);
	pte_store(s, table);
	fence_all_harts();
	CHECK(window_complete() == 0, "rs1 = x0 does not reach a pointer");
}

static void split_needs_all(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	window_setup(arg);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	pte_store(s, pte_leaf(window_frames, PROT_RW));
	fence_all_harts();
	window_begun = model_begin();
	pte_store(s, table);
	fence_va_everywhere(page(2, 0));
	CHECK(window_complete() == NO_FENCE,
	      "an addressed fence reaches a leaf that became a pointer");
}

static void asid_is_not_enough(const void *arg)
{
	window_setup(arg);
	for (unsigned h = 0; h < HARTS; h++) {
		sim_run_on(h);
		if (h == 0)
			pte_store(slot(page(0, 5), 0), PTE_NONE);
		fence_local_asid(0);
		fence_local_va_asid(page(0, 5), 0);
	}
	sim_run_on(0);
	CHECK(window_complete() == NO_FENCE, "rs2 = asid reaches a global entry");
}

static void earlier_fence(const void *arg)
{
	window_setup(arg);
	fence_all_harts();
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(window_complete() == NO_FENCE, "a fence before the store counts");
}

static void unmap_five(void *arg)
{
	(void)arg;
	pte_store(slot(page(0, 5), 0), PTE_NONE);
}

static void fence_beside(const void *arg)
{
	window_setup(arg);
	for (unsigned h = 1; h < HARTS; h++) {
		sim_run_on(h);
		fence_local_all();
	}
	sim_run_on(0);
	sim_during_fence(unmap_five, NULL);
	rfence_all(0, UINT64_MAX);
	CHECK(window_complete() == NO_FENCE, "a fence that began before the store counts");
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	sim_during_fence(unmap_five, NULL);
	rfence_all(0, UINT64_MAX);
	CHECK(window_complete() == 0, "the same for an entry that was not stored to then");
}

/* A run must not grow while a fence is under way that would take all of it. */
static void unmap_six(void *arg)
{
	(void)arg;
	pte_store(slot(page(0, 6), 0), PTE_NONE);
}

static void run_beside_fence(const void *arg)
{
	window_setup(arg);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	sim_during_fence(unmap_six, NULL);
	rfence_all(0, UINT64_MAX);
	CHECK(window_freed(5, 1) == 0, "what the fence reached is held");
	CHECK(window_complete() == NO_FENCE, "the store beside the fence is forgotten");
	fence_all_harts();
	pte_store(slot(page(0, 7), 0), PTE_NONE);
	sim_during_fence(unmap_six, NULL);
	fence_all_harts();
	CHECK(window_complete() == 0, "the run is held though it was fenced");
}

/* Side by side, but held by others, or old in another way: not one run. */
static void runs_of_like_ones(const void *arg)
{
	unsigned kept;
	struct violation v[4];
	unsigned n;

	window_setup(arg);
	leaf(page(0, 6), window_frames + 6 * PAGE_SIZE);
	pte_store(slot(page(0, 6), 0), pte_leaf(window_frames + 6 * PAGE_SIZE, PROT_RO));
	fence_all_harts();
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	pte_store(slot(page(0, 6), 0), PTE_NONE);
	model_complete(window_begun);
	n = model_take_violations(v, ARRAY_LEN(v), &kept);
	CHECK(n == 2, "%u records", n);
	for (unsigned i = 0; i < n && i < 4; i++)
		CHECK(pte_prot(v[i].old) == (v[i].va == page(0, 6) ? PROT_RO : PROT_RW),
		      "old rights 0x%llx", (unsigned long long)v[i].old.raw);
	fence_all_harts();
	pte_store(slot(page(0, 10), 0), PTE_NONE);
	sim_hart_start(3, false);
	pte_store(slot(page(0, 11), 0), PTE_NONE);
	CHECK(window_named().bits[0] == 15, "the hart that came between is not named");
}

/* ---- runs */

static void runs_are_split(const void *arg)
{
	unsigned kept;
	struct violation v[8];
	unsigned n;

	window_setup(arg);
	for (unsigned i = 10; i < 74; i++)
		pte_store(slot(page(0, i), 0), PTE_NONE);
	/* Page 30 to 39 on all harts; page 10 on one; the rest on none. */
	rfence_all(page(0, 30), 10 * PAGE_SIZE);
	fence_local_va(page(0, 10));
	model_complete(window_begun);
	n = model_take_violations(v, ARRAY_LEN(v), &kept);
	CHECK(n == 3, "%u records", n);
	for (unsigned i = 0; i < n && i < 8; i++) {
		uint64_t want = v[i].va == page(0, 10) ? 6 : 7;

		CHECK(v[i].va == page(0, 10) || v[i].va == page(0, 11) || v[i].va == page(0, 40),
		      "a run at 0x%llx", (unsigned long long)v[i].va);
		CHECK(v[i].holders.bits[0] == want, "holders 0x%llx of 0x%llx",
		      (unsigned long long)v[i].holders.bits[0], (unsigned long long)v[i].va);
		CHECK(pte_pa(v[i].old) == window_frames + (v[i].va - window_base),
		      "old entry 0x%llx", (unsigned long long)v[i].old.raw);
	}
}

/* Every part of a run: what is left is exactly what was not fenced. */
static void runs_by_frames(const void *arg)
{
	window_setup(arg);
	for (unsigned k = 0; k < 8 * 8 * 8; k++) {
		unsigned from = k % 8;
		unsigned n = 1 + k / 8 % 8;
		unsigned i = k / 64;
		bool fenced = i >= from && i < from + n;
		uint32_t seen;

		for (unsigned p = 0; p < 8; p++)
			leaf(page(0, p), window_frames + p * PAGE_SIZE);
		fence_all_harts();
		for (unsigned p = 0; p < 8; p++)
			pte_store(slot(page(0, p), 0), PTE_NONE);
		rfence_all(page(0, from), n * PAGE_SIZE);
		seen = window_freed(i, 1);
		CHECK((seen == 0) == fenced, "%u+%u: page %u: 0x%x", from, n, i, seen);
	}
}

static void ends_of_the_space(const void *arg)
{
	vaddr_t top = 0 - PAGE_SIZE;

	window_setup(arg);
	REQUIRE_OK(pt_populate(kernel_table(), top, 0));
	fence_all_harts();
	window_begun = model_begin();
	leaf(top - PAGE_SIZE, window_frames);
	leaf(top, window_frames + PAGE_SIZE);
	rfence_all(top, PAGE_SIZE);
	CHECK(window_complete() == NO_FENCE, "the page below the top is forgotten");
	leaf(top - PAGE_SIZE, window_frames + PAGE_SIZE);
	leaf(top, window_frames + 2 * PAGE_SIZE);
	rfence_all(top - PAGE_SIZE, 2 * PAGE_SIZE);
	CHECK(window_complete() == 0, "the last two pages are fenced");
}

/* ---- stores that matter, and that do not */

static void no_change_no_record(const void *arg)
{
	pte_t e;
	paddr_t loose;

	window_setup(arg);
	e = pte_load(slot(page(0, 5), 0));
	pte_store(slot(page(0, 5), 0), e);
	pte_store(slot(page(2, 5), 0), (pte_t){UINT64_C(0xabc00)});
	loose = ptpage_alloc();
	REQUIRE(loose != FRAME_NONE, "no memory");
	pte_store((pte_slot_t){loose + 8}, pte_leaf(window_frames, PROT_RW));
	pte_store((pte_slot_t){loose + 8}, PTE_NONE);
	CHECK(window_complete() == 0, "nothing changed that a hart could hold");
	ptpage_free(loose, 0);
	rig_check_silent("a page that was never linked");
}

static void cmpxchg(const void *arg)
{
	pte_t seen = {UINT64_C(0x12345)};

	window_setup(arg);
	CHECK(!pte_cmpxchg(slot(page(0, 5), 0), &seen, PTE_NONE), "it succeeded");
	CHECK(window_complete() == 0, "a store that did not happen is recorded");
	CHECK(pte_cmpxchg(slot(page(0, 5), 0), &seen, PTE_NONE), "it failed");
	CHECK(window_complete() == NO_FENCE, "a store that happened is not recorded");
}

static void own_changes_only(const void *arg)
{
	uint64_t mine;

	window_setup(arg);
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

/* ---- the log */

static void overflow(const void *arg)
{
	unsigned kept;
	struct violation v[16];
	uint32_t kinds = 0;
	unsigned n;

	window_setup(arg);
	/* To and fro, so that no two make a run. */
	for (unsigned k = 0; k < 6000; k++) {
		unsigned i = k % 2 != 0 ? k % PT_ENTRIES : PT_ENTRIES - 2 - k % (PT_ENTRIES - 1);

		leaf(page(0, i), (k + 1) * PAGE_SIZE);
	}
	n = model_take_violations(v, ARRAY_LEN(v), &kept);
	CHECK(n == 1, "%u violations", n);
	for (unsigned i = 0; i < n; i++)
		kinds |= BIT(v[i].kind);
	CHECK(kinds == BIT(VIOLATION_OVERFLOW), "0x%x", kinds);
	pte_store(slot(page(0, 5), 0), PTE_NONE);
	CHECK(window_complete() == 0, "something is claimed behind an overflow");
}

static void many_pages(const void *arg)
{
	window_setup(arg);
	for (unsigned round = 0; round < 40; round++) {
		for (unsigned i = 0; i < PT_ENTRIES; i++)
			leaf(page(0, i), window_frames + i * PAGE_SIZE + round % 2 * PAGE_SIZE);
	}
	CHECK(model_stats().records_peak < 100, "%llu records",
	      (unsigned long long)model_stats().records_peak);
	CHECK(window_complete() == NO_FENCE, "nothing is held");
}

#define MANY_TABLES 3000u

/* Thousands of tables come and go in any order; the rest stay known. */
static void many_tables(const void *arg)
{
	unsigned kept;
	static bool gone[MANY_TABLES];
	struct rig rig = *(const struct rig *)arg;
	struct violation v[1];
	unsigned left = MANY_TABLES;
	struct pt_batch b;
	vaddr_t va;

	rig.shape = &rig_roomy;
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
	window_begun = model_begin();
	for (unsigned i = 0; i < MANY_TABLES; i++) {
		if (!gone[i])
			pte_store(slot(va + i * SZ_2M, 0), PTE_NONE);
	}
	model_complete(window_begun);
	CHECK(model_take_violations(v, 1, &kept) == left, "some of %u tables are not known", left);
}

static void violations_are_counted(const void *arg)
{
	unsigned kept;
	struct violation v[2];

	window_setup(arg);
	for (unsigned i = 0; i < 60; i += 2)
		pte_store(slot(page(0, i), 0), PTE_NONE);
	model_complete(window_begun);
	CHECK(model_take_violations(v, 2, &kept) == 30, "not all are counted");
	CHECK(model_take_violations(v, 2, &kept) == 0, "they are reported twice");
	CHECK(window_complete() == 0, "they are reported by the next operation");
}

static void words(const void *arg)
{
	(void)arg;
	for (unsigned k = 0; k < NR_VIOLATION_KINDS; k++) {
		CHECK(violation_name((enum violation_kind)k) != NULL, "no name");
		CHECK(violation_clause((enum violation_kind)k) != NULL, "no clause");
	}
}

int main(void)
{
	static const struct rig_test tests[] = {
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
		{"overflow", overflow},
		{"runs keep the log short", many_pages},
		{"thousands of tables", many_tables},
		{"violations are counted", violations_are_counted},
		{"words", words},
	};

	return rig_main((struct rig){.harts = HARTS}, tests, ARRAY_LEN(tests));
}
