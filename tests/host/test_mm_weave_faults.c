/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * That the search of weave.h can fail: each seeded fault, and each mistake that a program here
 * makes itself, is found in some order, and by what should find it.
 */
#include <inttypes.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/lock.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "mm/zone.h"
#include "tests/host/tap.h"
#include "tests/host/weave_programs.h"

#define LIMIT 400u
#define SEED 1u

static void found(const struct weave_program *p, const char *fault)
{
	struct weave_result r;

	weave_explore(p, fault, LIMIT, &r);
	tap_ok(r.bad != 0, "%s%s%s: %" PRIu64 " of %" PRIu64 " orders%s %s", fault,
	       fault[0] != '\0' ? " in " : "", p->name, r.bad, r.schedules,
	       r.complete      ? ""
	       : p->drawn != 0 ? " drawn"
			       : " and more",
	       p->bad != NULL ? p->bad : "bad");
	printf("# %s\n", r.what);
	if (r.bad != 0)
		printf("# WEAVE_REPLAY='%s: %s'\n", p->name, r.replay);
}

struct row {
	const char *fault, *program;
	uint64_t drawn;
	bool races_pass;
	const char *bad;
};

static const struct row rows[] = {
	{"table-unlocked", "unmap||unmap", SEED, false, "race at"},
	/* What comes of it. */
	{"table-unlocked", "map||map", SEED, true, "is used and may fault"},
	{"table-unlocked", "map||map", SEED, true, "should be mapped, is not"},
	{"table-unlocked", "unmap||map", SEED, true, NULL},
	{"table-unlocked", "unmap||unmap of all", SEED, true, NULL},
	{"table-unlocked", "add,remove||map,unmap", SEED, false, "race at"},
	{"list-unlocked", "add||look", 0, false, "race at"},
	{"no-shootdown", "unmap||unmap", 0, false, NULL},
	{"no-shootdown", "remove||add", 0, false, NULL},
	{"no-fence", "unmap||unmap", 0, false, NULL},
	{"no-map-fence", "map||map", 0, false, NULL},
	{"free-early", "map,unmap||map,unmap", 0, false, NULL},
	{"addressed-fence", "map,unmap||map,unmap", 0, false, NULL},
	{"table-freed-first", "map,unmap||map,unmap", 0, false, NULL},
	{"split-no-fence", "split,merge leaf||add", 0, false, NULL},
	{"stale-merge", "split,merge leaf||add", 0, false, NULL},
	{"neighbour-leaf", "remove||remove beside memory in use", 0, false, NULL},
	{"records-early", "remove||add", 0, false, NULL},
	{"records-first", "remove||add", 0, false, NULL},
	{"double-free", "add,remove||alloc", 0, false, NULL},
	{"leak-table", "add,remove||alloc", 0, false, NULL},
	{"move-no-copy", "offline||use", 0, false, NULL},
	{"pin-ignored", "offline||alloc", 0, false, NULL},
};

/* ---- mistakes of programs */

static struct spinlock one = SPINLOCK(LOCK_AREAS), two = SPINLOCK(LOCK_MOVABLE);
static struct zone zone;

static void nothing(void)
{
}

static void one_two(void)
{
	spin_lock(&one);
	spin_lock(&two);
	spin_unlock(&two);
	spin_unlock(&one);
}

static void two_one(void)
{
	spin_lock(&two);
	spin_lock(&one);
	spin_unlock(&one);
	spin_unlock(&two);
}

static void add_zone(void)
{
	zone_init(&zone, "mine", (struct region){0, PAGE_SIZE});
}

static void hold_with_interrupts_off(void)
{
	bool irq = spin_lock_irq(&one);
	struct hartset all = arch_harts_online();

	CHECK(arch_rfence(&all, 0, UINT64_MAX) == OK, "not made");
	spin_unlock_irq(&one, irq);
}

static const struct weave_program mistakes[] = {
	{.name = "locks in both orders",
	 .setup = nothing,
	 .hart = {one_two, two_one},
	 .bad = "deadlock: hart"},
	{.name = "one zone made twice",
	 .setup = nothing,
	 .hart = {add_zone, add_zone},
	 .bad = "race at"},
	{.name = "waiting with interrupts off",
	 .setup = nothing,
	 .hart = {hold_with_interrupts_off, nothing},
	 .bad = "interrupts off"},
};

