/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers in the kernel's address space. */
#ifndef MM_IO_H
#define MM_IO_H

#include "firmware/types.h"

/*
 * Map the registers at [@pa, @pa + @size) for reading and writing, page by page, in the vmalloc
 * area; @va gets the address of @pa itself. Registers that share a page may be mapped twice.
 * Never unmapped. Returns OK, ERR_NOMEM, ERR_RANGE.
 */
enum err must_check io_map(paddr_t pa, uint64_t size, vaddr_t *va);

/*
 * A window of @size bytes of address space that nothing is mapped at, for a device that is
 * emulated by trapping: every access faults. Returns OK, ERR_NOMEM.
 */
enum err must_check io_reserve(uint64_t size, vaddr_t *va);

#endif
