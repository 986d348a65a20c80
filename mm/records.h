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

/* Free all of them. The caller has fenced: nobody translates to them but the direct map. */
void frame_chain_free(struct frame_chain *chain);

/*
 * Make the records of @phys, zeroed (a zero record is a frame that nobody asked for), and map them.
 * @mine collects their frames; after an error they are unmapped again, and to be freed behind the
 * shootdown. ERR_NOMEM, errors of pt_map(). Owed: pt_commit().
 * Source: Linux vmemmap_populate_hugepages().
 */
enum err must_check records_map(struct pt_batch *b, struct region phys, struct frame_chain *mine);

/* Make both ends of the records of @phys edges of leaves, so that they can be unmapped. ERR_NOMEM.
 */
enum err must_check records_split(struct pt_batch *b, struct region phys);
/* Leaves as large as they may be again. */
void records_merge(struct pt_batch *b, struct region phys);

/*
 * Collect the frames behind the records of @phys from the table, before they are unmapped: whole
 * blocks, or single frames where a large leaf holds records of neighbours too.
 */
struct frame_chain records_find(struct region phys);

/* Unmap them, behind records_split(). Owed: pt_commit(), then records_free(). */
void records_unmap(struct pt_batch *b, struct region phys);

/* Free the frames @chain behind the records of @phys. The caller has fenced. */
void records_free(struct frame_chain *chain, struct region phys);

#endif
