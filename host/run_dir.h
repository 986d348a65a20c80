/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a run leaves its log and status, and the directory of its sockets. */
#ifndef HOST_RUN_DIR_H
#define HOST_RUN_DIR_H

#include <stdbool.h>
#include <stdio.h>

struct run_socket {
	char dir[96];
	char path[104]; /* in @dir; a socket's path has 107 bytes at most */
};

/*
 * Make @dir, remove an older run's status (there and at @status_file, which may be NULL), and
 * open a fresh log. NULL after a message on stderr.
 */
FILE *run_dir_open(const char *dir, const char *status_file);

/* Write the exit status to @dir/status and @status_file; complaints go to stderr. */
void run_dir_write_status(const char *dir, const char *status_file, int status);

/* A directory for sockets below ${TMPDIR:-/tmp}. False after a message on stderr. */
bool run_socket_make(struct run_socket *s);

/* The directory, and whatever was made in it. */
void run_socket_remove(const struct run_socket *s);

#endif
