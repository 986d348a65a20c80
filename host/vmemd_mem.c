/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd as a virtio-mem device. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/schedule.h"
#include "device/vmem.h"
#include "device/vmemq.h"
#include "host/oracle.h"
#include "host/serve.h"
#include "host/vmemd.h"

#define MAX_RESIZE_LINES 32
#define NB_TYPES 4 /* of requests, and of responses */

struct vmemd {
	struct vmemd_options opt;
	struct vmem vm;
	struct schedule sched;
	struct vmemq q;
	struct serve serve;
	struct oracle oracle;
	bool attached;
	uint32_t nb_requests;
	uint64_t counts[NB_TYPES][NB_TYPES]; /* by request and response */
	uint64_t nb_resizes;
};

static const char *const request_names[NB_TYPES] = {"plug", "unplug", "unplug-all", "state"};
static const char *const response_names[NB_TYPES] = {"ACK", "NACK", "BUSY", "ERROR"};
static const char *const state_names[] = {"plugged", "unplugged", "mixed"};

static int op_discard(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	struct vmemd *d = ctx;

	if (oracle_discard(&d->oracle, offset_bytes, size_bytes) != 0) {
		serve_print("vmemd: cannot discard 0x%llx+%llu: %s",
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
	bool sent = vhost_config_changed(&d->serve.vh);

	/* Until QEMU has seen it, the driver gets no answer that lets it go on to a reset. */
	d->q.hold = d->serve.vh.nb_unconfirmed != 0;
	d->nb_resizes++;
	if (d->nb_resizes > MAX_RESIZE_LINES && !d->opt.verbose && sent) {
		if (d->nb_resizes == MAX_RESIZE_LINES + 1)
			serve_print("vmemd: more resizes follow and are only counted (--verbose)");
		return;
	}
	serve_print("vmemd: requested=%llu usable=%llu plugged=%llu%s",
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
	serve_print("vmemd: %s%s %s%s%s plugged=%llu (request #%u)", request_names[req->type],
		    where, response_names[resp->type], state[0] != '\0' ? " " : "", state,
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
	const struct vhost_region *r = vhost_find_guest(&d->serve.vh, p->addr, p->region_size);
	uint64_t offset;

	if (r == NULL) {
		serve_print("vmemd: region 0x%llx+%llu does not lie in one piece of guest memory "
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
		serve_print("vmemd: the driver accepted features 0x%llx of 0x%llx, which is not "
			    "enough to be safe",
			    (unsigned long long)features,
			    (unsigned long long)vmem_features(&d->vm));
}

static int serve_queue(void *ctx)
{
	struct vmemd *d = ctx;

	return vmemq_process(&d->q);
}

static void vh_ring_started(void *ctx)
{
	struct vmemd *d = ctx;

	serve_queue_now(&d->serve);
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

	vhost_interrupt(&d->serve.vh);
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
	serve_print("vmemd: %u requests: %llu plug, %llu unplug, %llu unplug-all, %llu state; "
		    "%llu ACK, %llu NACK, %llu BUSY, %llu ERROR; %llu resizes, plugged=%llu at end",
		    d->nb_requests, by_request[0], by_request[1], by_request[2], by_request[3],
		    by_response[0], by_response[1], by_response[2], by_response[3],
		    (unsigned long long)d->nb_resizes, (unsigned long long)d->vm.plugged_size);
}

static int run(struct vmemd *d)
{
	if (!serve_accept(&d->serve))
		return d->serve.broken ? STATUS_ERROR
				       : STATUS_CLEAN; /* ended before any QEMU came */
	vhost_init(&d->serve.vh, d->serve.sock, vmem_features(&d->vm), VIRTIO_MEM_CONFIG_BYTES,
		   &vhost_ops, d);
	serve_connection(&d->serve);
	vhost_close(&d->serve.vh);
	print_summary(d);
	if (!oracle_close(&d->oracle))
		return STATUS_TOUCHED;
	return d->serve.broken ? STATUS_ERROR : STATUS_CLEAN;
}

static bool setup(struct vmemd *d)
{
	size_t bytes = vmem_storage_bytes(d->opt.params.region_size, d->opt.params.block_size);
	void *storage = malloc(bytes);

	/* The options were checked: only memory can be missing. */
	if (storage == NULL ||
	    vmem_init(&d->vm, &d->opt.params, storage, bytes, &vmem_ops, d) != VMEM_OK ||
	    !oracle_init(&d->oracle, &d->vm, serve_print)) {
		fprintf(stderr, "hotwalk-vmemd: no memory for %llu blocks\n",
			(unsigned long long)(d->opt.params.region_size / d->opt.params.block_size));
		return false;
	}
	op_usable_changed(d);
	schedule_init(&d->sched, d->opt.steps, d->opt.nb_steps);
	d->q.vm = &d->vm;
	d->q.ring = &d->serve.vh.ring;
	d->serve.hold = &d->q.hold;
	d->serve.process = serve_queue;
	d->serve.error_text = vmemq_error_text;
	d->serve.ctx = d;
	d->q.sched = &d->sched;
	d->q.interrupt = q_interrupt;
	d->q.ctx = d;
	return true;
}

int vmemd_mem(const struct vmemd_options *opt)
{
	static struct vmemd d;
	int status;

	d.opt = *opt;
	if (!setup(&d) || !serve_listen(&d.serve, opt->socket_path))
		return STATUS_ERROR;
	status = run(&d);
	serve_end(&d.serve);
	free(d.vm.bitmap);
	return status;
}
