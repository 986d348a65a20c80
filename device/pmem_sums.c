/* SPDX-License-Identifier: BSD-2-Clause */
/* Sums of pages. */

#include "device/pmem_sums.h"

/* Each word goes in by a step that can be undone, so that no two contents of one word agree. */
static uint64_t page_sum(const void *memory, uint64_t index)
{
	const uint64_t *words = (const uint64_t *)memory + index * (PMEM_PAGE_BYTES / 8);
	uint64_t sum = 0;

	for (unsigned i = 0; i < PMEM_PAGE_BYTES / 8; i++) {
		sum = (sum ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 29;
	}
	return sum;
}

void pmem_sums_take(uint64_t *sums, const void *memory, uint64_t first, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		sums[first + i] = page_sum(memory, i);
}

uint64_t pmem_sums_differ(const uint64_t *sums, const void *memory, uint64_t first, uint64_t pages,
			  uint64_t *page)
{
	uint64_t differ = 0;

	for (uint64_t i = 0; i < pages; i++) {
		if (page_sum(memory, i) == sums[first + i])
			continue;
		if (differ++ == 0)
			*page = first + i;
	}
	return differ;
}
