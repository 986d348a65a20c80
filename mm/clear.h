/* SPDX-License-Identifier: BSD-2-Clause */
/* Zeroed memory: the cost of a hot-add is mostly this, so it is 16 stores a turn, not a call. */
#ifndef MM_CLEAR_H
#define MM_CLEAR_H

#include "firmware/types.h"

/* Zero @size_bytes, a multiple of 128, at the 8-byte aligned @p. */
void clear_words(void *p, uint64_t size_bytes);

#endif
