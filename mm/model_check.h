/* SPDX-License-Identifier: BSD-2-Clause */
/* Between model.c and model_check.c: the lock that both take. */
#ifndef MM_MODEL_CHECK_H
#define MM_MODEL_CHECK_H

#include "firmware/types.h"

/* False: there is no model, and nothing was locked. */
bool model_lock(bool *irq);
void model_unlock(bool irq);

/* @root is the first one. */
void model_check_reset(paddr_t root);

#endif
