/* SPDX-License-Identifier: BSD-2-Clause */
/* Page-table entries: bits as the Privileged ISA names them, and how they are put together. */
#ifndef MM_PTE_H
#define MM_PTE_H

#include "firmware/arch.h"

/*
 *  63  62..61  60..54   53..10   9..8  7 6 5 4 3 2 1 0
 *   N  PBMT    reserved PPN      RSW   D A G U X W R V
 */
#define PTE_V UINT64_C(0x001)
#define PTE_R UINT64_C(0x002)
#define PTE_W UINT64_C(0x004)
#define PTE_X UINT64_C(0x008)
#define PTE_U UINT64_C(0x010)
#define PTE_G UINT64_C(0x020)
#define PTE_A UINT64_C(0x040)
#define PTE_D UINT64_C(0x080)
#define PTE_N (UINT64_C(1) << 63) /* Svnapot */
/* Svpbmt: the memory type; 0 is what the physical address says, 3 is reserved. */
#define PTE_PBMT_NC (UINT64_C(1) << 61)
#define PTE_PBMT_IO (UINT64_C(2) << 61)
#define PTE_PBMT_MASK (UINT64_C(3) << 61)
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK (((UINT64_C(1) << 44) - 1) << PTE_PPN_SHIFT)
#define PTE_FLAGS_MASK (~PTE_PPN_MASK)

#define PTE_NONE ((pte_t){0})

/*
 * Kernel leaves are born with A and D: hardware has nothing left to write into them, and a core
 * without Svadu does not fault on the first touch. G: the kernel is the same in every space.
 */
#define PROT_RW (PTE_R | PTE_W | PTE_G | PTE_A | PTE_D)
#define PROT_RX (PTE_R | PTE_X | PTE_G | PTE_A | PTE_D)
#define PROT_RWX (PROT_RW | PTE_X)
#define PROT_RO (PTE_R | PTE_G | PTE_A | PTE_D)

#define PA_BITS 56

static inline pte_t pte_leaf(paddr_t pa, uint64_t prot)
{
	return (pte_t){pa >> PAGE_SHIFT << PTE_PPN_SHIFT | prot | PTE_V};
}

static inline pte_t pte_table(paddr_t pa)
{
	return (pte_t){pa >> PAGE_SHIFT << PTE_PPN_SHIFT | PTE_V};
}

static inline bool pte_is_none(pte_t p)
{
	return p.raw == 0;
}

static inline bool pte_is_valid(pte_t p)
{
	return (p.raw & PTE_V) != 0;
}

static inline bool pte_is_leaf(pte_t p)
{
	return pte_is_valid(p) && (p.raw & (PTE_R | PTE_W | PTE_X)) != 0;
}

/*
 * Not valid, but with the address and rights of the leaf that it was: set_direct_map_invalid()
 * leaves such entries. For hardware it is none; for whoever takes the mapping down it is not.
 */
static inline bool pte_is_parked(pte_t p)
{
	return !pte_is_valid(p) && (p.raw & (PTE_R | PTE_W | PTE_X)) != 0;
}

/* Somebody's mapping, in force or parked. */
static inline bool pte_is_mapping(pte_t p)
{
	return pte_is_leaf(p) || pte_is_parked(p);
}

static inline bool pte_is_table(pte_t p)
{
	return pte_is_valid(p) && (p.raw & (PTE_R | PTE_W | PTE_X)) == 0;
}

static inline paddr_t pte_pa(pte_t p)
{
	return (p.raw & PTE_PPN_MASK) >> PTE_PPN_SHIFT << PAGE_SHIFT;
}

/* The same entry for another address. */
static inline pte_t pte_with_pa(pte_t p, paddr_t pa)
{
	return (pte_t){(p.raw & PTE_FLAGS_MASK) | pa >> PAGE_SHIFT << PTE_PPN_SHIFT};
}

static inline pte_t pte_parked(pte_t p)
{
	return (pte_t){p.raw & ~PTE_V};
}

/* Svnapot: 16 entries side by side, each with N and 8 in the low bits of PPN, are 64 KiB. */
#define PTE_NAPOT_PAGES 16u

static inline bool pte_is_napot(pte_t p)
{
	return (p.raw & PTE_N) != 0 && pte_is_leaf(p) &&
	       (p.raw >> PTE_PPN_SHIFT) % PTE_NAPOT_PAGES == PTE_NAPOT_PAGES / 2;
}

static inline uint64_t pte_prot(pte_t p)
{
	return p.raw & PTE_FLAGS_MASK & ~PTE_V;
}

#endif
