/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The measure of what is freed too early: it can find something in the safe order too, it knows
 * when an exposure is over, and what it must not swallow stays a violation.
 */
#include <stdlib.h>

#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/model_exposure.h"
#include "tests/host/arch_sim_rig.h"

#define BIT(kind) (UINT32_C(1) << (kind))

/* Its records: eight pages in a table of their own. */
static const struct region block = {UINT64_C(0x140600000), SZ_2M};

static void boot(const struct rig *rig)
{
	rig_boot(rig);
	model_expose(true);
}

static void add(struct region r)
{
	struct hot_region *out;

	sim_mem_add(r, false);
	REQUIRE_OK(hot_add(r, PROT_RW, &out, NULL));
}

/* ---- of a removal */

static struct exposure_sum removed_with(const struct rig *p, enum teardown_order order,
					const char *fault)
{
	struct hot_report rep = {.us = 0};

	boot(p);
	add(block);
	rig_check_silent("added");
	if (fault != NULL)
		rig_arm(fault);
	hotplug_use_order(order);
	REQUIRE_OK(hot_remove(hot_find(block.start), &rep));
	return rep.exposed;
}

/* The safe order's mistakes stay what they are, though somebody measures and a fence ends them. */
static void expect_violation(enum violation_kind kind)
{
	uint32_t kinds = rig_take_violations();

	CHECK((kinds & BIT(kind)) != 0, "reported 0x%x", kinds);
}

static void free_early(const void *arg)
{
	struct exposure_sum x = removed_with(arg, TEARDOWN_SAFE, "free-early");

	CHECK(x.tables != 0 && x.linked == 0 && x.frames == 0, "%llu tables, %llu records",
	      (unsigned long long)x.tables, (unsigned long long)x.frames);
	expect_violation(VIOLATION_TABLE_FREED);
}

static void table_freed_first(const void *arg)
{
	struct exposure_sum x = removed_with(arg, TEARDOWN_SAFE, "table-freed-first");

	CHECK(x.tables != 0 && x.linked == x.tables && x.frames == 0, "%llu tables, %llu linked",
	      (unsigned long long)x.tables, (unsigned long long)x.linked);
	expect_violation(VIOLATION_TABLE_LINKED);
}

static void records_early(const void *arg)
{
	struct exposure_sum x = removed_with(arg, TEARDOWN_SAFE, "records-early");

	CHECK(x.tables == 0 && x.frames == 8, "%llu tables, %llu records",
	      (unsigned long long)x.tables, (unsigned long long)x.frames);
	expect_violation(VIOLATION_FRAME_FREED);
}

/* As it has to be: measured, over, and silent. */
static void linux_order(const void *arg)
{
	struct exposure_sum x = removed_with(arg, TEARDOWN_LINUX, NULL);

	CHECK(x.tables != 0 && x.frames == 8 && x.open == 0, "%llu tables, %llu records, %llu open",
	      (unsigned long long)x.tables, (unsigned long long)x.frames,
	      (unsigned long long)x.open);
	rig_check_silent("measured");
}

/* No flush ends it: a violation, as without the measure. */
static void never_over(const void *arg)
{
	struct exposure_sum x = removed_with(arg, TEARDOWN_LINUX, "no-shootdown");
	uint32_t kinds = rig_take_violations();

	CHECK(x.open != 0, "all is over");
	CHECK((kinds & BIT(VIOLATION_FRAME_FREED)) != 0 &&
		      (kinds & BIT(VIOLATION_TABLE_FREED)) != 0,
	      "reported 0x%x", kinds);
}

