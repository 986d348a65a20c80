/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks of the simulated harts: at each entry any value that the hart may still hold. */
#include "tests/host/arch_sim_tlb.h"

#include "mm/mode.h"
#include "tests/host/arch_sim_past.h"

#define MAX_CANDIDATES 16u

static void (*trace)(enum sim_touch, enum sim_thing, uint64_t);

void tlb_trace(void (*fn)(enum sim_touch, enum sim_thing, uint64_t))
{
	trace = fn;
}

/* A walk that is under way: where it is, and what it may read there. */
struct step {
	const struct sim_tlb *t;
	vaddr_t va;
	enum sim_kind kind;
	paddr_t table;
	unsigned level;
	uint16_t asid;
	bool global;	  /* by an entry on the way */
	bool only_global; /* found through the root of another address space */
};

static void add_candidate(pte_t *c, unsigned *n, pte_t e)
{
	for (unsigned i = 0; i < *n; i++) {
		if (c[i].raw == e.raw)
			return;
	}
	if (*n < MAX_CANDIDATES)
		c[(*n)++] = e;
}

/* The values that this hart may have of the entry, newest first. */
static unsigned candidates(const struct step *s, paddr_t slot, pte_t *c)
{
	uint64_t size = level_size(s->level);
	vaddr_t va = align_down(s->va, size);
	unsigned n = 0;

	add_candidate(c, &n, (pte_t){*sim_word(slot)});
	for (int32_t i = past.log_heads[past_bucket(slot)]; i >= 0; i = past.changes[i].below) {
		const struct change *g = &past.changes[i];
		bool global = s->global || g->global;

		if (g->slot == slot && g->seq > past_fenced_at(s->t, g, va, size, global, s->asid))
			add_candidate(c, &n, g->old);
	}
	return n;
}

static bool leaf_allows(pte_t e, enum sim_kind kind)
{
	static const uint64_t need[] = {PTE_R | PTE_A, PTE_W | PTE_A | PTE_D, PTE_X | PTE_A};

	return (e.raw & need[kind]) == need[kind];
}

static bool entry_reserved(pte_t e, unsigned level)
{
	if ((e.raw & (PTE_R | PTE_W)) == PTE_W || e.raw >> 54 != 0)
		return true;
	if (pte_is_table(e))
		return level == 0 || (e.raw & (PTE_U | PTE_A | PTE_D)) != 0;
	return !is_aligned(pte_pa(e), level_size(level));
}

/* What the access gets if @e ends the walk. */
static struct sim_result end_of(const struct step *s, pte_t e)
{
	struct sim_result r = {.outcome = SIM_PAGE_FAULT, .leaf = e, .level = s->level};
	const uint64_t *w;

	if (!pte_is_leaf(e) || entry_reserved(e, s->level) || !leaf_allows(e, s->kind) ||
	    (s->only_global && !s->global && (e.raw & PTE_G) == 0))
		return r;
	r.pa = pte_pa(e) + (s->va & (level_size(s->level) - 1));
	w = sim_word(align_down(r.pa, sizeof(*w)));
	r.outcome = w != NULL ? SIM_OK : SIM_BUS_ERROR;
	r.value = w != NULL ? *w : 0;
	return r;
}

static bool goes_on(const struct step *s, pte_t e)
{
	return pte_is_table(e) && !entry_reserved(e, s->level);
}

static struct step down(const struct step *s, pte_t e)
{
	struct step d = *s;

	d.table = pte_pa(e);
	d.level--;
	d.global |= (e.raw & PTE_G) != 0;
	return d;
}

static const struct sim_result bus_error = {.outcome = SIM_BUS_ERROR};
static const struct sim_result page_fault = {.outcome = SIM_PAGE_FAULT};

static struct step start_at(const struct sim_tlb *t, vaddr_t va, enum sim_kind kind,
			    const struct root *r)
{
	return (struct step){.t = t,
			     .va = va,
			     .kind = kind,
			     .table = r->table,
			     .level = r->levels - 1,
			     .asid = r->asid,
			     .only_global = r->asid != t->root.asid};
}

