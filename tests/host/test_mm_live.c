/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of the kernel's own table under harts that hold on to whatever they may: after each
 * operation all of them see the new translation, and the model has nothing to say.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/shootdown.h"
#include "mm/window.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define UNITS 1024u
#define MAX_BLOCKS 64u
#define STEPS 150u

/* Memory of the test's own, mapped at changing places of a stretch of address space. */
struct block {
	unsigned order;
	paddr_t pa;
	unsigned at;	    /* page of the stretch, UNITS: not mapped */
	bool split;	    /* parts may be unmapped or have other rights */
	uint64_t mapped[8]; /* a bit a page */
};

static struct block blocks[MAX_BLOCKS];
static vaddr_t base;
static uint64_t owner_of_page[UNITS]; /* block + 1 */

static bool page_mapped(const struct block *b, unsigned i)
{
	return (b->mapped[i / 64] >> (i % 64) & 1) != 0;
}

static void page_set(struct block *b, unsigned i, bool on)
{
	b->mapped[i / 64] &= ~(UINT64_C(1) << (i % 64));
	if (on)
		b->mapped[i / 64] |= UINT64_C(1) << (i % 64);
}

static paddr_t expected(unsigned page)
{
	uint64_t owner = owner_of_page[page];
	const struct block *b = &blocks[owner != 0 ? owner - 1 : 0];

	if (owner == 0 || !page_mapped(b, page - b->at))
		return FRAME_NONE;
	return b->pa + (page - b->at) * PAGE_SIZE;
}

/* Some pages of the stretch, and beside both edges of what was changed. */
static void probe(unsigned first, unsigned n, const char *when)
{
	const unsigned spots[] = {first,
				  first + n / 2,
				  first + n - 1,
				  first - 1,
				  first + n,
				  (unsigned)sim_below(UNITS),
				  (unsigned)sim_below(UNITS)};

	for (unsigned i = 0; i < ARRAY_LEN(spots); i++) {
		if (spots[i] < UNITS)
			rig_check_everywhere(base + spots[i] * PAGE_SIZE, expected(spots[i]), when);
	}
}

static void step_map(struct block *b)
{
	unsigned n = 1u << b->order;
	unsigned at = (unsigned)align_down(sim_below(UNITS), n);
	struct pt_batch batch;
	bool taken = false;
	enum err err;

	for (unsigned i = 0; i < n; i++)
		taken |= owner_of_page[at + i] != 0;
	kernel_begin_freeing(&batch);
	err = pt_map(&batch, base + at * PAGE_SIZE, b->pa, n * PAGE_SIZE, PROT_RW, 1);
	CHECK_ERR(pt_commit(&batch), OK);
	if (taken && err == OK) {
		/* The other's pages were unmapped one by one; what it does next is done to them. */
		pt_begin(&batch, kernel_table());
		CHECK_ERR(pt_unmap(&batch, base + at * PAGE_SIZE, n * PAGE_SIZE, 0), OK);
		CHECK_ERR(pt_commit(&batch), OK);
	}
	kernel_end_freeing();
	if (taken)
		CHECK(err == ERR_EXIST || err == OK, "map: %s", err_name(err));
	if (taken || err != OK)
		return;
	for (unsigned i = 0; i < n; i++) {
		owner_of_page[at + i] = (uint64_t)(b - blocks) + 1;
		page_set(b, i, true);
	}
	b->at = at;
	probe(at, n, "mapped");
}

static void step_part(struct block *b, bool unmap)
{
	struct hartset online = arch_harts_online();
	unsigned n = 1u << b->order;
	unsigned first = (unsigned)sim_below(n);
	unsigned count = 1 + (unsigned)sim_below(n - first);
	vaddr_t va = base + (b->at + first) * PAGE_SIZE;
	struct pt_batch batch;
	uint64_t prot = sim_below(2) != 0 ? PROT_RW : PROT_RO;
	enum err err;

	kernel_begin_freeing(&batch);
	if (unmap)
		err = pt_unmap(&batch, va, count * PAGE_SIZE, PT_SPLIT | PT_HOLES_OK);
	else
		err = pt_protect(&batch, va, count * PAGE_SIZE, prot, PT_SPLIT | PT_HOLES_OK);
	CHECK_ERR(err, OK);
	CHECK_ERR(pt_commit(&batch), OK);
	kernel_end_freeing();
	for (unsigned i = 0; i < count && unmap; i++)
		page_set(b, first + i, false);
	probe(b->at + first, count, unmap ? "a part is gone" : "a part has other rights");
	hartset_for_each(h, &online) {
		struct sim_result r = sim_access(h, va, SIM_STORE, SIM_OLDEST);

		if (!unmap && page_mapped(b, first))
			CHECK((r.outcome == SIM_OK) == (prot == PROT_RW), "hart%u: old rights", h);
	}
}

