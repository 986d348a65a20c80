/* SPDX-License-Identifier: BSD-2-Clause */
/* A child process, and its output line by line. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/run_child.h"

static void child_main(char *const *argv, bool interactive, pid_t parent, const int *out,
		       const int *err)
{
	sigset_t none;

	if (!interactive) {
		int null_fd = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		dup2(null_fd, STDIN_FILENO);
		close(null_fd);
	}
	/* Not even a SIGKILL of the runner leaves a QEMU behind. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	dup2(out[1], STDOUT_FILENO);
	dup2(err[1], STDERR_FILENO);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	fprintf(stderr, "cannot start %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

int child_start(struct child *c, char *const *argv, bool interactive)
{
	int out[2], err[2];
	pid_t parent = getpid();

	memset(c, 0, sizeof(*c));
	c->out.fd = -1;
	c->err.fd = -1;
	if (pipe2(out, O_CLOEXEC) != 0)
		return -1;
	if (pipe2(err, O_CLOEXEC) != 0) {
		close(out[0]);
		close(out[1]);
		return -1;
	}
	c->pid = fork();
	if (c->pid == 0)
		child_main(argv, interactive, parent, out, err);
	close(out[1]);
	close(err[1]);
	c->out.fd = out[0];
	c->err.fd = err[0];
	if (c->pid < 0) {
		c->pid = 0;
		child_close(c);
		return -1;
	}
	c->own_group = !interactive;
	if (c->own_group)
		setpgid(c->pid, c->pid); /* both do it: neither knows who comes first */
	fcntl(c->out.fd, F_SETFL, O_NONBLOCK);
	fcntl(c->err.fd, F_SETFL, O_NONBLOCK);
	return 0;
}

void child_reap(struct child *c)
{
	if (c->pid > 0 && !c->exited && waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->exited = true;
}

void child_signal(struct child *c, int number)
{
	if (c->pid <= 0)
		return;
	/* The group may outlive its leader: what that started must go too. */
	if (c->own_group)
		kill(-c->pid, number);
	else if (!c->exited)
		kill(c->pid, number);
}

static void stream_line(struct child_stream *s, void (*line)(void *ctx, const char *text),
			void *ctx)
{
	s->line[s->len] = '\0';
	s->len = 0;
	line(ctx, s->line);
}

size_t child_read(struct child_stream *s, void (*line)(void *ctx, const char *text), void *ctx,
		  int raw_fd)
{
	char buf[4096];
	ssize_t n = read(s->fd, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		if (s->len > 0)
			stream_line(s, line, ctx);
		close(s->fd);
		s->fd = -1;
		return 0;
	}
	if (raw_fd >= 0 && write(raw_fd, buf, (size_t)n) < 0)
		raw_fd = -1;
	for (ssize_t i = 0; i < n; i++) {
		/* A line that does not fit is cut in two rather than lost. */
		if (buf[i] == '\n' || s->len == sizeof(s->line) - 1)
			stream_line(s, line, ctx);
		if (buf[i] == '\n' || buf[i] == '\0' || buf[i] == '\r')
			continue;
		s->line[s->len++] = buf[i];
	}
	return (size_t)n;
}

void child_note_error(struct child *c, const char *text)
{
	snprintf(c->tail[c->nb_tail % TAIL_LINES], sizeof(c->tail[0]), "%s", text);
	c->nb_tail++;
}

const char *child_tail(const struct child *c, unsigned i)
{
	unsigned first = c->nb_tail > TAIL_LINES ? c->nb_tail - TAIL_LINES : 0;

	return first + i < c->nb_tail ? c->tail[(first + i) % TAIL_LINES] : NULL;
}

void child_close(struct child *c)
{
	if (c->out.fd >= 0)
		close(c->out.fd);
	if (c->err.fd >= 0)
		close(c->err.fd);
	c->out.fd = -1;
	c->err.fd = -1;
}
