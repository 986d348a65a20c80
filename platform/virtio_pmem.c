/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-pmem driver. */

#include <stdio.h>
#include <string.h>

#include "platform/virtio_pmem.h"

#include "device/pmem_abi.h"
#include "firmware/console.h"
#include "mm/dma.h"
#include "mm/fault.h"
#include "platform/virtio_mem_config.h"
#include "platform/virtio_wait.h"

#define QUEUE 0
/* The largest address that an entry can hold: 44 bits of page number. */
#define MAX_PADDR (UINT64_C(1) << 56)

/* In lines of their own: a device that is not coherent would take neighbours along. */
struct virtio_pmem_msg {
	struct virtio_pmem_req req __attribute__((aligned(64)));
	struct virtio_pmem_resp resp __attribute__((aligned(64)));
};

static enum err give_up(struct virtio_pmem *p, enum err e, const char *why)
{
	p->broken = true;
	note("%s: %s: device given up", p->dev.name, why);
	virtio_fail(&p->dev);
	return e;
}

/* What can be true of memory, and is nobody else's. */
static const char *wrong_with(struct region r, const struct region *taken, unsigned nr)
{
	if (r.size == 0)
		return "is empty";
	if (r.start >= MAX_PADDR || r.size > MAX_PADDR - r.start)
		return "lies beyond 56 bits or wraps";
	if (!is_aligned(r.start | r.size, VIRTIO_PMEM_GRANULE))
		return "is no multiple of 2 MiB";
	for (unsigned i = 0; i < nr; i++) {
		if (r.start < region_end(taken[i]) && taken[i].start < region_end(r))
			return "overlaps other memory";
	}
	return NULL;
}

static enum err read_config(struct virtio_pmem *p, const struct region *taken, unsigned nr)
{
	struct virtio_pmem_config raw;
	enum err e = virtio_read_config(&p->dev, 0, &raw, sizeof(raw));
	const char *wrong;

	if (e != OK)
		return ERR_IO;
	p->phys = (struct region){le64_load(raw.start), le64_load(raw.size)};
	wrong = wrong_with(p->phys, taken, nr);
	if (wrong == NULL)
		return OK;
	note("%s: config start %#llx size %#llx %s", p->dev.name, (unsigned long long)p->phys.start,
	     (unsigned long long)p->phys.size, wrong);
	return ERR_RANGE;
}

/* From reset to DRIVER_OK (3.1.1). */
static enum err start(struct virtio_pmem *p, const struct region *taken, unsigned nr)
{
	uint64_t features;
	uint32_t queue_max;
	enum err e = virtio_reset(&p->dev);

	if (e == OK)
		e = virtio_negotiate(&p->dev, 0, UINT64_C(1) << VIRTIO_F_VERSION_1, &features);
	if (e != OK)
		return give_up(p, e, "cannot be started");
	e = read_config(p, taken, nr);
	if (e != OK)
		return give_up(p, e, "bad configuration");
	queue_max = virtio_queue_max(&p->dev, QUEUE);
	if (queue_max < 2)
		return give_up(p, ERR_NOENT, "request queue is too small");
	p->msg = dma_alloc(sizeof(*p->msg), &p->msg_pa);
	if (p->msg == NULL)
		return give_up(p, ERR_NOMEM, "no memory for requests");
	e = virtq_init(&p->queue, queue_max);
	if (e != OK) {
		dma_free(p->msg, sizeof(*p->msg));
		p->msg = NULL;
		return give_up(p, e, "no memory for its queue");
	}
	e = virtio_queue_start(&p->dev, QUEUE, &p->queue);
	if (e != OK)
		return give_up(p, e, "no request queue");
	virtio_driver_ok(&p->dev);
	return OK;
}

enum err virtio_pmem_init(struct virtio_pmem *p, const struct virtio_device *dev,
			  const struct region *taken, unsigned nr)
{
	*p = (struct virtio_pmem){.dev = *dev, .lock = SPINLOCK(LOCK_DRIVER)};
	return start(p, taken, nr);
}

/* Lock held. */
static enum err flush(struct virtio_pmem *p)
{
	struct virtq_buf out = {p->msg_pa + offsetof(struct virtio_pmem_msg, req),
				sizeof(p->msg->req)};
	struct virtq_buf in = {p->msg_pa + offsetof(struct virtio_pmem_msg, resp),
			       sizeof(p->msg->resp)};
	const char *why;
	uint32_t len;
	uint16_t head;
	enum err e;

	memset(p->msg, 0, sizeof(*p->msg));
	le32_store(p->msg->req.type, VIRTIO_PMEM_REQ_FLUSH);
	/* 0 is success: nothing written must not look like it. */
	le32_store(p->msg->resp.ret, VIRTIO_PMEM_RESP_FAILED);
	/* Its barrier before the index orders the stores to the memory too: the device finds them.
	 */
	e = virtq_add(&p->queue, &out, 1, &in, 1, &head);
	if (e != OK)
		return give_up(p, ERR_IO, "queue is full with nothing in flight");
	if (virtq_wants_notify(&p->queue))
		virtio_notify(&p->dev, QUEUE);
	e = virtio_wait_used(&p->dev, &p->queue, head, &len, &why);
	if (e != OK)
		return give_up(p, e, why);
	if (len != sizeof(p->msg->resp))
		return give_up(p, ERR_IO, "response of another length");
	if (le32_load(p->msg->resp.ret) != VIRTIO_PMEM_RESP_OK &&
	    !fault_armed(FAULT_PMEM_ERROR_SWALLOWED))
		return ERR_NACK;
	p->nr_flushes++;
	return OK;
}

enum err virtio_pmem_flush(struct virtio_pmem *p)
{
	enum err e = ERR_IO;

	if (fault_armed(FAULT_PMEM_FLUSH_SKIPPED))
		return OK;
	spin_lock(&p->lock);
	if (!p->broken)
		e = flush(p);
	spin_unlock(&p->lock);
	return e;
}

void virtio_pmem_describe(const struct virtio_pmem *p, char *buf, size_t len)
{
	char size[24];

	snprintf(buf, len, "%s region %#llx+%s", p->dev.name, (unsigned long long)p->phys.start,
		 virtio_mem_size_text(p->phys.size, size, sizeof(size)));
}
