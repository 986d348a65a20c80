/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * New mappings without a shootdown (Linux 503638e0babf: new_vmalloc[], new_valid_map_cpus). A hart
 * may hold the absence of an entry that is valid by now; so a bit of each hart is set, and a page
 * fault while its bit is set fences that hart and is tried once more. The second one is real.
 *
 * For what was invalid and is valid now, never for more: a hart that holds an old valid entry does
 * not fault. Linux does it before the first use of a stack, because stacks lie in the vmalloc area
 * there; ours do not, so an ordinary trap handler will do.
 */
#ifndef MM_DEFERRED_H
#define MM_DEFERRED_H

#include "firmware/hartset.h"
#include "mm/map.h"

/*
 * Instead of pt_commit(): mark every hart. Falls back to pt_commit() if anything that was valid
 * changed. Errors of pt_commit().
 */
enum err must_check deferred_commit(struct pt_batch *b);

/* Set the bits of all harts, behind the stores to entries. */
void deferred_mark(void);
bool deferred_pending(unsigned hart);

/*
 * Which harts were marked, found by looking and not by what the marking says of itself: bit by bit,
 * as each hart will look for its own. A hart whose bit is gone has taken it (and fences) if it has
 * taken any since deferred_watch(), which comes before the marking.
 */
struct deferred_watch {
	uint32_t taken[MAX_HARTS];
};
void deferred_watch(struct deferred_watch *w);
struct hartset deferred_marked(const struct deferred_watch *w);

/*
 * On a hart that took a trap of @cause (scause): true if it may try again, fenced. By the cause
 * alone: stval may be zero. Called from the trap handler, in the order that firmware/trap.h states.
 */
bool deferred_repair(uint64_t cause);

/* Traps that were repaired. */
uint64_t deferred_repairs(void);

#endif
