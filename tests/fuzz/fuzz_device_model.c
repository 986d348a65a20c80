/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory that is watched, and virtio-mem's blocks once more, one at a time. */
#include "tests/fuzz/fuzz_device.h"

void guest_make(struct guest *g)
{
	static const struct guest_piece pieces[GUEST_PIECES] = {
		{.addr = 0x1000, .size = 2048, .writable = true},
		{.addr = 0x1900, .size = 100, .writable = true},
		{.addr = 0x2000, .size = 512, .writable = false},
	};

	memcpy(g->piece, pieces, sizeof(pieces));
	for (unsigned i = 0; i < GUEST_PIECES; i++) {
		struct guest_piece *p = &g->piece[i];

		p->mem = calloc(1, p->size);
		p->before = calloc(1, p->size);
		p->granted = calloc(1, p->size);
		if (p->mem == NULL || p->before == NULL || p->granted == NULL)
			abort();
	}
}

void guest_free(struct guest *g)
{
	for (unsigned i = 0; i < GUEST_PIECES; i++) {
		free(g->piece[i].mem);
		free(g->piece[i].before);
		free(g->piece[i].granted);
	}
}

static struct guest_piece *piece_of(struct guest *g, uint64_t addr, uint64_t len_bytes)
{
	for (unsigned i = 0; i < GUEST_PIECES; i++) {
		struct guest_piece *p = &g->piece[i];

		if (addr >= p->addr && len_bytes <= p->size &&
		    addr - p->addr <= p->size - len_bytes)
			return p;
	}
	return NULL;
}

void *guest_translate(struct guest *g, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	struct guest_piece *p = piece_of(g, addr, len_bytes);

	if (p == NULL || (is_write && !p->writable))
		return NULL;
	if (is_write)
		memset(p->granted + (addr - p->addr), 1, len_bytes);
	return p->mem + (addr - p->addr);
}

void guest_poke(struct guest *g, uint64_t addr, const void *bytes, uint64_t len_bytes)
{
	struct guest_piece *p = piece_of(g, addr, len_bytes);

	if (p == NULL)
		return;
	memcpy(p->mem + (addr - p->addr), bytes, len_bytes);
	memcpy(p->before + (addr - p->addr), bytes, len_bytes);
}

void guest_watch(struct guest *g, uint64_t used_addr, uint64_t used_bytes)
{
	for (unsigned i = 0; i < GUEST_PIECES; i++) {
		memcpy(g->piece[i].before, g->piece[i].mem, g->piece[i].size);
		memset(g->piece[i].granted, 0, g->piece[i].size);
	}
	(void)guest_translate(g, used_addr, used_bytes, true);
}

void guest_check(const struct guest *g)
{
	for (unsigned i = 0; i < GUEST_PIECES; i++) {
		const struct guest_piece *p = &g->piece[i];

		for (uint64_t k = 0; k < p->size; k++)
			FUZZ_CHECK(p->mem[k] == p->before[k] || p->granted[k] != 0,
				   "a store to %#llx, which was not to be written",
				   (unsigned long long)(p->addr + k));
	}
}

void model_make(struct model *m, const struct vmem_params *params)
{
	memset(m, 0, sizeof(*m));
	m->params = *params;
	m->nr_blocks = params->region_size / params->block_size;
	model_shrink_usable(m);
}

uint64_t model_plugged(const struct model *m)
{
	uint64_t bytes = 0;

	for (uint64_t i = 0; i < m->nr_blocks; i++)
		bytes += m->plugged[i] ? m->params.block_size : 0;
	return bytes;
}

/* In 128 bits nothing wraps. */
static bool in_range(const struct model *m, const struct vmem_request *req)
{
	unsigned __int128 end = req->addr;

	end += (unsigned __int128)req->nb_blocks * m->params.block_size;
	return req->nb_blocks != 0 && req->addr % m->params.block_size == 0 &&
	       req->addr >= m->params.addr &&
	       end <= (unsigned __int128)m->params.addr + m->usable_size;
}

