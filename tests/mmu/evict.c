/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlb.evict.*: unrelated pages are touched between fill and change, so that the entry has left the
 * first level of a TLB and is held by the second. How many it takes differs from core to core, so
 * several counts are tried; those behind which nothing is held any more are blind.
 */
#include "firmware/arch.h"
#include "tests/mmu/ops.h"

#define CLAUSE "Privileged ISA, SFENCE.VMA: implicit reads behind it see the stores before it"

struct evict_case {
	struct op_case op;
	unsigned pages;
};

/* Map @pages addresses to one page, which nobody changes. */
static vaddr_t map_unrelated(struct scene *s, enum half half, unsigned pages)
{
	struct page p = scene_new_page(s);
	/* A whole entry of 1 GiB is ours: consecutive pages go through every set. */
	vaddr_t va = scene_va(s, half, LEVEL_1G);

	for (unsigned i = 0; i < pages; i++)
		scene_store(scene_slot(s, va + i * PAGE_SIZE, LEVEL_4K),
			    pte_leaf(p.pa, SCENE_RWX).raw);
	return va;
}

static void evict(struct test_run *t)
{
	struct stim *st;
	const struct evict_case *c = t->test->arg;
	struct scene *s = scene_open(t);

	st = stim_pool(s);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		if (!op_build(s, &c->op, (enum half)h, &st[h])) {
			scene_close();
			return;
		}
		st[h].evict = c->pages;
		st[h].evict_va = map_unrelated(s, (enum half)h, c->pages);
	}
	stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

#define ROW(size, LEVEL, kind, ACCESS, pages)                                                      \
	TEST_ROW(tlb, evict_##size##_##kind##_##pages, "evict." #size "." #kind "." #pages, evict, \
		 .machine = true, .clause = CLAUSE,                                                \
		 .arg = &(const struct evict_case){{OP_REMAP, LEVEL, ACCESS, false}, pages})
#define ROWS(size, LEVEL, pages)                                                                   \
	ROW(size, LEVEL, load, ACCESS_LOAD, pages)                                                 \
	ROW(size, LEVEL, store, ACCESS_STORE, pages)                                               \
	ROW(size, LEVEL, fetch, ACCESS_FETCH, pages)
ROWS(4k, LEVEL_4K, 24)
ROWS(4k, LEVEL_4K, 96)
ROWS(4k, LEVEL_4K, 384)
ROWS(4k, LEVEL_4K, 1536)
ROWS(2m, LEVEL_2M, 24)
ROWS(2m, LEVEL_2M, 96)
ROWS(2m, LEVEL_2M, 384)