static void step_unmap_all(struct block *b)
{
	unsigned n = 1u << b->order;
	struct pt_batch batch;

	kernel_begin_freeing(&batch);
	CHECK_ERR(pt_unmap(&batch, base + b->at * PAGE_SIZE, n * PAGE_SIZE, PT_HOLES_OK), OK);
	CHECK_ERR(pt_commit(&batch), OK);
	kernel_end_freeing();
	for (unsigned i = 0; i < n; i++) {
		owner_of_page[b->at + i] = 0;
		page_set(b, i, false);
	}
	probe(b->at, n, "gone");
	b->at = UNITS;
}

static void step(void)
{
	struct block *b = &blocks[sim_below(MAX_BLOCKS)];

	if (b->pa == FRAME_NONE) {
		b->order = (unsigned)sim_below(10);
		b->pa = frame_alloc(b->order, OWNER_TEST);
		b->at = UNITS;
	} else if (b->at == UNITS && sim_below(4) == 0) {
		/* Mapped before, by an address of the stretch: nobody may still hold it. */
		frame_free(b->pa, b->order, OWNER_TEST);
		b->pa = FRAME_NONE;
	} else if (b->at == UNITS) {
		step_map(b);
	} else if (sim_below(3) == 0) {
		step_unmap_all(b);
	} else {
		step_part(b, sim_below(2) != 0);
	}
}

static void random_changes(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;

	rig_boot(rig);
	base = vmalloc_reserve(UNITS * PAGE_SIZE, SZ_2M);
	before = rig_accounts();
	for (unsigned i = 0; i < MAX_BLOCKS; i++)
		blocks[i] = (struct block){.pa = FRAME_NONE, .at = UNITS};
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		char when[32];

		snprintf(when, sizeof(when), "step %u", s);
		sim_run_on((unsigned)sim_below(rig->harts));
		step();
		if (s % 8 == 0)
			rig_check_kernel(when);
		rig_check_silent(when);
	}
	sim_run_on(0);
	for (unsigned i = 0; i < MAX_BLOCKS; i++) {
		if (blocks[i].pa == FRAME_NONE)
			continue;
		if (blocks[i].at != UNITS)
			step_unmap_all(&blocks[i]);
		frame_free(blocks[i].pa, blocks[i].order, OWNER_TEST);
	}
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	rig_check_silent("at the end");
}

/*
 * The direct map is split under pages that others use. Tables that turn out not to be needed go
 * back at once, which with a full quarantine frees another page that the split leaf covers.
 */
static void split_direct_map(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;
	paddr_t pa;

	rig_boot(rig);
	before = rig_accounts();
	pa = frame_alloc(9, OWNER_TEST);
	REQUIRE(pa != FRAME_NONE, "no memory");
	for (unsigned round = 0; round < 40; round++) {
		vaddr_t va = direct_va(pa) + (round % 16) * 4 * PAGE_SIZE + PAGE_SIZE;
		struct pt_batch b;

		kernel_begin_freeing(&b);
		CHECK_ERR(pt_protect(&b, va, PAGE_SIZE, PROT_RO, PT_SPLIT), OK);
		CHECK_ERR(pt_commit(&b), OK);
		pt_begin(&b, kernel_table());
		CHECK_ERR(pt_unmap(&b, direct_va(pa), SZ_2M, 0), OK);
		CHECK_ERR(pt_map(&b, direct_va(pa), pa, SZ_2M, PROT_RW, 1), OK);
		CHECK_ERR(pt_commit(&b), OK);
		kernel_end_freeing();
		rig_check_silent("split");
		rig_check_everywhere(va, pa + (va - direct_va(pa)), "split");
	}
	frame_free(pa, 9, OWNER_TEST);
	rig_check_accounts(&before, "at the end");
}

/*
 * Memory runs out when some of the tables are linked and nothing is mapped yet: only pointers came
 * and went, and the fence must be one that reaches them.
 */
static void nomem(const void *arg)
{
	struct rig_accounts before;
	unsigned need;
	vaddr_t va;
	paddr_t pa;

	rig_boot(arg);
	/* On both sides of the edge a table of 4 KiB leaves and those above it, but what is shared.
	 */
	need = kernel_table()->mode->levels == 5 ? 5 : 2 * kernel_table()->mode->levels - 4;
	before = rig_accounts();
	pa = frame_alloc(1, OWNER_TEST);
	va = vmalloc_reserve(8 * SZ_1G, SZ_1G) + 4 * SZ_1G - PAGE_SIZE;
	REQUIRE(pa != FRAME_NONE, "no memory");
	for (unsigned k = 1; k < 12; k++) {
		struct pt_batch b;
		enum err err;

		kernel_begin_freeing(&b);
		frame_fail_at(k);
		err = pt_map(&b, va, pa, 2 * PAGE_SIZE, PROT_RW, 0);
		frame_fail_at(0);
		CHECK_ERR(pt_commit(&b), OK);
		rig_check_silent("no memory");
		rig_check_everywhere(va, err == OK ? pa : FRAME_NONE, "no memory");
		if (err == OK) {
			pt_begin(&b, kernel_table());
			CHECK_ERR(pt_unmap(&b, va, 2 * PAGE_SIZE, 0), OK);
			CHECK_ERR(pt_commit(&b), OK);
		}
		kernel_end_freeing();
		CHECK(err == (k <= need ? ERR_NOMEM : OK), "k=%u: %s", k, err_name(err));
		rig_check_kernel("no memory");
		rig_check_silent("no memory");
	}
	frame_free(pa, 1, OWNER_TEST);
	rig_check_accounts(&before, "no memory");
}

