/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem device: blocks, sizes, requests. No I/O, no queue, no storage of its own. */

#include <string.h>

#include "device/vmem.h"

#define WORD_BITS 64U

static bool is_power_of_two(uint64_t x)
{
	return x != 0 && (x & (x - 1)) == 0;
}

size_t vmem_storage_bytes(uint64_t region_size, uint64_t block_size)
{
	uint64_t blocks;

	if (!is_power_of_two(block_size) || region_size == 0 || region_size % block_size != 0)
		return 0;
	blocks = region_size / block_size;
	return (size_t)(blocks / WORD_BITS + (blocks % WORD_BITS != 0)) * sizeof(uint64_t);
}

/* The part of word @w that belongs to blocks [first, end). */
static uint64_t word_mask(uint64_t w, uint64_t first, uint64_t end)
{
	uint64_t mask = ~0ULL;

	if (w == first / WORD_BITS)
		mask &= ~0ULL << (first % WORD_BITS);
	if (w == (end - 1) / WORD_BITS)
		mask &= ~0ULL >> (WORD_BITS - 1 - (end - 1) % WORD_BITS);
	return mask;
}

static void blocks_set(struct vmem *vm, uint64_t first, uint64_t end, bool plugged)
{
	for (uint64_t w = first / WORD_BITS; w <= (end - 1) / WORD_BITS; w++) {
		if (plugged)
			vm->bitmap[w] |= word_mask(w, first, end);
		else
			vm->bitmap[w] &= ~word_mask(w, first, end);
	}
	if (plugged)
		vm->plugged_size += (end - first) * vm->params.block_size;
	else
		vm->plugged_size -= (end - first) * vm->params.block_size;
	vm->generation++;
}

/* The state of blocks [first, end), which is not empty. */
static uint16_t blocks_state(const struct vmem *vm, uint64_t first, uint64_t end)
{
	bool any_plugged = false;
	bool any_unplugged = false;

	for (uint64_t w = first / WORD_BITS; w <= (end - 1) / WORD_BITS; w++) {
		uint64_t mask = word_mask(w, first, end);

		any_plugged |= (vm->bitmap[w] & mask) != 0;
		any_unplugged |= (~vm->bitmap[w] & mask) != 0;
		if (any_plugged && any_unplugged)
			return VIRTIO_MEM_STATE_MIXED;
	}
	return any_plugged ? VIRTIO_MEM_STATE_PLUGGED : VIRTIO_MEM_STATE_UNPLUGGED;
}

uint16_t vmem_range_state(const struct vmem *vm, uint64_t offset_bytes, uint64_t size_bytes)
{
	const struct vmem_params *p = &vm->params;

	if (size_bytes == 0 || (offset_bytes | size_bytes) % p->block_size != 0 ||
	    offset_bytes >= p->region_size || size_bytes > p->region_size - offset_bytes)
		return VIRTIO_MEM_STATE_MIXED;
	return blocks_state(vm, offset_bytes / p->block_size,
			    (offset_bytes + size_bytes) / p->block_size);
}

/* The first block at or after @from in the wanted state, or nb_blocks. A word at a time. */
static uint64_t block_find(const struct vmem *vm, uint64_t from, bool plugged)
{
	while (from < vm->nb_blocks) {
		uint64_t word = vm->bitmap[from / WORD_BITS];

		word = (plugged ? word : ~word) >> (from % WORD_BITS);
		if (word != 0) {
			from += (uint64_t)__builtin_ctzll(word);
			break;
		}
		from += WORD_BITS - from % WORD_BITS;
	}
	return from < vm->nb_blocks ? from : vm->nb_blocks;
}

uint64_t vmem_next_run(const struct vmem *vm, uint64_t first, bool plugged, uint64_t *start)
{
	*start = block_find(vm, first, plugged);
	return block_find(vm, *start, !plugged) - *start;
}

/* QEMU's rule: something more than requested is usable, so that a driver can move memory. */
static uint64_t usable_wanted(const struct vmem_params *p)
{
	uint64_t room = p->region_size - p->requested_size;
	uint64_t extra = VMEM_USABLE_EXTRA_BYTES;

	if (p->requested_size == 0)
		return 0;
	extra = (extra + p->block_size - 1) & ~(p->block_size - 1);
	return p->requested_size + (extra < room ? extra : room);
}

/* Returns whether the usable region changed. */
static bool usable_update(struct vmem *vm, bool may_shrink)
{
	uint64_t wanted = usable_wanted(&vm->params);

	if (wanted == vm->usable_size || (wanted < vm->usable_size && !may_shrink))
		return false;
	vm->usable_size = wanted;
	vm->generation++;
	if (vm->ops->usable_changed != NULL)
		vm->ops->usable_changed(vm->ctx);
	return true;
}

