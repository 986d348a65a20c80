/* SPDX-License-Identifier: BSD-2-Clause */
/* What the runner writes, to the console and to the log of the run. */

#include <stdarg.h>

#include "host/run_log.h"
#include "host/run_options.h"

static FILE *log_file;
static bool only_log;

void run_log_init(FILE *log, bool log_only)
{
	log_file = log;
	only_log = log_only;
}

void run_log_line(const char *prefix, const char *text, bool console)
{
	if (console && !only_log) {
		printf("%s%s\n", prefix, text);
		fflush(stdout);
	}
	fprintf(log_file, "%s%s\n", prefix, text);
	fflush(log_file);
}

void run_log_say(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("hotwalk-run: %s\n", text);
	fflush(stdout);
	fprintf(log_file, "hotwalk-run: %s\n", text);
	fflush(log_file);
}

void run_log_command(char *const *argv, const char *before, const char *behind)
{
	FILE *const files[2] = {log_file, only_log ? NULL : stdout};

	for (unsigned i = 0; i < 2; i++) {
		if (files[i] == NULL)
			continue;
		fputs(before, files[i]);
		words_print(files[i], argv);
		fprintf(files[i], "%s\n", behind);
		fflush(files[i]);
	}
}
