/* SPDX-License-Identifier: BSD-2-Clause */
/* The TLB model: what is freed, unplugged or declared complete is held against what is held. */
#include "mm/model_check.h"

#include "mm/frame.h"
#include "mm/model.h"
#include "mm/model_exposure.h"
#include "mm/model_odd.h"
#include "mm/model_paths.h"
#include "mm/model_report.h"
#include "mm/model_spaces.h"
#include "mm/model_types.h"

static paddr_t first_root;

void model_check_reset(paddr_t root)
{
	first_root = root;
}

/* Behind an overflow nothing is claimed. */
static bool may_claim(bool *irq)
{
	if (!model_lock(irq))
		return false;
	if (!model_overflowed())
		return true;
	model_unlock(*irq);
	return false;
}

/* What a record is held against. */
struct claim {
	uint64_t gen;
	const struct hartset *marked;
};

/* Report each record that @lacks a fence, the latest first. */
static void report_lacking(bool (*lacks)(const struct model_record *r, const struct claim *c),
			   const struct claim *c)
{
	unsigned n;
	const struct model_record *r = model_records(&n);

	for (unsigned i = n; i-- > 0;) {
		if (lacks(&r[i], c))
			model_report_record(VIOLATION_NO_FENCE, &r[i], 0);
	}
}

static bool is_own_since(const struct model_record *r, const struct claim *c)
{
	return r->writer == arch_hart() && r->gen > c->gen;
}

void model_complete(uint64_t begin)
{
	bool irq;

	if (!may_claim(&irq))
		return;
	report_lacking(is_own_since, &(struct claim){.gen = begin});
	model_types_complete();
	model_unlock(irq);
}

/* Only what was not valid may wait, and only on marked harts. */
static bool may_not_wait(const struct model_record *r, const struct claim *c)
{
	struct hartset unmarked = r->holders;

	hartset_sub(&unmarked, c->marked);
	return is_own_since(r, c) && (pte_is_valid(r->old) || !hartset_empty(&unmarked));
}

void model_deferred(uint64_t begin, const struct hartset *marked)
{
	bool irq;

	if (!may_claim(&irq))
		return;
	report_lacking(may_not_wait, &(struct claim){begin, marked});
	model_records_defer(arch_hart(), begin);
	model_types_complete();
	model_unlock(irq);
}

static bool is_deferred_here(const struct model_record *r, const struct claim *c)
{
	return (r->flags & MODEL_DEFERRED) != 0 && r->gen <= c->gen &&
	       hartset_has(&r->holders, arch_hart());
}

void model_repaired(uint64_t token)
{
	bool irq;

	if (!may_claim(&irq))
		return;
	report_lacking(is_deferred_here, &(struct claim){.gen = token});
	model_unlock(irq);
}

void model_root_dropped(paddr_t root)
{
	struct hartset harts;
	bool irq;

	if (!may_claim(&irq))
		return;
	harts = model_spaces_drop(root);
	if (!hartset_empty(&harts))
		model_report((struct violation){
			.kind = VIOLATION_ROOT_HELD, .pa = root, .holders = harts});
	model_table_drop_root(root);
	model_records_reroot(root);
	model_unlock(irq);
}

/* ---- table pages */

static void check_pointers(const struct model_table *t)
{
	const struct model_paths *paths = model_paths_to(t);
	bool unset = model_table_unset(t);
	struct hartset all = {{0}};
	const struct model_record *r;
	unsigned n;

	for (unsigned i = 0; i < paths->n; i++)
		hartset_join(&all, &paths->p[i].holders);
	if (model_exposing()) {
		model_exposure_table(t->pa, t->va, t->level, paths->live ? t->links : 0, &all);
		return;
	}
	if (paths->live)
		model_report((struct violation){.kind = VIOLATION_TABLE_LINKED,
						.pa = t->pa,
						.va = t->va,
						.level = t->level,
						.holders = all});
	r = model_records(&n);
	for (unsigned i = n; i-- > 0 && t->held;) {
		if (pte_is_table(r[i].old) && r[i].pa == t->pa)
			model_report_record(VIOLATION_TABLE_FREED, &r[i], t->pa);
	}
	/* By a pointer to a table above it. */
	for (unsigned i = 0; i < paths->n && !t->held && !paths->live; i++)
		model_report((struct violation){.kind = VIOLATION_TABLE_FREED,
						.pa = t->pa,
						.va = paths->p[i].va,
						.level = t->level,
						.holders = paths->p[i].holders});
	if (unset && !hartset_empty(&all))
		model_report((struct violation){.kind = VIOLATION_TABLE_WRITTEN,
						.pa = t->pa,
						.va = t->va,
						.level = t->level,
						.holders = all});
}

