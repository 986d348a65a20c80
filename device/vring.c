/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's side of a split virtqueue, against a driver that may lie. */

#include <string.h>

#include "device/vring.h"

/* Virtio 1.2, 2.7.5: a descriptor is addr (8 bytes), len (4), flags (2), next (2). */
#define DESC_BYTES 16U
#define DESC_F_NEXT 1U
#define DESC_F_WRITE 2U
#define DESC_F_INDIRECT 4U

/* 2.7.6 and 2.7.8: flags (2), idx (2), then the ring. */
#define RING_FLAGS 0U
#define RING_IDX 2U
#define RING_ENTRIES 4U
#define AVAIL_ENTRY_BYTES 2U
#define USED_ENTRY_BYTES 8U
#define AVAIL_F_NO_INTERRUPT 1U

/* 2.7: what the three parts must be aligned to. */
#define DESC_ALIGN 16U
#define AVAIL_ALIGN 2U
#define USED_ALIGN 4U

/*
 * The rings change under the device's hands. Every field is read once, in one access of its
 * own width, and what was read is what is checked and used. A device-readable value is
 * little-endian (1.4), whatever this code runs on.
 */
static uint16_t load16(const uint8_t *p, int order)
{
	uint16_t v = order == __ATOMIC_ACQUIRE
			     ? __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE)
			     : __atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED);

	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
}

static uint32_t load32(const uint8_t *p)
{
	uint32_t v = __atomic_load_n((const uint32_t *)(const void *)p, __ATOMIC_RELAXED);

	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
}

/* Two halves: a tear gives an address that is checked like any other. */
static uint64_t load64(const uint8_t *p)
{
	return (uint64_t)load32(p) | ((uint64_t)load32(p + 4) << 32);
}

static void store32(uint8_t *p, uint32_t v)
{
	v = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap32(v) : v;
	__atomic_store_n((uint32_t *)(void *)p, v, __ATOMIC_RELAXED);
}

static void store16_release(uint8_t *p, uint16_t v)
{
	v = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap16(v) : v;
	__atomic_store_n((uint16_t *)(void *)p, v, __ATOMIC_RELEASE);
}

/* An aligned address whose translation is not aligned would be the owner's mistake: refused too. */
static int part_map(const struct vring_params *p, uint64_t addr, uint64_t len_bytes, unsigned align,
		    bool is_write, uint8_t **part)
{
	if (addr % align != 0)
		return VRING_ERR_ALIGN;
	if (addr + len_bytes < addr)
		return VRING_ERR_MEMORY;
	*part = p->ring_translate(p->ctx, addr, len_bytes, is_write);
	if (*part == NULL)
		return VRING_ERR_MEMORY;
	return (uintptr_t)*part % (align < 4 ? align : 4) == 0 ? VRING_OK : VRING_ERR_ALIGN;
}

int vring_start(struct vring *ring, const struct vring_params *params)
{
	uint64_t size = params->size;
	int error;

	memset(ring, 0, sizeof(*ring));
	if (size == 0 || size > VRING_MAX_SIZE || (size & (size - 1)) != 0)
		return VRING_ERR_SIZE;
	error = part_map(params, params->desc, size * DESC_BYTES, DESC_ALIGN, false, &ring->desc);
	if (error == VRING_OK)
		error = part_map(params, params->avail, RING_ENTRIES + size * AVAIL_ENTRY_BYTES,
				 AVAIL_ALIGN, false, &ring->avail);
	if (error == VRING_OK)
		error = part_map(params, params->used, RING_ENTRIES + size * USED_ENTRY_BYTES,
				 USED_ALIGN, true, &ring->used);
	if (error != VRING_OK)
		return error;
	ring->params = *params;
	ring->last_avail = params->base;
	/* Each chain is given back before the next is taken: the two never differ. */
	ring->used_idx = params->base;
	ring->started = true;
	return VRING_OK;
}

uint16_t vring_stop(struct vring *ring)
{
	ring->started = false;
	return ring->last_avail;
}

/* Check one descriptor and add it to the chain. */
static int chain_add(struct vring *ring, struct vring_chain *chain, uint64_t addr,
		     uint32_t len_bytes, uint16_t flags)
{
	const struct vring_params *p = &ring->params;
	struct vring_segment *seg = &chain->segments[chain->nb_segments];
	bool is_write = (flags & DESC_F_WRITE) != 0;

	if ((flags & DESC_F_INDIRECT) != 0)
		return VRING_ERR_FLAGS;
	if (!is_write && chain->nb_segments > chain->nb_readable)
		return VRING_ERR_ORDER; /* 2.7.4.2 */
	seg->data = NULL;
	seg->len_bytes = len_bytes;
	if (len_bytes != 0) {
		if (addr + len_bytes < addr)
			return VRING_ERR_MEMORY;
		seg->data = p->translate(p->ctx, addr, len_bytes, is_write);
		if (seg->data == NULL)
			return VRING_ERR_MEMORY;
	}
	chain->nb_segments++;
	if (is_write) {
		chain->writable_bytes += len_bytes;
	} else {
		chain->nb_readable++;
		chain->readable_bytes += len_bytes;
	}
	return VRING_OK;
}

