/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU's part for tests of hotwalk-vmemd: its messages, and a driver's requests through a queue. */
#ifndef TESTS_HOST_TEST_DEVICE_VMEMD_RIG_H
#define TESTS_HOST_TEST_DEVICE_VMEMD_RIG_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device/vmem_abi.h"
#include "tests/host/tap.h"

/* HOTWALK_VMEMD names the daemon, or it is build/hotwalk-vmemd. */

#define MIB (1ULL << 20)
#define RAM 0x80000000ULL
#define RAM_BYTES (512 * MIB)
#define FILE_OFFSET (2 * MIB) /* of the RAM in its file: not 0, to be noticed */
#define REGION (RAM + 32 * MIB)
#define BLOCK (2 * MIB)
#define USER 0x7f0000000000ULL /* where "QEMU" has the RAM; only a number here */
#define DESC 0x1000U
#define AVAIL 0x2000U
#define USED 0x3000U
#define REQ 0x4000U
#define RESP 0x5000U

enum {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	SET_VRING_ENABLE = 18,
	SET_BACKEND_REQ_FD = 21,
	GET_CONFIG = 24,
};

struct frontend {
	pid_t pid;
	int out; /* the daemon's stdout and stderr */
	int sock;
	int backend[2];
	int kick, call;
	int mem_fd;
	uint8_t *mem;
	uint64_t features; /* as offered */
	uint16_t avail_idx;
	char text[16384]; /* what it has printed */
	char dir[64];
	char path[80];
};

static inline const char *daemon_path(void)
{
	const char *path = getenv("HOTWALK_VMEMD");

	return path != NULL ? path : "build/hotwalk-vmemd";
}

static inline pid_t spawn(char *const *argv, int *out)
{
	int fds[2];
	pid_t pid;

	if (pipe(fds) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(fds[1], STDOUT_FILENO);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		close(fds[1]);
		execv(argv[0], argv);
		_exit(127);
	}
	close(fds[1]);
	*out = fds[0];
	return pid;
}

/* Read what the daemon prints until it has said @word, or has closed its end, or 5 s are over. */
static inline bool read_until(struct frontend *f, const char *word)
{
	struct pollfd pfd = {.fd = f->out, .events = POLLIN};
	size_t len = strlen(f->text);
	ssize_t n;

	while (word == NULL || strstr(f->text, word) == NULL) {
		if (poll(&pfd, 1, 5000) <= 0)
			return false;
		n = read(f->out, f->text + len, sizeof(f->text) - 1 - len);
		if (n <= 0)
			return word == NULL;
		len += (size_t)n;
		f->text[len] = '\0';
	}
	return true;
}

static inline void send_message(struct frontend *f, uint32_t request, const void *payload,
				uint32_t size, const int *fds, unsigned nb_fds)
{
	uint32_t header[3] = {request, 1, size};
	struct iovec iov[2] = {{header, sizeof(header)}, {(void *)(uintptr_t)payload, size}};
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = size > 0 ? 2 : 1};

	if (nb_fds > 0) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(nb_fds * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nb_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nb_fds * sizeof(int));
	}
	if (sendmsg(f->sock, &msg, MSG_NOSIGNAL) < 0)
		printf("# cannot send message %u\n", request);
}

static inline void send_u64(struct frontend *f, uint32_t request, uint64_t value, int fd)
{
	send_message(f, request, &value, sizeof(value), &fd, fd >= 0);
}

static inline void send_state(struct frontend *f, uint32_t request, uint32_t num)
{
	uint32_t state[2] = {0, num};

	send_message(f, request, state, sizeof(state), NULL, 0);
}

/* Read a reply's payload of exactly @size bytes. */
static inline bool get_reply(struct frontend *f, uint32_t request, void *payload, uint32_t size)
{
	uint32_t header[3];
	struct pollfd pfd = {.fd = f->sock, .events = POLLIN};

	return poll(&pfd, 1, 5000) > 0 &&
	       recv(f->sock, header, sizeof(header), MSG_WAITALL) == sizeof(header) &&
	       header[0] == request && header[1] == 5 && header[2] == size &&
	       recv(f->sock, payload, size, MSG_WAITALL) == (ssize_t)size;
}

