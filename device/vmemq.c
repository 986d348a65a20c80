/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-mem device at a virtqueue: take requests, answer them, follow the schedule. */

#include "device/vmemq.h"

/* Serve the chain that was just taken. 0, or an error. */
static int serve(void *ctx)
{
	struct vmemq *q = ctx;
	struct virtio_mem_req raw_req;
	struct virtio_mem_resp raw_resp;
	struct vmem_request req;
	struct vmem_response resp;
	size_t len = vring_gather(&q->chain, &raw_req, sizeof(raw_req));

	/* Before anything takes effect: an answer that cannot be given was not earned either. */
	if (!vmem_decode(&raw_req, len, &req))
		return VMEMQ_ERR_REQUEST;
	if (q->chain.writable_bytes < sizeof(raw_resp))
		return VMEMQ_ERR_RESPONSE;
	vmem_handle(q->vm, &req, &resp);
	vmem_encode(&resp, &raw_resp);
	(void)vring_scatter(&q->chain, &raw_resp, sizeof(raw_resp)); /* length checked above */
	vring_push(q->ring, &q->chain, sizeof(raw_resp));
	if (vring_wants_interrupt(q->ring) && q->interrupt != NULL)
		q->interrupt(q->ctx);
	if (q->sched != NULL)
		schedule_after_request(q->sched, q->vm, &req);
	return 0;
}

int vmemq_process(struct vmemq *q)
{
	return vring_serve(q->ring, &q->chain, &q->hold, serve, q);
}

const char *vmemq_error_text(int error)
{
	switch (error) {
	case VMEMQ_ERR_REQUEST:
		return "request shorter than 24 bytes, or of unknown type";
	case VMEMQ_ERR_RESPONSE:
		return "no room for a response of 10 bytes";
	default:
		return vring_error_text(error);
	}
}
