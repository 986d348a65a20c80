/* SPDX-License-Identifier: BSD-2-Clause */
/* What unplugged memory is filled with: a pattern of its own addresses. */
#ifndef PLATFORM_SCRIBBLE_H
#define PLATFORM_SCRIBBLE_H

#include "firmware/types.h"

/* What the 64-bit word at @pa holds. Bit 0 is 0: read as an entry, it is invalid. */
static inline uint64_t scribble_word(paddr_t pa)
{
	return UINT64_C(0xa5c3000000000000) + pa;
}

/* Fill the @size_bytes (a multiple of 64) at @p, which lie at physical address @pa. */
void scribble_fill(void *p, paddr_t pa, uint64_t size_bytes);

/* How many words differ; @first gets the address of the first one, if any. */
uint64_t scribble_check(const void *p, paddr_t pa, uint64_t size_bytes, paddr_t *first);

#endif
