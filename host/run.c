/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-run: runs the firmware under QEMU, with or without the daemon, and says how it ended. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "host/run_child.h"
#include "host/run_dir.h"
#include "host/run_options.h"
#include "host/run_watch.h"

#define READY_TIMEOUT_S 5.0   /* for the daemon's first word */
#define POWER_OFF_GRACE_S 3.0 /* from the firmware's last line to QEMU's end */
#define TERM_GRACE_S 2.0      /* from SIGTERM to SIGKILL */
#define DRAIN_S 0.2	      /* for output that a child's own children hold open */
#define DAEMON_GRACE_S 20.0   /* for its closing scan, after QEMU's end */
#define STATUS_USAGE 2

struct run {
	struct run_options opt;
	struct watch watch;
	struct watch_ends ends;
	struct child qemu;
	struct child daemon;
	bool daemon_ready;
	double start_s;
	double last_output_s;
	double finished_s; /* when the firmware's last line came; 0 before */
	FILE *log;
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

/* A line for the console and the log. */
static void emit(const char *prefix, const char *text, bool console)
{
	if (console && !run.opt.log_only) {
		printf("%s%s\n", prefix, text);
		fflush(stdout);
	}
	fprintf(run.log, "%s%s\n", prefix, text);
	fflush(run.log);
}

/* The runner's own word: always on the console. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("hotwalk-run: %s\n", text);
	fflush(stdout);
	fprintf(run.log, "hotwalk-run: %s\n", text);
	fflush(run.log);
}

static void qemu_out(void *ctx, const char *text)
{
	(void)ctx;
	watch_firmware_line(&run.watch, text);
	/* An interactive console has seen it already, byte by byte. */
	emit("", text, !run.opt.interactive);
	if (watch_finished(&run.watch) && run.finished_s == 0)
		run.finished_s = now_s();
}

static void qemu_err(void *ctx, const char *text)
{
	(void)ctx;
	child_note_error(&run.qemu, text);
	emit("# qemu: ", text, true);
}

static void daemon_out(void *ctx, const char *text)
{
	(void)ctx;
	if (strcmp(text, "ready") == 0)
		run.daemon_ready = true;
	watch_daemon_line(&run.watch, text);
	emit("# ", text, true);
}

static void daemon_err(void *ctx, const char *text)
{
	(void)ctx;
	child_note_error(&run.daemon, text);
	emit("# ", text, true);
}

/* Read whatever is there now, or comes within @wait_s. The daemon first: it is the earlier one. */
static void pump(double wait_s)
{
	struct child_stream *streams[4] = {&run.daemon.out, &run.daemon.err, &run.qemu.out,
					   &run.qemu.err};
	void (*const lines[4])(void *, const char *) = {daemon_out, daemon_err, qemu_out, qemu_err};
	struct timespec wait = {.tv_sec = (time_t)wait_s};
	struct pollfd fds[4];

	wait.tv_nsec = (long)((wait_s - (double)wait.tv_sec) * 1e9);
	for (unsigned i = 0; i < 4; i++)
		fds[i] = (struct pollfd){.fd = streams[i]->fd, .events = POLLIN};
	/* A signal, a child's end among them, ends the wait. */
	if (ppoll(fds, 4, &wait, &run.sleep_mask) > 0) {
		for (unsigned i = 0; i < 4; i++) {
			bool raw = i == 2 && run.opt.interactive && !run.opt.log_only;

			if (fds[i].revents != 0 &&
			    child_read(streams[i], lines[i], NULL, raw ? STDOUT_FILENO : -1) > 0 &&
			    i >= 2)
				run.last_output_s = now_s();
		}
	}
	child_reap(&run.daemon);
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
			say("timeout: %.9g s %s, after %s",
			    strcmp(why, "in all") == 0 ? run.opt.timeout_s : run.opt.silence_s, why,
			    run.watch.last);
			run.ends.timed_out = true;
			break;
		}
		pump(left);
		if (run.daemon.exited && !run.qemu.exited && !run.ends.daemon_first) {
			/* It may have seen QEMU's end before we did: give that a moment. */
			for (int i = 0; i < 20 && !run.qemu.exited; i++)
				pump(0.01);
			run.ends.daemon_first = !run.qemu.exited;
			if (run.ends.daemon_first && !watch_finished(&run.watch))
				break;
		}
	}
	run.ends.qemu_ended_by_us = !run.qemu.exited;
	end_child(&run.qemu);
}

static void finish_daemon(void)
{
	double until = now_s() + DAEMON_GRACE_S;

	while (run.daemon.pid > 0 && !run.daemon.exited && stop_signal == 0 && now_s() < until)
		pump(0.1);
	run.ends.daemon_ended_by_us = run.daemon.pid > 0 && !run.daemon.exited;
	end_child(&run.daemon);
}

