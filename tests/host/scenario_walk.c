/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk. */
#include "tests/host/scenario_walk.h"

#include "tests/host/arch_sim_rig.h"

struct walk {
	const struct mmu_mode *mode;
	struct walk_visitor v;
	struct walk_counts n;
};

static vaddr_t sign_extend(const struct mmu_mode *mode, vaddr_t va)
{
	unsigned unused = 64 - mode->va_bits;

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

static void walk_table(struct walk *w, paddr_t pa, vaddr_t va, unsigned level)
{
	const uint64_t *entries = sim_word(pa);
	unsigned used = 0;

	REQUIRE(entries != NULL, "a table at 0x%llx, where nothing is", (unsigned long long)pa);
	w->n.tables++;
	if (w->v.table != NULL)
		w->v.table(w->v.arg, pa);
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		vaddr_t at = sign_extend(w->mode, va + i * level_size(level));
		pte_t e = {entries[i]};

		used += e.raw != 0;
		w->n.residue += e.raw != 0 && !pte_is_valid(e);
		if (pte_is_table(e)) {
			REQUIRE(level > 0, "a pointer in the lowest level, 0x%llx",
				(unsigned long long)at);
			walk_table(w, pte_pa(e), at, level - 1);
		} else if (pte_is_leaf(e)) {
			w->n.leaves++;
			if (w->v.leaf != NULL)
				w->v.leaf(w->v.arg, at, level, e);
		}
	}
	w->n.empty += used == 0 && level + 2 < w->mode->levels;
}

struct walk_counts scenario_walk(const struct ptable *pt, const struct walk_visitor *v)
{
	struct walk w = {.mode = pt->mode};

	if (v != NULL)
		w.v = *v;
	walk_table(&w, pt->root, 0, pt->mode->levels - 1);
	return w.n;
}
