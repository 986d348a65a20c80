/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svnapot.*: leaves of 64 KiB, 16 entries that say the same. A walk of one may leave translations
 * of any of the 16 pages behind, whole or piece by piece; so an addressed fence is relied on for
 * the 4 KiB that it names, and one of each page, or of any address, for all.
 */
#include <string.h>

#include "mm/fault.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/remote.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, Svnapot: implicit reads of a NAPOT entry may be cached for any of its "   \
	"pages; SFENCE.VMA of each reaches them"

#define NAPOT_PAGES 16u
#define NAPOT_ORDER 4u
#define NAPOT_SIZE (NAPOT_PAGES * PAGE_SIZE)

enum napot_op {
	NAPOT_REMAP, /* to other frames */
	NAPOT_UNMAP,
	NAPOT_PROTECT,
	NAPOT_SPLIT,   /* 16 leaves of 4 KiB instead, to other frames in another order */
	NAPOT_MERGE,   /* the reverse */
	NAPOT_BESIDE,  /* remapped, between leaves of 4 KiB that stay */
	NAPOT_BETWEEN, /* stays, between leaves of 4 KiB that are remapped */
};

struct napot_case {
	enum napot_op op;
	enum access access;
	bool remote;
};

static const char *what(enum napot_op op)
{
	static const char *const names[] = {"remap 64k",    "unmap 64k", "protect 64k",
					    "split 64k",    "merge 64k", "64k beside 4k",
					    "4k beside 64k"};

	return names[op];
}

static uint64_t napot_leaf(paddr_t block, uint64_t prot)
{
	return pte_leaf(block + NAPOT_SIZE / 2, prot).raw | PTE_N;
}

/* 16 frames that lie as a NAPOT leaf wants them. */
struct frames16 {
	paddr_t pa;
	struct page page[NAPOT_PAGES];
};

static struct frames16 new_frames(struct scene *s)
{
	struct frames16 f = {.pa = scene_block(s, NAPOT_ORDER)};

	for (unsigned i = 0; i < NAPOT_PAGES; i++)
		f.page[i] = scene_page(s, f.pa + i * PAGE_SIZE);
	return f;
}

/* Page i of the leaf in 4 KiB entries leads to frame 15 - i: nothing that a NAPOT leaf could say.
 */
static unsigned mirrored(unsigned i)
{
	return NAPOT_PAGES - 1 - i;
}

/* One more page with its entry, which may stay as it is. */
static void add(struct scene *s, struct stim *st, vaddr_t va, struct page was, uint64_t old,
		struct page is, uint64_t new)
{
	struct target *at = &st->at[st->nr++];
	struct edit *e = &st->edit[st->nr_edits];

	at->va = va;
	at->was = was;
	at->is = is;
	e->slot = scene_slot(s, va, 0);
	e->was = old;
	e->is = new;
	scene_store(e->slot, old);
	/* The entry that is stored last is the one that changes right before the fence. */
	st->nr_edits += old != new;
}

static void add_napot(struct scene *s, const struct napot_case *c, struct stim *st)
{
	static const uint64_t lost[] = {PTE_R | PTE_W, PTE_W, PTE_X};
	struct frames16 a = new_frames(s), b = new_frames(s);
	bool small_before = c->op == NAPOT_MERGE, small_behind = c->op == NAPOT_SPLIT;

	for (unsigned i = 0; i < NAPOT_PAGES; i++) {
		struct page was = a.page[small_before ? mirrored(i) : i];
		struct page is = b.page[small_behind ? mirrored(i) : i];
		uint64_t old = napot_leaf(a.pa, SCENE_RWX), new = napot_leaf(b.pa, SCENE_RWX);

		if (small_before)
			old = pte_leaf(was.pa, SCENE_RWX).raw;
		if (small_behind)
			new = pte_leaf(is.pa, SCENE_RWX).raw;
		if (c->op == NAPOT_UNMAP)
			new = 0;
		if (c->op == NAPOT_PROTECT)
			new = napot_leaf(a.pa, SCENE_RWX & ~lost[c->access]);
		if (c->op == NAPOT_UNMAP || c->op == NAPOT_PROTECT)
			is = PAGE_FAULT;
		if (c->op == NAPOT_BETWEEN) {
			is = was;
			new = old;
		}
		if (fault_armed(FAULT_NAPOT_ONE) && i != 0)
			new = old;
		add(s, st, st->start + i * PAGE_SIZE, was, old, is, new);
	}
}

