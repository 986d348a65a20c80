/* SPDX-License-Identifier: BSD-2-Clause */
/* The adversarial TLB. */
#include "tests/host/arch_sim_tlb.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/mode.h"
#include "mm/pte.h"

#define MAX_CANDIDATES 16u
#define MAX_OLD_ROOTS 8u
#define LOG_BUCKETS (1u << 14)
#define PAGE_BUCKETS (1u << 12)

/* One store to an entry that some hart could reach. */
struct change {
	uint64_t seq;
	paddr_t slot;
	pte_t old;
	pte_t new;
	bool global;   /* one of both is, or leads to what is */
	int32_t below; /* the one before it in its bucket, -1: none */
};

struct past_fence {
	uint64_t seq;
	struct fence_op op;
};

struct root {
	paddr_t table;
	unsigned levels;
	uint16_t asid;
	uint64_t left; /* when it was switched away from */
};

struct sim_tlb {
	bool on;
	uint64_t last_full;	   /* rs1 = rs2 = x0 */
	struct past_fence *fences; /* lesser ones since */
	unsigned nr_fences, max_fences;
	struct root root;
	struct root old_roots[MAX_OLD_ROOTS];
	unsigned nr_old_roots;
	uint64_t inval_begun; /* SFENCE.W.INVAL, 0: none */
	unsigned nr_pending;  /* of fences[], from the end: SFENCE.INVAL.IR is to come */
};

/* Pages that a walk can enter, with the entries and roots that lead to them. */
struct page {
	paddr_t pa;
	vaddr_t va; /* that its entry 0 translates, as it was linked first */
	unsigned level;
	unsigned links;
	bool reachable;
	struct page *next;
};

static struct sim_tlb tlbs[SIM_MAX_HARTS];
static uint64_t now = 1;
static uint64_t last_change;
static struct change *changes;
static int32_t nr_changes, max_changes;
static int32_t log_heads[LOG_BUCKETS];
static struct page *pages[PAGE_BUCKETS];
/* Pages that lost their last link since the history was forgotten. */
static struct page **lost;
static unsigned nr_lost, max_lost;

/*
 * Room of our own, in one piece and never given back, so that all of the past can be put back as it
 * was (weave.h). What an array leaves behind as it doubles is less than what it takes.
 */
#define ROOM (UINT64_C(1) << 32)

static uint8_t *room;
static size_t room_used;

static void *take_room(size_t size)
{
	void *p;

	if (room == NULL)
		room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED || size > ROOM - room_used)
		abort();
	p = room + room_used;
	room_used = align_up(room_used + size, 16);
	return p;
}

uint8_t *tlb_store_room(size_t *used)
{
	*used = room_used;
	return room;
}

/* @have of @nr elements of @size bytes are in use. */
static void *grow(const void *array, size_t have, size_t nr, size_t size)
{
	void *p = take_room(nr * size);

	if (have != 0)
		memcpy(p, array, have * size);
	return p;
}

static void (*trace)(enum sim_touch, enum sim_thing, uint64_t);

void tlb_trace(void (*fn)(enum sim_touch, enum sim_thing, uint64_t))
{
	trace = fn;
}

void tlb_init(void)
{
	for (unsigned i = 0; i < LOG_BUCKETS; i++)
		log_heads[i] = -1;
}

static unsigned bucket_of(paddr_t slot)
{
	return (unsigned)((slot >> 3) * UINT64_C(0xbf58476d1ce4e5b9) >> 44) % LOG_BUCKETS;
}

static struct page *page_find(paddr_t pa)
{
	struct page *p = pages[(pa >> PAGE_SHIFT) % PAGE_BUCKETS];

	while (p != NULL && p->pa != pa)
		p = p->next;
	return p;
}

static struct page *page_get(paddr_t pa)
{
	struct page **head = &pages[(pa >> PAGE_SHIFT) % PAGE_BUCKETS];
	struct page *p = page_find(pa);

	if (p != NULL)
		return p;
	p = take_room(sizeof(*p));
	*p = (struct page){.pa = pa, .next = *head};
	*head = p;
	return p;
}

static pte_t entry_at(paddr_t table, unsigned index)
{
	const uint64_t *w = sim_word(table + index * sizeof(pte_t));

	return (pte_t){w != NULL ? *w : 0};
}

