/* SPDX-License-Identifier: BSD-2-Clause */
/* vhost-user, backend side: messages, guest memory, one queue. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "host/vhost.h"
#include "host/vhost_wire.h"

void vhost_init(struct vhost *vh, int sock, uint64_t features, uint32_t config_bytes,
		const struct vhost_ops *ops, void *ctx)
{
	memset(vh, 0, sizeof(*vh));
	vh->sock = sock;
	vh->backend_fd = -1;
	vh->kick_fd = -1;
	vh->call_fd = -1;
	vh->err_fd = -1;
	vh->features_offered = features;
	vh->config_bytes = config_bytes;
	vh->ops = ops;
	vh->ctx = ctx;
}

static void fd_replace(int *fd, int by)
{
	if (*fd >= 0)
		close(*fd);
	*fd = by;
}

static int fd_take(struct message *msg)
{
	int fd = msg->nb_fds > 0 ? msg->fds[0] : -1;

	msg->fds[0] = -1;
	return fd;
}

static void regions_drop(struct vhost *vh)
{
	for (unsigned i = 0; i < vh->nb_regions; i++) {
		munmap(vh->regions[i].map, vh->regions[i].size_bytes);
		close(vh->regions[i].fd);
	}
	vh->nb_regions = 0;
}

const struct vhost_region *vhost_find_guest(const struct vhost *vh, uint64_t addr,
					    uint64_t size_bytes)
{
	for (unsigned i = 0; i < vh->nb_regions; i++) {
		const struct vhost_region *r = &vh->regions[i];

		if (addr >= r->guest_addr && addr - r->guest_addr < r->size_bytes &&
		    size_bytes <= r->size_bytes - (addr - r->guest_addr))
			return r;
	}
	return NULL;
}

static void *translate_guest(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	const struct vhost_region *r = vhost_find_guest(ctx, addr, len_bytes);

	(void)is_write; /* the table lists RAM only */
	return r != NULL ? r->map + (addr - r->guest_addr) : NULL;
}

static void *translate_user(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	struct vhost *vh = ctx;

	(void)is_write;
	for (unsigned i = 0; i < vh->nb_regions; i++) {
		const struct vhost_region *r = &vh->regions[i];

		if (addr >= r->user_addr && addr - r->user_addr < r->size_bytes &&
		    len_bytes <= r->size_bytes - (addr - r->user_addr))
			return r->map + (addr - r->user_addr);
	}
	return NULL;
}

static void ring_stop(struct vhost *vh)
{
	if (!vh->ring.started)
		return;
	vh->params.base = vring_stop(&vh->ring);
	if (vh->ops->ring_stopped != NULL)
		vh->ops->ring_stopped(vh->ctx);
}

/* Start the queue as soon as everything for it has come. */
static int ring_try_start(struct vhost *vh)
{
	bool must_enable = (vh->features >> VHOST_USER_F_PROTOCOL_FEATURES & 1) != 0;
	int error;

	if (vh->ring.started || vh->kick_fd < 0 || !vh->have_addr || vh->nb_regions == 0 ||
	    (must_enable && !vh->enabled))
		return 0;
	vh->params.ring_translate = translate_user;
	vh->params.translate = translate_guest;
	vh->params.ctx = vh;
	error = vring_start(&vh->ring, &vh->params);
	if (error != VRING_OK)
		return vhost_fail(vh, "queue of %u at 0x%llx: %s", vh->params.size,
				  (unsigned long long)vh->params.desc, vring_error_text(error));
	if (vh->ops->ring_started != NULL)
		vh->ops->ring_started(vh->ctx);
	return 0;
}

static int set_mem_table(struct vhost *vh, struct message *msg)
{
	const struct memory_table *t = &msg->payload.table;

	if (t->nb_regions > VHOST_MAX_REGIONS || t->nb_regions != msg->nb_fds)
		return vhost_fail(vh, "memory table of %u regions came with %u files",
				  t->nb_regions, msg->nb_fds);
	ring_stop(vh);
	regions_drop(vh);
	for (unsigned i = 0; i < t->nb_regions; i++) {
		const struct memory_entry *e = &t->entries[i];
		struct vhost_region *r = &vh->regions[i];
		void *map = mmap(NULL, e->size_bytes, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_NORESERVE, msg->fds[i], (off_t)e->mmap_offset);

		if (map == MAP_FAILED)
			return vhost_fail(vh, "cannot map guest memory 0x%llx+%llu: %s",
					  (unsigned long long)e->guest_addr,
					  (unsigned long long)e->size_bytes, strerror(errno));
		r->guest_addr = e->guest_addr;
		r->size_bytes = e->size_bytes;
		r->user_addr = e->user_addr;
		r->file_offset = e->mmap_offset;
		r->fd = msg->fds[i];
		r->map = map;
		msg->fds[i] = -1;
		vh->nb_regions = i + 1;
	}
	if (vh->ops->memory_changed != NULL && vh->ops->memory_changed(vh->ctx) != 0)
		return vhost_fail(vh, "guest memory cannot be used");
	return ring_try_start(vh);
}