static struct {
	paddr_t pa;
	bool done;
} other;

/* Another hart frees a page of its own while this one's fences are due. */
static void free_meanwhile(void *arg)
{
	(void)arg;
	sim_run_on(1);
	frame_free(other.pa, 0, OWNER_TEST);
	sim_run_on(0);
	other.done = true;
}

static void free_beside_split(const void *arg)
{
	struct pt_batch b;
	paddr_t block;

	rig_boot(arg);
	block = frame_alloc(9, OWNER_TEST);
	REQUIRE(block != FRAME_NONE, "no memory");
	/* Both in one leaf of the direct map. */
	other.pa = block + 7 * PAGE_SIZE;
	shootdown_before_next(free_meanwhile, NULL);
	kernel_begin_freeing(&b);
	CHECK_ERR(pt_protect(&b, direct_va(block), PAGE_SIZE, PROT_RO, PT_SPLIT), OK);
	CHECK_ERR(pt_commit(&b), OK);
	kernel_end_freeing();
	CHECK(other.done, "nothing happened meanwhile");
	rig_check_silent("a page was freed beside a split");
}

/* A dumper may stand in a table that goes: not while mmap_lock is read. */
static void expect_reader(void *arg)
{
	(void)arg;
	CHECK(mmap_lock.readers_in != mmap_lock.readers_out, "nobody reads mmap_lock");
}

/* Views of memory come and go. */
static void window(const void *arg)
{
	struct rig_accounts before;
	const uint64_t *p;
	void *q;
	enum err err = ERR_NOMEM;
	paddr_t pa;

	rig_boot(arg);
	REQUIRE_OK(window_init(SZ_2M));
	before = rig_accounts();
	pa = frame_alloc(9, OWNER_TEST);
	REQUIRE(pa != FRAME_NONE, "no memory");
	for (unsigned i = 0; i < 20; i++) {
		uint64_t size = PAGE_SIZE * (1 + sim_below(512));

		*(uint64_t *)phys_to_ptr(pa) = i;
		REQUIRE_OK(window_map(pa, size, PROT_RO, &q));
		p = q;
		CHECK(*p == i, "the view shows something else");
		CHECK_ERR(window_map(pa, size, PROT_RW, &q), ERR_EXIST);
		window_unmap();
		rig_check_silent("window");
	}
	CHECK_ERR(window_map(pa, 2 * SZ_2M, PROT_RW, &q), ERR_RANGE);
	CHECK_ERR(window_init(2 * SZ_2M), ERR_RANGE);
	CHECK_ERR(window_init(SZ_2M), OK);
	for (unsigned k = 1; err == ERR_NOMEM; k++) {
		/* Undone: tables that were linked go. How many there are is the mode's. */
		shootdown_before_next(expect_reader, NULL);
		frame_fail_at(k);
		err = window_map(pa, PAGE_SIZE, PROT_RW, &q);
		frame_fail_at(0);
		CHECK(err == ERR_NOMEM || (err == OK && k > 1), "k=%u: %s", k, err_name(err));
	}
	REQUIRE_OK(err);
	window_unmap();
	frame_free(pa, 9, OWNER_TEST);
	rig_check_kernel("window");
	rig_check_accounts(&before, "window");
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m], .seed = seed, .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		for (rig.harts = 1; rig.harts <= SIM_MAX_HARTS; rig.harts++) {
			rig.backend = SHOOTDOWN_SBI;
			tap_ok(rig_run(random_changes, &rig), "%s: %u harts, SBI: random", name,
			       rig.harts);
			rig.backend = SHOOTDOWN_IPI;
			tap_ok(rig_run(random_changes, &rig), "%s: %u harts, IPI: random", name,
			       rig.harts);
			rig.backend = SHOOTDOWN_SVINVAL;
			tap_ok(rig_run(random_changes, &rig), "%s: %u harts, Svinval: random", name,
			       rig.harts);
		}
		rig.harts = 2;
		tap_ok(rig_run(split_direct_map, &rig), "%s: splits of the direct map", name);
		tap_ok(rig_run(free_beside_split, &rig), "%s: a free beside a split", name);
		tap_ok(rig_run(nomem, &rig), "%s: no memory for tables", name);
		tap_ok(rig_run(window, &rig), "%s: window", name);
	}
	return tap_done();
}