static inline uint64_t get_u64(struct frontend *f, uint32_t request)
{
	uint64_t value = 0;

	send_message(f, request, NULL, 0, NULL, 0);
	return get_reply(f, request, &value, sizeof(value)) ? value : ~0ULL;
}

/* All of a configuration of @size bytes, VIRTIO_MEM_CONFIG_BYTES at most. */
static inline bool get_config_bytes(struct frontend *f, void *c, uint32_t size)
{
	struct {
		uint32_t offset, size, flags;
		uint8_t data[VIRTIO_MEM_CONFIG_BYTES];
	} msg = {.size = size};
	uint32_t len = (uint32_t)offsetof(__typeof__(msg), data) + size;

	send_message(f, GET_CONFIG, &msg, len, NULL, 0);
	if (!get_reply(f, GET_CONFIG, &msg, len))
		return false;
	memcpy(c, msg.data, size);
	return true;
}

static inline bool get_config(struct frontend *f, struct virtio_mem_config *c)
{
	return get_config_bytes(f, c, sizeof(*c));
}

/* Where the daemon's socket will be: f->path. */
static inline bool begin_dir(struct frontend *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/hotwalk-test-XXXXXX");
	if (mkdtemp(f->dir) == NULL)
		return false;
	snprintf(f->path, sizeof(f->path), "%s/s", f->dir);
	return true;
}

/* Behind begin_dir(): start the daemon that listens at f->path, and connect to it. */
static inline bool begin_daemon(struct frontend *f, char *const *argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	f->pid = spawn(argv, &f->out);
	if (!read_until(f, "ready\n"))
		return false;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", f->path);
	f->sock = socket(AF_UNIX, SOCK_STREAM, 0);
	f->kick = eventfd(0, EFD_NONBLOCK);
	f->call = eventfd(0, EFD_NONBLOCK);
	f->mem_fd = memfd_create("ram", 0);
	if (ftruncate(f->mem_fd, (off_t)(FILE_OFFSET + RAM_BYTES)) != 0)
		return false;
	f->mem = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->mem_fd, FILE_OFFSET);
	return socketpair(AF_UNIX, SOCK_STREAM, 0, f->backend) == 0 &&
	       connect(f->sock, (struct sockaddr *)&addr, sizeof(addr)) == 0;
}

/* Start a daemon with a region of @size and one more @option (NULL: none), and connect to it. */
static inline bool begin(struct frontend *f, const char *size, const char *schedule,
			 const char *option)
{
	char *argv[] = {(char *)(uintptr_t)daemon_path(),
			"--socket",
			f->path,
			"--addr",
			"0x82000000",
			"--size",
			(char *)(uintptr_t)size,
			"--schedule",
			(char *)(uintptr_t)schedule,
			(char *)(uintptr_t)option,
			NULL};

	return begin_dir(f) && begin_daemon(f, argv);
}

/* What QEMU sends when the driver sets DRIVER_OK, in its order. */
static inline void driver_ok(struct frontend *f)
{
	uint64_t table[5] = {1, RAM, RAM_BYTES, USER, FILE_OFFSET};
	uint64_t addr[5] = {0, USER + DESC, USER + USED, USER + AVAIL, 0};

	/* The driver accepts what is offered. */
	send_u64(f, SET_FEATURES, f->features, -1);
	send_message(f, SET_MEM_TABLE, table, sizeof(table), &f->mem_fd, 1);
	send_state(f, SET_VRING_NUM, 64);
	send_state(f, SET_VRING_BASE, f->avail_idx);
	send_message(f, SET_VRING_ADDR, addr, sizeof(addr), NULL, 0);
	send_u64(f, SET_VRING_KICK, 0, f->kick);
	send_u64(f, SET_VRING_CALL, 0, f->call);
	send_state(f, SET_VRING_ENABLE, 1);
}

