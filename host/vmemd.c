/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd: a virtio-mem device behind QEMU's vhost-user-test-device. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device/schedule.h"
#include "device/vmem.h"
#include "device/vmemq.h"
#include "host/oracle.h"
#include "host/vhost.h"
#include "host/vmemd_options.h"

#define STATUS_CLEAN 0
#define STATUS_TOUCHED 1
#define STATUS_ERROR 2

#define MAX_RESIZE_LINES 32
#define NB_TYPES 4 /* of requests, and of responses */

struct vmemd {
	struct vmemd_options opt;
	struct vmem vm;
	struct schedule sched;
	struct vmemq q;
	struct vhost vh;
	struct oracle oracle;
	bool attached;
	bool broken; /* the driver's fault or QEMU's; the exit status says so */
	uint32_t nb_requests;
	uint64_t counts[NB_TYPES][NB_TYPES]; /* by request and response */
	uint64_t nb_resizes;
};

static const char *const request_names[NB_TYPES] = {"plug", "unplug", "unplug-all", "state"};
static const char *const response_names[NB_TYPES] = {"ACK", "NACK", "BUSY", "ERROR"};
static const char *const state_names[] = {"plugged", "unplugged", "mixed"};

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

/* One event a line, there at once: another program reads along. */
__attribute__((format(printf, 1, 2))) static void print_line(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
}

static int op_discard(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	struct vmemd *d = ctx;

	if (oracle_discard(&d->oracle, offset_bytes, size_bytes) != 0) {
		print_line("vmemd: cannot discard 0x%llx+%llu: %s",
			   (unsigned long long)(d->vm.params.addr + offset_bytes),
			   (unsigned long long)size_bytes, strerror(errno));
		return -1;
	}
	oracle_note_unplug(&d->oracle, offset_bytes, size_bytes, d->nb_requests + 1);
	return 0;
}

/* The last moment at which a touch of these blocks can be told from rightful use. */
static int op_populate(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	struct vmemd *d = ctx;

	oracle_scan(&d->oracle, offset_bytes, size_bytes);
	return 0;
}

static uint16_t op_admit(void *ctx, const struct vmem_request *req)
{
	struct vmemd *d = ctx;

	if (req->type == VIRTIO_MEM_REQ_STATE || req->type == VIRTIO_MEM_REQ_UNPLUG_ALL)
		oracle_scan(&d->oracle, 0, d->vm.params.region_size);
	return VIRTIO_MEM_RESP_ACK;
}

static void op_notify_config(void *ctx)
{
	struct vmemd *d = ctx;
	bool sent = vhost_config_changed(&d->vh);

	/* Until QEMU has seen it, the driver gets no answer that lets it go on to a reset. */
	d->q.hold = d->vh.nb_unconfirmed != 0;
	d->nb_resizes++;
	if (d->nb_resizes > MAX_RESIZE_LINES && !d->opt.verbose && sent) {
		if (d->nb_resizes == MAX_RESIZE_LINES + 1)
			print_line("vmemd: more resizes follow and are only counted (--verbose)");
		return;
	}
	print_line("vmemd: requested=%llu usable=%llu plugged=%llu%s",
		   (unsigned long long)d->vm.params.requested_size,
		   (unsigned long long)d->vm.usable_size, (unsigned long long)d->vm.plugged_size,
		   sent ? "" : " (driver not told: queue is not running)");
}

/* What may be read grows and shrinks with the usable region, where it may be read at all. */
static void op_usable_changed(void *ctx)
{
	struct vmemd *d = ctx;

	if (d->vm.params.readable_unplugged)
		oracle_allow_reads(&d->oracle, d->vm.usable_size);
}

