/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The records of a huge page say one thing many times: the pages of them behind the first one are
 * remapped to it, read-only, and freed (Linux: HVO, mm/hugetlb_vmemmap.c).
 *
 * Only of an allocated block: the allocator writes to the records of free blocks, and of allocated
 * ones to the first, which stays writable. While its records are remapped a block cannot be freed,
 * in part or as a whole (frame_free() records an error), so the memory that it lies in does not go:
 * hot_offline() says ERR_BUSY.
 *
 * Locks: reads mmap_lock, takes kernel_table_lock. The block is the caller's alone.
 */
#ifndef MM_HVO_H
#define MM_HVO_H

#include "firmware/types.h"

/* Of blocks from 2 MiB to 16 MiB: each of the pages is an extent of the shadow map. */
#define HVO_MIN_ORDER 9u
#define HVO_MAX_ORDER 12u

/*
 * Free the records of the block that starts at @pa but for the first page of them. ERR_INVAL (no
 * block of such an order starts there; its records are carved from the memory itself; the size of a
 * record is no power of two, so that they do not repeat page by page), ERR_EXIST (done already),
 * ERR_NOMEM (a table for the split); nothing changed then. Errors of shootdown(): nothing is freed.
 */
enum err must_check hvo_optimize(paddr_t pa);

/*
 * Give it records of its own again. ERR_NOENT (it has them), ERR_NOMEM; nothing changed then.
 * Leaves of the frame table grow together where the pages that were freed can be had again.
 */
enum err must_check hvo_restore(paddr_t pa);

/* Pages that hvo_optimize() frees of a block of @order. */
uint64_t hvo_pages(unsigned order);

#endif