/* ---- the reduction leaves out what differs in nothing, and nothing else */

static struct ptable tables[WEAVE_HARTS];
static vaddr_t shared;

static void make_tables(void)
{
	shared = vmalloc_reserve(SZ_2M, SZ_2M);
	REQUIRE_OK(pt_populate(kernel_table(), shared, 0));
	for (unsigned h = 0; h < WEAVE_HARTS; h++)
		REQUIRE_OK(pt_create(&tables[h], "mine", &mmu_modes[0]));
}

static pte_slot_t entry(unsigned table, unsigned index)
{
	return (pte_slot_t){tables[table].root + index * sizeof(pte_t)};
}

static void store_and_load(void)
{
	unsigned h = arch_hart();

	pte_store(entry(0, h), pte_leaf(h * PAGE_SIZE, PROT_RW));
	(void)pte_load(entry(0, 1 - h));
}

static void load_lock_scan(void)
{
	unsigned h = arch_hart();

	(void)pte_load(entry(h, 0));
	spin_lock(&one);
	(void)pte_load(entry(0, 0));
	spin_unlock(&one);
	(void)pte_next_used(tables[1].root, 0);
}

static void store_lock_store(void)
{
	pte_store(entry(0, 0), PTE_NONE);
	spin_lock(&one);
	pte_store(entry(1, 7), pte_leaf(0, PROT_RW));
	spin_unlock(&one);
}

static void fence_and_go(void)
{
	fence_local_all();
	(void)ptpage_live();
}

static void call_others(void)
{
	struct hartset others = arch_harts_online();

	hartset_del(&others, arch_hart());
	CHECK_ERR(arch_rfence(&others, 0, UINT64_MAX), OK);
}

static void nop(void *arg)
{
	(void)arg;
}

static void interrupt_others(void)
{
	struct hartset others = arch_harts_online();

	CHECK_ERR(arch_ipi_call(&others, nop, &others, 1), OK);
}

static void lock_with_interrupts_off(void)
{
	spin_unlock_irq(&two, spin_lock_irq(&two));
	fence_local_all();
}

static const struct weave_program small[] = {
	{.name = "stores and loads", .hart = {store_and_load, store_and_load}},
	{.name = "locks and entries", .hart = {load_lock_scan, store_lock_store}},
	{.name = "both", .hart = {store_lock_store, store_lock_store}},
	{.name = "locks of three", .hart = {one_two, one_two, one_two}},
	{.name = "fences", .hart = {fence_and_go, store_and_load}},
	{.name = "the SBI and stores", .hart = {call_others, store_lock_store}},
	{.name = "calls and calls", .hart = {call_others, interrupt_others}},
	{.name = "interrupts and locks", .hart = {interrupt_others, lock_with_interrupts_off}},
	{.name = "interrupts and fences", .hart = {interrupt_others, fence_and_go}},
};

static void as_many(struct weave_program p)
{
	struct weave_result all, some;

	p.setup = make_tables;
	weave_explore(&p, NULL, 200000, &some);
	p.all = true;
	weave_explore(&p, NULL, 200000, &all);
	tap_ok(some.complete && all.complete && some.bad + all.bad == 0 &&
		       some.schedules == all.distinct && some.distinct == all.distinct,
	       "%s: %" PRIu64 " orders stand for %" PRIu64 " of %" PRIu64, p.name, some.schedules,
	       all.distinct, all.schedules);
	if (some.bad + all.bad != 0)
		printf("# %s%s\n", some.what, all.what);
}

int main(void)
{
	for (unsigned i = 0; i < ARRAY_LEN(small); i++)
		as_many(small[i]);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct weave_program p = *weave_program(rows[i].program);

		p.races_pass = rows[i].races_pass;
		p.bad = rows[i].bad;
		p.drawn = rows[i].drawn;
		found(&p, rows[i].fault);
	}
	for (unsigned i = 0; i < ARRAY_LEN(mistakes); i++)
		found(&mistakes[i], "");
	return tap_done();
}
