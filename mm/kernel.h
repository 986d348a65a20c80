/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's page table and address space: image, direct map, frame table, vmalloc area. */
#ifndef MM_KERNEL_H
#define MM_KERNEL_H

#include "firmware/lock.h"
#include "firmware/machine.h"
#include "firmware/rwlock.h"
#include "mm/map.h"
#include "mm/walk.h"

/* Physical addresses that the direct map and the frame table can cover in @mode. */
struct region kernel_mappable(const struct mmu_mode *mode, const struct machine *m);

/*
 * Build the kernel table from boot memory (bootmem_init() done), translate with it on this hart,
 * and set up frame table and zones. ERR_NOMEM, ERR_RANGE.
 */
enum err must_check kernel_init(const struct mmu_mode *mode, const struct machine *m);

struct ptable *kernel_table(void);

/*
 * Held around every batch that changes the kernel table (Linux: init_mm.page_table_lock, which
 * hot-plug there does without).
 */
extern struct spinlock kernel_table_lock;

/*
 * Who changes what is mapped at online memory writes, who dumps it too; who only remaps what is his
 * own, such as the frame table's tail pages, reads. (Linux: mmap_lock of init_mm.)
 */
extern struct rwlock mmap_lock;

/*
 * Begin a batch on the kernel table, with its lock; and let go of the lock behind pt_commit() and
 * behind the frees that go with it.
 */
void kernel_begin(struct pt_batch *b);
void kernel_end(void);
/* The same of a batch that may free tables, outside hot-plug: nobody dumps meanwhile. */
void kernel_begin_freeing(struct pt_batch *b);
void kernel_end_freeing(void);

/* satp of the kernel table, for harts that start. */
uint64_t kernel_satp(void);

/* The direct map: pa <-> va, by arithmetic alone. Linux: __va(), pfn_to_kaddr(). */
vaddr_t direct_va(paddr_t pa);
struct region kernel_mappable_range(void);

/*
 * Address space in the lower half of the vmalloc area, @align aligned, with an unmapped page behind
 * it; never given back. 0 if the half is used up. What is given back comes from areas.h.
 */
vaddr_t vmalloc_reserve(uint64_t size, uint64_t align);

#endif
