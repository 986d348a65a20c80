/* SPDX-License-Identifier: BSD-2-Clause */
/* SBI without M-mode firmware and without HSM. */
#include "host/sim/sbi_small.h"

#include "host/sim/bus.h"
#include "host/sim/mmu.h"
#include "host/sim/sbi_native.h"
#include "host/sim/uart.h"

#define EID_PUTCHAR 0x01
#define EID_BASE 0x10
#define EID_TIME 0x54494d45
#define EID_IPI 0x735049
#define EID_RFENCE 0x52464e43
#define EID_SRST 0x53525354
#define EID_DBCN 0x4442434e
#define EID_HSM 0x48534d

#define BASE_SPEC_VERSION 0
#define BASE_IMPL_ID 1
#define BASE_PROBE 3
#define DBCN_WRITE 0
#define DBCN_WRITE_BYTE 2
#define SPEC_0_2 2
/* No number that anybody has registered. */
#define IMPL_ID 0x68777369

#define SBI_SUCCESS 0
#define SBI_ERR_NOT_SUPPORTED (-2)
#define SBI_ERR_INVALID_PARAM (-3)

#define FINISHER_OFF 0x5555
#define MEDELEG_ALL 0xb1ff /* all but environment calls from S-mode */
#define PMP_ALL 0x1f	   /* one NAPOT entry, readable, writable, executable */

enum { A0 = 10, A1, A2, A6 = 16, A7 };

void sbi_small_start(struct machine *m, uint64_t entry, uint64_t dtb)
{
	for (unsigned i = 0; i < m->nr_harts; i++) {
		struct hart *h = &m->hart[i];

		h->pc = entry;
		h->x[A0] = i;
		h->x[A1] = dtb;
		h->priv = PRIV_S;
		h->stopped = false;
		h->medeleg = MEDELEG_ALL;
		h->mideleg = MIP_S;
		h->mcounteren = COUNTER_CY | COUNTER_TM | COUNTER_IR;
		h->menvcfg = MENVCFG_STCE;
		h->pmpaddr[0] = UINT64_MAX >> 10;
		h->pmpcfg[0] = PMP_ALL;
		mmu_context_changed(h);
	}
}

static uint32_t extension(uint64_t eid)
{
	switch (eid) {
	case EID_PUTCHAR:
		return SBI_SMALL_PUTCHAR;
	case EID_TIME:
		return SBI_SMALL_TIME;
	case EID_IPI:
		return SBI_SMALL_IPI;
	case EID_RFENCE:
		return SBI_SMALL_RFENCE;
	case EID_SRST:
		return SBI_SMALL_SRST;
	case EID_DBCN:
		return SBI_SMALL_DBCN;
	case EID_HSM:
		return SBI_SMALL_HSM;
	default:
		return 0;
	}
}

static int64_t base(struct hart *h, uint64_t *value)
{
	switch (h->x[A6]) {
	case BASE_SPEC_VERSION:
		*value = SPEC_0_2;
		break;
	case BASE_IMPL_ID:
		*value = IMPL_ID;
		break;
	case BASE_PROBE:
		*value = (h->machine->config->sbi_exts & extension(h->x[A0])) != 0;
		break;
	default:
		break;
	}
	return SBI_SUCCESS;
}

static int64_t ipi(struct hart *h)
{
	struct machine *m = h->machine;
	uint64_t set;

	if (!sbi_native_targets(h, h->x[A0], h->x[A1], &set))
		return SBI_ERR_INVALID_PARAM;
	for (unsigned i = 0; i < m->nr_harts; i++) {
		if ((set >> i & 1) == 0)
			continue;
		m->hart[i].mip |= BIT(IRQ_SSI);
		m->hart[i].attention |= ATTEND_IRQ;
	}
	return SBI_SUCCESS;
}

static int64_t dbcn(struct hart *h, uint64_t *value)
{
	struct machine *m = h->machine;
	uint64_t len = h->x[A0];
	const uint8_t *text = bus_ram(m, h->x[A1], len);

	if (h->x[A6] == DBCN_WRITE_BYTE) {
		uart_print(m, (char)h->x[A0]);
		return SBI_SUCCESS;
	}
	if (h->x[A6] != DBCN_WRITE || h->x[A2] != 0 || text == NULL)
		return SBI_ERR_INVALID_PARAM;
	for (uint64_t i = 0; i < len; i++)
		uart_print(m, (char)text[i]);
	*value = len;
	return SBI_SUCCESS;
}

static int64_t call(struct hart *h, uint64_t *value)
{
	switch (h->x[A7]) {
	case EID_TIME:
		h->stimecmp = h->x[A0];
		h->attention |= ATTEND_IRQ;
		return SBI_SUCCESS;
	case EID_IPI:
		return ipi(h);
	case EID_RFENCE:
		return sbi_native_rfence(h);
	case EID_DBCN:
		return dbcn(h, value);
	default: /* SRST */
		(void)bus_write(h, FINISHER_BASE, 4, FINISHER_OFF);
		return SBI_SUCCESS;
	}
}

bool sbi_small_deny(struct hart *h)
{
	uint32_t hidden = h->machine->config->sbi_hidden;
	bool probe = h->x[A7] == EID_BASE && h->x[A6] == BASE_PROBE;

	if ((extension(probe ? h->x[A0] : h->x[A7]) & hidden) == 0)
		return false;
	h->x[A0] = (uint64_t)(probe ? SBI_SUCCESS : SBI_ERR_NOT_SUPPORTED);
	h->x[A1] = 0;
	return true;
}

void sbi_small_call(struct hart *h)
{
	uint32_t ext = extension(h->x[A7]);
	uint64_t value = 0;
	int64_t error = SBI_ERR_NOT_SUPPORTED;

	if (h->x[A7] == EID_BASE)
		error = base(h, &value);
	else if ((h->machine->config->sbi_exts & ext) == 0)
		error = SBI_ERR_NOT_SUPPORTED;
	else if (ext == SBI_SMALL_PUTCHAR) {
		/* Legacy calls return in a0 only. */
		uart_print(h->machine, (char)h->x[A0]);
		h->x[A0] = 0;
		return;
	} else
		error = call(h, &value);
	h->x[A0] = (uint64_t)error;
	h->x[A1] = value;
}
