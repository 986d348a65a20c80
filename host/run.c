/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-run: runs the firmware under QEMU, with or without daemons, and says how it ended. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "host/compare.h"
#include "host/run_child.h"
#include "host/run_dir.h"
#include "host/run_log.h"
#include "host/run_options.h"
#include "host/run_watch.h"

#define READY_TIMEOUT_S 5.0   /* for the daemon's first word */
#define POWER_OFF_GRACE_S 3.0 /* from the firmware's last line to QEMU's end */
#define TERM_GRACE_S 2.0      /* from SIGTERM to SIGKILL */
#define DRAIN_S 0.2	      /* for output that a child's own children hold open */
#define DAEMON_GRACE_S 20.0   /* for its closing scan, after QEMU's end */
#define STATUS_USAGE 2

_Static_assert(RUN_MAX_DAEMONS == WATCH_MAX_DAEMONS, "daemons");
#define MAX_STREAMS (2 * (RUN_MAX_DAEMONS + 1))

struct run {
	struct run_options opt;
	struct watch watch;
	struct watch_ends ends;
	struct child qemu;
	struct daemon {
		struct child child;
		bool ready;
		char prefix[16]; /* of its lines: names it where there are several */
	} daemons[RUN_MAX_DAEMONS];
	double start_s;
	double last_output_s;
	double finished_s; /* when the firmware's last line came; 0 before */
	struct run_socket socket;
	sigset_t sleep_mask;
	struct termios terminal;
	bool have_terminal;
};

static struct run run;

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	if (number != SIGCHLD)
		stop_signal = number;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void qemu_out(void *ctx, const char *text)
{
	(void)ctx;
	watch_firmware_line(&run.watch, text);
	/* An interactive console has seen it already, byte by byte. */
	run_log_line("", text, !run.opt.interactive);
	if (watch_finished(&run.watch) && run.finished_s == 0)
		run.finished_s = now_s();
}

static void qemu_err(void *ctx, const char *text)
{
	(void)ctx;
	child_note_error(&run.qemu, text);
	run_log_line("# qemu: ", text, true);
}

static void daemon_out(void *ctx, const char *text)
{
	struct daemon *d = ctx;

	if (strcmp(text, "ready") == 0)
		d->ready = true;
	watch_daemon_line(&run.watch, text);
	run_log_line(d->prefix, text, true);
}

static void daemon_err(void *ctx, const char *text)
{
	struct daemon *d = ctx;

	child_note_error(&d->child, text);
	run_log_line(d->prefix, text, true);
}

struct stream {
	struct child_stream *from;
	void (*line)(void *ctx, const char *text);
	void *ctx;
	int raw_fd; /* bytes go there at once; -1 nowhere */
};

/* All pipes of all children. The daemons first: they are the earlier ones. */
static unsigned all_streams(struct stream *s)
{
	bool raw = run.opt.interactive && !run.opt.log_only;
	unsigned n = 0;

	for (unsigned i = 0; i < run.opt.nb_daemons; i++) {
		struct daemon *d = &run.daemons[i];

		s[n++] = (struct stream){&d->child.out, daemon_out, d, -1};
		s[n++] = (struct stream){&d->child.err, daemon_err, d, -1};
	}
	s[n++] = (struct stream){&run.qemu.out, qemu_out, NULL, raw ? STDOUT_FILENO : -1};
	s[n++] = (struct stream){&run.qemu.err, qemu_err, NULL, -1};
	return n;
}

/* Read whatever is there now, or comes within @wait_s. */
static void pump(double wait_s)
{
	struct timespec wait = {.tv_sec = (time_t)wait_s};
	struct stream streams[MAX_STREAMS];
	struct pollfd fds[MAX_STREAMS];
	unsigned n = all_streams(streams);

	wait.tv_nsec = (long)((wait_s - (double)wait.tv_sec) * 1e9);
	for (unsigned i = 0; i < n; i++)
		fds[i] = (struct pollfd){.fd = streams[i].from->fd, .events = POLLIN};
	/* A signal, a child's end among them, ends the wait. */
	if (ppoll(fds, n, &wait, &run.sleep_mask) > 0) {
		for (unsigned i = 0; i < n; i++) {
			struct stream *s = &streams[i];

			if (fds[i].revents != 0 &&
			    child_read(s->from, s->line, s->ctx, s->raw_fd) > 0 && i + 2 >= n)
				run.last_output_s = now_s();
		}
	}
	for (unsigned i = 0; i < run.opt.nb_daemons; i++)
		child_reap(&run.daemons[i].child);
	child_reap(&run.qemu);
}

