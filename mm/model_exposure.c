/* SPDX-License-Identifier: BSD-2-Clause */
/* The TLB model: pages that were given back too early, until the fence that ends it. */
#include "mm/model_exposure.h"

#include "mm/fault.h"
#include "mm/model.h"
#include "mm/model_check.h"
#include "mm/model_report.h"

/*
 * Pages side by side are one of these: 1 GiB of records in whole leaves is eight. Where there are
 * more, those that no entry leads to any more and that the same harts may use are one, wherever
 * they lie (fold()): only where single pages are is lost then.
 */
#define MAX_EXPOSURES 96u
#define NOBODY MAX_HARTS

struct exposure {
	paddr_t pa;
	vaddr_t va;
	uint64_t gen; /* a full fence that began at this store or behind it ends it */
	uint64_t opened_gen;
	uint64_t opened_ticks;
	struct hartset holders;
	uint64_t span;	/* bytes from @pa to the end of the last page */
	uint32_t pages; /* less than that has room for: they are scattered */
	uint16_t links; /* entries that still point to it: no fence ends it */
	uint8_t level;
	bool table;
};

static struct exposure exposures[MAX_EXPOSURES];
unsigned model_nr_exposed; /* in exposures[] */
static bool measuring;
static unsigned exposer = NOBODY; /* hart whose operation is measured */
static bool exposure_due;	  /* by its order, so that only what stays open is wrong */
static struct exposure_sum now;	  /* of that operation */
static struct exposure_sum since; /* of those since the last look */
static uint64_t (*clock)(void);

/* Harts that hold a leaf to the frames that are being freed. */
static struct hartset held_by;
static vaddr_t held_at;

void exposure_join(struct exposure_sum *a, const struct exposure_sum *b)
{
	a->measured |= b->measured;
	a->tables += b->tables;
	a->linked += b->linked;
	a->frames += b->frames;
	a->reused += b->reused;
	a->unsure += b->unsure;
	a->stores = max_u64(a->stores, b->stores);
	a->ticks = max_u64(a->ticks, b->ticks);
	a->open += b->open;
	a->removals += b->removals;
	hartset_join(&a->harts, &b->harts);
}

static uint64_t ticks(void)
{
	return clock != NULL ? clock() : 0;
}

static void set_count(unsigned n)
{
	__atomic_store_n(&model_nr_exposed, n, __ATOMIC_RELAXED);
}

void model_exposure_clock(uint64_t (*fn)(void))
{
	clock = fn;
}

void model_expose(bool on)
{
	bool irq;

	if (!model_lock(&irq))
		return;
	measuring = on;
	model_unlock(irq);
}

void model_exposures_reset(void)
{
	set_count(0);
	measuring = false;
	exposer = NOBODY;
	since = (struct exposure_sum){0};
}

void model_exposures_begin(bool due)
{
	bool irq;

	if (!model_lock(&irq))
		return;
	now = (struct exposure_sum){.measured = measuring};
	exposer = measuring ? arch_hart() : NOBODY;
	exposure_due = due;
	model_unlock(irq);
}

static void measure_length(const struct exposure *e)
{
	now.stores = max_u64(now.stores, model_begin() - e->opened_gen);
	now.ticks = max_u64(now.ticks, ticks() - e->opened_ticks);
}

static void report(const struct exposure *e)
{
	model_report((struct violation){
		.kind = !e->table	? VIOLATION_FRAME_FREED
			: e->links != 0 ? VIOLATION_TABLE_LINKED
					: VIOLATION_TABLE_FREED,
		.pa = e->pa,
		.va = e->va,
		.level = e->level,
		.holders = e->holders,
	});
}

static void report_open(const struct exposure *e)
{
	now.open += e->pages;
	measure_length(e);
	report(e);
}

void model_exposures_end(struct exposure_sum *s)
{
	bool irq;

	*s = (struct exposure_sum){0};
	if (!model_lock(&irq))
		return;
	for (unsigned i = 0; i < model_nr_exposed; i++)
		report_open(&exposures[i]);
	set_count(0);
	exposer = NOBODY;
	now.removals = now.tables != 0 || now.frames != 0;
	exposure_join(&since, &now);
	*s = now;
	model_unlock(irq);
}

void model_exposures_take(struct exposure_sum *s)
{
	bool irq;

	*s = (struct exposure_sum){0};
	if (!model_lock(&irq))
		return;
	*s = since;
	since = (struct exposure_sum){0};
	model_unlock(irq);
}

/* ---- Locks for all below: the model's. */

bool model_exposing(void)
{
	return exposer == arch_hart();
}

static void drop(unsigned i)
{
	exposures[i] = exposures[model_nr_exposed - 1];
	set_count(model_nr_exposed - 1);
}

/* Whatever ends one of them ends the other: the same fences of the same harts. */
static bool alike(const struct exposure *a, const struct exposure *b)
{
	return a->table == b->table && a->links == 0 && b->links == 0 &&
	       hartset_eq(&a->holders, &b->holders);
}