static char **command(char *const *words)
{
	char **argv = words != NULL ? words_replace_socket(words, run.socket.path) : NULL;

	if (argv == NULL)
		say("a command line is not usable: %s", strerror(errno));
	return argv;
}

static void print_command(char *const *argv, const char *before, const char *behind)
{
	FILE *const files[2] = {run.log, run.opt.log_only ? NULL : stdout};

	for (unsigned i = 0; i < 2; i++) {
		if (files[i] == NULL)
			continue;
		fputs(before, files[i]);
		words_print(files[i], argv);
		fprintf(files[i], "%s\n", behind);
		fflush(files[i]);
	}
}

static bool start(struct child *c, char *const *argv, bool interactive)
{
	if (child_start(c, argv, interactive) == 0)
		return true;
	say("cannot start %s: %s", argv[0], strerror(errno));
	return false;
}

/* Start the daemon and wait for its word. False when there is no use in going on. */
static bool start_daemon(void)
{
	char before[sizeof(run.socket.dir) + 32];
	char **words, **argv;
	double until;
	bool ok;

	if (run.opt.daemon == NULL)
		return true;
	words = words_split(run.opt.daemon);
	if (words == NULL || words[0] == NULL) {
		say("--daemon '%s' is not a command", run.opt.daemon);
		words_free(words);
		return false;
	}
	argv = command(words);
	words_free(words);
	if (argv == NULL)
		return false;
	snprintf(before, sizeof(before), "mkdir -p %s && ", run.socket.dir);
	print_command(argv, before, " &");
	ok = start(&run.daemon, argv, false);
	words_free(argv);
	run.ends.have_daemon = ok;
	until = now_s() + READY_TIMEOUT_S;
	while (ok && !run.daemon_ready && !run.daemon.exited && stop_signal == 0 && now_s() < until)
		pump(0.1);
	if (ok && run.daemon.exited)
		drain(&run.daemon);
	if (ok && !run.daemon_ready && stop_signal == 0) {
		say("the daemon %s", run.daemon.exited ? "ended before it was ready"
						       : "did not say that it is ready");
		ok = false;
	}
	return ok;
}

static bool start_qemu(void)
{
	char **argv = command(run.opt.qemu);
	bool ok;

	if (argv == NULL)
		return false;
	print_command(argv, "", "");
	run.last_output_s = now_s();
	ok = start(&run.qemu, argv, run.opt.interactive);
	words_free(argv);
	return ok;
}

static void print_tail(const struct child *c, const char *name)
{
	const char *line;

	for (unsigned i = 0; (line = child_tail(c, i)) != NULL; i++)
		say("%s: %s", name, line);
}

static enum run_status run_all(void)
{
	enum run_status status = RUN_CRASH;

	if (start_daemon() && stop_signal == 0 && start_qemu()) {
		watch_qemu();
		finish_daemon();
		run.ends.qemu_status = run.qemu.status;
		run.ends.daemon_status = run.daemon.status;
		if (stop_signal == 0)
			status = watch_judge(&run.watch, &run.ends, say);
	}
	end_child(&run.qemu);
	end_child(&run.daemon);
	if (status == RUN_CRASH && stop_signal == 0) {
		print_tail(&run.qemu, "qemu");
		print_tail(&run.daemon, "daemon");
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

/* The last line, and the status as number. */
static int conclude(enum run_status verdict)
{
	const char *name = stop_signal != 0 ? "INTERRUPTED" : run_status_name(verdict);
	int status = stop_signal != 0 ? 128 + (int)stop_signal : (int)verdict;

	run_dir_write_status(run.opt.dir, run.opt.status_file, status);
	say("%s (status %d) %u passed, %u failed, %u skipped, %.2f s", name, status,
	    run.watch.passed, run.watch.failed, run.watch.skipped, now_s() - run.start_s);
	return status;
}

int main(int argc, char **argv)
{
	int status = run_options_parse(&run.opt, argc, argv);

	if (status != 0)
		return status == 1 ? 0 : STATUS_USAGE;
	run.log = run_dir_open(run.opt.dir, run.opt.status_file);
	if (run.log == NULL || !run_socket_make(&run.socket))
		return STATUS_USAGE;
	watch_init(&run.watch);
	run.daemon.out.fd = run.daemon.err.fd = run.qemu.out.fd = run.qemu.err.fd = -1;
	run.start_s = now_s();
	run.last_output_s = run.start_s;
	catch_signals();
	run.have_terminal = run.opt.interactive && tcgetattr(STDIN_FILENO, &run.terminal) == 0;
	status = conclude(run_all());
	if (run.have_terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &run.terminal);
	run_socket_remove(&run.socket);
	fclose(run.log);
	return status;
}
