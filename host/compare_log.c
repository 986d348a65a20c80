/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads a log line by line (docs/output.md has the grammar). */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/compare_log.h"

struct reader {
	struct log *log;
	size_t room;		    /* in log->tests */
	char *lines[LOG_MAX_LINES]; /* of the test whose result is yet to come */
	bool in_run;		    /* behind a banner */
	bool planned;
};

static void *checked(void *p)
{
	if (p == NULL) {
		fputs("hotwalk-run: no memory\n", stderr);
		exit(2);
	}
	return p;
}

static char *copy(const char *text, size_t len)
{
	return checked(strndup(text, len));
}

static bool starts_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void free_lines(char **lines)
{
	for (unsigned i = 0; i < LOG_MAX_LINES; i++) {
		free(lines[i]);
		lines[i] = NULL;
	}
}

void log_free(struct log *log)
{
	for (size_t i = 0; i < log->nr_tests; i++) {
		free(log->tests[i].name);
		free(log->tests[i].why);
		free_lines(log->tests[i].lines);
	}
	for (unsigned i = 0; i < log->nr_facts; i++) {
		free(log->facts[i].key);
		free(log->facts[i].text);
	}
	free(log->tests);
	free(log->seed);
	free(log->sensitivity);
	free(log->end);
	memset(log, 0, sizeof(*log));
}

/* In place: what a terminal would not show. */
static void clean(char *line, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)line[i];

		if (c == 0x1b && i + 1 < len && line[i + 1] == '[') {
			for (i += 2; i < len && !isalpha((unsigned char)line[i]); i++)
				;
		} else if (c >= ' ' && c <= '~') {
			line[to++] = (char)c;
		}
	}
	line[to] = '\0';
}

static void add_fact(struct log *log, const char *key, size_t key_len, const char *text)
{
	if (log->nr_facts == LOG_MAX_FACTS)
		return;
	log->facts[log->nr_facts++] =
		(struct log_fact){copy(key, key_len), copy(text, strlen(text))};
}

/* "hotwalk 0.1.0 (git 1234567) Sv48 harts=4 boot-hart=0 seed=0x7": another run begins here. */
static void banner(struct reader *r, const char *line)
{
	const char *seed = strstr(line, " seed=");
	const char *rest = seed == NULL ? "" : strchr(seed + 1, ' ');
	size_t head = seed == NULL ? strlen(line) : (size_t)(seed - line);
	unsigned runs = r->log->nr_runs;
	char text[512];

	log_free(r->log);
	r->room = 0;
	free_lines(r->lines);
	r->log->nr_runs = runs + 1;
	r->in_run = true;
	r->planned = false;
	/* The seed is another one each time; the rest is a fact like others. */
	snprintf(text, sizeof(text), "%.*s%s", (int)head, line, rest == NULL ? "" : rest);
	add_fact(r->log, "banner", 6, text);
	seed = seed == NULL ? "" : seed + strlen(" seed=");
	r->log->seed = copy(seed, strcspn(seed, " "));
}

static struct log_test *new_test(struct reader *r, const char *name, size_t len)
{
	struct log *log = r->log;

	for (size_t i = 0; i < log->nr_tests; i++) {
		struct log_test *t = &log->tests[i];

		if (strlen(t->name) != len || strncmp(t->name, name, len) != 0)
			continue;
		free(t->why);
		free_lines(t->lines);
		t->twice = true;
		return t;
	}
	if (log->nr_tests == r->room) {
		r->room = r->room == 0 ? 256 : 2 * r->room;
		log->tests = checked(realloc(log->tests, r->room * sizeof(*log->tests)));
	}
	log->tests[log->nr_tests] = (struct log_test){.name = copy(name, len)};
	return &log->tests[log->nr_tests++];
}

static enum log_result result_of(bool ok, const char *why)
{
	if (starts_with(why, "XFAIL"))
		return LOG_XFAILED;
	if (!ok)
		return LOG_FAILED;
	if (starts_with(why, "SKIP blind"))
		return LOG_BLIND;
	return starts_with(why, "SKIP") ? LOG_SKIPPED : LOG_PASSED;
}