static bool drained(const struct child *c)
{
	return c->out.fd < 0 && c->err.fd < 0;
}

/* Read what a child that has ended left in its pipes. */
static void drain(struct child *c)
{
	double until = now_s() + DRAIN_S;

	while (!drained(c) && now_s() < until)
		pump(0.02);
	child_close(c);
}

/* End a child: politely, then not. */
static void end_child(struct child *c)
{
	double until = now_s() + TERM_GRACE_S;

	if (c->pid <= 0)
		return;
	if (!c->exited) {
		c->ended_by_us = true;
		child_signal(c, SIGTERM);
	}
	while (!c->exited && now_s() < until)
		pump(0.05);
	child_signal(c, SIGKILL); /* and whatever it has started */
	while (!c->exited)
		pump(0.05);
	drain(c);
}

/* How long until something has to be done, seconds; and whether it is time to give up. */
static double time_left(const char **why)
{
	double now = now_s();
	double left = 1.0;
	double t;

	*why = NULL;
	if (run.opt.timeout_s > 0) {
		t = run.start_s + run.opt.timeout_s - now;
		if (t <= 0)
			*why = "in all";
		left = t < left ? t : left;
	}
	if (run.opt.silence_s > 0) {
		t = run.last_output_s + run.opt.silence_s - now;
		if (t <= 0)
			*why = "of silence";
		left = t < left ? t : left;
	}
	return left > 0 ? left : 0;
}

/* A daemon is gone before QEMU is. */
static bool lost_daemon(void)
{
	bool lost = false;

	for (unsigned i = 0; i < run.opt.nb_daemons; i++) {
		if (!run.daemons[i].child.exited || run.qemu.exited || run.ends.daemons[i].first)
			continue;
		/* It may have seen QEMU's end before we did: give that a moment. */
		for (int k = 0; k < 20 && !run.qemu.exited; k++)
			pump(0.01);
		run.ends.daemons[i].first = !run.qemu.exited;
		lost |= run.ends.daemons[i].first;
	}
	return lost;
}

/* Returns when QEMU has ended, by itself or not. */
static void watch_qemu(void)
{
	while (!run.qemu.exited && stop_signal == 0) {
		const char *why;
		double left = time_left(&why);

		if (run.finished_s != 0) {
			double grace = run.finished_s + POWER_OFF_GRACE_S - now_s();

			if (grace <= 0)
				break; /* a machine that cannot power off: no fault of it */
			pump(grace);
			continue;
		}
		if (why != NULL) {
			run_log_say("timeout: %.9g s %s, after %s",
				    strcmp(why, "in all") == 0 ? run.opt.timeout_s
							       : run.opt.silence_s,
				    why, run.watch.last);
			run.ends.timed_out = true;
			break;
		}
		pump(left);
		if (lost_daemon() && !watch_finished(&run.watch))
			break;
	}
	run.ends.qemu_ended_by_us = !run.qemu.exited;
	end_child(&run.qemu);
}

static void finish_daemons(void)
{
	double until = now_s() + DAEMON_GRACE_S;

	for (unsigned i = 0; i < run.ends.nb_daemons; i++) {
		struct child *c = &run.daemons[i].child;

		while (!c->exited && stop_signal == 0 && now_s() < until)
			pump(0.1);
		run.ends.daemons[i].ended_by_us = !c->exited;
		end_child(c);
		run.ends.daemons[i].status = c->status;
	}
}

static char **command(char *const *words)
{
	char **argv = words != NULL ? words_replace_socket(words, run.socket.path) : NULL;

	if (argv == NULL)
		run_log_say("a command line is not usable: %s", strerror(errno));
	return argv;
}

static bool start(struct child *c, char *const *argv, bool interactive)
{
	if (child_start(c, argv, interactive) == 0)
		return true;
	run_log_say("cannot start %s: %s", argv[0], strerror(errno));
	return false;
}

/* Wait for a daemon's word. False when there is no use in going on. */
static bool wait_ready(struct daemon *d)
{
	double until = now_s() + READY_TIMEOUT_S;

	while (!d->ready && !d->child.exited && stop_signal == 0 && now_s() < until)
		pump(0.1);
	if (d->child.exited)
		drain(&d->child);
	if (d->ready || stop_signal != 0)
		return true;
	run_log_say("the daemon %s",
		    d->child.exited ? "ended before it was ready" : "did not say that it is ready");
	return false;
}