static void op_answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	struct vmemd *d = ctx;
	char where[64] = "";
	const char *state = "";

	d->nb_requests++;
	d->counts[req->type][resp->type]++;
	if (resp->type == VIRTIO_MEM_RESP_ACK && !d->opt.verbose)
		return;
	if (req->type != VIRTIO_MEM_REQ_UNPLUG_ALL)
		snprintf(where, sizeof(where), " 0x%llx+%llu", (unsigned long long)req->addr,
			 (unsigned long long)(req->nb_blocks * d->vm.params.block_size));
	if (req->type == VIRTIO_MEM_REQ_STATE && resp->type == VIRTIO_MEM_RESP_ACK)
		state = state_names[resp->state];
	print_line("vmemd: %s%s %s%s%s plugged=%llu (request #%u)", request_names[req->type], where,
		   response_names[resp->type], state[0] != '\0' ? " " : "", state,
		   (unsigned long long)d->vm.plugged_size, d->nb_requests);
}

static const struct vmem_ops vmem_ops = {
	.admit = op_admit,
	.discard = op_discard,
	.populate = op_populate,
	.notify_config = op_notify_config,
	.usable_changed = op_usable_changed,
	.answered = op_answered,
};

static void vh_read_config(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
	struct vmemd *d = ctx;
	struct virtio_mem_config config;

	vmem_config(&d->vm, &config);
	memcpy(buf, (const uint8_t *)&config + offset, len);
}

/* The table comes again at every start of the driver; blocks and contents stay as they are. */
static int vh_memory_changed(void *ctx)
{
	struct vmemd *d = ctx;
	const struct vmem_params *p = &d->vm.params;
	const struct vhost_region *r = vhost_find_guest(&d->vh, p->addr, p->region_size);
	uint64_t offset;

	if (r == NULL) {
		print_line("vmemd: region 0x%llx+%llu does not lie in one piece of guest memory "
			   "(enough RAM? share=on?)",
			   (unsigned long long)p->addr, (unsigned long long)p->region_size);
		return -1;
	}
	offset = p->addr - r->guest_addr;
	if (d->attached)
		return 0;
	d->attached = oracle_attach(&d->oracle, r->fd, r->file_offset + offset, r->map + offset);
	return d->attached ? 0 : -1;
}

static void vh_features_set(void *ctx, uint64_t features)
{
	struct vmemd *d = ctx;

	/* vhost-user has no way to refuse, and QEMU asks with 0 while the driver has not chosen. */
	if ((features >> VIRTIO_F_VERSION_1 & 1) != 0 && !vmem_features_ok(&d->vm, features))
		print_line("vmemd: the driver accepted features 0x%llx of 0x%llx, which is not "
			   "enough to be safe",
			   (unsigned long long)features, (unsigned long long)vmem_features(&d->vm));
}

static void serve_queue(struct vmemd *d)
{
	int rc = vmemq_process(&d->q);

	if (rc >= 0)
		return;
	print_line("vmemd: driver error: %s", vmemq_error_text(rc));
	d->broken = true;
	vhost_ring_broken(&d->vh);
}

/* A kick may have come while nobody listened. */
static void vh_ring_started(void *ctx)
{
	serve_queue(ctx);
}

static const struct vhost_ops vhost_ops = {
	.read_config = vh_read_config,
	.memory_changed = vh_memory_changed,
	.ring_started = vh_ring_started,
	.features_set = vh_features_set,
};

static void q_interrupt(void *ctx)
{
	struct vmemd *d = ctx;

	vhost_interrupt(&d->vh);
}

static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || listen(fd, 1) != 0) {
		fprintf(stderr, "hotwalk-vmemd: cannot listen on %s: %s\n", path, strerror(errno));
		return -1;
	}
	return fd;
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

static void serve_connection(struct vmemd *d, const sigset_t *sleep_mask)
{
	for (;;) {
		bool serving = d->vh.ring.started && !d->q.hold;
		struct pollfd fds[3] = {
			{.fd = d->vh.sock, .events = POLLIN},
			{.fd = serving ? d->vh.kick_fd : -1, .events = POLLIN},
			{.fd = d->vh.backend_fd, .events = POLLIN},
		};
		int rc = 0;

		if (!wait_readable(fds, 3, sleep_mask))
			return;
		if (fds[1].revents != 0) {
			vhost_kick_clear(&d->vh);
			serve_queue(d);
		}
		if (fds[2].revents != 0) {
			rc = vhost_handle_confirmation(&d->vh);
			d->q.hold = d->vh.nb_unconfirmed != 0;
			if (rc == 0 && d->vh.ring.started)
				serve_queue(d);
		}
		if (rc == 0 && fds[0].revents != 0)
			rc = vhost_handle_message(&d->vh);
		if (rc > 0)
			return;
		if (rc < 0) {
			print_line("vmemd: protocol error: %s", d->vh.error);
			d->broken = true;
			return;
		}
	}
}

