/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlb.va_bits, pa_bits, table_bits, dense, crossing: every page says who it is, so a hit in an
 * entry of another page shows. Nothing changes here and nothing is fenced in between: what is
 * asserted is that an address translates to its own page, whatever else was touched.
 */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/frame.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/scene.h"

#define CLAUSE "Privileged ISA, Virtual Address Translation Process: an address has one translation"

#define MAX_PAGES 1024
#define PASSES 4

struct spot {
	vaddr_t va;
	struct page page;
};

static struct {
	struct scene *s;
	unsigned nr;
	struct spot spot[MAX_PAGES];
	enum access access;
	unsigned passes;
	struct rng rng;
	unsigned bad;
	unsigned first; /* spot that was wrong first */
	struct probe seen;
} walk;

static void add_spot(vaddr_t va, struct page page)
{
	walk.spot[walk.nr].va = va;
	walk.spot[walk.nr++].page = page;
}

static uint64_t offset_of(enum access a, const struct spot *p)
{
	/* Any word, the same one each time: it is the page that counts. */
	return a == ACCESS_FETCH ? 0 : PAGE_WORDS + p->page.id % 200 * sizeof(uint64_t);
}

static uint64_t expected(enum access a, const struct spot *p)
{
	return a == ACCESS_FETCH ? page_stub_value(&p->page) : page_word(&p->page, offset_of(a, p));
}

static void touch(unsigned i)
{
	const struct spot *p = &walk.spot[i];
	struct probe seen = probe_access(walk.access, p->va + offset_of(walk.access, p), 0);

	if (!seen.trapped && seen.value == expected(walk.access, p))
		return;
	if (walk.bad++ == 0) {
		walk.first = i;
		walk.seen = seen;
	}
}

/* In order, so that every set is filled; then at random. */
static void touch_job(void *arg)
{
	(void)arg;
	scene_enter(walk.s);
	for (unsigned i = 0; i < walk.nr; i++)
		touch(i);
	for (unsigned pass = 0; pass < walk.passes; pass++) {
		for (unsigned i = 0; i < walk.nr; i++)
			touch((unsigned)rng_below(&walk.rng, walk.nr));
	}
	scene_leave();
}

static void report(struct test_run *t, unsigned hart)
{
	const struct spot *p = &walk.spot[walk.first];
	const struct probe *seen = &walk.seen;

	if (walk.bad == 0)
		return;
	if (seen->trapped)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) %s at 0x%llx: TRAP: %s, stval 0x%llx, expected page %u",
			  hart, (unsigned long long)hart_get(hart)->hartid,
			  access_name(walk.access), (unsigned long long)p->va,
			  trap_cause_name(seen->cause), (unsigned long long)seen->tval, p->page.id);
	else
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) %s at 0x%llx: WRONG ENTRY: saw 0x%llx of page %u, "
			  "expected page %u; %u wrong",
			  hart, (unsigned long long)hart_get(hart)->hartid,
			  access_name(walk.access), (unsigned long long)p->va,
			  (unsigned long long)seen->value, scene_whose(walk.s, seen->value),
			  p->page.id, walk.bad);
	pt_print_walk(&walk.s->pt, p->va);
}

static void run(struct test_run *t)
{
	walk.passes = PASSES * (unsigned)min_u64(t->bench->args->repeat, 1000);
	for (unsigned a = 0; a < NR_ACCESSES; a++) {
		/* A store would change what pages say; its translation is a load's. */
		if (a == ACCESS_STORE)
			continue;
		walk.access = (enum access)a;
		hartset_for_each(h, &t->all) {
			struct hartset one = hartset_of(h);

			walk.bad = 0;
			walk.rng = rng_stream(rng_next(&t->rng), h);
			test_on_harts(t, &one, touch_job, NULL);
			report(t, h);
		}
	}
}

static struct scene *begin(struct test_run *t)
{
	walk.nr = 0;
	walk.s = scene_open(t);
	return walk.s;
}

static void map(vaddr_t va, paddr_t pa)
{
	scene_store(scene_slot(walk.s, va, LEVEL_4K), pte_leaf(pa, SCENE_RWX).raw);
}

static vaddr_t flip(const struct mmu_mode *m, vaddr_t va, unsigned bit)
{
	unsigned unused = 64 - m->va_bits;

	return (vaddr_t)((int64_t)((va ^ UINT64_C(1) << bit) << unused) >> unused);
}

/* Whether @va and all that differ from it in one bit are free in the kernel's root. */
static bool neighbours_free(const struct scene *s, vaddr_t va)
{
	for (unsigned b = PAGE_SHIFT; b < s->pt.mode->va_bits; b++) {
		vaddr_t other = flip(s->pt.mode, va, b);

		if (other == 0 || !scene_may_use(s, other))
			return false;
	}
	return true;
}

TEST(tlb, va_bits, .machine = true, .clause = CLAUSE)
{
	struct scene *s = begin(t);
	const struct mmu_mode *m = s->pt.mode;
	unsigned tries = 0;
	vaddr_t va;

	do {
		va = scene_va(s, HALF_LOW, LEVEL_4K);
		ASSERT(t, ++tries < 1000, "no address whose neighbours in every bit are free");
	} while (!neighbours_free(s, va));
	for (unsigned b = PAGE_SHIFT; b <= m->va_bits; b++) {
		struct page p = scene_new_page(s);
		vaddr_t at = b == m->va_bits ? va : flip(m, va, b);

		map(at, p.pa);
		add_spot(at, p);
	}
	run(t);
	scene_close();
}

