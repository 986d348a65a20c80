/* SPDX-License-Identifier: BSD-2-Clause */
/* A log of a run, read back: the runner's, or what a serial line left in a file. */
#ifndef HOST_COMPARE_LOG_H
#define HOST_COMPARE_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* From bad to good where two of them can be weighed against each other. */
enum log_result { LOG_FAILED, LOG_XFAILED, LOG_SKIPPED, LOG_BLIND, LOG_PASSED };

#define LOG_MAX_LINES 3 /* of a failure */

struct log_test {
	char *name;
	enum log_result result;
	char *why;		    /* behind the '#': reason, evidence; "" where there is none */
	char *lines[LOG_MAX_LINES]; /* the first that say what is wrong; NULL: no more */
	bool twice;		    /* there were more results of that name: this is the last */
};

#define LOG_MAX_FACTS 32

/* One note before the plan: "mmu" and what follows the colon. */
struct log_fact {
	char *key;
	char *text;
};

struct log {
	struct log_test *tests; /* by name */
	size_t nr_tests;
	struct log_fact facts[LOG_MAX_FACTS];
	unsigned nr_facts;
	unsigned nr_runs; /* the last one counts */
	char *seed;	  /* "" where the banner has none */
	char *sensitivity;
	char *end;    /* the DONE or PANIC line without "hotwalk: "; NULL: the log breaks off */
	bool touched; /* the outside oracle saw unplugged memory being touched */
};

/*
 * Read @path into @log. Carriage returns, escape sequences and bytes that are no text are dropped,
 * all before the banner is not looked at. False, with a line on stderr that begins with @path, if
 * it cannot be read or there is no run in it.
 */
bool log_read(struct log *log, const char *path);
void log_free(struct log *log);

const struct log_test *log_find(const struct log *log, const char *name); /* NULL: not there */
const char *log_fact(const struct log *log, const char *key);		  /* NULL: not there */

#endif
