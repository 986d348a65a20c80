/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial console: whole lines under one lock, SBI DBCN, legacy putchar or a UART. */
#ifndef FIRMWARE_CONSOLE_H
#define FIRMWARE_CONSOLE_H

#include <stdarg.h>

#include "firmware/types.h"
#include "firmware/uart.h"

/*
 * SBI's console if it has one (DBCN, else putchar); where it has none, @u. Nothing is printed
 * before this on such a machine. True: it is the UART.
 */
bool console_choose(const struct uart *u);
/* What the console is, for people. */
const char *console_name(void);
/* The page of the UART's registers, to be mapped at CONSOLE_VA by every table; 0: none. */
paddr_t console_page(void);

/* The longest line; what is longer is cut and ends in "...". */
#define CONSOLE_LINE 256

/* Print one line; the newline is added. Any hart, any context. */
void say(const char *fmt, ...) printf_fn(1, 2);
void vsay(const char *prefix, const char *fmt, va_list ap);

/* The same as a KTAP diagnostic: "# " in front. */
void note(const char *fmt, ...) printf_fn(1, 2);

#endif