static void page_link(paddr_t pa, vaddr_t va, unsigned level)
{
	struct page *p = page_get(pa);

	p->links++;
	if (p->reachable)
		return;
	p->reachable = true;
	p->level = level;
	p->va = va;
	for (unsigned i = 0; level > 0 && i < PT_ENTRIES; i++) {
		if (pte_is_table(entry_at(pa, i)))
			page_link(pte_pa(entry_at(pa, i)), va + i * level_size(level), level - 1);
	}
}

/* It stays reachable through what harts hold, until the history is forgotten. */
static void page_unlink(paddr_t pa)
{
	struct page *p = page_find(pa);

	if (p == NULL || p->links == 0 || --p->links != 0)
		return;
	if (nr_lost == max_lost) {
		max_lost = max_lost * 2 + 64;
		lost = grow(lost, nr_lost, max_lost, sizeof(struct page *));
	}
	lost[nr_lost++] = p;
}

static void forget_lost_pages(void)
{
	while (nr_lost != 0) {
		struct page *p = lost[--nr_lost];

		if (p->links != 0 || !p->reachable)
			continue;
		p->reachable = false;
		for (unsigned i = 0; p->level > 0 && i < PT_ENTRIES; i++) {
			if (pte_is_table(entry_at(p->pa, i)))
				page_unlink(pte_pa(entry_at(p->pa, i)));
		}
	}
}

