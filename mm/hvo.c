/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of huge pages, optimised and restored. */
#include "mm/hvo.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/records.h"
#include "mm/remap.h"
#include "mm/shadow.h"
#include "mm/split.h"

/* The records behind the first page of them. */
struct tails {
	vaddr_t va;
	uint64_t size;
	paddr_t head; /* the first page */
	unsigned max_level;
};

uint64_t hvo_pages(unsigned order)
{
	return (frame_record_size() << order) / PAGE_SIZE - 1;
}

/* Whether a block that may have such records starts at @pa. */
static bool find_tails(paddr_t pa, struct tails *t)
{
	struct zone_block block = frame_block(pa);
	struct pt_lookup l;
	enum owner owner;

	if (block.pa != pa || block.order < HVO_MIN_ORDER || block.order > HVO_MAX_ORDER ||
	    !records_repeat())
		return false;
	/* A neighbour's restoring may merge the leaf meanwhile, and free the table in the way. */
	spin_lock(&kernel_table_lock);
	l = pt_lookup(kernel_table(), frame_record_va(pa));
	spin_unlock(&kernel_table_lock);
	owner = frame_owner(l.pa);
	*t = (struct tails){.va = frame_record_va(pa) + PAGE_SIZE,
			    .size = hvo_pages(block.order) * PAGE_SIZE,
			    .head = l.pa};
	return owner == OWNER_BOOT || owner == OWNER_FRAMETABLE;
}

/* Every entry to the first page; what they led to is to be freed behind the shootdown. */
static void share_head(struct pt_batch *b, const struct tails *t, struct frame_chain *freed)
{
	struct shadow *s = b->pt->shadow;
	uint64_t prot = fault_armed(FAULT_HVO_WRITABLE) ? PROT_RW : PROT_RO;

	model_operation("hvo");
	if (s != NULL)
		shadow_unmap(s, t->va, t->size);
	for (vaddr_t va = t->va; va < t->va + t->size; va += PAGE_SIZE) {
		frame_chain_push(freed, remap_page(b, va, t->head, prot), 0);
		if (s != NULL)
			shadow_map(s, (struct extent){.va = va,
						      .size = PAGE_SIZE,
						      .pa = t->head,
						      .prot = PROT_RO,
						      .max_level = 1});
	}
	if (fault_armed(FAULT_HVO_FLUSH_SHORT))
		b->last = b->first + (PAGE_SIZE - 1);
}

enum err hvo_optimize(paddr_t pa)
{
	struct frame_chain freed = {FRAME_NONE};
	struct pt_batch b;
	struct tails t;
	enum err err;

	if (!find_tails(pa, &t))
		return ERR_INVAL;
	if (frame_of(pa)->remapped != 0)
		return ERR_EXIST;
	rw_read_lock(&mmap_lock);
	err = remap_begin(&b, t.va, t.size);
	if (err != OK)
		goto out;
	frame_of(pa)->remapped = 1;
	share_head(&b, &t, &freed); /* 1. replace */
	if (fault_armed(FAULT_HVO_FREE_EARLY))
		frame_chain_free(&freed);
	err = pt_commit(&b); /* 2. shoot down */
	if (err == OK)
		frame_chain_free(&freed); /* 3. only now */
	kernel_end();
out:
	rw_read_unlock(&mmap_lock);
	return err;
}

/*
 * Pages for all of @t, zeroed, the lowest on top; all or none. Those that were freed if they are to
 * be had, so that the large leaf can come back.
 */
static enum err make_pages(const struct tails *t, struct frame_chain *pages)
{
	enum owner owner = frame_owner(t->head);

	for (uint64_t off = t->size; off > 0; off -= PAGE_SIZE) {
		paddr_t pa = frame_alloc_near(t->head + off, owner);

		if (pa == FRAME_NONE) {
			if (!fault_armed(FAULT_HVO_UNDO))
				frame_chain_free(pages);
			return ERR_NOMEM;
		}
		/* Seeded: what was to be seen there, the first record included, stays. */
		if (fault_armed(FAULT_HVO_COPIES))
			memcpy(phys_to_ptr(pa), phys_to_ptr(t->head), PAGE_SIZE);
		else
			clear_words(phys_to_ptr(pa), PAGE_SIZE);
		frame_chain_push(pages, pa, 0);
	}
	return OK;
}

static void give_pages(struct pt_batch *b, const struct tails *t, struct frame_chain *pages)
{
	struct shadow *s = b->pt->shadow;
	unsigned order;

	model_operation("hvo restore");
	/* Zeros before anybody can reach them through the frame table. */
	arch_wmb();
	if (s != NULL)
		shadow_unmap(s, t->va, t->size);
	for (vaddr_t va = t->va; va < t->va + t->size; va += PAGE_SIZE) {
		paddr_t pa = frame_chain_pop(pages, &order);

		(void)remap_page(b, va, pa, PROT_RW);
		if (s != NULL)
			shadow_map(s, (struct extent){.va = va,
						      .size = PAGE_SIZE,
						      .pa = pa,
						      .prot = PROT_RW,
						      .max_level = t->max_level});
	}
	/* With the first page, and what follows: a leaf again, if all came home. */
	pt_merge(b, t->va - PAGE_SIZE, t->size + 2 * PAGE_SIZE, (unsigned)min_u64(t->max_level, 2));
}

enum err hvo_restore(paddr_t pa)
{
	struct frame_chain pages = {FRAME_NONE};
	const struct extent *x;
	struct pt_batch b;
	struct tails t;
	enum err err;

	if (!find_tails(pa, &t) || frame_of(pa)->remapped == 0)
		return ERR_NOENT;
	rw_read_lock(&mmap_lock);
	err = make_pages(&t, &pages);
	if (err != OK)
		goto out;
	kernel_begin(&b);
	/* What the first page's leaf may grow to, the others may. */
	x = b.pt->shadow != NULL ? shadow_find(b.pt->shadow, t.va - PAGE_SIZE) : NULL;
	t.max_level = x != NULL ? x->max_level : 1;
	give_pages(&b, &t, &pages);
	err = pt_commit(&b);
	if (err == OK)
		frame_of(pa)->remapped = 0;
	kernel_end();
out:
	rw_read_unlock(&mmap_lock);
	return err;
}
