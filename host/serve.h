/* SPDX-License-Identifier: BSD-2-Clause */
/* A device process that serves one QEMU: its socket, its queue, its signals, its lines. */
#ifndef HOST_SERVE_H
#define HOST_SERVE_H

#include <signal.h>
#include <stdbool.h>

#include "host/vhost.h"

struct serve {
	/* The device's. */
	bool *hold;		   /* its queue's: set while QEMU has not confirmed a change */
	int (*process)(void *ctx); /* serve the queue; below 0: the driver's error */
	const char *(*error_text)(int error);
	void *ctx;
	/* Of this module. */
	struct vhost vh;
	const char *path;
	int listen_fd;
	int sock;    /* of the QEMU that came */
	bool broken; /* the driver's fault or QEMU's; the exit status says so */
	sigset_t sleep_mask;
};

/* One event a line, there at once: another program reads along. */
void serve_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Listen at @path and catch SIGINT and SIGTERM. False after a message on stderr. */
bool serve_listen(struct serve *s, const char *path);

/*
 * Say "ready" and wait for one QEMU: s->sock. False: a signal came first, or (broken, noted) it
 * cannot be had. Behind it vhost_init() is due.
 */
bool serve_accept(struct serve *s);

/* Until QEMU hangs up, a signal comes, or something is wrong (broken, noted). */
void serve_connection(struct serve *s);

/* A kick may have come while nobody listened: when the queue starts. */
void serve_queue_now(struct serve *s);

/* The socket goes. */
void serve_end(struct serve *s);

#endif
