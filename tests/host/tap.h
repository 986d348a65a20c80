/* SPDX-License-Identifier: BSD-2-Clause */
/* Test Anything Protocol for the C programs of tests/host: tap_ok() and tap_done(). */
#ifndef TESTS_HOST_TAP_H
#define TESTS_HOST_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static unsigned tap_count;
static unsigned tap_failed;

/* One result line. Returns @cond, so that a test can stop where going on makes no sense. */
__attribute__((format(printf, 4, 5), unused)) static bool
tap_result(bool cond, const char *file, int line, const char *format, ...)
{
	va_list args;

	printf("%sok %u - ", cond ? "" : "not ", ++tap_count);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	if (!cond) {
		printf("# failed at %s:%d\n", file, line);
		tap_failed++;
	}
	fflush(stdout);
	return cond;
}

#define tap_ok(cond, ...) tap_result((cond), __FILE__, __LINE__, __VA_ARGS__)

/* Compare two numbers; a difference is printed. */
#define tap_is(got, want, ...)                                                                     \
	tap_is_result((unsigned long long)(got), (unsigned long long)(want), __FILE__, __LINE__,   \
		      __VA_ARGS__)

__attribute__((format(printf, 5, 6), unused)) static bool tap_is_result(unsigned long long got,
									unsigned long long want,
									const char *file, int line,
									const char *format, ...)
{
	char name[256];
	va_list args;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	tap_result(got == want, file, line, "%s", name);
	if (got != want)
		printf("# got 0x%llx, want 0x%llx\n", got, want);
	return got == want;
}

/* The plan; to be returned from main(). */
__attribute__((unused)) static int tap_done(void)
{
	printf("1..%u\n", tap_count);
	if (tap_failed != 0)
		printf("# %u of %u failed\n", tap_failed, tap_count);
	return tap_failed != 0;
}

#endif
