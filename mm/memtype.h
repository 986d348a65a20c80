/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory types that entries may have (Svpbmt), and rights that make sense. */
#ifndef MM_MEMTYPE_H
#define MM_MEMTYPE_H

#include "mm/pte.h"

/*
 * Every hart takes entries with a memory type (on), or nobody shall use such (off, as at first).
 * Not while entries that have one exist, or other harts make entries.
 */
void memtype_use(bool on);
bool memtype_on(void);

/* What a mapping of device registers has: readable, writable, and I/O where types are used. */
uint64_t prot_io(void);

/*
 * A leaf has R or X, W only with R (Privileged ISA: the rest is reserved, or a pointer), and a
 * memory type where these are used, never the reserved one.
 */
bool prot_valid(uint64_t prot);

#endif
