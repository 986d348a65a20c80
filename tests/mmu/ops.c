/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of a table, from one description to entries, pages and what may be seen. */
#include "tests/mmu/ops.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/frame.h"

#define ORDER_2M 9u
#define ORDER_1G 18u

/* What a page table of this op's size is tried with: both ends and some in between. */
#define PAGES_OF_LEAF 16

const char *level_name(unsigned level)
{
	static const char *const names[] = {"4k", "2m", "1g", "512g", "256t"};

	return names[level];
}

static const char *what(const struct op_case *c)
{
	static const char *const names[][PT_MAX_LEVELS] = {
		[OP_REMAP] = {"remap 4k", "remap 2m", "remap 1g", "remap 512g", "remap 256t"},
		[OP_UNMAP] = {"unmap 4k", "unmap 2m", "unmap 1g", "unmap 512g", "unmap 256t"},
		[OP_PROTECT] = {"protect 4k", "protect 2m", "protect 1g", "protect 512g",
				"protect 256t"},
		[OP_SPLIT] = {"", "split 2m", "split 1g", "split 512g", "split 256t"},
		[OP_MERGE] = {"", "merge 2m", "merge 1g", "merge 512g", "merge 256t"},
		[OP_TABLE] = {"", "table of 4k", "table of 2m", "table of 1g", "table of 512g"},
		[OP_WALK] = {"", "walk to 4k", "walk to 2m", "walk to 1g", "walk to 512g"},
		[OP_MAKE] = {"make 4k", "make 2m", "make 1g", "make 512g", "make 256t"},
		[OP_GRANT] = {"grant 4k", "grant 2m", "grant 1g", "grant 512g", "grant 256t"},
		[OP_LINK] = {"", "link of 4k", "link of 2m", "link of 1g", "link of 512g"},
		[OP_RESERVE] = {"reserve 4k", "reserve 2m", "reserve 1g"},
		[OP_RELEASE] = {"release 4k", "release 2m", "release 1g"},
	};

	return names[c->op][c->level];
}

static uint64_t prot_of(const struct op_case *c)
{
	return SCENE_RWX | (c->global ? PTE_G : 0);
}

/* Without the right that @a needs, and still a leaf that may be encoded (W without R is not). */
static uint64_t prot_without(uint64_t prot, enum access a)
{
	static const uint64_t lost[] = {
		[ACCESS_LOAD] = PTE_R | PTE_W,
		[ACCESS_STORE] = PTE_W,
		[ACCESS_FETCH] = PTE_X,
	};

	return prot & ~lost[a];
}

/* Whether the access traps before (@is false) or behind the change. */
static bool traps(const struct op_case *c, bool is)
{
	if (is)
		return c->op == OP_UNMAP || c->op == OP_PROTECT || c->op == OP_RESERVE;
	return c->op == OP_MAKE || c->op == OP_GRANT || c->op == OP_LINK || c->op == OP_RELEASE;
}

/* Blocks of pages that leaves lead to; @was and @is congruent modulo the leaf. */
struct blocks {
	paddr_t was, is;
	unsigned order; /* of each */
};

static bool find_blocks(struct scene *s, const struct op_case *c, struct blocks *b)
{
	b->order = c->level == LEVEL_4K ? 0 : ORDER_2M;
	b->was = scene_try_block(s, b->order);
	if (b->was == FRAME_NONE)
		return false;
	b->is = b->was;
	if (traps(c, false) || traps(c, true))
		return true; /* one page is enough */
	if (c->op != OP_REMAP || c->level <= LEVEL_2M) {
		b->is = scene_try_block(s, b->order);
		return b->is != FRAME_NONE;
	}
	if (c->level == LEVEL_1G) {
		paddr_t gib = scene_try_block(s, ORDER_1G);

		b->is = gib + (b->was & (SZ_1G - 1));
		return gib != FRAME_NONE;
	}
	return false;
}

/* Offsets in a block: first page, last page, others at random, all different. */
static unsigned draw_offsets(struct scene *s, unsigned order, uint64_t *offset)
{
	uint64_t pages = UINT64_C(1) << order;
	unsigned n = 0;

	if (pages == 1) {
		offset[0] = 0;
		return 1;
	}
	offset[n++] = 0;
	offset[n++] = (pages - 1) * PAGE_SIZE;
	while (n < PAGES_OF_LEAF) {
		uint64_t o = rng_below(&s->t->rng, pages) * PAGE_SIZE;
		bool used = false;

		for (unsigned i = 0; i < n; i++)
			used |= offset[i] == o;
		if (!used)
			offset[n++] = o;
	}
	return n;
}

static uint64_t leaf_at(paddr_t pa, unsigned level, uint64_t prot)
{
	return pte_leaf(align_down(pa, level_size(level)), prot).raw;
}