static int params_check(const struct vmem_params *p)
{
	if (!is_power_of_two(p->block_size) || p->block_size < VMEM_MIN_BLOCK_BYTES)
		return VMEM_ERR_BLOCK_SIZE;
	if ((p->addr | p->region_size | p->requested_size) % p->block_size != 0)
		return VMEM_ERR_ALIGN;
	/* The region's last byte must have an address; its end may be 2^64. */
	if (p->region_size == 0 || p->addr + (p->region_size - 1) < p->addr ||
	    p->requested_size > p->region_size)
		return VMEM_ERR_RANGE;
	return VMEM_OK;
}

int vmem_init(struct vmem *vm, const struct vmem_params *params, void *storage,
	      size_t storage_bytes, const struct vmem_ops *ops, void *ctx)
{
	size_t bytes;
	int error = params_check(params);

	if (error != VMEM_OK)
		return error;
	bytes = vmem_storage_bytes(params->region_size, params->block_size);
	if (storage == NULL || storage_bytes < bytes)
		return VMEM_ERR_STORAGE;
	memset(vm, 0, sizeof(*vm));
	memset(storage, 0, bytes);
	vm->params = *params;
	vm->bitmap = storage;
	vm->nb_blocks = params->region_size / params->block_size;
	vm->usable_size = usable_wanted(params);
	vm->ops = ops;
	vm->ctx = ctx;
	return VMEM_OK;
}

uint64_t vmem_features(const struct vmem *vm)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;

	if (!vm->params.readable_unplugged)
		features |= 1ULL << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE;
	if (vm->params.has_node)
		features |= 1ULL << VIRTIO_MEM_F_ACPI_PXM;
	return features;
}

