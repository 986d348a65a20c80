/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages that come to lie elsewhere. */
#include "mm/remap.h"

#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"

enum err leaf_split_prepare(struct leaf_split *s, vaddr_t va)
{
	uint64_t part;

	*s = (struct leaf_split){.va = va, .table = FRAME_NONE};
	spin_lock(&kernel_table_lock);
	s->at = pt_walk(kernel_table(), va, 0);
	s->seen = pte_load(s->at.slot);
	spin_unlock(&kernel_table_lock);
	if (s->at.level == 0 || !pte_is_leaf(s->seen))
		return OK;
	s->table = ptpage_alloc();
	if (s->table == FRAME_NONE)
		return ERR_NOMEM;
	part = level_size(s->at.level - 1);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		pte_store((pte_slot_t){s->table + i * sizeof(pte_t)},
			  pte_leaf(pte_pa(s->seen) + i * part, pte_prot(s->seen)));
	return OK;
}

/* Whether the leaf is still where it was. Without that look the other hart's table is lost, and all
 * that it has changed in it. */
static bool still_there(const struct leaf_split *s)
{
	struct pt_cursor c = pt_walk(kernel_table(), s->va, s->at.level);

	return fault_armed(FAULT_HVO_NO_RECHECK) ||
	       (c.slot.pa == s->at.slot.pa && pte_load(c.slot).raw == s->seen.raw);
}

void leaf_split_finish(struct leaf_split *s, struct pt_batch *b)
{
	if (s->table == FRAME_NONE || !still_there(s))
		return;
	model_operation("split");
	/* The entries first: a walker that sees the pointer sees them. */
	arch_wmb();
	pte_store(s->at.slot, pte_table(s->table));
	s->table = FRAME_NONE;
	b->pt->nr_tables++;
	b->counts.tables_linked++;
	b->tables_changed = true;
	pt_replaced(b, s->va, s->at.level);
}

void leaf_split_end(struct leaf_split *s)
{
	if (s->table != FRAME_NONE)
		ptpage_free(s->table, s->at.level - 1);
	s->table = FRAME_NONE;
}

static bool in_pages(vaddr_t va, uint64_t size)
{
	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		if (pt_walk(kernel_table(), va + off, 0).level != 0)
			return false;
	}
	return true;
}

enum err remap_begin(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	for (;;) {
		struct leaf_split s;
		enum err err = leaf_split_prepare(&s, va);

		if (err != OK)
			return err;
		kernel_begin(b);
		leaf_split_finish(&s, b);
		err = pt_commit(b);
		leaf_split_end(&s);
		if (err == OK && in_pages(va, size)) {
			/* The split is shot down: what follows is a batch of its own. */
			pt_begin(b, kernel_table());
			return OK;
		}
		/* One level of several, or it grew together again meanwhile. */
		kernel_end();
		if (err != OK)
			return err;
	}
}

paddr_t remap_page(struct pt_batch *b, vaddr_t va, paddr_t pa, uint64_t prot)
{
	struct pt_cursor c = pt_walk(b->pt, va, 0);
	pte_t old;

	/* Whatever it led to: a walker finds the old page or the new one, never none. */
	old = pte_xchg(c.slot, pte_leaf(pa, prot));
	pt_replaced(b, va, 0);
	b->counts.leaves_changed++;
	return pte_pa(old);
}
