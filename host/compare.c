/* SPDX-License-Identifier: BSD-2-Clause */
/* Two logs side by side: what is worse, what is better, what is merely different. */

#include "host/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/compare_log.h"

enum change { SAME, WORSE, BETTER, OTHER, NR_CHANGES };

static const char *const words[NR_CHANGES] = {"same", "worse", "better", "other"};
static const char *const results[] = {"not ok", "expected failure", "skipped", "blind", "ok"};

static unsigned count[NR_CHANGES];

/* Tests that judged something: less of it is worse, whatever the reason. */
static bool judged(enum log_result r)
{
	return r == LOG_PASSED || r == LOG_XFAILED || r == LOG_FAILED;
}

static enum change weigh(enum log_result a, enum log_result b)
{
	if (a == b)
		return SAME;
	if (b == LOG_FAILED)
		return WORSE;
	/* A failure that is no longer looked for is not mended. */
	if (a == LOG_FAILED)
		return judged(b) ? BETTER : OTHER;
	if (judged(a) && judged(b))
		return b == LOG_PASSED ? BETTER : WORSE;
	if (judged(a) || judged(b))
		return judged(b) ? BETTER : WORSE;
	/* Skipped and blind: neither says anything of the machine. */
	return OTHER;
}

static void print_failure(const struct log_test *t)
{
	for (unsigned i = 0; i < LOG_MAX_LINES && t->lines[i] != NULL; i++)
		printf("    # %s\n", t->lines[i]);
}

static void print_test(enum change c, const char *name, const char *a, const char *b,
		       const char *why)
{
	printf("%s: %s: %s -> %s%s%s%s\n", words[c], name, a, b, *why != '\0' ? " (" : "", why,
	       *why != '\0' ? ")" : "");
	count[c]++;
}

static void compare_test(const struct log_test *a, const struct log_test *b)
{
	enum change c = weigh(a->result, b->result);

	if (c == SAME && strcmp(a->why, b->why) == 0)
		return;
	if (c == SAME && b->result != LOG_FAILED) {
		printf("other: %s: %s: %s -> %s\n", b->name, results[b->result], a->why, b->why);
		count[OTHER]++;
		return;
	}
	/* Red before and after, seen by something else: news, but no new failure. */
	print_test(c == SAME ? OTHER : c, b->name, results[a->result], results[b->result], b->why);
	if (b->result == LOG_FAILED)
		print_failure(b);
}

static void compare_tests(const struct log *a, const struct log *b)
{
	for (size_t i = 0; i < b->nr_tests; i++) {
		const struct log_test *t = &b->tests[i];
		const struct log_test *was = log_find(a, t->name);

		if (t->twice)
			printf("# %s: more than one result, the last counts\n", t->name);
		if (was != NULL) {
			compare_test(was, t);
			continue;
		}
		print_test(t->result == LOG_FAILED ? WORSE : OTHER, t->name, "not there",
			   results[t->result], t->why);
		if (t->result == LOG_FAILED)
			print_failure(t);
	}
	for (size_t i = 0; i < a->nr_tests; i++) {
		const struct log_test *t = &a->tests[i];

		if (log_find(b, t->name) != NULL)
			continue;
		print_test(judged(t->result) && t->result != LOG_FAILED ? WORSE : OTHER, t->name,
			   results[t->result], "not there", "");
	}
}

static const char *or_none(const char *text)
{
	return text == NULL ? "none" : text;
}

static void print_fact(const char *key, const char *a, const char *b)
{
	/* Times of the start are other ones each time. */
	if (strcmp(key, "probe") == 0 || (a != NULL && b != NULL && strcmp(a, b) == 0))
		return;
	printf("# %s: %s\n# %*s  -> %s\n", key, or_none(a), (int)strlen(key), "", or_none(b));
}

static void compare_facts(const struct log *a, const struct log *b)
{
	for (unsigned i = 0; i < b->nr_facts; i++)
		print_fact(b->facts[i].key, log_fact(a, b->facts[i].key),
			   log_fact(b, b->facts[i].key));
	for (unsigned i = 0; i < a->nr_facts; i++) {
		if (log_fact(b, a->facts[i].key) == NULL)
			print_fact(a->facts[i].key, a->facts[i].text, NULL);
	}
	if (strcmp(a->seed, b->seed) != 0)
		printf("# seed: %s -> %s: tests that draw at random drew something else\n", a->seed,
		       b->seed);
	if (a->nr_runs > 1 || b->nr_runs > 1)
		printf("# runs in the logs: %u, %u: the last of each counts\n", a->nr_runs,
		       b->nr_runs);
}

/* Whether the run came to its end by itself, whatever it found. */
static bool complete(const struct log *l)
{
	return l->end != NULL && strncmp(l->end, "DONE", 4) == 0;
}

static void compare_ends(const struct log *a, const struct log *b)
{
	print_fact("sensitivity", a->sensitivity, b->sensitivity);
	if (complete(a) != complete(b))
		print_test(complete(a) ? WORSE : BETTER, "the run",
			   a->end != NULL ? a->end : "breaks off",
			   b->end != NULL ? b->end : "breaks off", "");
	if (a->touched != b->touched)
		print_test(b->touched ? WORSE : BETTER, "outside oracle",
			   a->touched ? "touched" : "clean", b->touched ? "touched" : "clean", "");
}

int compare_logs(const char *before, const char *after)
{
	struct log a = {0}, b = {0};
	/* Both, so that both complaints are made. */
	bool usable = log_read(&a, before);
	int status = 2;

	usable &= log_read(&b, after);
	if (usable) {
		memset(count, 0, sizeof(count));
		compare_facts(&a, &b);
		compare_tests(&a, &b);
		compare_ends(&a, &b);
		status = count[WORSE] != 0;
		printf("hotwalk-run: %s (status %d) %u worse, %u better, %u other; %zu and %zu "
		       "tests\n",
		       status != 0 ? "WORSE" : "NOT WORSE", status, count[WORSE], count[BETTER],
		       count[OTHER], a.nr_tests, b.nr_tests);
	}
	log_free(&a);
	log_free(&b);
	return status;
}