/* Leaves of 4 KiB right below and above, to frames that no NAPOT leaf leads to. */
static void add_neighbours(struct scene *s, const struct napot_case *c, struct stim *st)
{
	for (unsigned i = 0; i < NAPOT_PAGES; i++) {
		vaddr_t va = i % 2 == 0 ? st->start - (i / 2 + 1) * PAGE_SIZE
					: st->start + NAPOT_SIZE + i / 2 * PAGE_SIZE;
		struct page was = scene_new_page(s);
		struct page is = c->op == NAPOT_BETWEEN ? scene_new_page(s) : was;

		add(s, st, va, was, pte_leaf(was.pa, SCENE_RWX).raw, is,
		    pte_leaf(is.pa, SCENE_RWX).raw);
	}
}

static void build(struct scene *s, const struct napot_case *c, enum half half, struct stim *st)
{
	memset(st, 0, sizeof(*st));
	st->scene = s;
	st->what = what(c->op);
	st->half = half;
	st->access = c->access;
	/* Not at the edges of the 2 MiB: there are neighbours on both sides. */
	st->start = scene_va(s, half, 1) + (1 + rng_below(&s->t->rng, 30)) * NAPOT_SIZE;
	st->size = NAPOT_SIZE;
	st->fences = FENCES_ANY_VA | FENCES_EACH | FENCE_BIT(FENCE_VA) | FENCE_BIT(FENCE_VA_ASID) |
		     FENCE_BIT(RFENCE_PAGE) | FENCE_BIT(RFENCE_PAGE_ASID) | FENCE_BIT(RFENCE_LEAF) |
		     FENCE_BIT(RFENCE_LEAF_ASID) | FENCE_BIT(IPI_VA) | FENCE_BIT(IPI_VA_ASID);
	st->named_only = true;
	st->either_or = c->op != NAPOT_UNMAP && c->op != NAPOT_PROTECT;
	add_napot(s, c, st);
	if (c->op == NAPOT_BESIDE || c->op == NAPOT_BETWEEN)
		add_neighbours(s, c, st);
	if (c->op == NAPOT_BETWEEN) {
		/* What a range must cover is what changes: both sides and the leaf between. */
		st->start -= NAPOT_PAGES / 2 * PAGE_SIZE;
		st->size += NAPOT_PAGES * PAGE_SIZE;
	}
}

static void run(struct test_run *t)
{
	struct stim *st;
	const struct napot_case *c = t->test->arg;
	uint32_t local = FENCES_LOCAL | FENCE_BIT(FENCE_EACH_VA);
	struct scene *s;

	if ((t->bench->machine->isa & ISA_SVNAPOT) == 0) {
		test_skip(t, "the device tree does not claim Svnapot");
		return;
	}
	if ((t->bench->machine->isa & ISA_SVINVAL) != 0)
		local |= FENCES_INVAL | FENCES_INVAL_EACH;
	s = scene_open(t);
	st = stim_pool(s);
	for (unsigned h = 0; h < NR_HALVES; h++)
		build(s, c, (enum half)h, &st[h]);
	if (c->remote)
		stim_run_remote(t, st, NR_HALVES, FENCES_RFENCE | FENCES_IPI);
	else
		stim_run_local(t, st, NR_HALVES, local);
	scene_close();
}

#define LOCAL(op, OP, kind, ACCESS)                                                                \
	TEST_ROW(svnapot, op##_##kind, #op ".64k." #kind, run, .machine = true, .clause = CLAUSE,  \
		 .arg = &(const struct napot_case){OP, ACCESS, false})
#define REMOTE(op, OP, kind, ACCESS)                                                               \
	TEST_ROW(svnapot, op##_remote_##kind, #op "_remote.64k." #kind, run,                       \
		 .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,          \
		 .clause = CLAUSE, .arg = &(const struct napot_case){OP, ACCESS, true})
#define ROWS(ROW, op, OP)                                                                          \
	ROW(op, OP, load, ACCESS_LOAD)                                                             \
	ROW(op, OP, store, ACCESS_STORE)                                                           \
	ROW(op, OP, fetch, ACCESS_FETCH)

ROWS(LOCAL, remap, NAPOT_REMAP)
ROWS(LOCAL, unmap, NAPOT_UNMAP)
ROWS(LOCAL, protect, NAPOT_PROTECT)
ROWS(LOCAL, split, NAPOT_SPLIT)
ROWS(LOCAL, merge, NAPOT_MERGE)
ROWS(LOCAL, beside, NAPOT_BESIDE)
ROWS(LOCAL, between, NAPOT_BETWEEN)
ROWS(REMOTE, remap, NAPOT_REMAP)
ROWS(REMOTE, unmap, NAPOT_UNMAP)
ROWS(REMOTE, protect, NAPOT_PROTECT)
ROWS(REMOTE, split, NAPOT_SPLIT)
