/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio-mem device of 1 GiB in blocks of 2 MiB, and what it asks of its owner. */
#ifndef TESTS_HOST_TEST_DEVICE_RIG_H
#define TESTS_HOST_TEST_DEVICE_RIG_H

#include <stdlib.h>
#include <string.h>

#include "device/vmem.h"
#include "tests/host/tap.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define ADDR (4 * GIB)
#define BLOCK (2 * MIB)
#define REGION GIB

/* A device, and what it asked of its owner. */
struct fixture {
	struct vmem vm;
	void *storage;
	unsigned discards, populates, notified, usable_changes, answers;
	uint64_t last_offset, last_size;
	bool fail_discard, fail_populate;
	unsigned fail_discard_at; /* this one, counted from 1, fails */
	uint16_t verdict;
};

static uint16_t op_admit(void *ctx, const struct vmem_request *req)
{
	struct fixture *f = ctx;

	(void)req;
	return f->verdict;
}

static int op_discard(void *ctx, uint64_t offset, uint64_t size)
{
	struct fixture *f = ctx;

	f->discards++;
	f->last_offset = offset;
	f->last_size = size;
	return f->fail_discard || f->discards == f->fail_discard_at;
}

static int op_populate(void *ctx, uint64_t offset, uint64_t size)
{
	struct fixture *f = ctx;

	f->populates++;
	f->last_offset = offset;
	f->last_size = size;
	return f->fail_populate;
}

static void op_notify(void *ctx)
{
	((struct fixture *)ctx)->notified++;
}

static void op_usable(void *ctx)
{
	((struct fixture *)ctx)->usable_changes++;
}

static void op_answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	(void)req;
	(void)resp;
	((struct fixture *)ctx)->answers++;
}

static const struct vmem_ops ops = {op_admit,  op_discard, op_populate,
				    op_notify, op_usable,  op_answered};

static const struct vmem_params default_params = {
	.addr = ADDR,
	.region_size = REGION,
	.block_size = BLOCK,
};

static void setup(struct fixture *f, uint64_t requested)
{
	struct vmem_params p = default_params;
	size_t bytes = vmem_storage_bytes(p.region_size, p.block_size);

	memset(f, 0, sizeof(*f));
	p.requested_size = requested;
	f->storage = malloc(bytes);
	if (vmem_init(&f->vm, &p, f->storage, bytes, &ops, f) != VMEM_OK)
		tap_ok(false, "setup");
}

static void teardown(struct fixture *f)
{
	free(f->storage);
}

static inline struct vmem_response request(struct fixture *f, uint16_t type, uint64_t addr,
					   uint16_t n)
{
	struct vmem_request req = {.type = type, .nb_blocks = n, .addr = addr};
	struct vmem_response resp;

	vmem_handle(&f->vm, &req, &resp);
	return resp;
}

static inline uint16_t plug(struct fixture *f, uint64_t block, uint16_t n)
{
	return request(f, VIRTIO_MEM_REQ_PLUG, ADDR + block * BLOCK, n).type;
}

static inline uint16_t unplug(struct fixture *f, uint64_t block, uint16_t n)
{
	return request(f, VIRTIO_MEM_REQ_UNPLUG, ADDR + block * BLOCK, n).type;
}

static inline struct vmem_response state(struct fixture *f, uint64_t block, uint16_t n)
{
	return request(f, VIRTIO_MEM_REQ_STATE, ADDR + block * BLOCK, n);
}

static inline uint16_t unplug_all(struct fixture *f)
{
	return request(f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0).type;
}

#endif