static inline void connect_all(struct frontend *f)
{
	f->features = get_u64(f, GET_FEATURES);
	get_u64(f, GET_PROTOCOL_FEATURES);
	send_u64(f, SET_PROTOCOL_FEATURES, 1U << 3 | 1U << 5 | 1U << 9, -1);
	send_message(f, SET_BACKEND_REQ_FD, NULL, 0, &f->backend[1], 1);
	driver_ok(f);
}

static inline bool answered(struct frontend *f, int timeout_ms)
{
	struct pollfd pfd = {.fd = f->call, .events = POLLIN};
	uint64_t value;

	return poll(&pfd, 1, timeout_ms) > 0 && read(f->call, &value, sizeof(value)) > 0;
}

/* Offer a chain of @out bytes at REQ and @in bytes at RESP, and kick. */
static inline bool post_chain(struct frontend *f, uint32_t out, uint32_t in)
{
	uint64_t value = 1;
	uint8_t *d = f->mem + DESC;

	le64_store(d, RAM + REQ);
	le32_store(d + 8, out);
	le16_store(d + 12, 1);
	le16_store(d + 14, 1);
	le64_store(d + 16, RAM + RESP);
	le32_store(d + 24, in);
	le16_store(d + 28, 2);
	le16_store(f->mem + AVAIL + 4 + f->avail_idx % 64 * 2, 0);
	f->avail_idx++;
	__atomic_store_n((uint16_t *)(void *)(f->mem + AVAIL + 2), f->avail_idx, __ATOMIC_RELEASE);
	return write(f->kick, &value, sizeof(value)) > 0;
}

static inline bool post(struct frontend *f, uint16_t type, uint64_t block, uint16_t n)
{
	memset(f->mem + REQ, 0, 24);
	le16_store(f->mem + REQ, type);
	le64_store(f->mem + REQ + 8, REGION + block * BLOCK);
	le16_store(f->mem + REQ + 16, n);
	return post_chain(f, 24, 10);
}

/* One request; the response's type, or 0xffff when none comes within 5 s. */
static inline uint16_t request(struct frontend *f, uint16_t type, uint64_t block, uint16_t n)
{
	if (!post(f, type, block, n) || !answered(f, 5000))
		return 0xffff;
	return le16_load(f->mem + RESP);
}

/* Wait for the message that the configuration changed, and confirm it. */
static inline bool config_message(struct frontend *f)
{
	struct pollfd pfd = {.fd = f->backend[0], .events = POLLIN};
	static const uint32_t confirm[5] = {2, 5, 8, 0, 0};
	uint32_t header[3];

	return poll(&pfd, 1, 2000) > 0 &&
	       recv(f->backend[0], header, sizeof(header), MSG_WAITALL) == sizeof(header) &&
	       header[0] == 2 && header[1] == 9 && header[2] == 0 &&
	       send(f->backend[0], confirm, sizeof(confirm), MSG_NOSIGNAL) > 0;
}

static inline bool no_config_message(struct frontend *f)
{
	struct pollfd pfd = {.fd = f->backend[0], .events = POLLIN};

	return poll(&pfd, 1, 100) == 0;
}

/* Hang up like a QEMU that ended; the daemon's exit status. */
static inline int finish(struct frontend *f)
{
	int status = -1;

	close(f->sock);
	close(f->backend[0]);
	close(f->backend[1]);
	if (!read_until(f, NULL))
		kill(f->pid, SIGKILL);
	waitpid(f->pid, &status, 0);
	munmap(f->mem, RAM_BYTES);
	close(f->mem_fd);
	close(f->kick);
	close(f->call);
	close(f->out);
	unlink(f->path);
	rmdir(f->dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline void print_text(const struct frontend *f)
{
	char copy[sizeof(f->text)];

	snprintf(copy, sizeof(copy), "%s", f->text);
	for (char *line = strtok(copy, "\n"); line != NULL; line = strtok(NULL, "\n"))
		printf("# %s\n", line);
}

static inline bool blind(const struct frontend *f)
{
	return strstr(f->text, "oracle: blind") != NULL;
}

#endif
