/* SPDX-License-Identifier: BSD-2-Clause */
/* Violations as they are kept until somebody takes them. Locks: all under the model's. */
#ifndef MM_MODEL_REPORT_H
#define MM_MODEL_REPORT_H

#include "mm/model_records.h"

void model_report_reset(void);
void model_report(struct violation v);
/* What is wrong with @r, at @pa. */
void model_report_record(enum violation_kind kind, const struct model_record *r, paddr_t pa);
/* A hart that started and has not fenced may hold anything. */
void model_report_unfenced(enum violation_kind kind, paddr_t pa);
/* There is no room for more @what: nothing is claimed from here on. */
void model_overflow(const char *what);
bool model_overflowed(void);
unsigned model_report_take(struct violation *v, unsigned max, unsigned *kept);

#endif
