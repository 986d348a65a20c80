/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers in the kernel's address space. */
#ifndef MM_IO_H
#define MM_IO_H

#include "firmware/types.h"

/*
 * Map the registers at [@pa, @pa + @size) for reading and writing, page by page, in the vmalloc
 * area; @va gets the address of @pa itself. Registers that share a page may be mapped twice.
 * With the memory type of I/O where types are used. Never unmapped. Returns OK, ERR_NOMEM,
 * ERR_RANGE.
 */
enum err must_check io_map(paddr_t pa, uint64_t size, vaddr_t *va);

/*
 * Every hart takes entries with memory types: use them (memtype.h), also for what was mapped before
 * this was known, that is by io_map() and, unless 0, the console's page at @console. Errors of
 * shootdown().
 */
enum err must_check io_use_types(vaddr_t console);

/*
 * Map [@pa, @pa + @size) for a while, in an area that io_unmap() gives back, with leaves up to 2
 * MiB and with the memory type of I/O where types are used. Errors of vmap_new(). Source: Linux
 * ioremap(), iounmap().
 */
enum err must_check io_remap(paddr_t pa, uint64_t size, vaddr_t *va);
enum err must_check io_unmap(vaddr_t va);

/*
 * A window of @size bytes of address space that nothing is mapped at, for a device that is
 * emulated by trapping: every access faults. Returns OK, ERR_NOMEM.
 */
enum err must_check io_reserve(uint64_t size, vaddr_t *va);

#endif
