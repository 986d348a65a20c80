/* SPDX-License-Identifier: BSD-2-Clause */
/* The serial console: whole lines under one lock, SBI DBCN or legacy putchar. */
#ifndef FIRMWARE_CONSOLE_H
#define FIRMWARE_CONSOLE_H

#include <stdarg.h>

#include "firmware/types.h"

/* The longest line; what is longer is cut and ends in "...". */
#define CONSOLE_LINE 256

/* Print one line; the newline is added. Any hart, any context. */
void say(const char *fmt, ...) printf_fn(1, 2);
void vsay(const char *prefix, const char *fmt, va_list ap);

/* The same as a KTAP diagnostic: "# " in front. */
void note(const char *fmt, ...) printf_fn(1, 2);

#endif