static int set_vring_addr(struct vhost *vh, const struct vring_addr *a)
{
	if (a->index != 0)
		return vhost_fail(vh, "queue %u does not exist", a->index);
	/* Comes again, unchanged, when QEMU toggles its log. */
	if (vh->ring.started && vh->params.desc == a->desc && vh->params.avail == a->avail &&
	    vh->params.used == a->used)
		return 0;
	ring_stop(vh);
	vh->params.desc = a->desc;
	vh->params.avail = a->avail;
	vh->params.used = a->used;
	vh->have_addr = true;
	return ring_try_start(vh);
}

static int set_vring_fd(struct vhost *vh, struct message *msg, int *fd)
{
	if ((msg->payload.u64 & VRING_INDEX_MASK) != 0)
		return vhost_fail(vh, "queue %u does not exist",
				  (unsigned)(msg->payload.u64 & VRING_INDEX_MASK));
	fd_replace(fd, (msg->payload.u64 & VRING_NOFD) != 0 ? -1 : fd_take(msg));
	if (fd == &vh->kick_fd && *fd < 0)
		return vhost_fail(vh, "a queue without a kick file is not supported");
	return ring_try_start(vh);
}

/* Bytes of @size at @offset that lie in the configuration space are real, the others 0. */
static int get_config(struct vhost *vh, struct config_message *c)
{
	if (c->size > MAX_CONFIG_BYTES)
		return vhost_fail(vh, "configuration read of %u bytes", c->size);
	memset(c->data, 0, sizeof(c->data));
	if (c->offset < vh->config_bytes) {
		uint32_t len = vh->config_bytes - c->offset;

		vh->ops->read_config(vh->ctx, c->offset, c->data, len < c->size ? len : c->size);
	}
	return 0;
}

static int reply_u64(struct vhost *vh, struct message *msg, uint64_t value)
{
	msg->payload.u64 = value;
	return vhost_reply(vh, msg, sizeof(value));
}

/* Requests that change something and have no answer of their own. */
static int handle_setter(struct vhost *vh, struct message *msg)
{
	struct vring_state *state = &msg->payload.state;

	switch (msg->header.request) {
	case VHOST_USER_SET_FEATURES:
		vh->features = msg->payload.u64;
		if (vh->ops->features_set != NULL)
			vh->ops->features_set(
				vh->ctx, vh->features & ~(1ULL << VHOST_USER_F_PROTOCOL_FEATURES));
		return 0;
	case VHOST_USER_SET_PROTOCOL_FEATURES:
		vh->protocol_features = msg->payload.u64;
		return 0;
	case VHOST_USER_SET_OWNER:
		return 0;
	case VHOST_USER_RESET_OWNER:
	case VHOST_USER_RESET_DEVICE:
		ring_stop(vh);
		return 0;
	case VHOST_USER_SET_MEM_TABLE:
		return set_mem_table(vh, msg);
	case VHOST_USER_SET_VRING_NUM:
		vh->params.size = state->num <= VRING_MAX_SIZE ? (uint16_t)state->num : 0;
		return 0;
	case VHOST_USER_SET_VRING_BASE:
		vh->params.base = (uint16_t)state->num;
		return 0;
	case VHOST_USER_SET_VRING_ADDR:
		return set_vring_addr(vh, &msg->payload.addr);
	case VHOST_USER_SET_VRING_ENABLE:
		vh->enabled = state->num != 0;
		if (!vh->enabled)
			ring_stop(vh);
		return ring_try_start(vh);
	case VHOST_USER_SET_VRING_KICK:
		return set_vring_fd(vh, msg, &vh->kick_fd);
	case VHOST_USER_SET_VRING_CALL:
		return set_vring_fd(vh, msg, &vh->call_fd);
	case VHOST_USER_SET_VRING_ERR:
		return set_vring_fd(vh, msg, &vh->err_fd);
	case VHOST_USER_SET_BACKEND_REQ_FD:
		vh->nb_unconfirmed = 0;
		fd_replace(&vh->backend_fd, fd_take(msg));
		return 0;
	case VHOST_USER_SET_CONFIG: /* nothing in it is the driver's to write */
		return 0;
	default:
		return vhost_fail(vh, "unknown message %u", msg->header.request);
	}
}

