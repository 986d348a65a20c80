/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: CLINT (interrupts between harts, timer), UART (uart.c), finisher, ROM. */
#include "host/sim/bus.h"

#include <string.h>

#include "host/sim/uart.h"

#define CLINT_MTIMECMP 0x4000
#define CLINT_MTIME 0xbff8

#define FINISHER_FAIL 0x3333
#define FINISHER_PASS 0x5555
#define FINISHER_RESET 0x7777

static uint64_t cut(uint64_t value, unsigned size)
{
	return size == 8 ? value : value & (BIT(8 * size) - 1);
}

/* The 64-bit register that @offset lies in. */
static uint64_t clint_get(const struct machine *m, uint64_t offset)
{
	uint64_t hart = (offset - CLINT_MTIMECMP) / 8;

	if (offset < CLINT_MTIMECMP) {
		uint64_t low = offset / 4 & ~UINT64_C(1);

		return (low < m->nr_harts && m->hart[low].msip ? 1 : 0) |
		       (low + 1 < m->nr_harts && m->hart[low + 1].msip ? BIT(32) : 0);
	}
	if (offset >= CLINT_MTIME)
		return m->mtime;
	return hart < m->nr_harts ? m->hart[hart].mtimecmp : 0;
}

static void attend_all(struct machine *m)
{
	for (unsigned i = 0; i < m->nr_harts; i++)
		m->hart[i].attention |= ATTEND_IRQ;
}

static void clint_put(struct machine *m, uint64_t offset, uint64_t value, unsigned size)
{
	uint64_t hart = (offset - CLINT_MTIMECMP) / 8;
	unsigned shift = (unsigned)(offset & 7) * 8;
	uint64_t mask = cut(UINT64_MAX, size) << shift;

	value = (clint_get(m, offset & ~UINT64_C(7)) & ~mask) | (value << shift & mask);
	if (offset < CLINT_MTIMECMP) {
		if (offset / 4 < m->nr_harts)
			m->hart[offset / 4].msip = (value >> shift & 1) != 0;
	} else if (offset >= CLINT_MTIME) {
		m->mtime = value;
	} else if (hart < m->nr_harts) {
		m->hart[hart].mtimecmp = value;
	}
	attend_all(m);
}

static void finish(struct machine *m, uint64_t value)
{
	switch (value & 0xffff) {
	case FINISHER_FAIL:
		m->status = (int)(value >> 16 & 0xffff);
		break;
	case FINISHER_PASS:
	case FINISHER_RESET: /* as with QEMU's -no-reboot */
		m->status = 0;
		break;
	default:
		return;
	}
	m->ended = true;
	for (unsigned i = 0; i < m->nr_harts; i++)
		m->hart[i].attention |= ATTEND_YIELD;
}

static bool inside(uint64_t pa, uint64_t base, uint64_t bytes)
{
	return pa - base < bytes;
}

bool bus_read(struct hart *h, uint64_t pa, unsigned size, uint64_t *value)
{
	struct machine *m = h->machine;
	const uint8_t *p = bus_ram(m, pa, size);

	if (p == NULL && inside(pa, ROM_BASE, ROM_BYTES))
		p = m->rom + (pa - ROM_BASE);
	*value = 0;
	if (p != NULL)
		memcpy(value, p, size);
	else if (inside(pa, CLINT_BASE, CLINT_BYTES) && size >= 4)
		*value = cut(clint_get(m, (pa - CLINT_BASE) & ~UINT64_C(7)) >> (pa & 7) * 8, size);
	else if (inside(pa, UART_BASE, UART_BYTES))
		return uart_read(m, pa - UART_BASE, size, value);
	else
		return inside(pa, FINISHER_BASE, FINISHER_BYTES) && size == 4;
	return true;
}

bool bus_write(struct hart *h, uint64_t pa, unsigned size, uint64_t value)
{
	struct machine *m = h->machine;
	uint8_t *p = bus_ram(m, pa, size);

	if (p != NULL)
		memcpy(p, &value, size);
	else if (inside(pa, CLINT_BASE, CLINT_BYTES) && size >= 4)
		clint_put(m, pa - CLINT_BASE, value, size);
	else if (inside(pa, UART_BASE, UART_BYTES))
		return uart_write(m, pa - UART_BASE, size, value);
	else if (inside(pa, FINISHER_BASE, FINISHER_BYTES) && size == 4)
		finish(m, value);
	else
		return false;
	return true;
}
