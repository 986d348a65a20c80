/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs, output only: ns16550a and its kin, sifive,uart0, litex,liteuart. */
#include "firmware/uart.h"

#include "firmware/mmio.h"

/* A character takes 10 bits: at 1200 baud 8 ms, which are fewer looks than these anywhere. */
#define MAX_LOOKS 10000000

#define NS_LSR_THRE 0x20u

/* SiFive FU540 manual, UART: bit 31 of txdata reads as one while the queue is full. */
#define SIFIVE_FULL UINT32_C(0x80000000)

static uint32_t ns_read(const struct uart *u, vaddr_t regs, unsigned reg)
{
	vaddr_t at = regs + ((vaddr_t)reg << u->reg_shift);

	return u->io_width == 4 ? mmio_read32(at) : mmio_read8(at);
}

static void ns_write(const struct uart *u, vaddr_t regs, unsigned reg, uint32_t v)
{
	vaddr_t at = regs + ((vaddr_t)reg << u->reg_shift);

	if (u->io_width == 4)
		mmio_write32(at, v);
	else
		mmio_write8(at, (uint8_t)v);
}

static bool ready(const struct uart *u, vaddr_t regs)
{
	switch (u->kind) {
	case UART_16550:
		return (ns_read(u, regs, UART_NS_LSR) & NS_LSR_THRE) != 0;
	case UART_SIFIVE:
		return (mmio_read32(regs + UART_SIFIVE_TXDATA) & SIFIVE_FULL) == 0;
	case UART_LITEX:
		return (mmio_read32(regs + UART_LITEX_TXFULL) & 1) == 0;
	case UART_NONE:
		break;
	}
	return false;
}

bool uart_put(const struct uart *u, vaddr_t regs, char c)
{
	unsigned looks = 0;

	while (!ready(u, regs)) {
		if (++looks == MAX_LOOKS)
			return false;
	}
	if (u->kind == UART_16550)
		ns_write(u, regs, UART_NS_THR, (unsigned char)c);
	else
		mmio_write32(regs + (u->kind == UART_LITEX ? UART_LITEX_RXTX : UART_SIFIVE_TXDATA),
			     (unsigned char)c);
	return true;
}
