/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine's console, and how it ends. */
#include "tests/host/arch_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "firmware/console.h"
#include "tests/host/arch_sim_parts.h"

static jmp_buf panic_jump;
static bool panic_expected;
static char panic_message[CONSOLE_LINE];

void vsay(const char *prefix, const char *fmt, va_list ap)
{
	fputs(prefix, stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("", fmt, ap);
	va_end(ap);
}

/* No UART of its own. */
paddr_t console_page(void)
{
	return 0;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("# ", fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_message, sizeof(panic_message), fmt, ap);
	va_end(ap);
	if (sim_state.weaver != NULL)
		sim_state.weaver->panic(panic_message);
	if (panic_expected)
		longjmp(panic_jump, 1);
	printf("# panic: %s\n", panic_message);
	fflush(stdout);
	_Exit(3);
}

bool sim_panics(void (*fn)(void *), void *arg)
{
	panic_message[0] = '\0';
	if (setjmp(panic_jump) != 0) {
		panic_expected = false;
		return true;
	}
	panic_expected = true;
	fn(arg);
	panic_expected = false;
	return false;
}

const char *sim_panic_text(void)
{
	return panic_message;
}