static int handle(struct vhost *vh, struct message *msg)
{
	bool need_reply = (msg->header.flags & FLAG_NEED_REPLY) != 0 &&
			  (vh->protocol_features & PROTOCOL_F_REPLY_ACK) != 0;
	int rc;

	switch (msg->header.request) {
	case VHOST_USER_GET_FEATURES:
		return reply_u64(vh, msg,
				 vh->features_offered | 1ULL << VHOST_USER_F_PROTOCOL_FEATURES);
	case VHOST_USER_GET_PROTOCOL_FEATURES:
		return reply_u64(vh, msg, PROTOCOL_FEATURES);
	case VHOST_USER_GET_QUEUE_NUM:
		return reply_u64(vh, msg, 1);
	case VHOST_USER_GET_VRING_BASE:
		ring_stop(vh);
		/* The queue starts again with the next kick file, not before. */
		fd_replace(&vh->kick_fd, -1);
		msg->payload.state.num = vh->params.base;
		return vhost_reply(vh, msg, sizeof(msg->payload.state));
	case VHOST_USER_GET_CONFIG:
		if (get_config(vh, &msg->payload.config) != 0)
			return -1;
		return vhost_reply(vh, msg, msg->header.size);
	default:
		rc = handle_setter(vh, msg);
		if (need_reply && reply_u64(vh, msg, rc != 0) != 0)
			return -1;
		return rc;
	}
}

int vhost_handle_message(struct vhost *vh)
{
	struct message msg;
	int rc;

	memset(&msg, 0, sizeof(msg));
	rc = vhost_receive(vh, &msg);
	if (rc == 0)
		rc = handle(vh, &msg);
	for (unsigned i = 0; i < msg.nb_fds; i++)
		if (msg.fds[i] >= 0)
			close(msg.fds[i]);
	return rc;
}

void vhost_kick_clear(struct vhost *vh)
{
	uint64_t count;

	/* Nothing there is no error: the queue is looked at in any case. */
	if (read(vh->kick_fd, &count, sizeof(count)) < 0)
		return;
}

static void signal_fd(int fd)
{
	uint64_t one = 1;

	/* A full counter is a signal too. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

void vhost_interrupt(struct vhost *vh)
{
	signal_fd(vh->call_fd);
}

bool vhost_config_changed(struct vhost *vh)
{
	struct message_header header = {
		.request = VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
		.flags = FLAG_VERSION,
	};

	bool confirm = (vh->protocol_features & PROTOCOL_F_REPLY_ACK) != 0;

	if (!vh->ring.started || vh->backend_fd < 0)
		return false;
	if (confirm)
		header.flags |= FLAG_NEED_REPLY;
	if (vhost_write(vh->backend_fd, &header, sizeof(header)) != 0)
		return false;
	vh->nb_unconfirmed += confirm;
	return true;
}

int vhost_handle_confirmation(struct vhost *vh)
{
	struct {
		struct message_header header;
		uint8_t value[8];
	} reply;
	int rc = vhost_read(vh->backend_fd, &reply, sizeof(reply));

	if (rc > 0) {
		/* QEMU is leaving; the main connection will tell. */
		fd_replace(&vh->backend_fd, -1);
		vh->nb_unconfirmed = 0;
		return 0;
	}
	if (rc < 0 || reply.header.request != VHOST_USER_BACKEND_CONFIG_CHANGE_MSG ||
	    (reply.header.flags & FLAG_REPLY) == 0 || reply.header.size != sizeof(reply.value) ||
	    vh->nb_unconfirmed == 0)
		return vhost_fail(vh, "unexpected answer on the backend channel");
	vh->nb_unconfirmed--;
	return 0;
}

void vhost_ring_broken(struct vhost *vh)
{
	signal_fd(vh->err_fd);
	ring_stop(vh);
	fd_replace(&vh->kick_fd, -1);
}

void vhost_close(struct vhost *vh)
{
	ring_stop(vh);
	regions_drop(vh);
	fd_replace(&vh->sock, -1);
	fd_replace(&vh->backend_fd, -1);
	fd_replace(&vh->kick_fd, -1);
	fd_replace(&vh->call_fd, -1);
	fd_replace(&vh->err_fd, -1);
}
