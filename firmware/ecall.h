/* SPDX-License-Identifier: BSD-2-Clause */
/* The instruction that calls the SBI, for sbi.c and for what runs before it can (early.c). */
#ifndef FIRMWARE_ECALL_H
#define FIRMWARE_ECALL_H

#include "firmware/types.h"

/* Legacy calls (EID below 0x10) return in .error alone, and have no @fid. */
struct sbi_ret {
	int64_t error;
	uint64_t value;
};

/* Always inlined: early code may not call what is linked elsewhere. */
static inline __attribute__((always_inline)) struct sbi_ret sbi_ecall(uint64_t eid, uint64_t fid,
								      uint64_t arg0, uint64_t arg1,
								      uint64_t arg2, uint64_t arg3,
								      uint64_t arg4)
{
	register uint64_t a0 __asm__("a0") = arg0;
	register uint64_t a1 __asm__("a1") = arg1;
	register uint64_t a2 __asm__("a2") = arg2;
	register uint64_t a3 __asm__("a3") = arg3;
	register uint64_t a4 __asm__("a4") = arg4;
	register uint64_t a6 __asm__("a6") = fid;
	register uint64_t a7 __asm__("a7") = eid;

	__asm__ volatile("ecall"
			 : "+r"(a0), "+r"(a1)
			 : "r"(a2), "r"(a3), "r"(a4), "r"(a6), "r"(a7)
			 : "memory");
	return (struct sbi_ret){(int64_t)a0, a1};
}

#endif