uint16_t model_verdict(const struct model *m, const struct vmem_request *req, uint16_t *state)
{
	bool plug = req->type == VIRTIO_MEM_REQ_PLUG;
	uint64_t first, on = 0;

	*state = 0;
	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL)
		return VIRTIO_MEM_RESP_ACK;
	if (!in_range(m, req))
		return VIRTIO_MEM_RESP_ERROR;
	first = (req->addr - m->params.addr) / m->params.block_size;
	for (uint64_t i = 0; i < req->nb_blocks; i++)
		on += m->plugged[first + i];
	if (req->type == VIRTIO_MEM_REQ_STATE) {
		*state = on == 0		? VIRTIO_MEM_STATE_UNPLUGGED
			 : on == req->nb_blocks ? VIRTIO_MEM_STATE_PLUGGED
						: VIRTIO_MEM_STATE_MIXED;
		return VIRTIO_MEM_RESP_ACK;
	}
	if (plug &&
	    model_plugged(m) + req->nb_blocks * m->params.block_size > m->params.requested_size)
		return VIRTIO_MEM_RESP_NACK;
	return on == (plug ? 0 : req->nb_blocks) ? VIRTIO_MEM_RESP_ACK : VIRTIO_MEM_RESP_ERROR;
}

void model_apply(struct model *m, const struct vmem_request *req)
{
	uint64_t first = (req->addr - m->params.addr) / m->params.block_size;

	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL) {
		FUZZ_CHECK(model_plugged(m) == 0, "UNPLUG_ALL left something undiscarded");
		model_shrink_usable(m);
	}
	for (uint64_t i = first; req->type <= VIRTIO_MEM_REQ_UNPLUG && i < first + req->nb_blocks;
	     i++) {
		m->plugged[i] = req->type == VIRTIO_MEM_REQ_PLUG;
		FUZZ_CHECK(m->plugged[i] || m->discarded[i], "block %llu unplugged with content",
			   (unsigned long long)i);
		FUZZ_CHECK(!m->plugged[i] || !m->discarded[i], "block %llu plugged and discarded",
			   (unsigned long long)i);
	}
}

void model_unplug_discarded(struct model *m)
{
	for (uint64_t i = 0; i < m->nr_blocks; i++)
		m->plugged[i] = m->plugged[i] && !m->discarded[i];
}

static uint64_t usable_for(const struct vmem_params *p)
{
	uint64_t extra = (VMEM_USABLE_EXTRA_BYTES + p->block_size - 1) / p->block_size;
	uint64_t blocks = p->requested_size / p->block_size + extra;
	uint64_t most = p->region_size / p->block_size;

	if (p->requested_size == 0)
		return 0;
	return (blocks < most ? blocks : most) * p->block_size;
}

void model_shrink_usable(struct model *m)
{
	m->usable_size = usable_for(&m->params);
}

void model_set_requested(struct model *m, uint64_t size_bytes)
{
	m->params.requested_size = size_bytes;
	if (usable_for(&m->params) > m->usable_size)
		m->usable_size = usable_for(&m->params);
}

void model_discard(struct model *m, uint64_t offset, uint64_t size_bytes)
{
	uint64_t block = m->params.block_size;

	FUZZ_CHECK(size_bytes != 0 && offset % block == 0 && size_bytes % block == 0 &&
			   offset < m->params.region_size &&
			   size_bytes <= m->params.region_size - offset,
		   "discard of %#llx+%#llx", (unsigned long long)offset,
		   (unsigned long long)size_bytes);
	for (uint64_t i = offset / block; i < (offset + size_bytes) / block; i++) {
		FUZZ_CHECK(m->plugged[i], "block %llu is discarded, and is not plugged",
			   (unsigned long long)i);
		FUZZ_CHECK(!m->discarded[i], "block %llu is discarded twice",
			   (unsigned long long)i);
		m->discarded[i] = true;
	}
}

void model_take_discards(struct model *m)
{
	for (uint64_t i = 0; i < m->nr_blocks; i++)
		FUZZ_CHECK(!m->discarded[i] || !m->plugged[i],
			   "block %llu is plugged, its content gone", (unsigned long long)i);
	memset(m->discarded, 0, sizeof(m->discarded));
}

void model_compare(const struct model *m, const struct vmem *vm)
{
	uint64_t plugged = model_plugged(m);

	for (uint64_t i = 0; i < (m->nr_blocks + 63) / 64 * 64; i++)
		FUZZ_CHECK(((vm->bitmap[i / 64] >> (i % 64)) & 1) ==
				   (i < m->nr_blocks && m->plugged[i]),
			   "block %llu of the bitmap", (unsigned long long)i);
	FUZZ_CHECK(vm->plugged_size == plugged, "plugged_size %#llx, %#llx are plugged",
		   (unsigned long long)vm->plugged_size, (unsigned long long)plugged);
	FUZZ_CHECK(vm->usable_size == m->usable_size, "usable_region_size %#llx, not %#llx",
		   (unsigned long long)vm->usable_size, (unsigned long long)m->usable_size);
	FUZZ_CHECK(vm->params.requested_size == m->params.requested_size, "requested_size");
}
