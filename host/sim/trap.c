/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps (Privileged ISA, "Machine-Level ISA" and "Supervisor-Level ISA"). */
#include "host/sim/trap.h"

#include "host/sim/mmu.h"

/* Bit @to becomes what bit @from is, and @from becomes @new. */
static uint64_t shift_bit(uint64_t v, uint64_t to, uint64_t from, bool new_from)
{
	v = (v & from) != 0 ? v | to : v & ~to;
	return new_from ? v | from : v & ~from;
}

static uint64_t vector(uint64_t tvec, uint64_t cause)
{
	uint64_t base = tvec & ~UINT64_C(3);

	return (tvec & 1) != 0 && (cause & CAUSE_INTERRUPT) != 0 ? base + 4 * (cause & 63) : base;
}

static void enter(struct hart *h, uint64_t cause, uint64_t value, bool supervisor)
{
	h->stats.traps++;
	h->reserved = false;
	if (supervisor) {
		h->sepc = h->pc;
		h->scause = cause;
		h->stval = value;
		h->mstatus = shift_bit(h->mstatus, MSTATUS_SPIE, MSTATUS_SIE, false);
		h->mstatus &= ~MSTATUS_SPP;
		h->mstatus |= h->priv == PRIV_S ? MSTATUS_SPP : 0;
		h->priv = PRIV_S;
		h->pc = vector(h->stvec, cause);
	} else {
		h->mepc = h->pc;
		h->mcause = cause;
		h->mtval = value;
		h->mstatus = shift_bit(h->mstatus, MSTATUS_MPIE, MSTATUS_MIE, false);
		h->mstatus &= ~MSTATUS_MPP;
		h->mstatus |= (uint64_t)h->priv << MSTATUS_MPP_SHIFT;
		h->priv = PRIV_M;
		h->pc = vector(h->mtvec, cause);
	}
	mmu_context_changed(h);
}

void trap_take(struct hart *h)
{
	enum cause cause = h->trap_cause;

	enter(h, cause, h->trap_value, h->priv != PRIV_M && (h->medeleg >> cause & 1) != 0);
}

uint64_t trap_pending(const struct hart *h)
{
	uint64_t mip = h->mip;

	if (h->msip)
		mip |= BIT(IRQ_MSI);
	if (h->machine->mtime >= h->mtimecmp)
		mip |= BIT(IRQ_MTI);
	if ((h->menvcfg & MENVCFG_STCE) != 0) {
		mip &= ~BIT(IRQ_STI);
		mip |= h->machine->mtime >= h->stimecmp ? BIT(IRQ_STI) : 0;
	}
	return mip;
}

void trap_check_interrupts(struct hart *h)
{
	static const enum irq by_priority[] = {IRQ_MEI, IRQ_MSI, IRQ_MTI,
					       IRQ_SEI, IRQ_SSI, IRQ_STI};
	uint64_t pending = trap_pending(h) & h->mie;
	bool m_on = h->priv != PRIV_M || (h->mstatus & MSTATUS_MIE) != 0;
	bool s_on = h->priv == PRIV_U || (h->priv == PRIV_S && (h->mstatus & MSTATUS_SIE) != 0);
	uint64_t to_m = m_on ? pending & ~h->mideleg : 0;
	uint64_t to_s = s_on ? pending & h->mideleg : 0;
	uint64_t now = to_m != 0 ? to_m : to_s;

	if (pending != 0)
		h->waiting = false;
	for (unsigned i = 0; now != 0 && i < sizeof(by_priority) / sizeof(by_priority[0]); i++) {
		enum irq irq = by_priority[i];

		if ((now >> irq & 1) != 0) {
			enter(h, CAUSE_INTERRUPT | irq, 0, to_m == 0);
			return;
		}
	}
}

/* The firmware has let the hart go to S-mode. */
static void start_supervisor(struct hart *h)
{
	h->stopped = false;
	h->suspended = false;
	if (h->start_satp == 0)
		return;
	h->satp = h->start_satp;
	h->start_satp = 0;
	mmu_load_satp(h);
}

uint64_t trap_mret(struct hart *h)
{
	h->priv = (enum priv)((h->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT);
	h->mstatus = shift_bit(h->mstatus, MSTATUS_MIE, MSTATUS_MPIE, true);
	h->mstatus &= ~MSTATUS_MPP;
	if (h->priv != PRIV_M) {
		h->mstatus &= ~MSTATUS_MPRV;
		start_supervisor(h);
	}
	mmu_context_changed(h);
	h->attention |= ATTEND_IRQ;
	return h->mepc;
}

uint64_t trap_sret(struct hart *h)
{
	h->priv = (h->mstatus & MSTATUS_SPP) != 0 ? PRIV_S : PRIV_U;
	h->mstatus = shift_bit(h->mstatus, MSTATUS_SIE, MSTATUS_SPIE, true);
	h->mstatus &= ~(MSTATUS_SPP | MSTATUS_MPRV);
	mmu_context_changed(h);
	h->attention |= ATTEND_IRQ;
	return h->sepc;
}
