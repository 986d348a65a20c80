/* SPDX-License-Identifier: BSD-2-Clause */
/* The accounting walk. */
#include "mm/audit.h"

#include "mm/map.h"
#include "mm/shadow.h"

const char *audit_problem_name(enum audit_problem p)
{
	static const char *const names[] = {
		[AUDIT_OK] = "clean",
		[AUDIT_MISSING] = "should be mapped, is not",
		[AUDIT_EXTRA] = "mapped, should not be",
		[AUDIT_WRONG] = "mapped elsewhere or with other rights",
		[AUDIT_LEAF_SIZE] = "leaf is not the largest that fits",
		[AUDIT_EMPTY_TABLE] = "empty table page left linked",
		[AUDIT_RESIDUE] = "invalid entry is not zero",
		[AUDIT_TABLE_COUNT] = "table pages found and counted differ",
		[AUDIT_SHADOW_LOST] = "shadow map overflowed, nothing compared",
	};

	return names[p];
}

struct walk {
	const struct ptable *pt;
	struct audit *a;
	unsigned extent;  /* that the next leaf must lie in */
	uint64_t covered; /* bytes of it that were found */
};

static void problem(struct audit *a, enum audit_problem p, vaddr_t va, unsigned level, pte_t seen,
		    uint64_t expected)
{
	if (a->problem != AUDIT_OK)
		return;
	a->problem = p;
	a->va = va;
	a->level = level;
	a->seen = seen;
	a->expected = expected;
}

/* Leaves come in ascending order; extents are sorted: one pass compares both. */
static void leaf_found(struct walk *w, vaddr_t va, unsigned level, pte_t e)
{
	const struct shadow *s = w->pt->shadow;
	const struct extent *x;
	paddr_t pa;
	unsigned best;

	w->a->leaves[level]++;
	if (s == NULL) {
		if (pte_is_parked(e))
			problem(w->a, AUDIT_RESIDUE, va, level, e, 0);
		return;
	}
	if (w->extent == s->nr || va < s->extents[w->extent].va) {
		problem(w->a, pte_is_valid(e) ? AUDIT_EXTRA : AUDIT_RESIDUE, va, level, e, 0);
		return;
	}
	x = &s->extents[w->extent];
	if (va != x->va + w->covered) {
		problem(w->a, AUDIT_MISSING, x->va + w->covered, 0, PTE_NONE, x->pa + w->covered);
		return;
	}
	pa = x->pa + w->covered;
	best = pt_best_level(va, pa, x->size - w->covered, x->max_level);
	if (pte_pa(e) != pa || pte_prot(e) != x->prot || pte_is_parked(e) != x->parked)
		problem(w->a, AUDIT_WRONG, va, level, e, pa);
	else if (level != best)
		problem(w->a, AUDIT_LEAF_SIZE, va, level, e, best);
	w->covered += level_size(level);
	if (w->covered >= x->size) {
		w->extent++;
		w->covered = 0;
	}
}

struct frame_of_walk {
	paddr_t table;
	vaddr_t va;
	unsigned next;
	unsigned used;
};

struct audit audit_table(const struct ptable *pt)
{
	struct audit a = {0};
	struct walk w = {.pt = pt, .a = &a};
	struct frame_of_walk stack[PT_MAX_LEVELS];
	unsigned top = pt->mode->levels - 1;
	unsigned level = top;

	if (pt->shadow != NULL && pt->shadow->lost) {
		a.problem = AUDIT_SHADOW_LOST;
		return a;
	}
	stack[level] = (struct frame_of_walk){.table = pt->root};
	a.tables = 1;
	for (;;) {
		struct frame_of_walk *f = &stack[level];
		vaddr_t va;
		pte_t e;

		f->next = pte_next_used(f->table, f->next);
		if (f->next == PT_ENTRIES) {
			bool prealloc = level == top || (pt->root_fixed && level == top - 1);

			if (f->used == 0 && prealloc)
				a.empty++;
			else if (f->used == 0)
				problem(&a, AUDIT_EMPTY_TABLE, f->va, level, PTE_NONE, f->table);
			if (level == top)
				break;
			level++;
			continue;
		}
		e = pte_load((pte_slot_t){f->table + f->next * sizeof(pte_t)});
		va = mode_sign_extend(pt->mode, f->va + f->next * level_size(level));
		f->next++;
		f->used++;
		if (!pte_is_valid(e) && !pte_is_parked(e)) {
			problem(&a, AUDIT_RESIDUE, va, level, e, 0);
		} else if (pte_is_mapping(e) || level == 0) {
			leaf_found(&w, va, level, e);
		} else {
			a.tables++;
			level--;
			stack[level] = (struct frame_of_walk){.table = pte_pa(e), .va = va};
		}
	}
	if (pt->shadow != NULL && w.extent != pt->shadow->nr) {
		const struct extent *x = &pt->shadow->extents[w.extent];

		problem(&a, AUDIT_MISSING, x->va + w.covered, 0, PTE_NONE, x->pa + w.covered);
	}
	if (a.tables != pt->nr_tables)
		problem(&a, AUDIT_TABLE_COUNT, 0, 0, PTE_NONE, pt->nr_tables);
	return a;
}
