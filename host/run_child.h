/* SPDX-License-Identifier: BSD-2-Clause */
/* A child process, and its output line by line. */
#ifndef HOST_RUN_CHILD_H
#define HOST_RUN_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define LINE_BYTES 4096
#define TAIL_LINES 8

/* One of a child's two output pipes. */
struct child_stream {
	int fd; /* -1 at its end */
	size_t len;
	char line[LINE_BYTES];
};

struct child {
	pid_t pid; /* 0: was never started */
	bool own_group;
	bool exited;
	int status; /* of waitpid() */
	bool ended_by_us;
	struct child_stream out;
	struct child_stream err;
	char tail[TAIL_LINES][160]; /* its last lines on stderr, as a ring */
	unsigned nb_tail;
};

/*
 * Start @argv. Its standard input is /dev/null, or ours with @interactive (then it also stays in
 * our process group, or a terminal would not let it read). It dies when we do. Returns 0, or -1
 * and errno when no process could be made; a program that is not there ends with status 127.
 */
int child_start(struct child *c, char *const *argv, bool interactive);

/* Note the end of the process if it has ended. */
void child_reap(struct child *c);

/* Send a signal to it and to what it has started. */
void child_signal(struct child *c, int number);

/*
 * Read what is there, at most once, and hand over each complete line without CR and LF; at the
 * pipe's end what is left over too. Returns the number of bytes read.
 */
size_t child_read(struct child_stream *s, void (*line)(void *ctx, const char *text), void *ctx,
		  int raw_fd);

/* Remember a line of stderr for child_tail(). */
void child_note_error(struct child *c, const char *text);

/* The i-th of the last lines on stderr, oldest first; NULL behind the last. */
const char *child_tail(const struct child *c, unsigned i);

void child_close(struct child *c);

#endif
