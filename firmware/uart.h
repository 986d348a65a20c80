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

/* Bytes of registers that uart_put() touches. */
uint64_t uart_bytes(const struct uart *u);

/* One character to the UART whose registers are mapped at @regs. False: it never got ready. */
bool must_check uart_put(const struct uart *u, vaddr_t regs, char c);

#endif
