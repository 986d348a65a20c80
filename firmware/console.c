/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial console: whole lines under one lock, SBI DBCN, legacy putchar or a UART. */
#include "firmware/console.h"

#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/image.h"
#include "firmware/lock.h"
#include "firmware/sbi.h"

/* A console that takes nothing for this many calls in a row has lost the rest of the line. */
#define MAX_EMPTY_WRITES 1000000

static struct spinlock console_lock = SPINLOCK(LOCK_CONSOLE);
/* In the image, so that its physical address is known whatever the stack is. */
static char line[CONSOLE_LINE + 2];

static struct uart uart;

bool console_choose(const struct uart *u)
{
	if (sbi()->dbcn || sbi()->putchar || u->kind == UART_NONE)
		return false;
	early_map_console(align_down(u->base, PAGE_SIZE));
	uart = *u;
	return true;
}

const char *console_name(void)
{
	if (sbi()->dbcn)
		return "SBI DBCN";
	return sbi()->putchar ? "SBI putchar" : uart.name;
}

paddr_t console_page(void)
{
	return uart.kind == UART_NONE ? 0 : align_down(uart.base, PAGE_SIZE);
}

/* DBCN write is non-blocking and may take a part, or nothing (SBI 12.1). */
static void put_dbcn(size_t len)
{
	size_t done = 0;

	for (unsigned idle = 0; done < len && idle < MAX_EMPTY_WRITES; idle++) {
		size_t n = sbi_console_write(image_to_pa(line + done), len - done);

		if (n != 0)
			idle = 0;
		done += n;
	}
}

static void put_line(size_t len)
{
	if (sbi()->dbcn) {
		put_dbcn(len);
		return;
	}
	for (size_t i = 0; i < len; i++) {
		if (sbi()->putchar)
			sbi_putc(line[i]);
		else if (uart.kind == UART_NONE ||
			 !uart_put(&uart, CONSOLE_VA + uart.base % PAGE_SIZE, line[i]))
			return;
	}
}

void vsay(const char *prefix, const char *fmt, va_list ap)
{
	bool irq = arch_irq_save();
	/* This hart trapped while it was printing: that line is lost, this one must not be. */
	bool mine = console_lock.held != 0 && console_lock.holder == arch_hart() + 1;
	int n;
	size_t len;

	if (!mine)
		spin_lock(&console_lock);
	n = snprintf(line, CONSOLE_LINE, "%s", prefix);
	len = (size_t)n;

	n = vsnprintf(line + len, CONSOLE_LINE - len, fmt, ap);
	if (n < 0)
		n = 0;
	len += (size_t)n;
	if (len >= CONSOLE_LINE) {
		len = CONSOLE_LINE - 1;
		memcpy(line + len - 3, "...", 3);
	}
	line[len++] = '\r';
	line[len++] = '\n';
	put_line(len);
	if (!mine)
		spin_unlock(&console_lock);
	arch_irq_restore(irq);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("", fmt, ap);
	va_end(ap);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("# ", fmt, ap);
	va_end(ap);
}
