/* SPDX-License-Identifier: BSD-2-Clause */
/* Remapping many pages, and fencing them one by one without a pause. */
#include "tests/mmu/many.h"

#include <string.h>

/* Frames are shared by the sizes: a page's number is what tells it, not who uses it. */
static struct page frames[2][FENCE_MAX_EACH];

static void new_frames(struct scene *s)
{
	for (unsigned i = 0; i < FENCE_MAX_EACH; i++) {
		frames[0][i] = scene_new_page(s);
		frames[1][i] = scene_new_page(s);
	}
}

static bool used(const struct stim *st, vaddr_t va)
{
	for (unsigned i = 0; i < st->nr; i++) {
		if (st->at[i].va == va)
			return true;
	}
	return va >= st->start + SZ_2M;
}

/* Neighbours in runs of up to four, the runs anywhere: sectors of a TLB, and its other sets. */
static vaddr_t draw_va(struct scene *s, const struct stim *st)
{
	vaddr_t va = st->nr % 4 != 0 ? st->at[st->nr - 1].va + PAGE_SIZE : st->start;

	while (st->nr % 4 == 0 || used(st, va)) {
		va = st->start + rng_below(&s->t->rng, PT_ENTRIES) * PAGE_SIZE;
		if (!used(st, va))
			break;
	}
	return va;
}

void many_build(struct scene *s, unsigned n, enum access a, enum half half, struct stim *st)
{
	memset(st, 0, sizeof(*st));
	st->scene = s;
	st->what = "remap many";
	st->half = half;
	st->access = a;
	st->start = scene_va(s, half, 1);
	st->size = SZ_2M;
	st->fences = FENCES_EACH;
	st->either_or = true;
	while (st->nr < n) {
		struct target *at = &st->at[st->nr];
		struct edit *e = &st->edit[st->nr_edits++];

		at->va = draw_va(s, st);
		at->was = frames[0][st->nr];
		at->is = frames[1][st->nr];
		e->slot = scene_slot(s, at->va, 0);
		e->was = pte_leaf(at->was.pa, SCENE_RWX).raw;
		e->is = pte_leaf(at->is.pa, SCENE_RWX).raw;
		scene_store(e->slot, e->was);
		st->nr++;
	}
}

void many_run(struct test_run *t, enum access a, uint32_t fences)
{
	static const unsigned sizes[NR_MANY] = MANY_SIZES;
	struct stim *st;
	struct scene *s = scene_open(t);

	st = stim_pool(s);
	new_frames(s);
	for (unsigned i = 0; i < NR_MANY; i++)
		many_build(s, sizes[i], a, (enum half)(i % NR_HALVES), &st[i]);
	stim_run_local(t, st, NR_MANY, fences);
	scene_close();
}
