/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's rule of memory types (Svpbmt): what maps a page has one, at the end of an operation.
 */
#include "mm/attr.h"
#include "mm/kernel.h"
#include "mm/memtype.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_window.h"
#include "tests/host/tap.h"

#define TYPES BIT(VIOLATION_TYPES)
#define REGS UINT64_C(0x10000000) /* no RAM: in no direct map */
#define NC PTE_PBMT_NC
#define IO PTE_PBMT_IO

/* Entry @i of the third table leads to @pa, or nowhere. */
static void type(unsigned i, paddr_t pa, uint64_t pbmt)
{
	pte_store(slot(page(2, i), 0), pte_leaf(pa, PROT_RW | pbmt));
}

static void none(unsigned i)
{
	pte_store(slot(page(2, i), 0), PTE_NONE);
}

/* Fence, complete, and what is told of types. */
static bool told(void)
{
	uint32_t kinds;

	fence_all_harts();
	kinds = window_complete();
	CHECK((kinds & ~TYPES) == 0, "other kinds: 0x%x", kinds);
	window_begun = model_begin();
	return (kinds & TYPES) != 0;
}

static void begin(const void *arg)
{
	window_setup(arg);
	memtype_use(true);
}

static void registers(const void *arg)
{
	begin(arg);
	type(0, REGS, IO);
	CHECK(!told(), "one mapping differs from itself");
	type(1, REGS, IO);
	CHECK(!told(), "two alike differ");
	type(2, REGS, 0);
	CHECK(told(), "PBMT=0 beside IO");
	CHECK(!told(), "it is told twice");
	type(2, REGS, NC);
	CHECK(told(), "NC beside IO");
	type(2, REGS, IO);
	CHECK(!told(), "the same again");
	/* Who is left counts, and nobody else. */
	none(0);
	none(1);
	type(2, REGS, NC);
	CHECK(!told(), "those that are gone still count");
	none(2);
	type(3, REGS, 0);
	CHECK(!told(), "the last one is gone, and still counts");
	type(4, REGS + PAGE_SIZE, IO);
	CHECK(!told(), "the next page is another one");
}

static void ram(const void *arg)
{
	paddr_t pa;

	begin(arg);
	pa = frame_alloc(0, OWNER_TEST);
	type(0, pa, NC);
	CHECK(told(), "the direct map shows it with PBMT=0");
	none(0);
	CHECK_ERR(set_memory(direct_va(pa), PAGE_SIZE, PROT_RW | NC), OK);
	rig_check_silent("in the direct map alone");
	type(0, pa, NC);
	CHECK(!told(), "both are NC");
	/* Both inside one operation, one behind the other. */
	CHECK_ERR(set_memory(page(2, 0), PAGE_SIZE, PROT_RW | IO), OK);
	rig_check_silent("both are IO");
	CHECK_ERR(set_memory(direct_va(pa), PAGE_SIZE, PROT_RW), OK);
	CHECK(rig_take_violations() == TYPES, "the direct map alone went back");
	none(0);
	CHECK(!told(), "the view is gone");
	frame_free(pa, 0, OWNER_TEST);
	CHECK(rig_take_violations() == 0, "free as before");
}

static void shapes(const void *arg)
{
	begin(arg);
	/* 2 MiB, and a page inside. */
	(void)pte_xchg(slot(page(3, 0), 1), PTE_NONE);
	fence_all_harts();
	pte_store(slot(page(3, 0), 1), pte_leaf(SZ_1G, PROT_RW | IO));
	CHECK(!told(), "a large leaf");
	type(0, SZ_1G + 511 * PAGE_SIZE, 0);
	CHECK(told(), "its last page has PBMT=0");
	type(0, SZ_1G + 511 * PAGE_SIZE, IO);
	CHECK(!told(), "its last page is alike");
	type(0, SZ_1G + SZ_2M, 0);
	CHECK(!told(), "the page behind it");
	/* Not in force, but with all its bits. */
	pte_store(slot(page(2, 0), 0), pte_parked(pte_leaf(SZ_1G, PROT_RW | NC)));
	CHECK(!told(), "a parked entry maps nothing");
	/* One NAPOT entry is 16 pages. */
	pte_store(slot(page(2, 0), 0), pte_leaf(SZ_1G + 8 * PAGE_SIZE, PROT_RW | NC | PTE_N));
	CHECK(told(), "16 pages with NC");
	none(0);
	CHECK(!told(), "gone");
}

