/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table of memory that comes and goes. */
#include "mm/records.h"

#include "firmware/arch.h"
#include "mm/clear.h"
#include "mm/kernel.h"
#include "mm/model.h"

/* The chain is in the frames' own records, which are boot memory's. */
static void chain_push(struct frame_chain *chain, paddr_t pa, unsigned order)
{
	struct frame *f = frame_of(pa);

	f->next = chain->head == FRAME_NONE ? 0 : (chain->head >> PAGE_SHIFT) + 1;
	f->prev = order;
	chain->head = pa;
}

void frame_chain_free(struct frame_chain *chain)
{
	while (chain->head != FRAME_NONE) {
		paddr_t pa = chain->head;
		struct frame *f = frame_of(pa);
		unsigned order = (unsigned)f->prev;

		chain->head = f->next == 0 ? FRAME_NONE : (f->next - 1) << PAGE_SHIFT;
		f->next = 0;
		f->prev = 0;
		frame_free_range((struct region){pa, PAGE_SIZE << order}, OWNER_FRAMETABLE);
	}
}

static uint64_t records_size(struct region phys)
{
	return frame_record_va(region_end(phys)) - frame_record_va(phys.start);
}

enum err records_map(struct pt_batch *b, struct region phys, struct frame_chain *mine)
{
	vaddr_t start = frame_record_va(phys.start);
	vaddr_t va = start;
	vaddr_t end = va + records_size(phys);
	enum err err;

	while (va < end) {
		unsigned level = pt_best_level(va, 0, end - va, 1);
		unsigned order = level * PT_BITS;
		paddr_t pa = frame_alloc(order, OWNER_FRAMETABLE);

		/* No large block left: single frames do as well. */
		if (pa == FRAME_NONE && order != 0) {
			level = 0;
			order = 0;
			pa = frame_alloc(order, OWNER_FRAMETABLE);
		}
		if (pa == FRAME_NONE) {
			err = ERR_NOMEM;
			goto out_undo;
		}
		chain_push(mine, pa, order);
		/* Zeros before anybody can reach them through the frame table. */
		clear_words(phys_to_ptr(pa), PAGE_SIZE << order);
		arch_wmb();
		err = pt_map(b, va, pa, level_size(level), PROT_RW, level);
		if (err != OK)
			goto out_undo;
		va += level_size(level);
	}
	return OK;

out_undo:
	/* Some hart may have walked there meanwhile: freed by the caller, behind its fence. */
	pt_unmap_own(b, start, va - start);
	return err;
}

enum err records_split(struct pt_batch *b, struct region phys)
{
	return pt_split(b, frame_record_va(phys.start), records_size(phys));
}

void records_merge(struct pt_batch *b, struct region phys)
{
	pt_merge(b, frame_record_va(phys.start), records_size(phys), 1);
}

struct frame_chain records_find(struct region phys)
{
	vaddr_t va = frame_record_va(phys.start);
	vaddr_t end = va + records_size(phys);
	struct frame_chain found = {FRAME_NONE};

	while (va < end) {
		struct pt_lookup l = pt_lookup(kernel_table(), va);
		uint64_t size = level_size(l.level);
		unsigned order = l.level * PT_BITS;

		if (!is_aligned(va, size) || end - va < size) {
			size = PAGE_SIZE;
			order = 0;
		}
		chain_push(&found, l.pa, order);
		va += size;
	}
	return found;
}

void records_unmap(struct pt_batch *b, struct region phys)
{
	pt_unmap_own(b, frame_record_va(phys.start), records_size(phys));
}

void records_free(struct frame_chain *chain, struct region phys)
{
	model_range_freed(frame_record_va(phys.start), records_size(phys));
	frame_chain_free(chain);
}
