/* SPDX-License-Identifier: BSD-2-Clause */
/* UARTs that can be written to as the firmware before us has left them: no rate is ever set. */
#ifndef FIRMWARE_UART_H
#define FIRMWARE_UART_H

#include "firmware/types.h"

enum uart_kind { UART_NONE, UART_16550, UART_SIFIVE, UART_LITEX };

struct uart {
	enum uart_kind kind;
	paddr_t base;
	unsigned reg_shift; /* of a 16550: register n lies at n << reg_shift */
	unsigned io_width;  /* of a 16550: bytes of an access, 1 or 4 */
	const char *name;   /* what the tree calls it; a constant string */
};

/* 16550: transmitter holding register, line status register. */
#define UART_NS_THR 0
#define UART_NS_LSR 5
/* SiFive FU540 manual, UART. */
#define UART_SIFIVE_TXDATA 0
/* LiteX UART: a 32-bit word each. */
#define UART_LITEX_RXTX 0
#define UART_LITEX_TXFULL 4

/* Bytes of registers that uart_put() touches, from base on. */
static inline uint64_t uart_bytes(const struct uart *u)
{
	switch (u->kind) {
	case UART_16550:
		return ((uint64_t)UART_NS_LSR << u->reg_shift) + u->io_width;
	case UART_SIFIVE:
		return UART_SIFIVE_TXDATA + sizeof(uint32_t);
	case UART_LITEX:
		return UART_LITEX_TXFULL + sizeof(uint32_t);
	case UART_NONE:
		break;
	}
	return 0;
}

/* One character to the UART whose registers are mapped at @regs. False: it never got ready. */
bool must_check uart_put(const struct uart *u, vaddr_t regs, char c);

#endif
