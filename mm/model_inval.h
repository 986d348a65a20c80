/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Svinval in the model (Privileged ISA, "Svinval"): SFENCE.W.INVAL, SINVAL.VMA and SFENCE.INVAL.IR
 * in this order on one hart, not necessarily side by side, are an SFENCE.VMA with the operands of
 * the middle one that orders the stores before the first one. Locks: all under the model's.
 */
#ifndef MM_MODEL_INVAL_H
#define MM_MODEL_INVAL_H

#include "firmware/arch.h"

void model_inval_reset(void);
/* @gen counts stores. */
void model_inval_begin(unsigned hart, uint64_t gen);
/* False: no room. */
bool must_check model_inval(unsigned hart, const struct fence_op *op);
/* @fenced is called for what is complete now, with the generation at the first step. */
void model_inval_end(unsigned hart, void (*fenced)(const struct hartset *harts,
						   const struct fence_op *op, uint64_t token));
/* @hart has made no step. */
void model_inval_forget(unsigned hart);

#endif
