/* SPDX-License-Identifier: BSD-2-Clause */
/* Control and status registers: who may touch them, what they hold. */
#include "host/sim/csr.h"

#include "host/sim/faults.h"
#include "host/sim/mmu.h"
#include "host/sim/pmp.h"
#include "host/sim/trap.h"

#define SSTATUS_MASK                                                                               \
	(MSTATUS_SIE | MSTATUS_SPIE | MSTATUS_SPP | MSTATUS_SUM | MSTATUS_MXR | MSTATUS_UXL_64)
#define SSTATUS_WRITABLE (SSTATUS_MASK & ~MSTATUS_UXL_64)
#define MSTATUS_WRITABLE                                                                           \
	(SSTATUS_WRITABLE | MSTATUS_MIE | MSTATUS_MPIE | MSTATUS_MPP | MSTATUS_MPRV |              \
	 MSTATUS_TVM | MSTATUS_TW | MSTATUS_TSR)
#define MEDELEG_WRITABLE UINT64_C(0xb3ff)
#define MISA_RV64IMACSU                                                                            \
	(UINT64_C(2) << 62 | BIT('I' - 'A') | BIT('M' - 'A') | BIT('A' - 'A') | BIT('C' - 'A') |   \
	 BIT('S' - 'A') | BIT('U' - 'A'))

enum csr {
	CSR_SSTATUS = 0x100,
	CSR_SIE = 0x104,
	CSR_STVEC,
	CSR_SCOUNTEREN,
	CSR_SENVCFG = 0x10a,
	CSR_SSCRATCH = 0x140,
	CSR_SEPC,
	CSR_SCAUSE,
	CSR_STVAL,
	CSR_SIP,
	CSR_STIMECMP = 0x14d,
	CSR_SATP = 0x180,
	CSR_MSTATUS = 0x300,
	CSR_MISA,
	CSR_MEDELEG,
	CSR_MIDELEG,
	CSR_MIE,
	CSR_MTVEC,
	CSR_MCOUNTEREN,
	CSR_MENVCFG = 0x30a,
	CSR_MCOUNTINHIBIT = 0x320,
	CSR_MSCRATCH = 0x340,
	CSR_MEPC,
	CSR_MCAUSE,
	CSR_MTVAL,
	CSR_MIP,
	CSR_PMPCFG0 = 0x3a0,
	CSR_PMPCFG2 = 0x3a2,
	CSR_PMPADDR0 = 0x3b0,
	CSR_PMPADDR15 = 0x3bf,
	CSR_MCYCLE = 0xb00,
	CSR_MINSTRET = 0xb02,
	CSR_CYCLE = 0xc00,
	CSR_TIME,
	CSR_INSTRET,
	CSR_MVENDORID = 0xf11,
	CSR_MARCHID,
	CSR_MIMPID,
	CSR_MHARTID,
	CSR_MCONFIGPTR,
};

/* May the user counter @bit be read here? */
static bool counter_enabled(const struct hart *h, uint64_t bit)
{
	if (h->priv != PRIV_M && (h->mcounteren & bit) == 0)
		return false;
	return h->priv != PRIV_U || (h->scounteren & bit) != 0;
}

/* Sstc: from S-mode only with menvcfg.STCE and mcounteren.TM. */
static bool stimecmp_enabled(const struct hart *h)
{
	if (!h->machine->config->sstc)
		return false;
	return h->priv == PRIV_M ||
	       ((h->menvcfg & MENVCFG_STCE) != 0 && (h->mcounteren & COUNTER_TM) != 0);
}

static bool accessible(const struct hart *h, unsigned csr)
{
	if ((csr >> 8 & 3) > h->priv)
		return false;
	switch (csr) {
	case CSR_CYCLE:
	case CSR_TIME:
	case CSR_INSTRET:
		return counter_enabled(h, BIT(csr - CSR_CYCLE));
	case CSR_SATP:
		return h->priv != PRIV_S || (h->mstatus & MSTATUS_TVM) == 0;
	case CSR_STIMECMP:
		return stimecmp_enabled(h);
	default:
		return true;
	}
}

