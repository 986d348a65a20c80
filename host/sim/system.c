/* SPDX-License-Identifier: BSD-2-Clause */
/* SYSTEM: CSR instructions, calls, returns, WFI, fences of the address-translation caches. */
#include "host/sim/cpu.h"
#include "host/sim/csr.h"
#include "host/sim/fence.h"
#include "host/sim/sbi_native.h"
#include "host/sim/trap.h"

#define INSN_ECALL 0x00000073U
#define INSN_EBREAK 0x00100073U
#define INSN_SRET 0x10200073U
#define INSN_MRET 0x30200073U
#define INSN_WFI 0x10500073U
#define INSN_SFENCE_W_INVAL 0x18000073U
#define INSN_SFENCE_INVAL_IR 0x18100073U

#define FUNCT7_SFENCE_VMA 0x09
#define FUNCT7_SINVAL_VMA 0x0b

static void csr_execute(struct hart *h, uint32_t insn)
{
	unsigned rd = field(insn, 7, 5);
	unsigned rs1 = field(insn, 15, 5);
	unsigned csr = insn >> 20;
	unsigned kind = field(insn, 12, 2); /* 1 write, 2 set, 3 clear */
	uint64_t operand = field(insn, 14, 1) != 0 ? rs1 : h->x[rs1];
	uint64_t old = 0;

	if (kind == 0 || ((kind != 1 || rd != 0) && !csr_read(h, csr, &old))) {
		cpu_illegal(h, insn);
		return;
	}
	if (kind == 2)
		operand |= old;
	else if (kind == 3)
		operand = old & ~operand;
	/* Set and clear with x0, or with 0 as immediate, do not write. */
	if ((kind == 1 || rs1 != 0) && !csr_write(h, csr, operand)) {
		cpu_illegal(h, insn);
		return;
	}
	h->x[rd] = old;
}

static uint64_t ecall(struct hart *h, uint64_t next)
{
	if (h->priv == PRIV_S && sbi_native_call(h))
		return next;
	hart_raise(h, (enum cause)(CAUSE_ECALL_U + h->priv), 0);
	return next;
}

static void wfi(struct hart *h, uint32_t insn)
{
	if (h->priv == PRIV_U || (h->priv == PRIV_S && (h->mstatus & MSTATUS_TW) != 0)) {
		cpu_illegal(h, insn);
		return;
	}
	h->waiting = (trap_pending(h) & h->mie) == 0;
	h->attention |= ATTEND_YIELD;
}

/* In S-mode only where TVM allows it, never in U-mode. */
static bool may_fence(const struct hart *h)
{
	return h->priv == PRIV_M || (h->priv == PRIV_S && (h->mstatus & MSTATUS_TVM) == 0);
}

static bool fence_execute(struct hart *h, uint32_t insn)
{
	unsigned rs1 = field(insn, 15, 5);
	unsigned rs2 = field(insn, 20, 5);
	bool svinval = h->machine->config->svinval;

	if (insn == INSN_SFENCE_W_INVAL && svinval && h->priv != PRIV_U) {
		fence_w_inval(h);
		return true;
	}
	if (insn == INSN_SFENCE_INVAL_IR && svinval && h->priv != PRIV_U) {
		fence_inval_ir(h);
		return true;
	}
	if (field(insn, 7, 5) != 0 || !may_fence(h))
		return false;
	if (insn >> 25 == FUNCT7_SFENCE_VMA) {
		fence_sfence_vma(h, rs1, rs2);
		return true;
	}
	if (insn >> 25 == FUNCT7_SINVAL_VMA && svinval) {
		fence_sinval_vma(h, rs1, rs2);
		return true;
	}
	return false;
}

uint64_t system_execute(struct hart *h, uint32_t insn, uint64_t next)
{
	if (field(insn, 12, 3) != 0) {
		csr_execute(h, insn);
		return next;
	}
	switch (insn) {
	case INSN_ECALL:
		return ecall(h, next);
	case INSN_EBREAK:
		hart_raise(h, CAUSE_BREAKPOINT, h->pc);
		return next;
	case INSN_MRET:
		if (h->priv == PRIV_M)
			return trap_mret(h);
		break;
	case INSN_SRET:
		if (h->priv == PRIV_M || (h->priv == PRIV_S && (h->mstatus & MSTATUS_TSR) == 0))
			return trap_sret(h);
		break;
	case INSN_WFI:
		wfi(h, insn);
		return next;
	default:
		if (fence_execute(h, insn))
			return next;
	}
	cpu_illegal(h, insn);
	return next;
}
