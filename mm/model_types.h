/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory types (Svpbmt): pages that several leaves map, with types that differ. What an operation
 * stored is judged when it is complete: until then the one leaf may be changed and the other not
 * yet. Locks: all under the model's.
 */
#ifndef MM_MODEL_TYPES_H
#define MM_MODEL_TYPES_H

#include "mm/pte.h"

void model_types_reset(void);
/* Leaves that have a type: while there are none, nobody need ask. */
extern uint32_t model_nr_typed;
/* A leaf with a type, @e of @level, came (@by 1) or went (-1). */
void model_type_count(pte_t e, unsigned level, int by);
/* This hart stored the leaf @e of @level, of any type. False: no room to remember it. */
bool model_type_stored(pte_t e, unsigned level);
/* This hart's operation is complete. */
void model_types_complete(void);

#endif
