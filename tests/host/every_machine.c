/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine that caches all that it may, in two: as the architecture has it, and with the liberties
 * that the TLB model takes (docs/model.md). No code is shared with the model.
 */
#include "tests/host/every.h"

#include "firmware/lock.h"

struct every every = {.liberal = {.liberties = true}};

/* ---- memory and the rest of arch.h */

static uint64_t *word(paddr_t pa)
{
	return &every.memory[pa >> PAGE_SHIFT][pa % PAGE_SIZE / sizeof(uint64_t)];
}

pte_t pte_load(pte_slot_t s)
{
	return (pte_t){*word(s.pa)};
}

/* Only the first two entries of a table are ever used. */
unsigned pte_next_used(paddr_t table, unsigned from)
{
	while (from < 2 && *word(table + from * sizeof(uint64_t)) == 0)
		from++;
	return from < 2 ? from : PT_ENTRIES;
}

pte_t arch_raw_xchg(pte_slot_t s, pte_t value)
{
	pte_t old = pte_load(s);

	*word(s.pa) = value.raw;
	return old;
}

bool arch_raw_cmpxchg(pte_slot_t s, pte_t *expected, pte_t value)
{
	*expected = arch_raw_xchg(s, value);
	return true;
}

void arch_observe(const struct arch_observer *obs)
{
	every.observer = obs;
}

unsigned arch_hart(void)
{
	return every.running;
}

struct hartset arch_harts_online(void)
{
	return every.online;
}

void *phys_to_ptr(paddr_t pa)
{
	return word(pa);
}

bool spin_lock_irq(struct spinlock *l)
{
	return l == NULL;
}

void spin_unlock_irq(struct spinlock *l, bool irq)
{
	(void)l;
	(void)irq;
}

/* ---- the machine that caches all that it may */

pte_t every_entry(unsigned page, unsigned i)
{
	return (pte_t){every.memory[page][i]};
}

static unsigned target(pte_t e)
{
	return (unsigned)(pte_pa(e) >> PAGE_SHIFT);
}

/* What @root says for the entry of @level at @va; false: its tables do not go that far. */
static bool says(unsigned root, vaddr_t va, unsigned level, pte_t *e)
{
	unsigned page = root;

	for (unsigned l = LEVELS - 1;; l--) {
		*e = every_entry(page, level_index(va, l));
		if (l == level)
			return true;
		if (!pte_is_table(*e))
			return false;
		page = target(*e);
	}
}

static bool leads_to_global(pte_t e)
{
	if (!pte_is_valid(e))
		return false;
	if ((e.raw & PTE_G) != 0 || !pte_is_table(e))
		return (e.raw & PTE_G) != 0;
	return leads_to_global(every_entry(target(e), 0)) ||
	       leads_to_global(every_entry(target(e), 1));
}

static void add_held(struct hart *h, struct held new)
{
	for (unsigned i = 0; i < h->nr_held; i++) {
		const struct held *e = &h->held[i];

		if (e->slot == new.slot && e->value.raw == new.value.raw && e->va == new.va &&
		    e->root == new.root && e->asid == new.asid && e->stale == new.stale &&
		    e->global_path == new.global_path)
			return;
	}
	if (h->nr_held == MAX_HELD)
		every.too_small = true;
	else
		h->held[h->nr_held++] = new;
}

/* @stale: since when the way there is none of the tables; 0: it is one. */
static void walk(struct hart *h, struct space s, unsigned page, unsigned level, vaddr_t va,
		 bool global, uint64_t stale)
{
	for (unsigned i = 0; i < 2; i++) {
		pte_t e = every_entry(page, i);
		bool own = pte_is_valid(e) && (e.raw & PTE_G) != 0;
		struct held new = {
			.root = s.root,
			.asid = s.asid,
			.va = va + i * level_size(level),
			.level = level,
			.value = e,
			.slot = every_page_pa(page) + i * sizeof(pte_t),
			.global_path = global,
			.global = global || own,
			.pointer = pte_is_table(e),
			.stale = stale,
		};

		/* Kept as what it leads to is. */
		new.global |= s.global_only &&leads_to_global(e);
		if (!s.global_only || new.global)
			add_held(h, new);
		if (pte_is_table(e))
			walk(h, s, target(e), level - 1, new.va, global || own, stale);
	}
}

