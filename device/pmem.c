/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-pmem device. */

#include <string.h>

#include "device/pmem.h"

void pmem_init(struct pmem *p, uint64_t start, uint64_t size_bytes, struct vring *ring,
	       const struct pmem_ops *ops, void *ctx)
{
	memset(p, 0, sizeof(*p));
	p->start = start;
	p->size_bytes = size_bytes;
	p->ring = ring;
	p->ops = ops;
	p->ctx = ctx;
}

uint64_t pmem_features(const struct pmem *p)
{
	(void)p;
	return 1ULL << VIRTIO_F_VERSION_1;
}

bool pmem_features_ok(const struct pmem *p, uint64_t accepted)
{
	return accepted == pmem_features(p);
}

void pmem_config(const struct pmem *p, struct virtio_pmem_config *config)
{
	le64_store(config->start, p->start);
	le64_store(config->size, p->size_bytes);
}

/* Serve the chain that was just taken. 0, or an error. */
static int serve(void *ctx)
{
	struct pmem *p = ctx;
	struct virtio_pmem_req req;
	struct virtio_pmem_resp resp;
	bool ok;

	if (vring_gather(&p->chain, &req, sizeof(req)) < sizeof(req))
		return PMEM_ERR_REQUEST;
	/* Before anything takes effect: an answer that cannot be given was not earned either. */
	if (p->chain.writable_bytes < sizeof(resp))
		return PMEM_ERR_RESPONSE;
	ok = le32_load(req.type) == VIRTIO_PMEM_REQ_FLUSH && p->ops->flush(p->ctx) == 0;
	if (ok)
		p->flushes++;
	else
		p->failures++;
	le32_store(resp.ret, ok ? VIRTIO_PMEM_RESP_OK : VIRTIO_PMEM_RESP_FAILED);
	(void)vring_scatter(&p->chain, &resp, sizeof(resp)); /* length checked above */
	vring_push(p->ring, &p->chain, sizeof(resp));
	if (vring_wants_interrupt(p->ring) && p->ops->interrupt != NULL)
		p->ops->interrupt(p->ctx);
	return 0;
}

int pmem_process(struct pmem *p)
{
	return vring_serve(p->ring, &p->chain, &p->hold, serve, p);
}

const char *pmem_error_text(int error)
{
	switch (error) {
	case PMEM_ERR_REQUEST:
		return "request shorter than 4 bytes";
	case PMEM_ERR_RESPONSE:
		return "no room for a response of 4 bytes";
	default:
		return vring_error_text(error);
	}
}

/* ---- behind registers */

static uint64_t features(const void *model)
{
	return pmem_features(model);
}

static bool features_ok(const void *model, uint64_t accepted)
{
	return pmem_features_ok(model, accepted);
}

static void config(const void *model, uint8_t *bytes)
{
	struct virtio_pmem_config raw;

	pmem_config(model, &raw);
	memcpy(bytes, &raw, sizeof(raw));
}

/* Nothing in it ever changes. */
static uint32_t generation(const void *model)
{
	(void)model;
	return 0;
}

static int process(struct vmmio *dev)
{
	return pmem_process(dev->model);
}

static const struct vmmio_kind pmem_kind = {
	.device_id = VIRTIO_ID_PMEM,
	.features = features,
	.features_ok = features_ok,
	.config = config,
	.generation = generation,
	.process = process,
};

void pmem_mmio_init(struct vmmio *dev, struct pmem *p, const struct vmmio_ops *ops, void *ctx)
{
	vmmio_init_kind(dev, &pmem_kind, p, ops, ctx);
	p->ring = &dev->ring;
}
