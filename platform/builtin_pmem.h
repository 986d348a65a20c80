/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in virtio-pmem device: registers by trap, memory out of RAM. */
#ifndef PLATFORM_BUILTIN_PMEM_H
#define PLATFORM_BUILTIN_PMEM_H

#include "firmware/types.h"

/*
 * As platform/builtin.h, of which the rules hold here too: only the conductor's hart may flush, and
 * no caller holds the kernel table's lock. A flush remembers a sum of each page, so that what was
 * stored and never flushed is known afterwards.
 */
struct builtin_pmem_params {
	struct region memory; /* RAM that nothing else uses, of whole pages */
	/* Where the firmware sees what the queue is made of; see struct builtin_params. */
	void *(*ptr)(void *ctx, uint64_t pa, uint64_t len, bool write);
	void *ctx;
};

/*
 * Set the device up; once. @regs gets the address of its registers, @regs_size their extent.
 * Returns OK, ERR_EXIST for a second one, ERR_NOMEM, ERR_RANGE.
 */
enum err must_check builtin_pmem_init(const struct builtin_pmem_params *p, vaddr_t *regs,
				      uint64_t *regs_size);

/*
 * How many pages have another content than at the last flush (or at start); @first gets the address
 * of the first one, if there is any. 0 without a device. Conductor only.
 */
uint64_t builtin_pmem_lost(paddr_t *first);

/* The next @count flushes fail. */
void builtin_pmem_fail_next(unsigned count);

#endif
