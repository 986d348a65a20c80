/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost-user messages as they travel, and sending and receiving them. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/vhost_wire.h"

int vhost_fail(struct vhost *vh, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(vh->error, sizeof(vh->error), format, args);
	va_end(args);
	return -1;
}

int vhost_write(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int vhost_reply(struct vhost *vh, struct message *msg, uint32_t size)
{
	msg->header.flags = FLAG_VERSION | FLAG_REPLY;
	msg->header.size = size;
	if (vhost_write(vh->sock, &msg->header, sizeof(msg->header)) != 0 ||
	    vhost_write(vh->sock, &msg->payload, size) != 0)
		return vhost_fail(vh, "cannot reply: %s", strerror(errno));
	return 0;
}

int vhost_read(int fd, void *data, size_t len)
{
	uint8_t *p = data;

	while (len > 0) {
		ssize_t n = recv(fd, p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 || errno == ECONNRESET ? 1 : -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static void take_fds(struct message *msg, struct msghdr *hdr)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(hdr); c != NULL; c = CMSG_NXTHDR(hdr, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		msg->nb_fds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(msg->fds, CMSG_DATA(c), msg->nb_fds * sizeof(int));
	}
}

/* The files come with the header's first byte. */
int vhost_receive(struct vhost *vh, struct message *msg)
{
	union {
		char bytes[CMSG_SPACE(sizeof(msg->fds))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = &msg->header, .iov_len = sizeof(msg->header)};
	struct msghdr hdr = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	int rc;

	do
		n = recvmsg(vh->sock, &hdr, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return 1;
	if (n < 0)
		return vhost_fail(vh, "cannot receive: %s", strerror(errno));
	take_fds(msg, &hdr);
	rc = vhost_read(vh->sock, (uint8_t *)&msg->header + n, sizeof(msg->header) - (size_t)n);
	if (rc != 0)
		return rc > 0 ? rc : vhost_fail(vh, "cannot receive: %s", strerror(errno));
	if ((msg->header.flags & FLAG_VERSION_MASK) != FLAG_VERSION)
		return vhost_fail(vh, "message %u has version %u", msg->header.request,
				  msg->header.flags & FLAG_VERSION_MASK);
	if (msg->header.size > sizeof(msg->payload))
		return vhost_fail(vh, "message %u has %u bytes", msg->header.request,
				  msg->header.size);
	rc = vhost_read(vh->sock, &msg->payload, msg->header.size);
	return rc < 0 ? vhost_fail(vh, "cannot receive: %s", strerror(errno)) : rc;
}