/* Behind "ok " or "not ok ": a number and a name, or it is prose. */
static void result(struct reader *r, bool ok, const char *rest)
{
	const char *why = strstr(rest, " # ");
	struct log_test *t;
	char *name;

	(void)strtoul(rest, &name, 10);
	if (name == rest || *name != ' ' || !r->planned)
		return;
	name++;
	t = new_test(r, name, strcspn(name, " "));
	why = why == NULL ? "" : why + 3;
	t->result = result_of(ok, why);
	t->why = copy(why, strlen(why));
	memcpy(t->lines, r->lines, sizeof(r->lines));
	memset(r->lines, 0, sizeof(r->lines));
}

/* Of a test, what says that something is wrong: evidence, and why it did not end. */
static bool is_failure(const char *note)
{
	static const char *const begin[] = {
		"probe: ", "model: ", "accounts: ", "check: ", "deadline of ", "trap "};

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++) {
		if (starts_with(note, begin[i]))
			return true;
	}
	return false;
}

static void note(struct reader *r, const char *text)
{
	struct log *log = r->log;
	const char *colon = strchr(text, ':');

	if (starts_with(text, "oracle: touched") || starts_with(text, "oracle: FAIL")) {
		log->touched = true;
	} else if (starts_with(text, "sensitivity: ")) {
		free(log->sensitivity);
		log->sensitivity = copy(text + 13, strlen(text + 13));
	} else if (!r->planned && colon != NULL && !starts_with(text, "vmemd: ")) {
		add_fact(log, text, (size_t)(colon - text), colon + 1 + strspn(colon + 1, " "));
	} else if (is_failure(text)) {
		for (unsigned i = 0; i < LOG_MAX_LINES; i++) {
			if (r->lines[i] != NULL)
				continue;
			r->lines[i] = copy(text, strlen(text));
			break;
		}
	}
}

static void take(struct reader *r, const char *line)
{
	if (starts_with(line, "hotwalk ") && strstr(line, " harts=") != NULL) {
		banner(r, line);
	} else if (!r->in_run) {
		return;
	} else if (starts_with(line, "1..") && isdigit((unsigned char)line[3])) {
		r->planned = true;
	} else if (starts_with(line, "ok ")) {
		result(r, true, line + 3);
	} else if (starts_with(line, "not ok ")) {
		result(r, false, line + 7);
	} else if (starts_with(line, "# ")) {
		note(r, line + 2);
	} else if (starts_with(line, "hotwalk: DONE ") || starts_with(line, "hotwalk: PANIC")) {
		free(r->log->end);
		r->log->end = copy(line + 9, strlen(line + 9));
	}
}

static int by_name(const void *a, const void *b)
{
	const struct log_test *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static bool unusable(const char *path, const char *why)
{
	fprintf(stderr, "hotwalk-run: %s: %s\n", path, why);
	return false;
}

bool log_read(struct log *log, const char *path)
{
	struct reader r = {.log = log};
	FILE *f = fopen(path, "rb");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	bool failed;

	memset(log, 0, sizeof(*log));
	if (f == NULL)
		return unusable(path, strerror(errno));
	while ((len = getline(&line, &room, f)) >= 0) {
		clean(line, (size_t)len);
		take(&r, line);
	}
	failed = ferror(f) != 0;
	free(line);
	free_lines(r.lines);
	fclose(f);
	if (failed)
		return unusable(path, strerror(errno));
	if (!r.in_run)
		return unusable(path, "no hotwalk banner in it: no log of a run");
	if (!r.planned)
		return unusable(path, "a banner and no plan (1..N): nothing was tested");
	if (log->nr_tests != 0)
		qsort(log->tests, log->nr_tests, sizeof(*log->tests), by_name);
	return true;
}

const struct log_test *log_find(const struct log *log, const char *name)
{
	struct log_test key = {.name = (char *)(size_t)name};

	return log->nr_tests == 0 ? NULL
				  : bsearch(&key, log->tests, log->nr_tests, sizeof(key), by_name);
}

const char *log_fact(const struct log *log, const char *key)
{
	for (unsigned i = 0; i < log->nr_facts; i++) {
		if (strcmp(log->facts[i].key, key) == 0)
			return log->facts[i].text;
	}
	return NULL;
}
