/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's UART: ns16550a, snps,dw-apb-uart, sifive,uart0, litex,liteuart. */
#include "host/sim/uart.h"

#include <stdio.h>

/* 16550 */
#define NS_LCR 3
#define NS_LSR 5
#define NS_SCR 7
#define NS_LSR_IDLE 0x60
#define NS_LCR_DLAB 0x80
#define DW_SHIFT 2

#define SIFIVE_TXDATA 0
#define SIFIVE_RXDATA 4
#define SIFIVE_NOT_NOW UINT64_C(0x80000000) /* full, empty */

#define LITEX_RXTX 0
#define LITEX_TXFULL 4
#define LITEX_RXEMPTY 8

/* Looks after a character that find the queue full: a driver that does not look loses some. */
#define BUSY_LOOKS 2

const char *const uart_names[NR_UARTS] = {"ns16550a", "snps,dw-apb-uart", "sifive,uart0",
					  "litex,liteuart", "none"};

void uart_print(struct machine *m, char c)
{
	m->mid_line = c != '\n';
	putchar(c);
	if (c == '\n')
		fflush(stdout);
}

/* A character for the queue: lost where it is full. */
static void send(struct machine *m, uint64_t value)
{
	if (m->uart_busy == 0)
		uart_print(m, (char)value);
	m->uart_busy = BUSY_LOOKS;
}

static bool look_busy(struct machine *m)
{
	if (m->uart_busy != 0)
		m->uart_busy--;
	return m->uart_busy != 0;
}

static uint64_t ns_read(struct machine *m, uint64_t reg)
{
	switch (reg) {
	case NS_LSR:
		return look_busy(m) ? 0 : NS_LSR_IDLE;
	case NS_SCR:
		return m->uart_scratch;
	default:
		return 0;
	}
}

static void ns_write(struct machine *m, uint64_t reg, uint64_t value)
{
	if (reg == NS_LCR)
		m->uart_divisor = (value & NS_LCR_DLAB) != 0;
	if (reg == NS_SCR)
		m->uart_scratch = value & 0xff;
	if (reg == 0 && !m->uart_divisor)
		send(m, value);
}

/* Width and place of registers are part of what a kind is. */
static bool takes(enum uart_model model, uint64_t offset, unsigned size)
{
	if (model == UART_NONE)
		return false;
	return model == UART_NS16550A ? size == 1 : size == 4 && offset % 4 == 0;
}

bool uart_read(struct machine *m, uint64_t offset, unsigned size, uint64_t *value)
{
	enum uart_model model = m->config->uart;

	if (!takes(model, offset, size))
		return false;
	*value = 0;
	if (model == UART_NS16550A)
		*value = ns_read(m, offset);
	else if (model == UART_DW_APB)
		*value = ns_read(m, offset >> DW_SHIFT);
	else if (model == UART_SIFIVE && offset == SIFIVE_TXDATA)
		*value = look_busy(m) ? SIFIVE_NOT_NOW : 0;
	else if (model == UART_SIFIVE && offset == SIFIVE_RXDATA)
		*value = SIFIVE_NOT_NOW;
	else if (model == UART_LITEX && offset == LITEX_TXFULL)
		*value = look_busy(m) ? 1 : 0;
	else if (model == UART_LITEX && offset == LITEX_RXEMPTY)
		*value = 1;
	return true;
}

bool uart_write(struct machine *m, uint64_t offset, unsigned size, uint64_t value)
{
	enum uart_model model = m->config->uart;

	if (!takes(model, offset, size))
		return false;
	if (model == UART_NS16550A)
		ns_write(m, offset, value);
	else if (model == UART_DW_APB)
		ns_write(m, offset >> DW_SHIFT, value);
	else if ((model == UART_SIFIVE && offset == SIFIVE_TXDATA) ||
		 (model == UART_LITEX && offset == LITEX_RXTX))
		send(m, value & 0xff);
	return true;
}
