/* SPDX-License-Identifier: BSD-2-Clause */
/* What the firmware's and the daemon's lines say, and the verdict. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "host/run_watch.h"

void watch_init(struct watch *w)
{
	memset(w, 0, sizeof(*w));
	snprintf(w->last, sizeof(w->last), "the start");
}

static bool starts_with(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* "1..N" and nothing else. */
static bool parse_plan(const char *line, unsigned *plan)
{
	char *end;
	unsigned long n;

	if (!starts_with(line, "1..") || !isdigit((unsigned char)line[3]))
		return false;
	n = strtoul(line + 3, &end, 10);
	if ((*end != '\0' && *end != ' ') || n > WATCH_MAX_TESTS)
		return false;
	*plan = (unsigned)n;
	return true;
}

/* The directive behind " # ", or "". */
static const char *directive(const char *line)
{
	const char *hash = strstr(line, " # ");

	return hash != NULL ? hash + 3 : "";
}

/* Remember the number, and the name up to the directive. False when the number is wrong. */
static bool note_result(struct watch *w, const char *rest)
{
	char *name;
	unsigned long number = strtoul(rest, &name, 10);
	bool fresh;

	name += strspn(name, " -");
	snprintf(w->last, sizeof(w->last), "%lu %.*s", number,
		 (int)(strstr(name, " # ") != NULL ? strstr(name, " # ") - name
						   : (long)strlen(name)),
		 name);
	if (number == 0 || number > WATCH_MAX_TESTS || (w->have_plan && number > w->plan))
		return false;
	number--;
	fresh = (w->seen[number / 8] >> (number % 8) & 1) == 0;
	w->seen[number / 8] |= (uint8_t)(1U << (number % 8));
	return fresh;
}

static void result_line(struct watch *w, bool ok, const char *line, const char *rest)
{
	const char *d = directive(line);

	if (!isdigit((unsigned char)*rest))
		return; /* prose that begins like a result */
	if (!note_result(w, rest))
		w->duplicates++;
	if (ok && strncasecmp(d, "SKIP", 4) == 0)
		w->skipped++;
	else if (ok || strncasecmp(d, "XFAIL", 5) == 0 || strncasecmp(d, "TODO", 4) == 0)
		w->passed++;
	else
		w->failed++;
}

static enum watch_done parse_done(const char *word)
{
	if (starts_with(word, "PASS"))
		return DONE_PASS;
	if (starts_with(word, "FAIL"))
		return DONE_FAIL;
	if (starts_with(word, "NOTHING"))
		return DONE_NOTHING;
	return DONE_UNKNOWN;
}

void watch_firmware_line(struct watch *w, const char *line)
{
	if (starts_with(line, "ok "))
		result_line(w, true, line, line + 3);
	else if (starts_with(line, "not ok "))
		result_line(w, false, line, line + 7);
	else if (starts_with(line, "hotwalk: DONE "))
		w->done = parse_done(line + 14);
	else if (starts_with(line, "hotwalk: PANIC"))
		w->panic = true;
	else if (parse_plan(line, &w->plan))
		w->have_plan = true;
}

void watch_daemon_line(struct watch *w, const char *line)
{
	if (!starts_with(line, "oracle: touched") && !starts_with(line, "oracle: FAIL"))
		return;
	if (!w->oracle_touched)
		snprintf(w->oracle_after, sizeof(w->oracle_after), "%s", w->last);
	w->oracle_touched = true;
}

bool watch_finished(const struct watch *w)
{
	return w->done != DONE_NOT_SEEN || w->panic;
}

static void describe_end(char *buf, size_t size, int status)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "ended with status %d", WEXITSTATUS(status));
}

/* Only of one that did what it is there for its status says something else. */
static bool daemon_crashed(const struct watch_daemon *d, void (*say)(const char *format, ...))
{
	char how[96];

	describe_end(how, sizeof(how), d->status);
	if (d->ended_by_us)
		say("the daemon did not end by itself");
	else if (d->first || WIFSIGNALED(d->status) || WEXITSTATUS(d->status) > 1)
		say("the daemon %s%s", how, d->first ? ", while QEMU was running" : "");
	else
		return false;
	return true;
}

/* Anything that means that results cannot be trusted to be complete. */
static bool crashed(const struct watch *w, const struct watch_ends *ends,
		    void (*say)(const char *format, ...))
{
	char how[96];
	bool bad = false;

	if (w->panic) {
		say("the firmware panicked after %s", w->last);
		bad = true;
	}
	if (!ends->qemu_ended_by_us && (WIFSIGNALED(ends->qemu_status) || !watch_finished(w))) {
		describe_end(how, sizeof(how), ends->qemu_status);
		say("QEMU %s after %s%s", how, w->last,
		    watch_finished(w) ? "" : ", before the firmware was done");
		bad = true;
	}
	for (unsigned i = 0; i < ends->nb_daemons; i++)
		bad |= daemon_crashed(&ends->daemons[i], say);
	return bad;
}

/* Whatever contradicts itself is a failure, even if every result is "ok". */
static bool contradicts(const struct watch *w, const struct watch_ends *ends,
			void (*say)(const char *format, ...))
{
	unsigned results = w->passed + w->failed + w->skipped;
	bool bad = false;

	if (results != 0 && !w->have_plan) {
		say("%u results came without a plan", results);
		bad = true;
	} else if (w->have_plan && results != w->plan) {
		say("the plan says %u results, %u came", w->plan, results);
		bad = true;
	}
	if (w->duplicates != 0) {
		say("%u results have a number that is outside the plan or came before",
		    w->duplicates);
		bad = true;
	}
	if (w->done == DONE_UNKNOWN || (w->done == DONE_PASS && w->failed != 0) ||
	    (w->done == DONE_FAIL && w->failed == 0) ||
	    (w->done == DONE_NOTHING && w->passed != 0)) {
		say("the firmware's last line disagrees with its results");
		bad = true;
	}
	if (w->done == DONE_PASS && !ends->qemu_ended_by_us && WIFEXITED(ends->qemu_status) &&
	    WEXITSTATUS(ends->qemu_status) != 0) {
		say("the firmware said PASS, but QEMU ended with status %d",
		    WEXITSTATUS(ends->qemu_status));
		bad = true;
	}
	return bad;
}

enum run_status watch_judge(const struct watch *w, const struct watch_ends *ends,
			    void (*say)(const char *format, ...))
{
	bool failed;

	if (w->oracle_touched)
		say("oracle: unplugged memory was touched; first seen after %s", w->oracle_after);
	if (ends->timed_out)
		return RUN_TIMEOUT; /* the runner has said where */
	if (crashed(w, ends, say))
		return RUN_CRASH;
	failed = contradicts(w, ends, say);
	for (unsigned i = 0; i < ends->nb_daemons; i++) {
		if (WEXITSTATUS(ends->daemons[i].status) != 1 || w->oracle_touched)
			continue;
		say("the daemon ended with status 1 without an oracle line");
		failed = true;
	}
	if (failed || w->failed != 0 || w->oracle_touched)
		return RUN_FAIL;
	if (w->passed == 0) {
		say("no test was executed");
		return RUN_NOTHING;
	}
	return RUN_PASS;
}

const char *run_status_name(enum run_status status)
{
	static const char *const names[] = {"PASS", "FAIL", "NOTHING RAN", "CRASH", "TIMEOUT"};

	return names[status];
}