static void not_measured(const void *arg)
{
	const struct rig *p = arg;
	uint32_t due = BIT(VIOLATION_FRAME_FREED) | BIT(VIOLATION_TABLE_LINKED);
	struct hot_report rep = {.us = 0};
	uint32_t kinds;

	rig_boot(p);
	add(block);
	hotplug_use_order(TEARDOWN_LINUX);
	REQUIRE_OK(hot_remove(hot_find(block.start), &rep));
	kinds = rig_take_violations();
	CHECK((kinds & due) == due, "reported 0x%x", kinds);
	CHECK(!rep.exposed.measured && rep.exposed.frames == 0, "measured all the same");
}

static void no_answer(const void *arg)
{
	const struct rig *p = arg;
	struct exposure_sum x;

	boot(p);
	add(block);
	hotplug_use_order(TEARDOWN_LINUX);
	sim_fail_shootdown(ERR_TIMEOUT, 1);
	CHECK_ERR(hot_remove(hot_find(block.start), NULL), ERR_TIMEOUT);
	CHECK(hot_find(block.start)->state == HOT_STUCK, "the region is forgotten");
	CHECK((rig_take_violations() & BIT(VIOLATION_FRAME_FREED)) != 0, "nothing is reported");
	model_exposures_take(&x);
	CHECK(x.open != 0, "all is over");
}

static vaddr_t others_va;

/* Another hart frees a page of its own too early, beside the operation that is measured. */
static void others_mistake(void *arg)
{
	struct pt_cursor c = pt_walk(kernel_table(), others_va, 0);
	paddr_t pa = pte_pa(pte_load(c.slot));

	(void)arg;
	sim_run_on(1);
	(void)pte_xchg(c.slot, PTE_NONE);
	frame_free(pa, 0, OWNER_TEST);
	sim_run_on(0);
}