void model_table_freed(paddr_t pa)
{
	const struct model_table *t;
	bool irq;

	if (!may_claim(&irq))
		return;
	t = model_table_find(pa);
	if (t != NULL)
		check_pointers(t);
	model_report_unfenced(VIOLATION_TABLE_FREED, pa);
	model_table_forget(pa);
	model_unlock(irq);
}

/* ---- frames */

static bool overlap(paddr_t a, uint64_t a_size, struct region r)
{
	return a < region_end(r) && r.start < a + a_size;
}

/* What the old leaf @rec led to is led to by the same addresses still: it was split or merged. */
static bool translates_alike(const struct model_record *rec, paddr_t lo, paddr_t hi)
{
	return model_translates(model_root_at(rec->root), rec->va + (lo - rec->pa),
				pte_with_pa(rec->old, lo), hi - lo);
}

static void tell_held(enum violation_kind kind, const struct model_record *rec, paddr_t pa)
{
	if (kind == VIOLATION_FRAME_FREED && model_exposing())
		model_exposure_held(&rec->holders, rec->va);
	else
		model_report_record(kind, rec, pa);
}

/* Old leaves to @r that some hart may hold. */
static void check_held(struct region r, enum violation_kind kind)
{
	const struct model_record *recs;
	unsigned n;

	recs = model_records(&n);
	for (unsigned i = n; i-- > 0;) {
		const struct model_record *rec = &recs[i];
		uint64_t size = rec->count * level_size(rec->level);

		if (pte_is_leaf(rec->old) && overlap(rec->pa, size, r)) {
			paddr_t lo = max_u64(r.start, rec->pa);

			if (kind != VIOLATION_FRAME_FREED ||
			    !translates_alike(rec, lo, min_u64(region_end(r), rec->pa + size)))
				tell_held(kind, rec, lo);
		} else if (pte_is_table(rec->old) &&
			   model_table_maps(rec->pa, rec->level - 1u, r,
					    kind == VIOLATION_FRAME_FREED ? model_root_at(rec->root)
									  : FRAME_NONE,
					    NULL)) {
			/* Through the old pointer, every leaf below it can still be reached. */
			tell_held(kind, rec, r.start);
		}
	}
	model_report_unfenced(kind, r.start);
}

static void report_mapped(paddr_t pa, struct model_leaf leaf)
{
	model_report((struct violation){.kind = VIOLATION_FRAME_MAPPED,
					.pa = max_u64(pa, pte_pa(leaf.entry)),
					.va = leaf.va,
					.level = leaf.level,
					.old = leaf.entry,
					.writer = arch_hart(),
					.holders = arch_harts_online()});
}

void model_frames_freed(struct region r)
{
	struct model_leaf leaf;
	bool irq;

	if (!may_claim(&irq))
		return;
	check_held(r, VIOLATION_FRAME_FREED);
	if (model_exposing())
		model_exposure_frames(r);
	/* In the direct map it may stay; elsewhere somebody still means to use it. */
	if (model_odd_maybe(r) && model_tables_map(r, true, model_table_live, &leaf))
		report_mapped(r.start, leaf);
	model_unlock(irq);
}

void model_range_freed(vaddr_t va, uint64_t size)
{
	bool irq;

	if (!may_claim(&irq))
		return;
	for (vaddr_t at = va; at - va < size;) {
		struct model_leaf leaf = model_table_lookup(first_root, at);

		if (pte_is_valid(leaf.entry))
			report_mapped(0, leaf);
		at = align_down(at, level_size(leaf.level)) + level_size(leaf.level);
	}
	model_unlock(irq);
}

void model_frames_unplugged(struct region r)
{
	struct model_leaf leaf;
	bool irq;

	if (!may_claim(&irq))
		return;
	if (model_tables_map(r, false, model_table_live, &leaf))
		report_mapped(r.start, leaf);
	check_held(r, VIOLATION_FRAME_UNPLUGGED);
	model_unlock(irq);
}

unsigned model_take_violations(struct violation *v, unsigned max, unsigned *kept)
{
	unsigned n;
	bool irq;

	*kept = 0;
	if (!model_lock(&irq))
		return 0;
	n = model_report_take(v, max, kept);
	model_unlock(irq);
	return n;
}