/* Registers that are just stored; NULL for those that are not. */
static uint64_t *plain(struct hart *h, unsigned csr)
{
	switch (csr) {
	case CSR_STVEC:
		return &h->stvec;
	case CSR_SCOUNTEREN:
		return &h->scounteren;
	case CSR_SENVCFG:
		return &h->senvcfg;
	case CSR_SSCRATCH:
		return &h->sscratch;
	case CSR_SEPC:
		return &h->sepc;
	case CSR_SCAUSE:
		return &h->scause;
	case CSR_STVAL:
		return &h->stval;
	case CSR_STIMECMP:
		return &h->stimecmp;
	case CSR_SATP:
		return &h->satp;
	case CSR_MSTATUS:
		return &h->mstatus;
	case CSR_MEDELEG:
		return &h->medeleg;
	case CSR_MIDELEG:
		return &h->mideleg;
	case CSR_MIE:
		return &h->mie;
	case CSR_MTVEC:
		return &h->mtvec;
	case CSR_MCOUNTEREN:
		return &h->mcounteren;
	case CSR_MENVCFG:
		return &h->menvcfg;
	case CSR_MCOUNTINHIBIT:
		return &h->mcountinhibit;
	case CSR_MSCRATCH:
		return &h->mscratch;
	case CSR_MEPC:
		return &h->mepc;
	case CSR_MCAUSE:
		return &h->mcause;
	case CSR_MTVAL:
		return &h->mtval;
	default:
		return NULL;
	}
}

bool csr_read(struct hart *h, unsigned csr, uint64_t *value)
{
	const struct machine *m = h->machine;
	const uint64_t *reg = plain(h, csr);

	if (!accessible(h, csr))
		return false;
	if (reg != NULL) {
		*value = *reg;
		return true;
	}
	if (csr >= CSR_PMPADDR0 && csr <= CSR_PMPADDR15) {
		*value = pmp_read_addr(h, csr - CSR_PMPADDR0);
		return true;
	}
	switch (csr) {
	case CSR_SSTATUS:
		*value = h->mstatus & SSTATUS_MASK;
		break;
	case CSR_SIE:
		*value = h->mie & h->mideleg;
		break;
	case CSR_SIP:
		*value = trap_pending(h) & h->mideleg;
		break;
	case CSR_MIP:
		*value = trap_pending(h);
		break;
	case CSR_MISA:
		*value = MISA_RV64IMACSU;
		break;
	case CSR_PMPCFG0:
	case CSR_PMPCFG2:
		*value = pmp_read_cfg(h, csr - CSR_PMPCFG0);
		break;
	case CSR_CYCLE:
	case CSR_MCYCLE:
		*value = h->insns + (uint64_t)h->cycle_offset;
		break;
	case CSR_INSTRET:
	case CSR_MINSTRET:
		*value = h->insns + (uint64_t)h->instret_offset;
		break;
	case CSR_TIME:
		*value = m->mtime;
		break;
	case CSR_MVENDORID:
		*value = m->config->mvendorid;
		break;
	case CSR_MARCHID:
		*value = m->config->marchid;
		break;
	case CSR_MIMPID:
		*value = m->config->mimpid;
		break;
	case CSR_MHARTID:
		*value = h->id;
		break;
	case CSR_MCONFIGPTR:
		*value = 0;
		break;
	default:
		return false;
	}
	return true;
}

static void write_masked(uint64_t *reg, uint64_t value, uint64_t mask)
{
	*reg = (*reg & ~mask) | (value & mask);
}

static void write_status(struct hart *h, uint64_t value, uint64_t mask)
{
	uint64_t old = h->mstatus;

	write_masked(&h->mstatus, value, mask);
	if ((h->mstatus & MSTATUS_MPP) == BIT(MSTATUS_MPP_SHIFT + 1)) /* 2 is no mode */
		write_masked(&h->mstatus, old, MSTATUS_MPP);
	if (((old ^ h->mstatus) & (MSTATUS_SUM | MSTATUS_MXR)) != 0) {
		for (unsigned i = 0; i < 3; i++)
			fast_forget(&h->fast[i]);
	}
	mmu_context_changed(h);
}

