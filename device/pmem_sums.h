/* SPDX-License-Identifier: BSD-2-Clause */
/* What a flush made last, page by page: to tell afterwards what was stored and never flushed. */
#ifndef DEVICE_PMEM_SUMS_H
#define DEVICE_PMEM_SUMS_H

#include <stdint.h>

#define PMEM_PAGE_BYTES 4096ULL

/*
 * Sums of the @pages pages at @memory (8-byte aligned), which are those from @first on of @sums.
 * Two contents of one page have the same sum once in 2^64 times.
 */
void pmem_sums_take(uint64_t *sums, const void *memory, uint64_t first, uint64_t pages);

/*
 * How many of the pages at @memory have another content than when pmem_sums_take() looked; @page
 * gets the number of the first one, if there is any.
 */
uint64_t pmem_sums_differ(const uint64_t *sums, const void *memory, uint64_t first, uint64_t pages,
			  uint64_t *page);

#endif
