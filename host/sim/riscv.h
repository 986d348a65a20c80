/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the RISC-V privileged architecture, spelled as the manual does. */
#ifndef HOST_SIM_RISCV_H
#define HOST_SIM_RISCV_H

#include <stdint.h>

#define BIT(n) (UINT64_C(1) << (n))

#define PAGE_SHIFT 12
#define PAGE_BYTES UINT64_C(4096)
#define PAGE_OFFSET (PAGE_BYTES - 1)
#define VPN_BITS 9U
#define PTE_BYTES 8U
#define MAX_LEVELS 5
#define NAPOT_PAGES 16U

enum priv { PRIV_U = 0, PRIV_S = 1, PRIV_M = 3 };

enum access { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH };

enum cause {
	CAUSE_FETCH_MISALIGNED = 0,
	CAUSE_FETCH_ACCESS = 1,
	CAUSE_ILLEGAL = 2,
	CAUSE_BREAKPOINT = 3,
	CAUSE_LOAD_MISALIGNED = 4,
	CAUSE_LOAD_ACCESS = 5,
	CAUSE_STORE_MISALIGNED = 6,
	CAUSE_STORE_ACCESS = 7,
	CAUSE_ECALL_U = 8,
	CAUSE_ECALL_S = 9,
	CAUSE_ECALL_M = 11,
	CAUSE_FETCH_PAGE = 12,
	CAUSE_LOAD_PAGE = 13,
	CAUSE_STORE_PAGE = 15,
};

#define CAUSE_INTERRUPT BIT(63)

enum irq { IRQ_SSI = 1, IRQ_MSI = 3, IRQ_STI = 5, IRQ_MTI = 7, IRQ_SEI = 9, IRQ_MEI = 11 };

#define MIP_S (BIT(IRQ_SSI) | BIT(IRQ_STI) | BIT(IRQ_SEI))
#define MIP_ALL (MIP_S | BIT(IRQ_MSI) | BIT(IRQ_MTI) | BIT(IRQ_MEI))

#define MSTATUS_SIE BIT(1)
#define MSTATUS_MIE BIT(3)
#define MSTATUS_SPIE BIT(5)
#define MSTATUS_MPIE BIT(7)
#define MSTATUS_SPP BIT(8)
#define MSTATUS_MPP_SHIFT 11
#define MSTATUS_MPP (BIT(11) | BIT(12))
#define MSTATUS_MPRV BIT(17)
#define MSTATUS_SUM BIT(18)
#define MSTATUS_MXR BIT(19)
#define MSTATUS_TVM BIT(20)
#define MSTATUS_TW BIT(21)
#define MSTATUS_TSR BIT(22)
#define MSTATUS_UXL_64 BIT(33)
#define MSTATUS_SXL_64 BIT(35)

#define MENVCFG_FIOM BIT(0)
#define MENVCFG_ADUE BIT(61)
#define MENVCFG_PBMTE BIT(62)
#define MENVCFG_STCE BIT(63)

#define COUNTER_CY BIT(0)
#define COUNTER_TM BIT(1)
#define COUNTER_IR BIT(2)

#define SATP_MODE_SHIFT 60
#define SATP_ASID_SHIFT 44
#define SATP_ASID_MASK UINT64_C(0xffff)
#define SATP_PPN_MASK (BIT(44) - 1)
#define SATP_MODE_BARE 0
#define SATP_MODE_SV39 8
#define SATP_MODE_SV48 9
#define SATP_MODE_SV57 10

#define PTE_V BIT(0)
#define PTE_R BIT(1)
#define PTE_W BIT(2)
#define PTE_X BIT(3)
#define PTE_U BIT(4)
#define PTE_G BIT(5)
#define PTE_A BIT(6)
#define PTE_D BIT(7)
#define PTE_PPN_SHIFT 10
#define PTE_PPN_MASK (BIT(44) - 1)
#define PTE_RESERVED (UINT64_C(0x7f) << 54)
#define PTE_PBMT (BIT(61) | BIT(62))
#define PTE_N BIT(63)

#define PMP_ENTRIES 16
#define PMP_R 0x01
#define PMP_W 0x02
#define PMP_X 0x04
#define PMP_A_SHIFT 3
#define PMP_L 0x80

static inline int64_t sign_extend(uint64_t v, unsigned bits)
{
	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

static inline uint32_t field(uint32_t v, unsigned lo, unsigned nr)
{
	return v >> lo & ((UINT32_C(1) << nr) - 1);
}

#endif