static void other_hart(const void *arg)
{
	const struct rig *p = arg;
	paddr_t pa;
	struct pt_batch b;

	boot(p);
	add(block);
	others_va = vmalloc_reserve(SZ_2M, SZ_2M);
	pa = frame_alloc(0, OWNER_TEST);
	REQUIRE(pa != FRAME_NONE && others_va != 0, "no memory");
	pt_begin(&b, kernel_table());
	REQUIRE_OK(pt_map(&b, others_va, pa, PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	rig_check_silent("before");
	shootdown_before_next(others_mistake, NULL);
	hotplug_use_order(TEARDOWN_LINUX);
	REQUIRE_OK(hot_remove(hot_find(block.start), NULL));
	CHECK((rig_take_violations() & BIT(VIOLATION_FRAME_FREED)) != 0, "it was swallowed");
}

/* ---- when an exposure is over: a table that is freed while it is linked */

static struct {
	pte_slot_t slot; /* that points to it */
	paddr_t table;
} linked;

/* A frame of the caller's, mapped at the address that is returned and nowhere else near. */
static vaddr_t boot_with_page(const struct rig *p, paddr_t *pa)
{
	struct pt_batch b;
	vaddr_t va;

	boot(p);
	va = vmalloc_reserve(SZ_2M, SZ_2M);
	*pa = frame_alloc(0, OWNER_TEST);
	REQUIRE(va != 0 && *pa != FRAME_NONE, "no memory");
	pt_begin(&b, kernel_table());
	REQUIRE_OK(pt_map(&b, va, *pa, PAGE_SIZE, PROT_RW, 0));
	REQUIRE_OK(pt_commit(&b));
	return va;
}

static void free_linked(const struct rig *p)
{
	paddr_t pa;
	vaddr_t va = boot_with_page(p, &pa);

	linked.slot = pt_walk(kernel_table(), va, 1).slot;
	linked.table = pte_pa(pte_load(linked.slot));
	model_exposures_begin(true);
	model_table_freed(linked.table);
}

static void fence_everywhere(void)
{
	struct hartset online = arch_harts_online();

	CHECK_ERR(arch_rfence(&online, 0, UINT64_MAX), OK);
}

/* By whatever way a page is allocated again, it counts. */
static void reused(const void *arg)
{
	struct exposure_sum x;
	paddr_t pa;
	vaddr_t va = boot_with_page(arg, &pa);

	model_exposures_begin(true);
	pte_store(pt_walk(kernel_table(), va, 0).slot, PTE_NONE);
	frame_free(pa, 0, OWNER_TEST);
	CHECK(frame_alloc_near(pa, OWNER_TEST) == pa, "another page");
	fence_everywhere();
	model_exposures_end(&x);
	CHECK(x.frames == 1 && x.reused == 1 && x.open == 0, "%llu frames, %llu reused",
	      (unsigned long long)x.frames, (unsigned long long)x.reused);
}

static void unlink_it(void *arg)
{
	(void)arg;
	pte_store(linked.slot, PTE_NONE);
}

static void expect_open(uint64_t open, enum violation_kind kind)
{
	struct exposure_sum x;

	model_exposures_end(&x);
	CHECK(x.tables == 1 && x.linked == 1 && x.open == open, "%llu tables, %llu open",
	      (unsigned long long)x.tables, (unsigned long long)x.open);
	CHECK(rig_take_violations() == (open != 0 ? BIT(kind) : 0), "reported otherwise");
	/* Whatever it was, the next operation does not have it again. */
	CHECK(model_nr_exposed == 0, "%u are kept", model_nr_exposed);
}

/* Fenced while an entry still leads there: it may be cached again at once. */
static void fenced_linked(const void *arg)
{
	free_linked(arg);
	fence_everywhere();
	expect_open(1, VIOLATION_TABLE_LINKED);
}

static void fenced_before_unlinked(const void *arg)
{
	free_linked(arg);
	fence_everywhere();
	unlink_it(NULL);
	expect_open(1, VIOLATION_TABLE_FREED);
}

static void fenced_beside(const void *arg)
{
	free_linked(arg);
	sim_during_fence(unlink_it, NULL);
	fence_everywhere();
	expect_open(1, VIOLATION_TABLE_FREED);
}

/* An address does not reach a pointer, and one hart's fence is not another's. */
static void fenced_too_little(const void *arg)
{
	struct hartset online, others;

	free_linked(arg);
	unlink_it(NULL);
	online = arch_harts_online();
	others = online;
	hartset_del(&others, 1);
	CHECK_ERR(arch_rfence(&online, 0, PAGE_SIZE), OK);
	CHECK_ERR(arch_rfence(&others, 0, UINT64_MAX), OK);
	expect_open(1, VIOLATION_TABLE_FREED);
}

static void fenced_in_full(const void *arg)
{
	free_linked(arg);
	unlink_it(NULL);
	fence_everywhere();
	expect_open(0, VIOLATION_TABLE_FREED);
}

static void hart_gone(const void *arg)
{
	struct hartset others;

	free_linked(arg);
	unlink_it(NULL);
	others = arch_harts_online();
	hartset_del(&others, 1);
	CHECK_ERR(arch_rfence(&others, 0, UINT64_MAX), OK);
	sim_hart_stop(1);
	expect_open(0, VIOLATION_TABLE_FREED);
}

static const struct rig_test singles[] = {
	{"free-early is measured, and a violation", free_early},
	{"table-freed-first is measured, and a violation", table_freed_first},
	{"records-early is measured, and a violation", records_early},
	{"Linux's order is measured", linux_order},
	{"what no flush ends is a violation", never_over},
	{"unmeasured it is a violation", not_measured},
	{"a hart that does not answer", no_answer},
	{"another hart's mistake is one", other_hart},
	{"allocated again", reused},
	{"fenced while linked", fenced_linked},
	{"fenced, then unlinked", fenced_before_unlinked},
	{"unlinked beside the fence", fenced_beside},
	{"fenced by address, and on all harts but one", fenced_too_little},
	{"fenced in full", fenced_in_full},
	{"a hart stops", hart_gone},
};

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	return rig_main((struct rig){.seed = seed, .harts = 3}, singles, ARRAY_LEN(singles));
}
