/* SPDX-License-Identifier: BSD-2-Clause */
/* Command line of hotwalk-run, and the command lines that it starts. */
#ifndef HOST_RUN_OPTIONS_H
#define HOST_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#define RUN_MAX_DAEMONS 4

struct run_options {
	double timeout_s; /* for all of it; 0 is none */
	double silence_s; /* without a byte from QEMU; 0 is none */
	const char *dir;
	const char *status_file; /* NULL: only DIR/status */
	const char *daemons[RUN_MAX_DAEMONS];
	unsigned nb_daemons;
	bool log_only;
	bool interactive;
	const char *compare[2]; /* logs; NULL: a run was asked for */
	char **qemu;		/* program and arguments, NULL at the end */
};

/*
 * Fill in @opt. Returns 0; 1 when help was asked for and printed; 2 after a message on stderr
 * that names the option and the value at fault.
 */
int run_options_parse(struct run_options *opt, int argc, char **argv);

/* Split a command line into words; quotes and backslash as in a shell. NULL and errno on error. */
char **words_split(const char *text);

/* A copy of @argv with every "{socket}" replaced. NULL when memory is short. */
char **words_replace_socket(char *const *argv, const char *socket_path);

/* Print it in one line that a shell takes back. */
void words_print(FILE *f, char *const *argv);

void words_free(char **argv);

#endif
