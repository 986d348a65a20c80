/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The KASAN shadow: a byte for each 8 bytes of the kernel's half of the address space, in the area
 * that the mode has for it. Here of the direct map only: of memory that comes and goes private
 * pages, made before its first use and freed behind its last; of boot memory one block of zeros,
 * shared and read-only, as far as somebody asks. (Linux: kasan_init(), kasan_mem_notifier().)
 */
#ifndef MM_KASAN_H
#define MM_KASAN_H

#include "firmware/types.h"

/* Where the shadow byte of @va is, a kernel address. Source: Linux kasan_mem_to_shadow(). */
vaddr_t kasan_shadow(vaddr_t va);

/*
 * Make the shadow of the boot memory @boot, 2 MiB aligned; from here on memory that goes online
 * gets its own. Not while hot-added memory is online. ERR_NOMEM; nothing changed then.
 */
enum err must_check kasan_start(struct region boot);

/* Take all of it down again. None of it may be hot-added memory's. Errors of shootdown(). */
enum err must_check kasan_stop(void);

/*
 * Make, or free, the private shadow of @phys, multiples of 2 MiB. What is shadow of boot memory
 * stays. ERR_NOMEM, errors of shootdown(). Locks: reads mmap_lock, takes kernel_table_lock.
 * Source: Linux kasan_mem_notifier().
 */
enum err must_check kasan_populate(struct region phys);
enum err must_check kasan_depopulate(struct region phys);

#endif