/* The lowest address that the entry at @slot translates. */
static vaddr_t slot_va(const struct page *p, paddr_t slot)
{
	unsigned unused = 64 - (PAGE_SHIFT + PT_BITS * tlbs[0].root.levels);
	vaddr_t va = p->va + slot % PAGE_SIZE / sizeof(pte_t) * level_size(p->level);

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

/* By its own G, or by that of an entry that it leads to. */
static bool leads_to_global(pte_t e, unsigned level)
{
	bool global = pte_is_valid(e) && (e.raw & PTE_G) != 0;

	for (unsigned i = 0; level > 0 && pte_is_table(e) && i < PT_ENTRIES && !global; i++)
		global = leads_to_global(entry_at(pte_pa(e), i), level - 1);
	return global;
}

void tlb_store(paddr_t slot, pte_t old, pte_t new)
{
	const struct page *p = page_find(align_down(slot, PAGE_SIZE));
	unsigned b = bucket_of(slot);

	/* Nobody could have read the old value of an entry that no walk leads to. */
	if (p == NULL || !p->reachable || old.raw == new.raw)
		return;
	if (p->level > 0 && pte_is_table(new))
		page_link(pte_pa(new), slot_va(p, slot), p->level - 1);
	if (p->level > 0 && pte_is_table(old))
		page_unlink(pte_pa(old));
	if (nr_changes == max_changes) {
		max_changes = max_changes * 2 + 1024;
		changes = grow(changes, (size_t)nr_changes, (size_t)max_changes, sizeof(*changes));
	}
	last_change = ++now;
	changes[nr_changes] =
		(struct change){last_change,
				slot,
				old,
				new,
				leads_to_global(old, p->level) || leads_to_global(new, p->level),
				log_heads[b]};
	log_heads[b] = nr_changes++;
}

/* When every hart has fenced in full behind the last change, there is no past any more. */
static void forget(void)
{
	for (unsigned h = 0; h < SIM_MAX_HARTS; h++) {
		if (tlbs[h].on && (tlbs[h].last_full < last_change || tlbs[h].nr_old_roots != 0))
			return;
	}
	for (int32_t i = 0; i < nr_changes; i++)
		log_heads[bucket_of(changes[i].slot)] = -1;
	nr_changes = 0;
	forget_lost_pages();
}

static void push_fence(struct sim_tlb *t, uint64_t seq, const struct fence_op *op)
{
	if (t->nr_fences == t->max_fences) {
		t->max_fences = t->max_fences * 2 + 64;
		t->fences = grow(t->fences, t->nr_fences, t->max_fences, sizeof(*t->fences));
	}
	t->fences[t->nr_fences++] = (struct past_fence){seq, *op};
}

void tlb_fence(unsigned hart, const struct fence_op *op)
{
	struct sim_tlb *t = &tlbs[hart];

	now++;
	if (op->all_va && op->all_asid) {
		t->last_full = now;
		t->nr_fences = 0;
		t->nr_pending = 0;
		for (unsigned i = 0; i < t->nr_old_roots; i++)
			page_unlink(t->old_roots[i].table);
		t->nr_old_roots = 0;
		forget();
		return;
	}
	push_fence(t, now, op);
}

void tlb_inval_begin(unsigned hart)
{
	tlbs[hart].inval_begun = ++now;
}

void tlb_inval(unsigned hart, const struct fence_op *op)
{
	struct sim_tlb *t = &tlbs[hart];

	if (t->inval_begun != 0) {
		push_fence(t, t->inval_begun, op);
		t->nr_pending++;
	}
}

void tlb_inval_end(unsigned hart)
{
	now++;
	tlbs[hart].nr_pending = 0;
}

void tlb_set_root(unsigned hart, paddr_t root, unsigned levels, uint16_t asid)
{
	struct sim_tlb *t = &tlbs[hart];

	now++;
	page_link(root, 0, levels - 1);
	if (t->root.levels != 0) {
		if (t->nr_old_roots == MAX_OLD_ROOTS)
			abort();
		t->root.left = now;
		t->old_roots[t->nr_old_roots++] = t->root;
	}
	t->root = (struct root){.table = root, .levels = levels, .asid = asid};
}

void tlb_hart_on(unsigned hart, bool on)
{
	tlbs[hart].on = on;
	if (!on)
		forget();
}

static bool fence_hits(const struct fence_op *op, vaddr_t va, uint64_t size)
{
	return op->all_va ||
	       (op->size != 0 && op->start <= va + (size - 1) && va <= op->start + (op->size - 1));
}

/* When @t last fenced what @c changed, the entry of [@va, @va + @size). */
static uint64_t fenced_at(const struct sim_tlb *t, const struct change *c, vaddr_t va,
			  uint64_t size, bool global, uint16_t asid)
{
	bool pointer = pte_is_table(c->old) || pte_is_table(c->new);
	uint64_t at = t->last_full;

	for (unsigned i = 0; i < t->nr_fences - t->nr_pending; i++) {
		const struct past_fence *f = &t->fences[i];

		/* An address reaches leaves only; an ASID what is not global only. */
		if ((pointer && !f->op.all_va) || !fence_hits(&f->op, va, size))
			continue;
		if (!f->op.all_asid && (global || f->op.asid != asid))
			continue;
		at = max_u64(at, f->seq);
	}
	return at;
}

struct hartset tlb_holders(void)
{
	struct hartset holders = {{0}};

	for (int32_t i = 0; i < nr_changes; i++) {
		const struct change *c = &changes[i];
		const struct page *p = page_find(align_down(c->slot, PAGE_SIZE));

		for (unsigned h = 0; h < SIM_MAX_HARTS; h++) {
			const struct sim_tlb *t = &tlbs[h];

			if (t->on &&
			    c->seq > fenced_at(t, c, slot_va(p, c->slot), level_size(p->level),
					       c->global, t->root.asid))
				hartset_add(&holders, h);
		}
	}
	return holders;
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
	for (int32_t i = log_heads[bucket_of(slot)]; i >= 0; i = changes[i].below) {
		const struct change *g = &changes[i];
		bool global = s->global || g->global;

		if (g->slot == slot && g->seq > fenced_at(s->t, g, va, size, global, s->asid))
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
	uint64_t at; /* now, when it was made */
	struct step s;
	pte_t end;
} memos[SIM_MAX_HARTS][64];

struct sim_result tlb_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view)
{
	struct memo *m = &memos[hart][va >> PAGE_SHIFT & 63];
	const struct sim_tlb *t = &tlbs[hart];
	const struct root *r = &t->root;
	bool only = t->nr_old_roots == 0 && (view != SIM_NEWEST || nr_changes == 0);
	struct step s;

	if (only && m->at == now && m->page == va >> PAGE_SHIFT) {
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
		n = view == SIM_NEWEST || nr_changes == 0 ? 1 : candidates(&s, slot, c);
		if (n == 1)
			c[0] = (pte_t){*sim_word(slot)};
		else
			pick = view == SIM_OLDEST ? n - 1 : (unsigned)sim_below(n);
		only &= n == 1;
		if (!goes_on(&s, c[pick])) {
			if (only)
				*m = (struct memo){va >> PAGE_SHIFT, now, s, c[pick]};
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
	const struct sim_tlb *t = &tlbs[hart];
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
