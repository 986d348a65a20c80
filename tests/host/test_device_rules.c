/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem device: what must hold after each request and each change, whatever comes. */

#include <stdlib.h>
#include <string.h>

#include "device/vmem.h"
#include "tests/host/tap.h"

#define BLOCK 4096ULL
#define BLOCKS 200000ULL /* so that the usable region is smaller than the region */
#define ADDR (4ULL << 30)
#define REGION (BLOCKS * BLOCK)

static struct vmem vm;
static struct virtio_mem_config last;
static bool told;	   /* notify_config came */
static bool usable_at_end; /* usable_changed had come when UNPLUG_ALL was answered */
static bool usable_moved;
static bool content[BLOCKS]; /* what was written there is still there */
static uint64_t random_state = 88172645463325252ULL;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int op_discard(void *ctx, uint64_t offset, uint64_t size)
{
	(void)ctx;
	for (uint64_t b = offset / BLOCK; b < (offset + size) / BLOCK; b++)
		content[b] = false;
	return 0;
}

static void op_notify(void *ctx)
{
	(void)ctx;
	told = true;
}

static void op_usable(void *ctx)
{
	(void)ctx;
	usable_moved = true;
}

static void op_answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	(void)ctx;
	(void)req;
	(void)resp;
	usable_at_end = usable_moved;
}

static const struct vmem_ops ops = {.discard = op_discard,
				    .notify_config = op_notify,
				    .usable_changed = op_usable,
				    .answered = op_answered};

#define FIELD(c, f) le64_load((c)->f)

/* 5.15.4.2: of one configuration, and of two in a row. NULL: all is well. */
static const char *config_broken(const struct virtio_mem_config *c, bool unplug_all)
{
	uint64_t block = FIELD(c, block_size);
	uint64_t sum = 0;
	bool moved = FIELD(c, requested_size) != FIELD(&last, requested_size) ||
		     FIELD(c, usable_region_size) != FIELD(&last, usable_region_size);

	for (uint64_t w = 0; w < (BLOCKS + 63) / 64; w++)
		sum += (unsigned)__builtin_popcountll(vm.bitmap[w]) * BLOCK;
	if (block == 0 || (block & (block - 1)) != 0)
		return "block_size MUST be a power of two";
	if (((FIELD(c, addr) | FIELD(c, region_size) | FIELD(c, usable_region_size) |
	      FIELD(c, plugged_size) | FIELD(c, requested_size)) &
	     (block - 1)) != 0)
		return "all MUST be multiples of block_size";
	if (FIELD(c, usable_region_size) < FIELD(c, requested_size))
		return "usable_region_size MUST NOT be below requested_size";
	if (FIELD(c, usable_region_size) > FIELD(c, region_size))
		return "usable_region_size beyond region_size";
	if (FIELD(c, plugged_size) != sum)
		return "plugged_size MUST be what is plugged";
	if (memcmp(c->block_size, last.block_size, 8) != 0 ||
	    memcmp(c->node_id, last.node_id, 2) != 0 || memcmp(c->addr, last.addr, 8) != 0 ||
	    memcmp(c->region_size, last.region_size, 8) != 0)
		return "what MUST NOT change has changed";
	if (FIELD(c, usable_region_size) < FIELD(&last, usable_region_size) && !unplug_all)
		return "usable_region_size MUST NOT shrink but at UNPLUG_ALL";
	if (moved && !told && !unplug_all)
		return "a change MUST be told";
	if (!moved && told)
		return "plugged_size SHOULD NOT be told";
	return NULL;
}

/* One request or one change of mind. */
static const char *step(void)
{
	uint64_t kind = random_next() % 64;
	struct virtio_mem_config now;
	struct vmem_response resp = {0};
	struct vmem_request req = {
		.type = (uint16_t)(kind % 4),
		.nb_blocks = (uint16_t)(random_next() % (kind < 40 ? 300 : 65536)),
		.addr = ADDR + random_next() % (BLOCKS + 100) * BLOCK,
	};
	uint64_t plugged = vm.plugged_size;
	const char *broken;

	told = false;
	usable_moved = false;
	if (req.type == VIRTIO_MEM_REQ_UNPLUG_ALL && random_next() % 8 != 0)
		req.type = VIRTIO_MEM_REQ_PLUG;
	if (kind >= 60) {
		(void)vmem_set_requested_size(&vm, random_next() % (BLOCKS + 1) * BLOCK);
		req.type = VIRTIO_MEM_REQ_STATE;
	} else {
		vmem_handle(&vm, &req, &resp);
		if (resp.type == VIRTIO_MEM_RESP_ACK && req.type == VIRTIO_MEM_REQ_PLUG)
			memset(content + (req.addr - ADDR) / BLOCK, true, req.nb_blocks);
		if (resp.type != VIRTIO_MEM_RESP_ACK && vm.plugged_size != plugged)
			return "a request that is not acknowledged changes nothing";
	}
	vmem_config(&vm, &now);
	broken = config_broken(&now, req.type == VIRTIO_MEM_REQ_UNPLUG_ALL);
	if (broken == NULL && req.type == VIRTIO_MEM_REQ_UNPLUG_ALL && usable_moved &&
	    !usable_at_end)
		broken = "usable_region_size may change BEFORE the ACK only";
	last = now;
	return broken;
}

/* Content of plugged blocks is the driver's: written when plugged, there until unplugged. */
static const char *content_broken(void)
{
	for (uint64_t b = 0; b < BLOCKS; b++) {
		bool plugged = (vm.bitmap[b / 64] >> (b % 64) & 1) != 0;

		if (content[b] && !plugged)
			return "an unplugged block was not discarded";
		if (!content[b] && plugged)
			return "a plugged block MUST NOT be modified";
	}
	return NULL;
}

int main(void)
{
	struct vmem_params p = {.addr = ADDR, .region_size = REGION, .block_size = BLOCK};
	size_t bytes = vmem_storage_bytes(REGION, BLOCK);
	void *storage = malloc(bytes);
	const char *broken = NULL;
	unsigned i = 0;

	if (vmem_init(&vm, &p, storage, bytes, &ops, NULL) != VMEM_OK)
		return 1;
	vmem_config(&vm, &last);
	for (; i < 20000 && broken == NULL; i++) {
		broken = step();
		if (broken == NULL && i % 16 == 0)
			broken = content_broken();
	}
	tap_ok(broken == NULL, "%u steps: %s", i, broken == NULL ? "every rule held" : broken);

	/* 5.15.6.1: no suspend, so bit 2 is not offered; a feature that is there stays. */
	tap_ok((vmem_features(&vm) >> VIRTIO_MEM_F_PERSISTENT_SUSPEND & 1) == 0,
	       "PERSISTENT_SUSPEND is not offered: there is no suspend");
	free(storage);
	return tap_done();
}
