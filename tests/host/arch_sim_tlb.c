/* SPDX-License-Identifier: BSD-2-Clause */
/* The adversarial TLB: what was stored, and what each hart has fenced since. */
#include "tests/host/arch_sim_tlb.h"

#include <stdlib.h>

#include "mm/mode.h"
#include "tests/host/arch_sim_past.h"

struct past past = {.now = 1};

static uint64_t last_change;
static int32_t max_changes;

void tlb_init(void)
{
	for (unsigned i = 0; i < LOG_BUCKETS; i++)
		past.log_heads[i] = -1;
}

/* By its own G, or by that of an entry that it leads to. */
static bool leads_to_global(pte_t e, unsigned level)
{
	bool global = pte_is_valid(e) && (e.raw & PTE_G) != 0;

	for (unsigned i = 0; level > 0 && pte_is_table(e) && i < PT_ENTRIES && !global; i++)
		global = leads_to_global(page_entry(pte_pa(e), i), level - 1);
	return global;
}

void tlb_store(paddr_t slot, pte_t old, pte_t new)
{
	const struct page *p = page_find(align_down(slot, PAGE_SIZE));
	unsigned b = past_bucket(slot);

	/* Nobody could have read the old value of an entry that no walk leads to. */
	if (p == NULL || !p->reachable || old.raw == new.raw)
		return;
	if (p->level > 0 && pte_is_table(new))
		page_link(pte_pa(new), page_slot_va(p, slot), p->level - 1);
	if (p->level > 0 && pte_is_table(old))
		page_unlink(pte_pa(old));
	if (past.nr_changes == max_changes) {
		max_changes = max_changes * 2 + 1024;
		past.changes = room_grow(past.changes, (size_t)past.nr_changes, (size_t)max_changes,
					 sizeof(*past.changes));
	}
	last_change = ++past.now;
	past.changes[past.nr_changes] =
		(struct change){last_change,
				slot,
				old,
				new,
				leads_to_global(old, p->level) || leads_to_global(new, p->level),
				past.log_heads[b]};
	past.log_heads[b] = past.nr_changes++;
}

/* When every hart has fenced in full behind the last change, there is no past any more. */
static void forget(void)
{
	for (unsigned h = 0; h < SIM_MAX_HARTS; h++) {
		if (past.tlbs[h].on &&
		    (past.tlbs[h].last_full < last_change || past.tlbs[h].nr_old_roots != 0))
			return;
	}
	for (int32_t i = 0; i < past.nr_changes; i++)
		past.log_heads[past_bucket(past.changes[i].slot)] = -1;
	past.nr_changes = 0;
	pages_forget_lost();
}

static void push_fence(struct sim_tlb *t, uint64_t seq, const struct fence_op *op)
{
	if (t->nr_fences == t->max_fences) {
		t->max_fences = t->max_fences * 2 + 64;
		t->fences = room_grow(t->fences, t->nr_fences, t->max_fences, sizeof(*t->fences));
	}
	t->fences[t->nr_fences++] = (struct past_fence){seq, *op};
}

void tlb_fence(unsigned hart, const struct fence_op *op)
{
	struct sim_tlb *t = &past.tlbs[hart];

	past.now++;
	if (op->all_va && op->all_asid) {
		t->last_full = past.now;
		t->nr_fences = 0;
		t->nr_pending = 0;
		for (unsigned i = 0; i < t->nr_old_roots; i++)
			page_unlink(t->old_roots[i].table);
		t->nr_old_roots = 0;
		forget();
		return;
	}
	push_fence(t, past.now, op);
}

void tlb_inval_begin(unsigned hart)
{
	past.tlbs[hart].inval_begun = ++past.now;
}

void tlb_inval(unsigned hart, const struct fence_op *op)
{
	struct sim_tlb *t = &past.tlbs[hart];

	if (t->inval_begun != 0) {
		push_fence(t, t->inval_begun, op);
		t->nr_pending++;
	}
}

void tlb_inval_end(unsigned hart)
{
	past.now++;
	past.tlbs[hart].nr_pending = 0;
}

void tlb_set_root(unsigned hart, paddr_t root, unsigned levels, uint16_t asid)
{
	struct sim_tlb *t = &past.tlbs[hart];

	past.now++;
	page_link(root, 0, levels - 1);
	if (t->root.levels != 0) {
		if (t->nr_old_roots == MAX_OLD_ROOTS)
			abort();
		t->root.left = past.now;
		t->old_roots[t->nr_old_roots++] = t->root;
	}
	t->root = (struct root){.table = root, .levels = levels, .asid = asid};
}

void tlb_hart_on(unsigned hart, bool on)
{
	past.tlbs[hart].on = on;
	if (!on)
		forget();
}

static bool fence_hits(const struct fence_op *op, vaddr_t va, uint64_t size)
{
	return op->all_va ||
	       (op->size != 0 && op->start <= va + (size - 1) && va <= op->start + (op->size - 1));
}

uint64_t past_fenced_at(const struct sim_tlb *t, const struct change *c, vaddr_t va, uint64_t size,
			bool global, uint16_t asid)
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

	for (int32_t i = 0; i < past.nr_changes; i++) {
		const struct change *c = &past.changes[i];
		const struct page *p = page_find(align_down(c->slot, PAGE_SIZE));

		for (unsigned h = 0; h < SIM_MAX_HARTS; h++) {
			const struct sim_tlb *t = &past.tlbs[h];

			if (t->on &&
			    c->seq > past_fenced_at(t, c, page_slot_va(p, c->slot),
						    level_size(p->level), c->global, t->root.asid))
				hartset_add(&holders, h);
		}
	}
	return holders;
}