bool vmem_features_ok(const struct vmem *vm, uint64_t accepted)
{
	uint64_t needed =
		(1ULL << VIRTIO_F_VERSION_1) | (1ULL << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
	uint64_t offered = vmem_features(vm);

	return (accepted & ~offered) == 0 && (needed & offered & ~accepted) == 0;
}

void vmem_config(const struct vmem *vm, struct virtio_mem_config *config)
{
	const struct vmem_params *p = &vm->params;

	memset(config, 0, sizeof(*config));
	le64_store(config->block_size, p->block_size);
	if (p->has_node)
		le16_store(config->node_id, p->node_id);
	le64_store(config->addr, p->addr);
	le64_store(config->region_size, p->region_size);
	le64_store(config->usable_region_size, vm->usable_size);
	le64_store(config->plugged_size, vm->plugged_size);
	le64_store(config->requested_size, p->requested_size);
}

/* 5.15.6: aligned, at least one block, and all of it in the usable region. */
static bool request_in_range(const struct vmem *vm, const struct vmem_request *req)
{
	const struct vmem_params *p = &vm->params;
	uint64_t size = req->nb_blocks * p->block_size;
	uint64_t offset = req->addr - p->addr;

	if (req->nb_blocks == 0 || size / p->block_size != req->nb_blocks)
		return false;
	if (req->addr % p->block_size != 0 || req->addr < p->addr)
		return false;
	return offset < vm->usable_size && size <= vm->usable_size - offset;
}

static uint16_t admit(struct vmem *vm, const struct vmem_request *req)
{
	if (vm->ops->admit == NULL)
		return VIRTIO_MEM_RESP_ACK;
	return vm->ops->admit(vm->ctx, req);
}

/* Discard and unplug blocks [first, end), or do neither. */
static bool unplug_blocks(struct vmem *vm, uint64_t first, uint64_t end)
{
	uint64_t block_size = vm->params.block_size;

	if (vm->ops->discard != NULL &&
	    vm->ops->discard(vm->ctx, first * block_size, (end - first) * block_size) != 0)
		return false;
	blocks_set(vm, first, end, false);
	return true;
}

static bool plug_blocks(struct vmem *vm, uint64_t first, uint64_t end)
{
	uint64_t block_size = vm->params.block_size;

	if (vm->ops->populate != NULL &&
	    vm->ops->populate(vm->ctx, first * block_size, (end - first) * block_size) != 0)
		return false;
	blocks_set(vm, first, end, true);
	return true;
}

/*
 * PLUG and UNPLUG, all blocks or none. The order of the answers is QEMU's: range (ERROR), size
 * (NACK), state (ERROR), then whatever may fail (BUSY).
 */
static uint16_t handle_change(struct vmem *vm, const struct vmem_request *req)
{
	bool plug = req->type == VIRTIO_MEM_REQ_PLUG;
	uint64_t block_size = vm->params.block_size;
	uint64_t first, end;
	uint16_t verdict;

	if (!request_in_range(vm, req))
		return VIRTIO_MEM_RESP_ERROR;
	if (plug && (vm->plugged_size >= vm->params.requested_size ||
		     req->nb_blocks * block_size > vm->params.requested_size - vm->plugged_size))
		return VIRTIO_MEM_RESP_NACK;
	first = (req->addr - vm->params.addr) / block_size;
	end = first + req->nb_blocks;
	if (blocks_state(vm, first, end) !=
	    (plug ? VIRTIO_MEM_STATE_UNPLUGGED : VIRTIO_MEM_STATE_PLUGGED))
		return VIRTIO_MEM_RESP_ERROR;
	verdict = admit(vm, req);
	if (verdict != VIRTIO_MEM_RESP_ACK)
		return verdict;
	if (plug ? !plug_blocks(vm, first, end) : !unplug_blocks(vm, first, end))
		return VIRTIO_MEM_RESP_BUSY;
	return VIRTIO_MEM_RESP_ACK;
}

/* Unplug every run of plugged blocks that lets itself be discarded; true when that was all. */
static bool unplug_everything(struct vmem *vm)
{
	uint64_t start;
	uint64_t blocks = vmem_next_run(vm, 0, true, &start);

	while (blocks != 0) {
		unplug_blocks(vm, start, start + blocks);
		blocks = vmem_next_run(vm, start + blocks, true, &start);
	}
	return vm->plugged_size == 0;
}

/*
 * A discard that fails part way leaves the runs before it unplugged and the others as they were:
 * plugged_size stays true and no plugged block loses its content. The driver is told BUSY.
 */
static uint16_t handle_unplug_all(struct vmem *vm, const struct vmem_request *req)
{
	uint16_t verdict = admit(vm, req);

	if (verdict != VIRTIO_MEM_RESP_ACK)
		return verdict;
	if (!unplug_everything(vm))
		return VIRTIO_MEM_RESP_BUSY;
	/* The one request that may shrink it, before the ACK and without notice (5.15.6). */
	usable_update(vm, true);
	return VIRTIO_MEM_RESP_ACK;
}

static uint16_t handle_state(struct vmem *vm, const struct vmem_request *req, uint16_t *state)
{
	uint64_t block_size = vm->params.block_size;
	uint64_t first;
	uint16_t verdict;

	if (!request_in_range(vm, req))
		return VIRTIO_MEM_RESP_ERROR;
	verdict = admit(vm, req);
	if (verdict != VIRTIO_MEM_RESP_ACK)
		return verdict;
	first = (req->addr - vm->params.addr) / block_size;
	*state = blocks_state(vm, first, first + req->nb_blocks);
	return VIRTIO_MEM_RESP_ACK;
}

bool vmem_decode(const void *data, size_t len_bytes, struct vmem_request *req)
{
	struct virtio_mem_req raw;

	if (len_bytes < sizeof(raw))
		return false;
	memcpy(&raw, data, sizeof(raw));
	req->type = le16_load(raw.type);
	req->nb_blocks = le16_load(raw.nb_blocks);
	req->addr = le64_load(raw.addr);
	return req->type <= VIRTIO_MEM_REQ_STATE;
}

void vmem_handle(struct vmem *vm, const struct vmem_request *req, struct vmem_response *resp)
{
	memset(resp, 0, sizeof(*resp));
	switch (req->type) {
	case VIRTIO_MEM_REQ_PLUG:
	case VIRTIO_MEM_REQ_UNPLUG:
		resp->type = handle_change(vm, req);
		break;
	case VIRTIO_MEM_REQ_UNPLUG_ALL:
		resp->type = handle_unplug_all(vm, req);
		break;
	case VIRTIO_MEM_REQ_STATE:
		resp->type = handle_state(vm, req, &resp->state);
		break;
	default:
		resp->type = VIRTIO_MEM_RESP_ERROR;
		break;
	}
	if (vm->ops->answered != NULL)
		vm->ops->answered(vm->ctx, req, resp);
}

void vmem_encode(const struct vmem_response *resp, struct virtio_mem_resp *raw)
{
	memset(raw, 0, sizeof(*raw));
	le16_store(raw->type, resp->type);
	le16_store(raw->state, resp->state);
}

int vmem_set_requested_size(struct vmem *vm, uint64_t size_bytes)
{
	bool changed;

	if (size_bytes % vm->params.block_size != 0)
		return VMEM_ERR_ALIGN;
	if (size_bytes > vm->params.region_size)
		return VMEM_ERR_RANGE;
	changed = size_bytes != vm->params.requested_size;
	vm->params.requested_size = size_bytes;
	if (changed)
		vm->generation++;
	/* A failed UNPLUG_ALL leaves none too small, but never rely on an earlier update. */
	if (usable_update(vm, false))
		changed = true;
	if (changed && vm->ops->notify_config != NULL)
		vm->ops->notify_config(vm->ctx);
	return VMEM_OK;
}

uint64_t vmem_system_reset(struct vmem *vm)
{
	if (unplug_everything(vm))
		usable_update(vm, true);
	return vm->plugged_size;
}