static void fill(struct machine_state *m, struct hart *h)
{
	unsigned n = h->nr_held;

	if (!h->on)
		return;
	walk(h, h->now, h->now.root, LEVELS - 1, 0, false, 0);
	for (unsigned i = 0; i < h->nr_left && m->liberties; i++)
		walk(h, h->left[i], h->left[i].root, LEVELS - 1, 0, false, 0);
	/* By pointers that it holds, while their ASID is the one in use. */
	for (unsigned i = 0; i < n; i++) {
		struct held e = h->held[i];
		bool global = e.global_path || (e.value.raw & PTE_G) != 0;
		struct space s = {e.root, e.asid, false, 0};

		if (!pte_is_table(e.value) || e.stale == 0)
			continue;
		if (global || e.asid == h->now.asid || m->liberties)
			walk(h, s, target(e.value), e.level - 1, e.va, global, e.stale);
	}
}

static bool taken(const struct held *e, const struct fence_op *op, uint64_t token)
{
	if (e->stale > token)
		return false;
	if (!op->all_asid && (e->global || e->asid != op->asid))
		return false;
	return op->all_va || (!e->pointer && op->start - e->va < level_size(e->level));
}

void every_fence(struct hart *h, const struct fence_op *op, uint64_t token)
{
	unsigned n = 0;

	for (unsigned i = 0; i < h->nr_held; i++) {
		if (!taken(&h->held[i], op, token))
			h->held[n++] = h->held[i];
	}
	h->nr_held = n;
	if (!op->all_va)
		return;
	n = 0;
	for (unsigned i = 0; i < h->nr_left; i++) {
		struct space s = h->left[i];

		if (op->all_asid && s.left <= token)
			continue;
		s.global_only |= !op->all_asid && s.asid == op->asid && s.left <= token;
		h->left[n++] = s;
	}
	h->nr_left = n;
	h->anything &= !op->all_asid;
}

void every_mark(struct machine_state *m, paddr_t slot, pte_t old, pte_t new)
{
	bool global = ((old.raw & PTE_V) != 0 && (old.raw & PTE_G) != 0) ||
		      ((new.raw &PTE_V) != 0 && (new.raw &PTE_G) != 0);

	if (m->liberties)
		global |= leads_to_global(old) || leads_to_global(new);
	for (unsigned k = 0; k < NR_HARTS; k++) {
		struct hart *h = &m->harts[k];

		for (unsigned i = 0; i < h->nr_held; i++) {
			struct held *e = &h->held[i];

			if (e->slot != slot || e->value.raw != old.raw)
				continue;
			e->global |= global;
			e->pointer |= pte_is_table(new);
			e->replaced = m->liberties;
			if (m->liberties)
				e->stale = every.now;
		}
	}
}

void every_refresh(struct machine_state *m)
{
	for (unsigned k = 0; k < NR_HARTS; k++) {
		struct hart *h = &m->harts[k];

		for (unsigned i = 0; i < h->nr_held; i++) {
			struct held *e = &h->held[i];
			pte_t said;

			if (!e->replaced && says(e->root, e->va, e->level, &said) &&
			    said.raw == e->value.raw)
				e->stale = 0;
			else if (e->stale == 0)
				e->stale = every.now;
			if (m->liberties && e->stale != 0 && pte_is_table(e->value))
				e->global |= leads_to_global(e->value);
		}
		fill(m, h);
	}
}

struct hartset every_stale(const struct machine_state *m)
{
	struct hartset s = {{0}};

	for (unsigned k = 0; k < NR_HARTS; k++) {
		const struct hart *h = &m->harts[k];

		if (!h->on)
			continue;
		for (unsigned i = 0; i < h->nr_held; i++) {
			if (h->held[i].stale != 0)
				hartset_add(&s, k);
		}
		if (h->anything)
			hartset_add(&s, k);
	}
	return s;
}