static int chain_read(struct vring *ring, struct vring_chain *chain)
{
	uint16_t size = ring->params.size;
	uint16_t index = chain->head;
	uint16_t flags;

	do {
		const uint8_t *desc = ring->desc + index * DESC_BYTES;
		int error;

		if (chain->nb_segments == size)
			return VRING_ERR_LOOP; /* 2.7.5.2: no chain is longer than the queue */
		flags = load16(desc + 12, __ATOMIC_RELAXED);
		error = chain_add(ring, chain, load64(desc), load32(desc + 8), flags);
		if (error != VRING_OK)
			return error;
		index = load16(desc + 14, __ATOMIC_RELAXED);
		if ((flags & DESC_F_NEXT) != 0 && index >= size)
			return VRING_ERR_INDEX;
	} while ((flags & DESC_F_NEXT) != 0);
	return VRING_OK;
}

int vring_pop(struct vring *ring, struct vring_chain *chain)
{
	uint16_t size = ring->params.size;
	uint16_t idx, pending;
	int error;

	if (!ring->started)
		return VRING_ERR_STOPPED;
	/*
	 * Acquire: the ring entry and the descriptors are read after the index that publishes
	 * them; pairs with the driver's barrier of 2.7.13.3.
	 */
	idx = load16(ring->avail + RING_IDX, __ATOMIC_ACQUIRE);
	pending = (uint16_t)(idx - ring->last_avail);
	if (pending == 0)
		return 0;
	if (pending > size)
		return VRING_ERR_INDEX;
	chain->head =
		load16(ring->avail + RING_ENTRIES + ring->last_avail % size * AVAIL_ENTRY_BYTES,
		       __ATOMIC_RELAXED);
	chain->nb_readable = 0;
	chain->nb_segments = 0;
	chain->readable_bytes = 0;
	chain->writable_bytes = 0;
	if (chain->head >= size)
		return VRING_ERR_INDEX;
	error = chain_read(ring, chain);
	if (error != VRING_OK)
		return error;
	ring->last_avail++;
	return 1;
}

size_t vring_gather(const struct vring_chain *chain, void *buf, size_t len_bytes)
{
	uint8_t *to = buf;
	size_t done = 0;

	for (unsigned i = 0; i < chain->nb_readable && done < len_bytes; i++) {
		const struct vring_segment *seg = &chain->segments[i];
		size_t n = len_bytes - done;

		if (n > seg->len_bytes)
			n = seg->len_bytes;
		if (n != 0)
			memcpy(to + done, seg->data, n);
		done += n;
	}
	return done;
}

int vring_scatter(const struct vring_chain *chain, const void *buf, size_t len_bytes)
{
	const uint8_t *from = buf;
	size_t done = 0;

	if (chain->writable_bytes < len_bytes)
		return VRING_ERR_SHORT;
	for (unsigned i = chain->nb_readable; done < len_bytes; i++) {
		const struct vring_segment *seg = &chain->segments[i];
		size_t n = len_bytes - done;

		if (n > seg->len_bytes)
			n = seg->len_bytes;
		if (n != 0)
			memcpy(seg->data, from + done, n);
		done += n;
	}
	return VRING_OK;
}

void vring_push(struct vring *ring, const struct vring_chain *chain, uint32_t written)
{
	uint8_t *entry =
		ring->used + RING_ENTRIES + ring->used_idx % ring->params.size * USED_ENTRY_BYTES;

	store32(entry, chain->head);
	store32(entry + 4, written);
	ring->used_idx++;
	/* Release: buffers, id and len are there before the index says so (2.7.8.2). */
	store16_release(ring->used + RING_IDX, ring->used_idx);
}

int vring_serve(struct vring *ring, struct vring_chain *chain, const bool *hold,
		int (*serve)(void *ctx), void *ctx)
{
	int served = 0;
	int rc;

	while (!*hold && served < VRING_MAX_SIZE && (rc = vring_pop(ring, chain)) != 0) {
		if (rc > 0)
			rc = serve(ctx);
		if (rc < 0)
			return rc;
		served++;
	}
	return served;
}

bool vring_wants_interrupt(const struct vring *ring)
{
	/*
	 * Full barrier: the index is out before the flags are read. The driver does the opposite,
	 * flags then index (2.7.7); without it both could miss the other's store.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return (load16(ring->avail + RING_FLAGS, __ATOMIC_RELAXED) & AVAIL_F_NO_INTERRUPT) == 0;
}

const char *vring_error_text(int error)
{
	switch (error) {
	case VRING_OK:
		return "no error";
	case VRING_ERR_SIZE:
		return "queue size is not a power of two from 1 to 64";
	case VRING_ERR_ALIGN:
		return "queue part is not aligned";
	case VRING_ERR_MEMORY:
		return "address is outside guest memory";
	case VRING_ERR_INDEX:
		return "index is out of range";
	case VRING_ERR_LOOP:
		return "descriptor chain loops";
	case VRING_ERR_ORDER:
		return "readable descriptor after a writable one";
	case VRING_ERR_FLAGS:
		return "indirect descriptor, which was not offered";
	case VRING_ERR_SHORT:
		return "not enough writable bytes";
	case VRING_ERR_STOPPED:
		return "queue is not started";
	default:
		return "unknown queue error";
	}
}