/* The length is that of the first, and all of them need a fence behind the last. */
static void join(struct exposure *a, const struct exposure *b)
{
	paddr_t end = max_u64(a->pa + a->span, b->pa + b->span);

	a->pa = min_u64(a->pa, b->pa);
	a->span = end - a->pa;
	a->pages += b->pages;
	a->gen = max_u64(a->gen, b->gen);
	a->opened_gen = min_u64(a->opened_gen, b->opened_gen);
	a->opened_ticks = min_u64(a->opened_ticks, b->opened_ticks);
}

/* Make room. False: each is ended by something else. */
static bool fold(void)
{
	for (unsigned i = 0; i < model_nr_exposed; i++) {
		for (unsigned k = model_nr_exposed; k-- > i + 1;) {
			if (!alike(&exposures[i], &exposures[k]))
				continue;
			join(&exposures[i], &exposures[k]);
			drop(k);
		}
	}
	return model_nr_exposed < MAX_EXPOSURES;
}

static void open_one(struct exposure e)
{
	hartset_join(&now.harts, &e.holders);
	if (!exposure_due)
		report(&e);
	if (fault_armed(FAULT_MODEL_FULL) || (model_nr_exposed == MAX_EXPOSURES && !fold())) {
		model_overflow("early frees that are measured");
		return;
	}
	e.gen = model_begin();
	e.opened_gen = e.gen;
	e.opened_ticks = ticks();
	e.span = (uint64_t)e.pages * PAGE_SIZE;
	exposures[model_nr_exposed] = e;
	set_count(model_nr_exposed + 1);
}

void model_exposure_table(paddr_t pa, vaddr_t va, unsigned level, unsigned links,
			  const struct hartset *harts)
{
	if (hartset_empty(harts))
		return;
	now.tables++;
	now.linked += links != 0;
	open_one((struct exposure){.pa = pa,
				   .va = va,
				   .pages = 1,
				   .links = (uint16_t)links,
				   .level = (uint8_t)level,
				   .table = true,
				   .holders = *harts});
}

void model_exposure_held(const struct hartset *harts, vaddr_t va)
{
	hartset_join(&held_by, harts);
	held_at = va;
}

/* Side by side with what is exposed already, to the same harts: then it is longer by that. */
static bool extend(struct region r)
{
	for (unsigned i = model_nr_exposed; i-- > 0;) {
		struct exposure *e = &exposures[i];

		if (e->table || !hartset_eq(&e->holders, &held_by) ||
		    (e->pa + e->span != r.start && region_end(r) != e->pa))
			continue;
		e->pa = min_u64(e->pa, r.start);
		e->span += r.size;
		e->pages += (uint32_t)(r.size / PAGE_SIZE);
		/* The first one is the longest; all of them need a fence behind the last. */
		e->gen = model_begin();
		return true;
	}
	return false;
}

void model_exposure_frames(struct region r)
{
	if (!hartset_empty(&held_by)) {
		now.frames += r.size / PAGE_SIZE;
		if (!extend(r))
			open_one((struct exposure){.pa = r.start,
						   .va = held_at,
						   .pages = (uint32_t)(r.size / PAGE_SIZE),
						   .holders = held_by});
	}
	held_by = (struct hartset){{0}};
}

void model_exposure_unlinked(paddr_t table)
{
	for (unsigned i = 0; i < model_nr_exposed; i++) {
		struct exposure *e = &exposures[i];

		if (!e->table || e->pa != table || e->links == 0)
			continue;
		e->links--;
		e->gen = model_begin();
	}
}

static void lose(unsigned i, const struct hartset *harts)
{
	struct exposure *e = &exposures[i];

	hartset_sub(&e->holders, harts);
	if (!hartset_empty(&e->holders))
		return;
	measure_length(e);
	drop(i);
}

void model_exposures_fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	/* Less than a full one might do for a leaf; it is not what a teardown ends with. */
	if (!op->all_va || !op->all_asid)
		return;
	for (unsigned i = model_nr_exposed; i-- > 0;) {
		if (exposures[i].links == 0 && exposures[i].gen <= token)
			lose(i, harts);
	}
}

void model_exposures_stop(unsigned hart)
{
	struct hartset gone = hartset_of(hart);

	for (unsigned i = model_nr_exposed; i-- > 0;)
		lose(i, &gone);
}

void model_exposure_reused(struct region r)
{
	bool irq;

	if (!model_lock(&irq))
		return;
	for (unsigned i = 0; i < model_nr_exposed; i++) {
		const struct exposure *e = &exposures[i];
		paddr_t lo = max_u64(e->pa, r.start);
		paddr_t hi = min_u64(e->pa + e->span, region_end(r));
		uint64_t pages = lo < hi ? (hi - lo) / PAGE_SIZE : 0;

		if ((uint64_t)e->pages * PAGE_SIZE == e->span)
			now.reused += pages;
		else
			now.unsure += min_u64(pages, e->pages);
	}
	model_unlock(irq);
}
