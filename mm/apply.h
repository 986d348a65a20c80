/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A callback for each page of a range of the vmalloc area (Linux: apply_to_page_range(),
 * apply_to_existing_page_range()). Several harts may work on the same pages: each entry changes by
 * compare and exchange, and the callback is asked again if another hart was faster.
 */
#ifndef MM_APPLY_H
#define MM_APPLY_H

#include "firmware/arch.h"
#include "firmware/types.h"

/*
 * May change *@entry of the page at @va to another leaf or to none. Asked again for the same page,
 * with what another hart has put there meanwhile (none, perhaps), its answer from before counts for
 * nothing. An error ends the operation.
 * Locks: none are held. What it takes out may be freed behind the operation, not here.
 */
typedef enum err (*apply_fn)(vaddr_t va, pte_t *entry, void *arg);

/*
 * Call @fn for each page of [@va, @va + @size), page aligned and inside one live area; tables are
 * made where there are none. Ends with a shootdown of what changed. ERR_RANGE, ERR_BUSY
 * (somebody maps or frees in that area), ERR_NOMEM, ERR_INVAL (a large leaf is in the way: it is
 * neither changed nor walked through), errors of @fn and of shootdown(); what was done to the pages
 * before it stays done.
 */
enum err must_check apply_to_range(vaddr_t va, uint64_t size, apply_fn fn, void *arg);

/* The same for entries that are there: holes are passed over, no table is made. */
enum err must_check apply_to_existing(vaddr_t va, uint64_t size, apply_fn fn, void *arg);

#endif
