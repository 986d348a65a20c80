/* SPDX-License-Identifier: BSD-2-Clause */
/* Zeroed memory. */
#include "mm/clear.h"

void clear_words(void *p, uint64_t size_bytes)
{
	/* volatile: or the compiler makes a call of memset() out of it. */
	volatile uint64_t *w = p;
	volatile uint64_t *end = w + size_bytes / sizeof(*w);

	for (; w < end; w += 16) {
		w[0] = 0;
		w[1] = 0;
		w[2] = 0;
		w[3] = 0;
		w[4] = 0;
		w[5] = 0;
		w[6] = 0;
		w[7] = 0;
		w[8] = 0;
		w[9] = 0;
		w[10] = 0;
		w[11] = 0;
		w[12] = 0;
		w[13] = 0;
		w[14] = 0;
		w[15] = 0;
	}
}
