/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs, output only: ns16550a and its kin, sifive,uart0, litex,liteuart. */
#include "firmware/uart.h"

#include "firmware/mmio.h"

/* A character takes 10 bits: at 1200 baud 8 ms, which are fewer looks than these anywhere. */
#define MAX_LOOKS 10000000

/* 16550: transmitter holding register, line status register and its THR-empty bit. */
#define NS_THR 0
#define NS_LSR 5
#define NS_LSR_THRE 0x20u

/* SiFive FU540 manual, UART: txdata, whose bit 31 reads as one while the queue is full. */
#define SIFIVE_TXDATA 0
#define SIFIVE_FULL UINT32_C(0x80000000)

/* LiteX UART: rxtx and txfull, a 32-bit word each. */
#define LITEX_RXTX 0
#define LITEX_TXFULL 4

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
		return (ns_read(u, regs, NS_LSR) & NS_LSR_THRE) != 0;
	case UART_SIFIVE:
		return (mmio_read32(regs + SIFIVE_TXDATA) & SIFIVE_FULL) == 0;
	case UART_LITEX:
		return (mmio_read32(regs + LITEX_TXFULL) & 1) == 0;
	case UART_NONE:
		break;
	}
	return false;
}

uint64_t uart_bytes(const struct uart *u)
{
	switch (u->kind) {
	case UART_16550:
		return (UINT64_C(NS_LSR) << u->reg_shift) + u->io_width;
	case UART_SIFIVE:
		return SIFIVE_TXDATA + sizeof(uint32_t);
	case UART_LITEX:
		return LITEX_TXFULL + sizeof(uint32_t);
	case UART_NONE:
		break;
	}
	return 0;
}

bool uart_put(const struct uart *u, vaddr_t regs, char c)
{
	unsigned looks = 0;

	while (!ready(u, regs)) {
		if (++looks == MAX_LOOKS)
			return false;
	}
	if (u->kind == UART_16550)
		ns_write(u, regs, NS_THR, (unsigned char)c);
	else
		mmio_write32(regs + (u->kind == UART_LITEX ? LITEX_RXTX : SIFIVE_TXDATA),
			     (unsigned char)c);
	return true;
}