/* A run of free frames as long as there is: the more, the more bits of a physical address. */
static paddr_t largest_block(struct scene *s, unsigned *order)
{
	/* Half of what is free stays free. */
	uint64_t frames = frame_counts().free / 2;

	for (*order = FRAME_MAX_ORDER; *order > 0; (*order)--) {
		paddr_t pa =
			UINT64_C(1) << *order > frames ? FRAME_NONE : scene_try_block(s, *order);

		if (pa != FRAME_NONE)
			return pa;
	}
	return scene_block(s, 0);
}

TEST(tlb, pa_bits, .machine = true, .clause = CLAUSE)
{
	struct scene *s = begin(t);
	vaddr_t va = scene_va(s, HALF_LOW, LEVEL_2M);
	unsigned order;
	paddr_t block = largest_block(s, &order);

	for (unsigned b = 0; b <= order; b++) {
		paddr_t pa = block + (b == order ? 0 : PAGE_SIZE << b);

		map(va + b * PAGE_SIZE, pa);
		add_spot(va + b * PAGE_SIZE, scene_page(s, pa));
	}
	note("physical addresses that differ in one of %u bits", order);
	run(t);
	scene_close();
}

/* The same for pages that hold tables: each leads to another page, at the same index. */
TEST(tlb, table_bits, .machine = true, .clause = CLAUSE)
{
	struct scene *s = begin(t);
	vaddr_t va = scene_va(s, HALF_LOW, LEVEL_1G);
	unsigned order;
	paddr_t block = largest_block(s, &order);

	for (unsigned b = 0; b <= order; b++) {
		paddr_t table = block + (b == order ? 0 : PAGE_SIZE << b);
		vaddr_t at = va + b * SZ_2M;
		struct page p = scene_new_page(s);

		for (unsigned i = 0; i < PT_ENTRIES; i++)
			scene_store(&((uint64_t *)phys_to_ptr(table))[i], 0);
		scene_store(scene_slot_below(s, table, LEVEL_4K, at, LEVEL_4K),
			    pte_leaf(p.pa, SCENE_RWX).raw);
		scene_store(scene_slot(s, at, LEVEL_2M), pte_table(table).raw);
		add_spot(at, p);
	}
	note("addresses of tables that differ in one of %u bits", order);
	run(t);
	scene_close();
}

#define DENSE_ORDER 9u

TEST(tlb, dense, .machine = true, .clause = CLAUSE)
{
	struct scene *s = begin(t);
	paddr_t block = scene_block(s, DENSE_ORDER);
	vaddr_t va = scene_va(s, HALF_HIGH, LEVEL_1G);

	for (unsigned i = 0; i < 1u << DENSE_ORDER; i++) {
		/* Backwards, so that no two bits of page and frame number agree for all. */
		paddr_t pa = block + ((1u << DENSE_ORDER) - 1 - i) * PAGE_SIZE;

		map(va + i * PAGE_SIZE, pa);
		add_spot(va + i * PAGE_SIZE, scene_page(s, pa));
	}
	run(t);
	scene_close();
}

/* One load over the edge of two pages that no TLB knows. */
static struct crossing {
	struct scene *s;
	vaddr_t va; /* of the second page */
	uint64_t expected;
	bool misaligned_traps; /* legal */
	unsigned bad;
	struct probe seen;
} crossing;

#define CAUSE_LOAD_MISALIGNED 4

static void crossing_job(void *arg)
{
	unsigned tries = *(const unsigned *)arg;

	scene_enter(crossing.s);
	for (unsigned i = 0; i < tries; i++) {
		struct probe p;

		raw_sfence_all();
		p = probe_load(crossing.va - sizeof(uint32_t));
		/* Either is what a machine without such loads raises (Unprivileged ISA). */
		if (p.trapped && (p.cause == CAUSE_LOAD_MISALIGNED || p.cause == CAUSE_LOAD_ACCESS))
			crossing.misaligned_traps = true;
		else if ((p.trapped || p.value != crossing.expected) && crossing.bad++ == 0)
			crossing.seen = p;
	}
	scene_leave();
}

TEST(tlb, crossing, .machine = true, .clause = CLAUSE)
{
	struct scene *s = scene_open(t);
	vaddr_t va = scene_va(s, HALF_LOW, LEVEL_2M) + PAGE_SIZE;
	struct page low = scene_new_page(s), high = scene_new_page(s);
	unsigned tries = 64 * (unsigned)min_u64(t->bench->args->repeat, 10000);

	walk.s = s;
	map(va - PAGE_SIZE, low.pa);
	map(va, high.pa);
	/* Four bytes of each: the end of the one, the start of the other (its stub's first). */
	*page_ptr(&high, 0) = page_word(&high, 0);
	crossing = (struct crossing){
		.s = s,
		.va = va,
		.expected = page_word(&low, PAGE_SIZE - sizeof(uint64_t)) >> 32 |
			    page_word(&high, 0) << 32,
	};
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		crossing.bad = 0;
		test_on_harts(t, &one, crossing_job, &tries);
		if (crossing.bad != 0) {
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u (id %llu) load over the edge of two pages at 0x%llx: %s "
				  "0x%llx, expected 0x%llx; %u of %u",
				  h, (unsigned long long)hart_get(h)->hartid,
				  (unsigned long long)va,
				  crossing.seen.trapped ? trap_cause_name(crossing.seen.cause)
							: "WRONG ENTRY: saw",
				  (unsigned long long)(crossing.seen.trapped ? crossing.seen.tval
									     : crossing.seen.value),
				  (unsigned long long)crossing.expected, crossing.bad, tries);
			pt_print_walk(&s->pt, va);
		}
	}
	if (crossing.misaligned_traps)
		test_skip(t, "misaligned loads trap on this machine");
	scene_close();
}
