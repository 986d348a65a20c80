/* SPDX-License-Identifier: BSD-2-Clause */
/* A device process that serves one QEMU. */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/serve.h"

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

void serve_print(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

/* Signals come while waiting only, so that a request is never left half done. */
static void catch_signals(sigset_t *sleep_mask)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t block;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigaddset(&block, SIGTERM);
	sigprocmask(SIG_BLOCK, &block, sleep_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigdelset(sleep_mask, SIGINT);
	sigdelset(sleep_mask, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
}

bool serve_listen(struct serve *s, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	catch_signals(&s->sleep_mask);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 1) != 0) {
		fprintf(stderr, "hotwalk-vmemd: cannot listen on %s: %s\n", path, strerror(errno));
		return false;
	}
	s->path = path;
	s->listen_fd = fd;
	return true;
}

void serve_end(struct serve *s)
{
	close(s->listen_fd);
	unlink(s->path);
}

/* Wait for something to read. @fds may hold -1, which poll() leaves out. False on a signal. */
static bool wait_readable(struct pollfd *fds, nfds_t count, const sigset_t *sleep_mask)
{
	while (stop_signal == 0) {
		if (ppoll(fds, count, NULL, sleep_mask) >= 0)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

bool serve_accept(struct serve *s)
{
	struct pollfd pfd = {.fd = s->listen_fd, .events = POLLIN};

	serve_print("ready");
	if (!wait_readable(&pfd, 1, &s->sleep_mask))
		return false;
	s->sock = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (s->sock >= 0)
		return true;
	serve_print("vmemd: cannot accept: %s", strerror(errno));
	s->broken = true;
	return false;
}

void serve_queue_now(struct serve *s)
{
	int rc = s->process(s->ctx);

	if (rc >= 0)
		return;
	serve_print("vmemd: driver error: %s", s->error_text(rc));
	s->broken = true;
	vhost_ring_broken(&s->vh);
}

void serve_connection(struct serve *s)
{
	for (;;) {
		bool serving = s->vh.ring.started && !*s->hold;
		struct pollfd fds[3] = {
			{.fd = s->vh.sock, .events = POLLIN},
			{.fd = serving ? s->vh.kick_fd : -1, .events = POLLIN},
			{.fd = s->vh.backend_fd, .events = POLLIN},
		};
		int rc = 0;

		if (!wait_readable(fds, 3, &s->sleep_mask))
			return;
		if (fds[1].revents != 0) {
			vhost_kick_clear(&s->vh);
			serve_queue_now(s);
		}
		if (fds[2].revents != 0) {
			rc = vhost_handle_confirmation(&s->vh);
			*s->hold = s->vh.nb_unconfirmed != 0;
			if (rc == 0 && s->vh.ring.started)
				serve_queue_now(s);
		}
		if (rc == 0 && fds[0].revents != 0)
			rc = vhost_handle_message(&s->vh);
		if (rc > 0)
			return;
		if (rc < 0) {
			serve_print("vmemd: protocol error: %s", s->vh.error);
			s->broken = true;
			return;
		}
	}
}
