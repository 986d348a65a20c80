/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical memory protection (Privileged ISA, "Physical Memory Protection"). */
#include "host/sim/pmp.h"

/* G of the manual: granules of 2^(G+2) bytes, 4 KiB. */
#define GRAIN 10

enum { PMP_OFF, PMP_TOR, PMP_NA4, PMP_NAPOT };

static unsigned match_kind(uint8_t cfg)
{
	return cfg >> PMP_A_SHIFT & 3;
}

/* The range of entry @i; false if it matches nothing. */
static bool range(const struct hart *h, unsigned i, uint64_t *first, uint64_t *end)
{
	uint64_t addr = h->pmpaddr[i];
	uint64_t ones;

	switch (match_kind(h->pmpcfg[i])) {
	case PMP_TOR:
		*first = i == 0 ? 0 : h->pmpaddr[i - 1] >> GRAIN << (GRAIN + 2);
		*end = addr >> GRAIN << (GRAIN + 2);
		return *first < *end;
	case PMP_NAPOT:
		addr |= BIT(GRAIN - 1) - 1;
		ones = addr ^ (addr + 1); /* the trailing ones, and the zero above them */
		*first = (addr & ~ones) << 2;
		*end = *first + ((ones + 1) << 2);
		return true;
	default: /* NA4 is not selectable with this grain */
		return false;
	}
}

bool pmp_allows(const struct hart *h, uint64_t pa, enum access a, enum priv priv)
{
	static const uint8_t right[] = {PMP_R, PMP_W, PMP_X};

	for (unsigned i = 0; i < PMP_ENTRIES; i++) {
		uint64_t first;
		uint64_t end;

		if (match_kind(h->pmpcfg[i]) == PMP_OFF || !range(h, i, &first, &end) ||
		    pa < first || pa >= end)
			continue;
		if (priv == PRIV_M && (h->pmpcfg[i] & PMP_L) == 0)
			return true;
		return (h->pmpcfg[i] & right[a]) != 0;
	}
	return priv == PRIV_M;
}

uint64_t pmp_read_cfg(const struct hart *h, unsigned n)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 8; i++)
		value |= (uint64_t)h->pmpcfg[n * 4 + i] << 8 * i;
	return value;
}

void pmp_write_cfg(struct hart *h, unsigned n, uint64_t value)
{
	for (unsigned i = 0; i < 8; i++) {
		uint8_t *cfg = &h->pmpcfg[n * 4 + i];
		uint8_t v = (uint8_t)(value >> 8 * i) & (PMP_L | 0x1f);

		if ((*cfg & PMP_L) != 0)
			continue;
		/* R=0 W=1 is reserved, NA4 cannot be had: both keep what was there. */
		if ((v & (PMP_R | PMP_W)) == PMP_W)
			v = (uint8_t)((v & ~(PMP_R | PMP_W | PMP_X)) |
				      (*cfg & (PMP_R | PMP_W | PMP_X)));
		if (match_kind(v) == PMP_NA4)
			v = (uint8_t)((v & ~(3U << PMP_A_SHIFT)) | (*cfg & 3U << PMP_A_SHIFT));
		*cfg = v;
	}
}

uint64_t pmp_read_addr(const struct hart *h, unsigned n)
{
	uint64_t addr = h->pmpaddr[n];

	if (match_kind(h->pmpcfg[n]) >= PMP_NA4)
		return addr | (BIT(GRAIN - 1) - 1);
	return addr & ~(BIT(GRAIN) - 1);
}

void pmp_write_addr(struct hart *h, unsigned n, uint64_t value)
{
	bool locked = (h->pmpcfg[n] & PMP_L) != 0;

	/* The lower end of a locked TOR range is locked too. */
	if (n + 1 < PMP_ENTRIES && (h->pmpcfg[n + 1] & PMP_L) != 0 &&
	    match_kind(h->pmpcfg[n + 1]) == PMP_TOR)
		locked = true;
	if (!locked)
		h->pmpaddr[n] = value & (BIT(54) - 1);
}
