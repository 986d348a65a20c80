/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame table of memory that comes and goes (Linux's vmemmap): its records' frames are mapped
 * and unmapped in the caller's batch, and freed by the caller behind the batch's shootdown.
 *
 * Locks: the caller's, kernel_table_lock around the batch.
 */
#ifndef MM_RECORDS_H
#define MM_RECORDS_H

#include "mm/frame.h"
#include "mm/map.h"

/* Frames of OWNER_FRAMETABLE, collected to be freed later. Chained through their own records. */
struct frame_chain {
	paddr_t head; /* FRAME_NONE: empty */
};

/* One more; and take the one that was put in last, FRAME_NONE: it is empty. */
void frame_chain_push(struct frame_chain *chain, paddr_t pa, unsigned order);
paddr_t frame_chain_pop(struct frame_chain *chain, unsigned *order);

/*
 * Free all of them, each to the allocator that it came from: boot memory's records are boot
 * memory's pages, whoever asks (Linux: PageReserved). The caller has fenced: nobody translates to
 * them but the direct map.
 */
void frame_chain_free(struct frame_chain *chain);

/*
 * Where the records of a piece of memory come from. Handed to everything that makes them and takes
 * them down: what one allocator gave must not go to another (Linux e3ecf2fdc8f3, f42ce5f087eb,
 * where the altmap was not handed on). Zeroed: from the page allocator, each its own.
 */
struct backing {
	/*
	 * At the start of the memory itself (Linux vmem_altmap, memmap on memory): counted, given
	 * to nobody. Else the page allocator's.
	 */
	bool carved;
	/*
	 * Order of device pages, of which each has two pages of records, the second one for all of
	 * its tail (Linux vmemmap_populate_compound_pages()); 0: none.
	 */
	uint8_t compound;
};

/*
 * Whether each page of records begins with a record, so that one may stand for another: not where
 * their size is no power of two. Source: Linux hugetlb_vmemmap_optimizable_size(),
 * vmemmap_can_optimize().
 */
bool records_repeat(void);

/* Bytes of records of @phys; whole pages for multiples of HOTPLUG_GRANULE. */
uint64_t records_size(struct region phys);

/*
 * Make the records of @phys and map them; zeroed (a zero record is a frame that nobody asked for),
 * but for those that lie in the memory itself: records_clear(). After an error they are unmapped
 * again and @mine collects their frames, to be freed behind the shootdown. ERR_NOMEM, errors of
 * pt_map(). Owed: pt_commit().
 * Source: Linux vmemmap_populate_hugepages().
 */
enum err must_check records_map(struct pt_batch *b, struct region phys, const struct backing *from,
				struct frame_chain *mine);

/*
 * Zero the records that lie in the memory itself. Behind pt_commit(): before it some hart may still
 * know that nothing is mapped there. Before anybody looks at them.
 */
void records_clear(struct region phys, const struct backing *from);

/* Make both ends of the records of @phys edges of leaves, so that they can be unmapped. ERR_NOMEM.
 */
enum err must_check records_split(struct pt_batch *b, struct region phys);
/* Leaves as large as they may be again. */
void records_merge(struct pt_batch *b, struct region phys);

/*
 * Collect the frames behind the records of @phys from the table, before they are unmapped: whole
 * blocks, or single frames where a large leaf holds records of neighbours too. A shared one counts
 * an entry less, and is among them when it was the last.
 */
struct frame_chain records_find(struct region phys, const struct backing *from);

/*
 * Give back what one leaf of records led to, in any order that the caller can answer for.
 * Source: Linux free_vmemmap_storage().
 */
void records_release(struct region leaf, const struct backing *from);

/* Unmap them, behind records_split(). Owed: pt_commit(), then records_free(). */
void records_unmap(struct pt_batch *b, struct region phys);

/* Free the frames @chain behind the records of @phys. The caller has fenced. */
void records_free(struct frame_chain *chain, struct region phys, const struct backing *from);

#endif