/* A table of @level - 1 whose 4 KiB leaves translate each target's address to its page. */
static uint64_t small_leaves(struct scene *s, const struct stim *st, unsigned level, bool is,
			     uint64_t prot)
{
	paddr_t table = scene_table(s);

	for (unsigned i = 0; i < st->nr; i++) {
		const struct page *p = is ? &st->at[i].is : &st->at[i].was;

		scene_store(scene_slot_below(s, table, level - 1, st->at[i].va, LEVEL_4K),
			    pte_leaf(p->pa, prot).raw);
	}
	return pte_table(table).raw;
}

static uint64_t entry_of(struct scene *s, const struct op_case *c, const struct stim *st,
			 const struct blocks *b, bool is)
{
	bool table = c->op == OP_TABLE || c->op == OP_WALK ||
		     ((c->op == OP_SPLIT || c->op == OP_LINK) && is) || (c->op == OP_MERGE && !is);
	uint64_t prot = prot_of(c);

	if ((c->op == OP_UNMAP && is) || ((c->op == OP_MAKE || c->op == OP_LINK) && !is))
		return 0;
	if ((c->op == OP_PROTECT && is) || (c->op == OP_GRANT && !is))
		prot = prot_without(prot, c->access);
	if ((c->op == OP_RESERVE && is) || (c->op == OP_RELEASE && !is))
		prot |= PTE_PBMT_MASK;

	if (table)
		return small_leaves(s, st, c->level, is, prot);
	return leaf_at(is ? b->is : b->was, c->level, prot);
}

static uint32_t fences_for(const struct op_case *c)
{
	uint32_t f = UINT32_MAX;

	/* An address operand reaches leaf entries only (Privileged ISA, SFENCE.VMA). */
	if (c->op == OP_LINK || (c->op != OP_REMAP && !traps(c, false) && !traps(c, true)))
		f &= FENCES_ANY_VA;
	if (c->global)
		f &= FENCES_ANY_ASID;
	/* SBI names no limit and no time: one that goes page by page would never be back. */
	if (c->level > LEVEL_1G)
		f &= ~(FENCE_BIT(RFENCE_LEAF) | FENCE_BIT(RFENCE_LEAF_ASID));
	return f;
}

static void add_targets(struct scene *s, const struct op_case *c, struct stim *st,
			const struct blocks *b)
{
	uint64_t offset[PAGES_OF_LEAF];
	unsigned n = draw_offsets(s, b->order, offset);
	/* The leaf lies with the address; a table of 4 KiB leaves leads anywhere. */
	paddr_t in_leaf = (c->op == OP_MERGE ? b->is : b->was) & (level_size(c->level) - 1);

	for (unsigned i = 0; i < n; i++) {
		struct target *at = &st->at[st->nr++];

		at->va = st->start + in_leaf + offset[i];
		at->was = traps(c, false) ? PAGE_FAULT : scene_page(s, b->was + offset[i]);
		at->is = traps(c, true) ? PAGE_FAULT : scene_page(s, b->is + offset[i]);
		at->cold = c->op == OP_WALK && i % 2 != 0;
		at->silent = c->op == OP_WALK && i % 2 == 0;
	}
}

static bool can_build(struct scene *s, const struct op_case *c, struct blocks *b)
{
	if (c->level >= s->pt.mode->levels) {
		test_skip(s->t, "%s has no leaves of %s", s->pt.mode->name, level_name(c->level));
		return false;
	}
	if (!find_blocks(s, c, b)) {
		test_skip(s->t, "no two pieces of free RAM that lie alike in %s",
			  level_name(c->level));
		return false;
	}
	return true;
}

static void build(struct scene *s, const struct op_case *c, const struct blocks *b, vaddr_t start,
		  struct stim *st)
{
	memset(st, 0, sizeof(*st));
	st->scene = s;
	st->what = what(c);
	st->half = (int64_t)start < 0 ? HALF_HIGH : HALF_LOW;
	st->access = c->access;
	st->start = start;
	st->size = level_size(c->level);
	st->fences = fences_for(c);
	st->either_or = c->op == OP_REMAP;
	add_targets(s, c, st, b);
	st->nr_edits = 1;
	st->edit[0].slot = scene_slot(s, st->start, c->level);
	st->edit[0].was = entry_of(s, c, st, b, false);
	st->edit[0].is = entry_of(s, c, st, b, true);
	scene_store(st->edit[0].slot, st->edit[0].was);
}

bool op_build_at(struct scene *s, const struct op_case *c, vaddr_t start, struct stim *st)
{
	struct blocks b;

	if (!can_build(s, c, &b))
		return false;
	build(s, c, &b, start, st);
	return true;
}

bool op_build(struct scene *s, const struct op_case *c, enum half half, struct stim *st)
{
	struct blocks b;

	/* Before an address is looked for: the mode may have none of that level. */
	if (!can_build(s, c, &b))
		return false;
	build(s, c, &b, scene_va(s, half, c->level), st);
	return true;
}

struct stim *op_open(struct test_run *t, const struct op_case *c)
{
	struct scene *s = scene_open(t);
	struct stim *st = stim_pool(s);

	for (unsigned h = 0; h < NR_HALVES; h++) {
		if (!op_build(s, c, (enum half)h, &st[h])) {
			scene_close();
			return NULL;
		}
	}
	return st;
}