static void print_summary(const struct vmemd *d)
{
	unsigned long long by_request[NB_TYPES] = {0};
	unsigned long long by_response[NB_TYPES] = {0};

	for (unsigned i = 0; i < NB_TYPES; i++) {
		for (unsigned k = 0; k < NB_TYPES; k++) {
			by_request[i] += d->counts[i][k];
			by_response[k] += d->counts[i][k];
		}
	}
	print_line("vmemd: %u requests: %llu plug, %llu unplug, %llu unplug-all, %llu state; "
		   "%llu ACK, %llu NACK, %llu BUSY, %llu ERROR; %llu resizes, plugged=%llu at end",
		   d->nb_requests, by_request[0], by_request[1], by_request[2], by_request[3],
		   by_response[0], by_response[1], by_response[2], by_response[3],
		   (unsigned long long)d->nb_resizes, (unsigned long long)d->vm.plugged_size);
}

static int run(struct vmemd *d, int listen_fd, const sigset_t *sleep_mask)
{
	struct pollfd pfd = {.fd = listen_fd, .events = POLLIN};
	int sock;

	print_line("ready");
	if (!wait_readable(&pfd, 1, sleep_mask))
		return STATUS_CLEAN; /* ended before any QEMU came */
	sock = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	if (sock < 0) {
		print_line("vmemd: cannot accept: %s", strerror(errno));
		return STATUS_ERROR;
	}
	vhost_init(&d->vh, sock, vmem_features(&d->vm), VIRTIO_MEM_CONFIG_BYTES, &vhost_ops, d);
	serve_connection(d, sleep_mask);
	vhost_close(&d->vh);
	print_summary(d);
	if (!oracle_close(&d->oracle))
		return STATUS_TOUCHED;
	return d->broken ? STATUS_ERROR : STATUS_CLEAN;
}

static bool setup(struct vmemd *d)
{
	size_t bytes = vmem_storage_bytes(d->opt.params.region_size, d->opt.params.block_size);
	void *storage = malloc(bytes);

	/* The options were checked: only memory can be missing. */
	if (storage == NULL ||
	    vmem_init(&d->vm, &d->opt.params, storage, bytes, &vmem_ops, d) != VMEM_OK ||
	    !oracle_init(&d->oracle, &d->vm, print_line)) {
		fprintf(stderr, "hotwalk-vmemd: no memory for %llu blocks\n",
			(unsigned long long)(d->opt.params.region_size / d->opt.params.block_size));
		return false;
	}
	op_usable_changed(d);
	schedule_init(&d->sched, d->opt.steps, d->opt.nb_steps);
	d->q.vm = &d->vm;
	d->q.ring = &d->vh.ring;
	d->q.sched = &d->sched;
	d->q.interrupt = q_interrupt;
	d->q.ctx = d;
	return true;
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

int main(int argc, char **argv)
{
	static struct vmemd d;
	sigset_t sleep_mask;
	int listen_fd;
	int status = vmemd_options_parse(&d.opt, argc, argv);

	if (status != 0)
		return status == 1 ? STATUS_CLEAN : STATUS_ERROR;
	if (!setup(&d))
		return STATUS_ERROR;
	catch_signals(&sleep_mask);
	listen_fd = listen_at(d.opt.socket_path);
	if (listen_fd < 0)
		return STATUS_ERROR;
	status = run(&d, listen_fd, &sleep_mask);
	close(listen_fd);
	unlink(d.opt.socket_path);
	free(d.vm.bitmap);
	return status;
}
