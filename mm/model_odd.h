/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames that are mapped elsewhere than in the direct map: a count a frame, by hash, so that most
 * frames that are freed are known not to be without a search of all tables.
 */
#ifndef MM_MODEL_ODD_H
#define MM_MODEL_ODD_H

#include "mm/pte.h"

/* The direct map shows @direct from @va on. */
void model_odd_reset(vaddr_t va, struct region direct);
/* Whether @e, of @level, is no leaf of the direct map where @va translates to it. */
bool model_odd_leaf(pte_t e, vaddr_t va, unsigned level);
/* @by: 1 for a leaf that comes, -1 for one that goes. */
void model_odd_count(pte_t e, unsigned level, int by);
/* False: no frame of @r is mapped by such a leaf. */
bool model_odd_maybe(struct region r);

#endif
