/* SPDX-License-Identifier: BSD-2-Clause */
/* Shootdown: the one place where it is decided which fence every hart gets for a batch. */
#ifndef MM_SHOOTDOWN_H
#define MM_SHOOTDOWN_H

#include "firmware/types.h"
#include "mm/batch.h"

enum shootdown_backend { SHOOTDOWN_SBI, SHOOTDOWN_IPI, SHOOTDOWN_SVINVAL };

/*
 * The way to other harts: SBI RFENCE, or our own interrupt with local fences; or the same with the
 * three steps of Svinval for addressed ones, here too, which every hart has to have.
 */
void shootdown_use(enum shootdown_backend backend);
enum shootdown_backend shootdown_backend(void);
const char *shootdown_backend_name(enum shootdown_backend b);

/*
 * More leaves than this are fenced with rs1 = x0: one full fence is cheaper than many addressed
 * ones, by the measure that Linux took (tlb_flush_all_threshold).
 */
#define SHOOTDOWN_MAX_LEAVES 64

/*
 * Fence every online hart for what @b changed: addressed fences for few leaves, rs1 = x0 for many
 * or when a pointer changed, rs2 = x0 always (kernel entries are global).
 * ERR_* of arch_rfence() and arch_ipi_call(): some hart was not reached.
 */
enum err must_check shootdown(const struct pt_batch *b);

/*
 * For controls: @fn(@arg) is called once, by the next shootdown, between the change and its
 * fences, so that a test can see whether any hart still uses what was taken away. NULL: none.
 */
void shootdown_before_next(void (*fn)(void *), void *arg);

struct shootdown_stats {
	uint64_t calls;
	uint64_t full;
	uint64_t ranged;
};
struct shootdown_stats shootdown_stats(void);

#endif
