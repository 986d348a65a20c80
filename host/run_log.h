/* SPDX-License-Identifier: BSD-2-Clause */
/* What the runner writes, to the console and to the log of the run. */
#ifndef HOST_RUN_LOG_H
#define HOST_RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>

/* Before all others. @log_only: the console gets the runner's own words and nothing else. */
void run_log_init(FILE *log, bool log_only);

/* A line of a child for the log, and for the console unless @console is false. */
void run_log_line(const char *prefix, const char *text, bool console);

/* The runner's own word: always on the console. */
__attribute__((format(printf, 1, 2))) void run_log_say(const char *format, ...);

/* A command line that a shell takes back. */
void run_log_command(char *const *argv, const char *before, const char *behind);

#endif