/* MODE from and to Bare, ASID and PPN take effect at once; what is cached stays. */
static void write_satp(struct hart *h, uint64_t value)
{
	uint64_t old = h->satp;
	uint64_t mode = value >> SATP_MODE_SHIFT;
	bool wide = fault_on(h->id, FAULT_SATP_ASID_WIDE);
	uint64_t asid_bits = (uint64_t)(wide ? SATP_ASID_MASK : h->tlb.asid_mask);

	if (mode != SATP_MODE_BARE && (h->machine->config->modes >> mode & 1) == 0) {
		if (!fault_on(h->id, FAULT_SATP_BAD_MODE))
			return; /* "the entire write has no effect" */
		value = (value << 4 >> 4) | (old >> SATP_MODE_SHIFT << SATP_MODE_SHIFT);
	}
	h->satp = value & ~((SATP_ASID_MASK & ~asid_bits) << SATP_ASID_SHIFT);
	if (old >> SATP_MODE_SHIFT != mode &&
	    (fault_on(h->id, FAULT_SATP_MODE_LATE) ||
	     (mode == SATP_MODE_BARE && fault_on(h->id, FAULT_SATP_BARE_LATE))))
		return;
	if (((old ^ h->satp) >> SATP_ASID_SHIFT & SATP_ASID_MASK) != 0) {
		uint16_t asid = h->asid;
		uint64_t root = h->root;

		mmu_load_satp(h);
		if (fault_on(h->id, FAULT_SATP_ASID_LATE))
			h->asid = asid;
		if (fault_on(h->id, FAULT_SATP_ROOT_LATE))
			h->root = root;
		return;
	}
	mmu_load_satp(h);
}

static uint64_t menvcfg_writable(const struct hart *h)
{
	const struct config *c = h->machine->config;

	return MENVCFG_FIOM | (c->sstc ? MENVCFG_STCE : 0) | (c->svpbmt ? MENVCFG_PBMTE : 0) |
	       (c->ad == AD_ADUE ? MENVCFG_ADUE : 0);
}

/* Which bits of a plain register can be written. */
static uint64_t plain_writable(const struct hart *h, unsigned csr)
{
	switch (csr) {
	case CSR_STVEC:
	case CSR_MTVEC:
		return ~UINT64_C(2);
	case CSR_SCOUNTEREN:
	case CSR_MCOUNTEREN:
		return COUNTER_CY | COUNTER_TM | COUNTER_IR;
	case CSR_SENVCFG:
		return MENVCFG_FIOM;
	case CSR_MENVCFG:
		return menvcfg_writable(h);
	case CSR_SEPC:
	case CSR_MEPC:
		return ~UINT64_C(1);
	case CSR_MEDELEG:
		return MEDELEG_WRITABLE;
	case CSR_MIDELEG:
		return MIP_S;
	case CSR_MIE:
		return MIP_ALL;
	case CSR_MCOUNTINHIBIT:
		return 0;
	default:
		return UINT64_MAX;
	}
}

static void write_pmp(struct hart *h, unsigned csr, uint64_t value)
{
	if (csr >= CSR_PMPADDR0)
		pmp_write_addr(h, csr - CSR_PMPADDR0, value);
	else
		pmp_write_cfg(h, csr - CSR_PMPCFG0, value);
	for (unsigned i = 0; i < 3; i++)
		fast_forget(&h->fast[i]);
}

bool csr_write(struct hart *h, unsigned csr, uint64_t value)
{
	uint64_t *reg = plain(h, csr);
	/* With Sstc the timer bit is not software's. */
	uint64_t sti = (h->menvcfg & MENVCFG_STCE) != 0 ? BIT(IRQ_STI) : 0;

	if (!accessible(h, csr) || csr >> 10 == 3)
		return false;
	h->attention |= ATTEND_IRQ;
	if (csr == CSR_SSTATUS || csr == CSR_MSTATUS)
		write_status(h, value, csr == CSR_SSTATUS ? SSTATUS_WRITABLE : MSTATUS_WRITABLE);
	else if (csr == CSR_SATP)
		write_satp(h, value);
	else if (reg != NULL)
		write_masked(reg, value, plain_writable(h, csr));
	else if (csr == CSR_PMPCFG0 || csr == CSR_PMPCFG2 ||
		 (csr >= CSR_PMPADDR0 && csr <= CSR_PMPADDR15))
		write_pmp(h, csr, value);
	else if (csr == CSR_SIE)
		write_masked(&h->mie, value, h->mideleg);
	else if (csr == CSR_SIP)
		write_masked(&h->mip, value, h->mideleg & BIT(IRQ_SSI));
	else if (csr == CSR_MIP)
		write_masked(&h->mip, value, MIP_S & ~sti);
	else if (csr == CSR_MCYCLE)
		h->cycle_offset = (int64_t)(value - h->insns);
	else if (csr == CSR_MINSTRET)
		h->instret_offset = (int64_t)(value - h->insns);
	else
		return csr == CSR_MISA;
	return true;
}

void csr_reset(struct hart *h)
{
	h->mstatus = MSTATUS_UXL_64 | MSTATUS_SXL_64;
	h->stimecmp = UINT64_MAX;
	h->mtimecmp = UINT64_MAX;
	h->priv = PRIV_M;
	mmu_load_satp(h);
	mmu_context_changed(h);
}