static bool start_daemon(unsigned number)
{
	struct daemon *d = &run.daemons[number];
	const char *text = run.opt.daemons[number];
	char before[sizeof(run.socket.dir) + 32] = "";
	char **words = words_split(text);
	char **argv;
	bool ok;

	if (words == NULL || words[0] == NULL) {
		run_log_say("--daemon '%s' is not a command", text);
		words_free(words);
		return false;
	}
	argv = command(words);
	words_free(words);
	if (argv == NULL)
		return false;
	if (number == 0)
		snprintf(before, sizeof(before), "mkdir -p %s && ", run.socket.dir);
	run_log_command(argv, before, " &");
	ok = start(&d->child, argv, false);
	words_free(argv);
	run.ends.nb_daemons += ok;
	return ok && wait_ready(d);
}

static bool start_daemons(void)
{
	for (unsigned i = 0; i < run.opt.nb_daemons; i++) {
		if (!start_daemon(i) || stop_signal != 0)
			return false;
	}
	return true;
}

static bool start_qemu(void)
{
	char **argv = command(run.opt.qemu);
	bool ok;

	if (argv == NULL)
		return false;
	run_log_command(argv, "", "");
	run.last_output_s = now_s();
	ok = start(&run.qemu, argv, run.opt.interactive);
	words_free(argv);
	return ok;
}

static void print_tail(const struct child *c, const char *name)
{
	const char *line;

	for (unsigned i = 0; (line = child_tail(c, i)) != NULL; i++)
		run_log_say("%s: %s", name, line);
}

static enum run_status run_all(void)
{
	enum run_status status = RUN_CRASH;

	if (start_daemons() && stop_signal == 0 && start_qemu()) {
		watch_qemu();
		finish_daemons();
		run.ends.qemu_status = run.qemu.status;
		if (stop_signal == 0)
			status = watch_judge(&run.watch, &run.ends, run_log_say);
	}
	end_child(&run.qemu);
	for (unsigned i = 0; i < run.opt.nb_daemons; i++)
		end_child(&run.daemons[i].child);
	if (status == RUN_CRASH && stop_signal == 0) {
		print_tail(&run.qemu, "qemu");
		for (unsigned i = 0; i < run.opt.nb_daemons; i++)
			print_tail(&run.daemons[i].child, "daemon");
	}
	return status;
}

/* Signals come while waiting only. */
static void catch_signals(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGCHLD};
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&block, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &block, &run.sleep_mask);
	for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigdelset(&run.sleep_mask, numbers[i]);
	signal(SIGPIPE, SIG_IGN);
}

/* No pipe is open yet; of several daemons each is told by its number. */
static void prepare_children(void)
{
	run.qemu.out.fd = run.qemu.err.fd = -1;
	for (unsigned i = 0; i < run.opt.nb_daemons; i++) {
		struct daemon *d = &run.daemons[i];

		d->child.out.fd = d->child.err.fd = -1;
		snprintf(d->prefix, sizeof(d->prefix), "# ");
		if (run.opt.nb_daemons > 1)
			snprintf(d->prefix, sizeof(d->prefix), "# daemon%u: ", i);
	}
}

/* The last line, and the status as number. */
static int conclude(enum run_status verdict)
{
	const char *name = stop_signal != 0 ? "INTERRUPTED" : run_status_name(verdict);
	int status = stop_signal != 0 ? 128 + (int)stop_signal : (int)verdict;

	run_dir_write_status(run.opt.dir, run.opt.status_file, status);
	run_log_say("%s (status %d) %u passed, %u failed, %u skipped, %.2f s", name, status,
		    run.watch.passed, run.watch.failed, run.watch.skipped, now_s() - run.start_s);
	return status;
}

int main(int argc, char **argv)
{
	int status = run_options_parse(&run.opt, argc, argv);
	FILE *log;

	if (status != 0)
		return status == 1 ? 0 : STATUS_USAGE;
	if (run.opt.compare[0] != NULL)
		return compare_logs(run.opt.compare[0], run.opt.compare[1]);
	log = run_dir_open(run.opt.dir, run.opt.status_file);
	if (log == NULL || !run_socket_make(&run.socket))
		return STATUS_USAGE;
	run_log_init(log, run.opt.log_only);
	watch_init(&run.watch);
	prepare_children();
	run.start_s = now_s();
	run.last_output_s = run.start_s;
	catch_signals();
	run.have_terminal = run.opt.interactive && tcgetattr(STDIN_FILENO, &run.terminal) == 0;
	status = conclude(run_all());
	if (run.have_terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &run.terminal);
	run_socket_remove(&run.socket);
	fclose(log);
	return status;
}