/* Both halves of a run agree, with types of their own. */
static void halves(const void *arg)
{
	begin(arg);
	for (unsigned i = 0; i < 64; i++)
		type(i, REGS + i * PAGE_SIZE, i < 32 ? NC : IO);
	for (unsigned i = 0; i < 64; i++)
		type(64 + i, REGS + i * PAGE_SIZE, i < 32 ? NC : IO);
	CHECK(!told(), "halves with types of their own");
	for (unsigned i = 0; i < 64; i++)
		type(128 + i, REGS + i * PAGE_SIZE, i < 33 ? NC : IO);
	CHECK(told(), "page 32 of the third mapping");
}

/* A table full of leaves is linked at once. */
static void linked(const void *arg)
{
	pte_slot_t s;
	pte_t table;

	begin(arg);
	type(0, REGS, IO);
	type(1, REGS, NC);
	s = slot(page(2, 0), 1);
	table = pte_xchg(s, PTE_NONE);
	CHECK(!told(), "nobody walks there");
	pte_store(s, table);
	CHECK(told(), "and now they do");
}

static void another_hart(const void *arg)
{
	uint64_t mine;

	begin(arg);
	type(2, REGS - PAGE_SIZE, IO);
	sim_run_on(1);
	type(0, REGS, IO);
	type(1, REGS, 0);
	sim_run_on(0);
	CHECK(!told(), "another hart's operation is not complete");
	sim_run_on(1);
	mine = model_begin();
	fence_all_harts();
	model_complete(mine);
	CHECK(rig_take_violations() == TYPES, "now it is");
	sim_run_on(0);
}

/* More stretches than there is room for: nothing is claimed. */
static void many(const void *arg)
{
	begin(arg);
	for (unsigned i = 0; i < 200; i++)
		type(i, REGS + 2 * i * PAGE_SIZE, IO);
	CHECK(rig_take_violations() == BIT(VIOLATION_OVERFLOW), "200 stretches in one operation");
}

/* Leaves without a type are not remembered where none with one is near, whatever their number. */
static void scattered(const void *arg)
{
	begin(arg);
	type(0, REGS, IO);
	CHECK(!told(), "registers");
	for (unsigned i = 0; i < 200; i++)
		type(1 + i, window_frames + 2 * i * PAGE_SIZE, 0);
	CHECK(!told(), "200 stretches without a type");
	for (unsigned i = 0; i < 201; i++)
		none(i);
	CHECK(!told(), "gone");
	/* More 2 MiB pieces with types than there are places for: all of them still count. */
	for (unsigned n = 0; n < 7; n++) {
		for (unsigned i = 0; i < 50; i++)
			type(50 * n + i, REGS + (50 * n + i) * SZ_2M, IO);
		CHECK(!told(), "one mapping each");
	}
	type(400, REGS + 349 * SZ_2M, 0);
	CHECK(told(), "the last of 350 pieces has PBMT=0 elsewhere");
}

/* What makes no sense, or is not there, is refused. */
static void refused(const void *arg)
{
	paddr_t pa;

	rig_boot(arg);
	pa = frame_alloc(0, OWNER_TEST);
	CHECK_ERR(set_memory(direct_va(pa), PAGE_SIZE, PROT_RW | NC), ERR_INVAL);
	CHECK(!prot_valid(PROT_RW | IO) && prot_io() == PROT_RW, "types without Svpbmt");
	memtype_use(true);
	CHECK(prot_valid(PROT_RW | IO) && prot_valid(PROT_RW | NC) && prot_io() == (PROT_RW | IO),
	      "types with it");
	CHECK(!prot_valid(PROT_RW | PTE_PBMT_MASK), "PBMT=3");
	CHECK_ERR(set_memory(direct_va(pa), PAGE_SIZE, PROT_RW | PTE_PBMT_MASK), ERR_INVAL);
	memtype_use(false);
	frame_free(pa, 0, OWNER_TEST);
}

int main(void)
{
	struct rig rig = {.harts = HARTS};
	static const struct {
		const char *name;
		void (*fn)(const void *);
	} tests[] = {
		{"registers that are mapped several times", registers},
		{"a page of RAM and its direct map", ram},
		{"large leaves, parked ones, NAPOT", shapes},
		{"parts with types of their own", halves},
		{"a table of leaves is linked", linked},
		{"an operation of another hart", another_hart},
		{"more than there is room for", many},
		{"leaves without a type", scattered},
		{"types that are refused", refused},
	};

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		rig.mode = &mmu_modes[m];
		for (unsigned i = 0; i < ARRAY_LEN(tests); i++)
			tap_ok(rig_run(tests[i].fn, &rig), "%s: %s", rig.mode->name, tests[i].name);
	}
	return tap_done();
}
