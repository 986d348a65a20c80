/* SPDX-License-Identifier: BSD-2-Clause */
/* Control and status registers of S-mode, and the instructions that touch nothing else. */
#ifndef FIRMWARE_CSR_H
#define FIRMWARE_CSR_H

#include <stdint.h>

#define SSTATUS_SIE (UINT64_C(1) << 1)
#define SSTATUS_SPIE (UINT64_C(1) << 5)
#define SSTATUS_SPP (UINT64_C(1) << 8)
#define SSTATUS_SUM (UINT64_C(1) << 18)
#define SSTATUS_MXR (UINT64_C(1) << 19)

#define SATP_MODE_SHIFT 60
#define SATP_MODE_BARE 0
#define SATP_MODE_SV39 8
#define SATP_MODE_SV48 9
#define SATP_MODE_SV57 10
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK UINT64_C(0xffff)
#define SATP_PPN_MASK ((UINT64_C(1) << SATP_ASID_SHIFT) - 1)

#define SCAUSE_IRQ (UINT64_C(1) << 63)

/* @name is how the functions spell it, @csr what the assembler takes: a name or a number. */
#define CSR_ACCESSORS_OF(name, csr)                                                                \
	static inline uint64_t csr_read_##name(void)                                               \
	{                                                                                          \
		uint64_t v;                                                                        \
		__asm__ volatile("csrr %0, " #csr : "=r"(v) : : "memory");                         \
		return v;                                                                          \
	}                                                                                          \
	static inline void csr_write_##name(uint64_t v)                                            \
	{                                                                                          \
		__asm__ volatile("csrw " #csr ", %0" : : "r"(v) : "memory");                       \
	}                                                                                          \
	static inline void csr_set_##name(uint64_t v)                                              \
	{                                                                                          \
		__asm__ volatile("csrs " #csr ", %0" : : "r"(v) : "memory");                       \
	}                                                                                          \
	static inline uint64_t csr_read_clear_##name(uint64_t v)                                   \
	{                                                                                          \
		uint64_t old;                                                                      \
		__asm__ volatile("csrrc %0, " #csr ", %1" : "=r"(old) : "r"(v) : "memory");        \
		return old;                                                                        \
	}
#define CSR_ACCESSORS(csr) CSR_ACCESSORS_OF(csr, csr)

CSR_ACCESSORS(satp)
CSR_ACCESSORS(sstatus)
CSR_ACCESSORS(sie)
CSR_ACCESSORS(sip)
CSR_ACCESSORS(stvec)
CSR_ACCESSORS(sscratch)
/* AIA 1.0, Ssaia: window to the registers of the hart's interrupt file; assemblers may not know. */
CSR_ACCESSORS_OF(siselect, 0x150)
CSR_ACCESSORS_OF(sireg, 0x151)

/* Sstc. */
CSR_ACCESSORS_OF(stimecmp, 0x14d)

/* stopei: what it held; writing it, whatever the value, claims that (AIA 1.0, 3.10). */
static inline uint64_t csr_swap_stopei(uint64_t v)
{
	uint64_t old;

	__asm__ volatile("csrrw %0, 0x15c, %1" : "=r"(old) : "r"(v) : "memory");
	return old;
}

/* Traps where M-mode keeps the counter to itself (mcounteren). */
static inline uint64_t csr_read_instret(void)
{
	uint64_t v;

	__asm__ volatile("csrr %0, instret" : "=r"(v) : : "memory");
	return v;
}

static inline uint64_t csr_read_time(void)
{
	uint64_t v;

	__asm__ volatile("csrr %0, time" : "=r"(v) : : "memory");
	return v;
}

/* Until an interrupt is pending, or for no reason at all. */
static inline void hart_wfi(void)
{
	__asm__ volatile("wfi" : : : "memory");
}

/* Zihintpause, a FENCE with an empty successor set where it is unknown. */
static inline void hart_pause(void)
{
	__asm__ volatile(".word 0x0100000f" : : : "memory");
}

#endif
