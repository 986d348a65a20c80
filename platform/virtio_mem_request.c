/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests of the virtio-mem driver: one out, one answer in, and what becomes of a bad one. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "platform/virtio_mem_request.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/fault.h"
#include "platform/virtio_wait.h"

enum err vmreq_give_up(struct virtio_mem *v, enum err e, const char *fmt, ...)
{
	char why[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	v->broken = true;
	note("%s: %s: device given up", v->dev.name, why);
	virtio_fail(&v->dev);
	return e;
}

/* Wait for the one chain in flight. ERR_IO and ERR_TIMEOUT have given the device up. */
static enum err wait_used(struct virtio_mem *v, uint16_t head, uint32_t *len_bytes)
{
	const char *why;
	enum err e = virtio_wait_used(&v->dev, &v->queue, head, len_bytes, &why);

	return e == OK ? OK : vmreq_give_up(v, e, "%s", why);
}

/*
 * Send one request and take its answer. @state: for STATE only, else NULL. Every response is 10
 * bytes long (5.15.6); of them the type counts, and the state if it is an ACK to STATE.
 */
static enum err request_once(struct virtio_mem *v, uint16_t type, paddr_t addr, uint16_t nr_blocks,
			     uint16_t *state)
{
	struct virtq_buf out = {v->msg_pa + offsetof(struct virtio_mem_msg, req),
				sizeof(v->msg->req)};
	struct virtq_buf in = {v->msg_pa + offsetof(struct virtio_mem_msg, resp),
			       sizeof(v->msg->resp)};
	uint32_t len;
	uint16_t head, answer;
	enum err e;

	memset(v->msg, 0, sizeof(*v->msg));
	/* ACK is 0, and no type is all ones: nothing written must not look like an answer. */
	memset(&v->msg->resp, 0xff, sizeof(v->msg->resp));
	le16_store(v->msg->req.type, type);
	le64_store(v->msg->req.addr, addr);
	le16_store(v->msg->req.nb_blocks, nr_blocks);
	v->nr_requests++;
	e = virtq_add(&v->queue, &out, 1, &in, 1, &head);
	if (e != OK)
		return vmreq_give_up(v, ERR_IO, "queue is full with nothing in flight");
	if (virtq_wants_notify(&v->queue))
		virtio_notify(&v->dev, VMREQ_QUEUE);
	e = wait_used(v, head, &len);
	if (e != OK)
		return e;

	if (len != sizeof(v->msg->resp))
		return vmreq_give_up(v, ERR_IO, "response of %u bytes", (unsigned)len);
	answer = le16_load(v->msg->resp.type);
	if ((answer == VIRTIO_MEM_RESP_NACK && fault_armed(FAULT_NACK_IGNORED)) ||
	    (answer == VIRTIO_MEM_RESP_BUSY && fault_armed(FAULT_BUSY_FORGOTTEN)) ||
	    (answer == VIRTIO_MEM_RESP_ERROR && fault_armed(FAULT_ERROR_SWALLOWED)))
		answer = VIRTIO_MEM_RESP_ACK;
	switch (answer) {
	case VIRTIO_MEM_RESP_ACK:
		if (state == NULL)
			return OK;
		*state = le16_load(v->msg->resp.state);
		if (*state > VIRTIO_MEM_STATE_MIXED)
			return vmreq_give_up(v, ERR_IO, "unknown state %#x", (unsigned)*state);
		return OK;
	case VIRTIO_MEM_RESP_NACK:
		return ERR_NACK;
	case VIRTIO_MEM_RESP_BUSY:
		v->nr_busy++;
		return ERR_BUSY;
	case VIRTIO_MEM_RESP_ERROR:
		return ERR_INVAL;
	default:
		return vmreq_give_up(v, ERR_IO, "unknown response %#x", (unsigned)answer);
	}
}

enum err vmreq_try(struct virtio_mem *v, uint16_t type, paddr_t addr, uint16_t nr_blocks,
		   uint16_t *state, unsigned tries)
{
	uint64_t pause_ms = 1;

	for (;;) {
		enum err e = request_once(v, type, addr, nr_blocks, state);
		uint64_t deadline;

		if (e != ERR_BUSY || --tries == 0)
			return e;
		deadline = time_after_ms(pause_ms);
		while (!time_past(deadline))
			arch_yield();
		pause_ms *= 2;
	}
}

enum err vmreq_send(struct virtio_mem *v, uint16_t type, paddr_t addr, uint64_t size_bytes,
		    uint16_t *state)
{
	static const char *const names[] = {"PLUG", "UNPLUG", "UNPLUG_ALL", "STATE"};
	uint64_t nr_blocks = size_bytes / v->geo.block_size;
	enum err e = vmreq_try(v, type, addr, (uint16_t)nr_blocks, state, VMREQ_BUSY_TRIES);

	if (e == ERR_INVAL)
		return vmreq_give_up(v, ERR_IO, "ERROR to %s %#llx+%#llx", names[type],
				     (unsigned long long)addr, (unsigned long long)size_bytes);
	return e;
}

uint64_t vmreq_chunk_bytes(const struct virtio_mem *v, uint64_t left)
{
	if (fault_armed(FAULT_REQUEST_U16))
		return left;
	return min_u64(left, VIRTIO_MEM_MAX_BLOCKS * v->geo.block_size);
}

enum err vmreq_walk(struct virtio_mem *v, enum err (*fn)(struct virtio_mem *v, paddr_t addr,
							 uint64_t size_bytes, bool plugged))
{
	paddr_t end = v->geo.addr + v->geo.usable_size;
	paddr_t at = v->geo.addr;
	uint64_t step = v->geo.usable_size;

	while (at < end) {
		uint64_t size = vmreq_chunk_bytes(v, min_u64(step, end - at));
		uint16_t state = 0;
		enum err e = vmreq_send(v, VIRTIO_MEM_REQ_STATE, at, size, &state);

		if (e == ERR_BUSY || e == ERR_NACK)
			return vmreq_give_up(v, ERR_IO, "STATE refused");
		if (e != OK)
			return e;
		if (state == VIRTIO_MEM_STATE_MIXED) {
			if (size == v->geo.block_size)
				return vmreq_give_up(v, ERR_IO, "one block is MIXED");
			step = align_up(size / 2, v->geo.block_size);
			continue;
		}
		e = fn(v, at, size, state == VIRTIO_MEM_STATE_PLUGGED);
		if (e != OK)
			return e;
		at += size;
		step = 2 * size;
	}
	return OK;
}
