/* SPDX-License-Identifier: BSD-2-Clause */
/* Sv39, Sv48 and Sv57 as three descriptors of one code, with the address space of each. */
#ifndef MM_MODE_H
#define MM_MODE_H

#include "firmware/types.h"

#define PT_BITS 9
#define PT_ENTRIES 512u
#define PT_MAX_LEVELS 5u

/* Start and size of a part of the kernel's half. */
struct area {
	vaddr_t start;
	uint64_t size;
};

/* Areas as Linux lays them out (Documentation/arch/riscv/vm-layout.rst). */
struct mmu_mode {
	const char *name;
	unsigned levels;
	uint64_t satp_mode;
	unsigned va_bits;
	struct area vmemmap;
	struct area vmalloc;
	struct area direct;
	struct area kasan;
};

extern const struct mmu_mode mmu_modes[3]; /* Sv39, Sv48, Sv57 */

/* By SATP_MODE_*; NULL if it is none of them. */
const struct mmu_mode *mmu_mode_by_satp(uint64_t satp_mode);

/*
 * @mode with areas no larger than a direct map of @span_bytes needs, in whole root entries: fewer
 * entries to populate and tables to walk (prealloc=min). Without KASAN's area.
 */
struct mmu_mode mode_cut(const struct mmu_mode *mode, uint64_t span_bytes, uint64_t record_bytes);

static inline unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + PT_BITS * level;
}

/* Bytes that one entry of @level translates: 4 KiB, 2 MiB, 1 GiB, 512 GiB, 256 TiB. */
static inline uint64_t level_size(unsigned level)
{
	return UINT64_C(1) << level_shift(level);
}

static inline unsigned level_index(vaddr_t va, unsigned level)
{
	return (unsigned)(va >> level_shift(level)) % PT_ENTRIES;
}

/*
 * The largest leaf below the root: a leaf in the root itself could not be split without touching
 * every copy of the root (Linux 629db01c64ff).
 */
static inline unsigned mode_max_leaf(const struct mmu_mode *m)
{
	return m->levels - 2;
}

/* The address whose low va_bits are @va's. */
static inline vaddr_t mode_sign_extend(const struct mmu_mode *m, vaddr_t va)
{
	unsigned unused = 64 - m->va_bits;

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

/* Sign-extended from va_bits - 1: only such addresses translate. */
static inline bool mode_canonical(const struct mmu_mode *m, vaddr_t va)
{
	return mode_sign_extend(m, va) == va;
}

#endif
