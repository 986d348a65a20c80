/* SPDX-License-Identifier: BSD-2-Clause */
/* Which blocks of a virtio-mem device are plugged, as far as the driver knows: a bit each. */

#include <string.h>

#include "platform/virtio_mem_blocks.h"

#include "mm/dma.h"

static uint64_t bitmap_bytes(const struct virtio_mem *v)
{
	return (v->nr_blocks + 63) / 64 * sizeof(*v->bitmap);
}

enum err vmblocks_alloc(struct virtio_mem *v)
{
	paddr_t unused;

	v->nr_blocks = v->geo.region_size / v->geo.block_size;
	v->bitmap = dma_alloc(bitmap_bytes(v), &unused);
	return v->bitmap != NULL ? OK : ERR_NOMEM;
}

void vmblocks_free(struct virtio_mem *v)
{
	dma_free(v->bitmap, bitmap_bytes(v));
	v->bitmap = NULL;
}

void vmblocks_forget(struct virtio_mem *v)
{
	memset(v->bitmap, 0, bitmap_bytes(v));
	v->plugged_bytes = 0;
}

/* Blocks [first, end) of the bitmap that are plugged. A word at a time. */
static uint64_t blocks_count(const struct virtio_mem *v, uint64_t first, uint64_t end)
{
	uint64_t n = 0;

	while (first < end) {
		uint64_t word = v->bitmap[first / 64] >> (first % 64);
		uint64_t nr = min_u64(64 - first % 64, end - first);

		if (nr < 64)
			word &= (UINT64_C(1) << nr) - 1;
		for (; word != 0; word &= word - 1)
			n++;
		first += nr;
	}
	return n;
}

void vmblocks_account(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged)
{
	uint64_t first = (addr - v->geo.addr) / v->geo.block_size;
	uint64_t end = first + size_bytes / v->geo.block_size;

	while (first < end) {
		uint64_t nr = min_u64(64 - first % 64, end - first);
		uint64_t mask = nr < 64 ? (UINT64_C(1) << nr) - 1 : UINT64_MAX;

		if (plugged)
			v->bitmap[first / 64] |= mask << (first % 64);
		else
			v->bitmap[first / 64] &= ~(mask << (first % 64));
		first += nr;
	}
	if (plugged)
		v->plugged_bytes += size_bytes;
	else
		v->plugged_bytes -= size_bytes;
}

uint64_t vmblocks_plugged(const struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	uint64_t first = (addr - v->geo.addr) / v->geo.block_size;

	return blocks_count(v, first, first + size_bytes / v->geo.block_size) * v->geo.block_size;
}

uint64_t virtio_mem_plugged(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	paddr_t start = max_u64(addr, v->geo.addr);
	paddr_t end = v->geo.addr + v->geo.region_size;
	uint64_t bytes = 0;

	/* No end of @addr + @size_bytes is ever computed: it may wrap. */
	if (addr < end && size_bytes < end - addr)
		end = addr + size_bytes;
	spin_lock(&v->lock);
	if (v->bitmap != NULL && start < end)
		bytes = vmblocks_plugged(v, start, end - start);
	spin_unlock(&v->lock);
	return bytes;
}