static bool canonical(vaddr_t va, unsigned levels)
{
	unsigned unused = 64 - (PAGE_SHIFT + PT_BITS * levels);

	return (vaddr_t)((int64_t)(va << unused) >> unused) == va;
}

/*
 * Walks that could end in one way only, until the next change, fence or root: this is what most
 * accesses of mm/ are, and most of what a test of many operations costs.
 */
static struct memo {
	vaddr_t page;
	uint64_t at; /* past.now, when it was made */
	struct step s;
	pte_t end;
} memos[SIM_MAX_HARTS][64];

struct sim_result tlb_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view)
{
	struct memo *m = &memos[hart][va >> PAGE_SHIFT & 63];
	const struct sim_tlb *t = &past.tlbs[hart];
	const struct root *r = &t->root;
	bool only = t->nr_old_roots == 0 && (view != SIM_NEWEST || past.nr_changes == 0);
	struct step s;

	if (only && m->at == past.now && m->page == va >> PAGE_SHIFT) {
		s = m->s;
		s.va = va;
		s.kind = kind;
		return end_of(&s, m->end);
	}
	if (view == SIM_OLDEST && t->nr_old_roots != 0)
		r = &t->old_roots[0];
	else if (view == SIM_RANDOM && sim_below(t->nr_old_roots + 1) != 0)
		r = &t->old_roots[sim_below(t->nr_old_roots)];
	if (!canonical(va, r->levels))
		return page_fault;
	for (s = start_at(t, va, kind, r);;) {
		paddr_t slot = s.table + level_index(va, s.level) * sizeof(pte_t);
		pte_t c[MAX_CANDIDATES];
		unsigned n, pick = 0;

		if (sim_word(slot) == NULL)
			return bus_error;
		n = view == SIM_NEWEST || past.nr_changes == 0 ? 1 : candidates(&s, slot, c);
		if (n == 1)
			c[0] = (pte_t){*sim_word(slot)};
		else
			pick = view == SIM_OLDEST ? n - 1 : (unsigned)sim_below(n);
		only &= n == 1;
		if (!goes_on(&s, c[pick])) {
			if (only)
				*m = (struct memo){va >> PAGE_SHIFT, past.now, s, c[pick]};
			return end_of(&s, c[pick]);
		}
		s = down(&s, c[pick]);
	}
}

struct found {
	struct sim_result *out;
	unsigned n, max;
};

static void add_result(struct found *f, struct sim_result r)
{
	for (unsigned i = 0; i < f->n; i++) {
		if (f->out[i].outcome == r.outcome && f->out[i].pa == r.pa &&
		    (r.outcome != SIM_OK || pte_prot(f->out[i].leaf) == pte_prot(r.leaf)))
			return;
	}
	if (f->n < f->max)
		f->out[f->n++] = r;
}

/* Every way on from @s; as deep as there are levels. */
static void explore(const struct step *s, struct found *f)
{
	paddr_t slot = s->table + level_index(s->va, s->level) * sizeof(pte_t);
	pte_t c[MAX_CANDIDATES];
	unsigned n;

	if (trace != NULL)
		trace(SIM_READS, SIM_SLOT, slot);
	if (sim_word(slot) == NULL) {
		add_result(f, bus_error);
		return;
	}
	n = candidates(s, slot, c);
	for (unsigned i = 0; i < n; i++) {
		if (goes_on(s, c[i])) {
			struct step d = down(s, c[i]);

			explore(&d, f);
		} else {
			add_result(f, end_of(s, c[i]));
		}
	}
}

unsigned tlb_outcomes(unsigned hart, vaddr_t va, enum sim_kind kind, struct sim_result *out,
		      unsigned max)
{
	const struct sim_tlb *t = &past.tlbs[hart];
	struct found f = {out, 0, max};

	for (unsigned i = 0; i <= t->nr_old_roots; i++) {
		struct step s = start_at(t, va, kind, i == 0 ? &t->root : &t->old_roots[i - 1]);

		if (canonical(va, s.level + 1))
			explore(&s, &f);
		else
			add_result(&f, page_fault);
	}
	return f.n;
}
