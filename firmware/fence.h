/* SPDX-License-Identifier: BSD-2-Clause */
/* The bare SFENCE.VMA and FENCE instructions. arch.c adds the TLB model's feed; use arch.h. */
#ifndef FIRMWARE_FENCE_H
#define FIRMWARE_FENCE_H

#include "firmware/types.h"

static inline void raw_sfence_all(void)
{
	__asm__ volatile("sfence.vma x0, x0" : : : "memory");
}

static inline void raw_sfence_va(vaddr_t va)
{
	__asm__ volatile("sfence.vma %0, x0" : : "r"(va) : "memory");
}

static inline void raw_sfence_asid(uint64_t asid)
{
	__asm__ volatile("sfence.vma x0, %0" : : "r"(asid) : "memory");
}

static inline void raw_sfence_va_asid(vaddr_t va, uint64_t asid)
{
	__asm__ volatile("sfence.vma %0, %1" : : "r"(va), "r"(asid) : "memory");
}

/* Svinval, by encoding: an assembler may not know it. SINVAL.VMA is funct7 0x0b. */
static inline void raw_sfence_w_inval(void)
{
	__asm__ volatile(".word 0x18000073" : : : "memory");
}

static inline void raw_sfence_inval_ir(void)
{
	__asm__ volatile(".word 0x18100073" : : : "memory");
}

static inline void raw_sinval_all(void)
{
	__asm__ volatile(".insn r 0x73, 0, 0x0b, x0, x0, x0" : : : "memory");
}

static inline void raw_sinval_va(vaddr_t va)
{
	__asm__ volatile(".insn r 0x73, 0, 0x0b, x0, %0, x0" : : "r"(va) : "memory");
}

static inline void raw_sinval_asid(uint64_t asid)
{
	__asm__ volatile(".insn r 0x73, 0, 0x0b, x0, x0, %0" : : "r"(asid) : "memory");
}

static inline void raw_sinval_va_asid(vaddr_t va, uint64_t asid)
{
	__asm__ volatile(".insn r 0x73, 0, 0x0b, x0, %0, %1" : : "r"(va), "r"(asid) : "memory");
}

/* Instruction fetches of this hart see its earlier stores (Zifencei). */
static inline void raw_fence_i(void)
{
	__asm__ volatile(".word 0x0000100f" : : : "memory");
}

#define RAW_FENCE(name, pred, succ)                                                                \
	static inline void raw_fence_##name(void)                                                  \
	{                                                                                          \
		__asm__ volatile("fence " #pred ", " #succ : : : "memory");                        \
	}

RAW_FENCE(w_w, w, w)
RAW_FENCE(r_r, r, r)
RAW_FENCE(rw_rw, rw, rw)
RAW_FENCE(w_o, w, o)
RAW_FENCE(rw_ow, rw, ow)

#endif
