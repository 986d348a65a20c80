/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rights of kernel memory that is in use (Linux arch/riscv/mm/pageattr.c): leaves of the direct map
 * are split as far as it takes, and grow together again.
 *
 * Locks: takes hotplug_lock for reading (Linux does without: its caller owns the pages, so they
 * stay), mmap_lock for writing, kernel_table_lock. One shootdown an operation.
 */
#ifndef MM_ATTR_H
#define MM_ATTR_H

#include "firmware/types.h"

/*
 * Give [@va, @va + @size) the rights @prot (PROT_*, with a memory type where these are used, see
 * memtype.h; who changes whether memory is cached owes the caches, fence iorw, iorw and CBO.FLUSH
 * of each line, before it is accessed again), all page aligned, in the direct map or in the
 * vmalloc area; what is changed there is changed for the same memory in the direct map too.
 * ERR_INVAL (alignment, rights, neither of the two areas), ERR_NOENT (part of it is not mapped, or
 * is direct map of memory that is not online), ERR_NOMEM (table pages for a split); nothing changed
 * then. Errors of shootdown(): changed, and not known to every hart.
 * Source: Linux __set_memory(), set_memory_ro(), set_memory_x() ...
 */
enum err must_check set_memory(vaddr_t va, uint64_t size, uint64_t prot);

/*
 * Take online memory out of the direct map, and put it back, readable and writable, not executable.
 * Its owner still owns it. Errors as set_memory().
 * Source: Linux set_direct_map_invalid_noflush(), set_direct_map_default_noflush(), which both
 * flush.
 */
enum err must_check set_direct_map_invalid(paddr_t pa, uint64_t size);
enum err must_check set_direct_map_default(paddr_t pa, uint64_t size);

/* Whether @va translates now. Locks: takes kernel_table_lock. Source: Linux kernel_page_present().
 */
bool kernel_page_present(vaddr_t va);

#endif
