/* SPDX-License-Identifier: BSD-2-Clause */
/* A batch of changes: what it has to fence, and the tables that die with it. */
#include "mm/batch.h"

#include "firmware/lock_order.h"
#include "mm/dump.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shootdown.h"

void pt_begin(struct pt_batch *b, struct ptable *pt)
{
	*b = (struct pt_batch){
		.pt = pt,
		.model_token = model_begin(),
		.first = UINT64_MAX,
		.leaf_size = UINT64_MAX,
		.dead_head = FRAME_NONE,
	};
}

void pt_touched(struct pt_batch *b, vaddr_t va, unsigned level)
{
	vaddr_t start = align_down(va, level_size(level));

	b->changed = true;
	b->first = min_u64(b->first, start);
	b->last = max_u64(b->last, start + (level_size(level) - 1));
	b->leaf_size = min_u64(b->leaf_size, level_size(level));
}

void pt_replaced(struct pt_batch *b, vaddr_t va, unsigned level)
{
	pt_touched(b, va, level);
	b->removed = true;
}

void pt_free_table(const struct pt_batch *b, paddr_t table, unsigned level)
{
	if (b->pt->live && !dump_kept_out())
		lock_order_missing(LOCK_MMAP, arch_hart());
	ptpage_free(table, level);
}

/*
 * A dead table's contents stay as they are until the shootdown: a hart may still walk it. So the
 * chain is in the frame's record, never in the page (pKVM-IA #41).
 */
void pt_free_later(struct pt_batch *b, paddr_t table, unsigned level)
{
	struct frame *f = frame_of(table);

	f->prev = level;
	f->next = b->dead_head == FRAME_NONE ? 0 : (b->dead_head >> PAGE_SHIFT) + 1;
	b->dead_head = table;
}

void pt_bury(struct pt_batch *b, paddr_t table, unsigned level)
{
	b->tables_changed = true;
	b->counts.tables_unlinked++;
	b->pt->nr_tables--;
	if (fault_armed(FAULT_LEAK_TABLE))
		return;
	if (fault_armed(FAULT_FREE_EARLY))
		pt_free_table(b, table, level);
	else
		pt_free_later(b, table, level);
}

void pt_bury_linked(struct pt_batch *b, paddr_t table, unsigned level)
{
	b->tables_changed = true;
	b->counts.tables_unlinked++;
	b->pt->nr_tables--;
	pt_free_table(b, table, level);
}

static void free_dead(struct pt_batch *b)
{
	while (b->dead_head != FRAME_NONE) {
		paddr_t table = b->dead_head;
		struct frame *f = frame_of(table);
		unsigned level = (unsigned)f->prev;

		b->dead_head = f->next == 0 ? FRAME_NONE : (f->next - 1) << PAGE_SHIFT;
		f->next = 0;
		f->prev = 0;
		pt_free_table(b, table, level);
		if (fault_armed(FAULT_DOUBLE_FREE))
			ptpage_free(table, level);
	}
}

enum err pt_commit(struct pt_batch *b)
{
	enum err err = OK;

	if (b->changed && b->pt->live)
		err = shootdown(b); /* unlinked before; freed behind */
	/* Without an answer from every hart nothing may be reused: it is lost, and said to be. */
	if (err != OK)
		return err;
	if (b->pt->live)
		model_complete(b->model_token);
	free_dead(b);
	return OK;
}
