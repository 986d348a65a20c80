/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Exposure: what an operation gives back while some hart may still use it, measured instead of
 * called a violation. For teardown in an order that is known to be wrong (mm/teardown_linux.h):
 * which pages, to which harts, for how long. What is exposed still when the operation ends is a
 * violation as ever, and so is what any other hart frees meanwhile, and all of it in an operation
 * of any other order.
 */
#ifndef MM_MODEL_EXPOSURE_H
#define MM_MODEL_EXPOSURE_H

#include "firmware/arch.h"

/* Of one operation, or of several. Lengths are those of the page that was exposed longest. */
struct exposure_sum {
	bool measured;	   /* somebody looked: else all is 0 for no reason */
	uint64_t tables;   /* table pages */
	uint64_t linked;   /* ... of them those that an entry still pointed to */
	uint64_t frames;   /* pages behind leaves: the frame table's */
	uint64_t reused;   /* pages that were allocated again while they were exposed */
	uint64_t unsure;   /* as many more may have been: allocated between pages that were */
	uint64_t stores;   /* to entries, of any hart, from the free to the fence that ended it */
	uint64_t ticks;	   /* of model_exposure_clock() */
	uint64_t open;	   /* pages exposed at the end: reported as violations */
	uint64_t removals; /* operations that exposed anything */
	struct hartset harts;
};

void exposure_join(struct exposure_sum *a, const struct exposure_sum *b);

/* Whether operations are measured from here on. Off at start; without a model always. */
void model_expose(bool on);
/* Where time comes from; none: ticks are 0. */
void model_exposure_clock(uint64_t (*ticks)(void));

/*
 * An operation of this hart, one at a time in all: the caller's lock. @due: it exposes by its
 * order; where it does not, what it exposes is measured and a violation too.
 */
void model_exposures_begin(bool due);
/* It is complete: all that it exposed has to be over. Sets *@s. */
void model_exposures_end(struct exposure_sum *s);
/* All since the last call. */
void model_exposures_take(struct exposure_sum *s);

/* Frames leave an allocator. Costs one load while nothing is exposed. */
void model_exposure_reused(struct region r);
extern unsigned model_nr_exposed;
static inline void model_frames_allocated(struct region r)
{
	if (__builtin_expect(__atomic_load_n(&model_nr_exposed, __ATOMIC_RELAXED) != 0, 0))
		model_exposure_reused(r);
}

/* ---- for model.c and model_check.c. Locks for all below: the model's. */

/* This hart's early frees are measured now. */
bool model_exposing(void);
/* A table page of @level for @va is freed; @links entries point to it, @harts may come to it. */
void model_exposure_table(paddr_t pa, vaddr_t va, unsigned level, unsigned links,
			  const struct hartset *harts);
/* @harts hold an old leaf to frames that are being freed, which model_exposure_frames() names. */
void model_exposure_held(const struct hartset *harts, vaddr_t va);
void model_exposure_frames(struct region r);
/* An entry that pointed to @table is gone. */
void model_exposure_unlinked(paddr_t table);
void model_exposures_fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token);
void model_exposures_stop(unsigned hart);
void model_exposures_reset(void);

#endif
