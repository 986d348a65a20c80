/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's side of a split virtqueue, against a device that may lie. */

#include "platform/virtq.h"

#include "firmware/mmio.h"
#include "mm/dma.h"

/* Virtio 1.2, 2.7.5 to 2.7.8; little-endian, as every hart is that this runs on. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rings are little-endian");

#define VIRTQ_DESC_F_NEXT 1
#define VIRTQ_DESC_F_WRITE 2
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1
#define VIRTQ_USED_F_NO_NOTIFY 1

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags;
	uint16_t next;
};

struct avail {
	uint16_t flags;
	uint16_t idx;
	uint16_t ring[VIRTQ_MAX_SIZE];
	uint16_t used_event;
};

struct used_elem {
	uint32_t id;
	uint32_t len;
};

struct used {
	uint16_t flags;
	uint16_t idx;
	struct used_elem ring[VIRTQ_MAX_SIZE];
	uint16_t avail_event;
};

/* Each part on cache lines of its own: the device writes one of them. */
struct virtq_mem {
	struct desc desc[VIRTQ_MAX_SIZE] __attribute__((aligned(64)));
	struct avail avail __attribute__((aligned(64)));
	struct used used __attribute__((aligned(64)));
};

enum err virtq_init(struct virtq *q, uint32_t max_size)
{
	uint16_t size = VIRTQ_MAX_SIZE;
	paddr_t pa;

	if (max_size == 0)
		return ERR_INVAL;
	/* QueueNumMax need not be a power of two, a split queue's size must (2.7). */
	while (size > max_size)
		size = (uint16_t)(size / 2);
	*q = (struct virtq){.size = size, .nr_free = size};
	q->mem = dma_alloc(sizeof(*q->mem), &pa);
	if (q->mem == NULL)
		return ERR_NOMEM;
	q->desc_pa = pa + offsetof(struct virtq_mem, desc);
	q->driver_pa = pa + offsetof(struct virtq_mem, avail);
	q->device_pa = pa + offsetof(struct virtq_mem, used);
	q->mem->avail.flags = VIRTQ_AVAIL_F_NO_INTERRUPT;
	for (uint16_t i = 0; i < size; i++)
		q->next[i] = (uint16_t)(i + 1);
	return OK;
}

void virtq_free(struct virtq *q)
{
	dma_free(q->mem, sizeof(*q->mem));
	q->mem = NULL;
}

/* Put @buf into the first free descriptor. */
static void desc_push(struct virtq *q, const struct virtq_buf *buf, uint16_t flags)
{
	uint16_t i = q->free_head;

	q->mem->desc[i] = (struct desc){
		.addr = buf->pa, .len = buf->len_bytes, .flags = flags, .next = q->next[i]};
	q->free_head = q->next[i];
	q->nr_free--;
}

enum err virtq_add(struct virtq *q, const struct virtq_buf *out, unsigned nr_out,
		   const struct virtq_buf *in, unsigned nr_in, uint16_t *head)
{
	uint16_t first = q->free_head;
	uint64_t writable = 0;

	if (nr_out + nr_in == 0)
		return ERR_INVAL;
	if (nr_out > q->nr_free || nr_in > q->nr_free - nr_out)
		return ERR_NOMEM;
	for (unsigned i = 0; i < nr_out; i++) {
		if (out[i].len_bytes == 0)
			return ERR_INVAL;
	}
	for (unsigned i = 0; i < nr_in; i++) {
		writable += in[i].len_bytes;
		if (in[i].len_bytes == 0 || writable > UINT32_MAX)
			return ERR_INVAL;
	}

	for (unsigned i = 0; i < nr_out; i++)
		desc_push(q, &out[i], i + 1 < nr_out + nr_in ? VIRTQ_DESC_F_NEXT : (uint16_t)0);
	for (unsigned i = 0; i < nr_in; i++)
		desc_push(q, &in[i],
			  i + 1 < nr_in ? VIRTQ_DESC_F_NEXT | VIRTQ_DESC_F_WRITE
					: VIRTQ_DESC_F_WRITE);
	q->chain_len[first] = (uint16_t)(nr_out + nr_in);
	q->writable_bytes[first] = (uint32_t)writable;
	q->nr_in_flight++;

	q->mem->avail.ring[q->avail_idx % q->size] = first;
	q->avail_idx++;
	/* 2.7.13.3: descriptors and ring entry before the index that makes them visible. */
	dma_wmb();
	__atomic_store_n(&q->mem->avail.idx, q->avail_idx, __ATOMIC_RELAXED);
	*head = first;
	return OK;
}

bool virtq_wants_notify(const struct virtq *q)
{
	/* 2.7.13.4.1: the index before the flag is read, else both sides may wait. */
	dma_mb();
	return (__atomic_load_n(&q->mem->used.flags, __ATOMIC_RELAXED) & VIRTQ_USED_F_NO_NOTIFY) ==
	       0;
}

/* Chain of @head back to the free list. */
static void chain_free(struct virtq *q, uint16_t head)
{
	uint16_t last = head;

	for (uint16_t i = 1; i < q->chain_len[head]; i++)
		last = q->next[last];
	q->next[last] = q->free_head;
	q->free_head = head;
	q->nr_free = (uint16_t)(q->nr_free + q->chain_len[head]);
	q->chain_len[head] = 0;
	q->nr_in_flight--;
}

enum err virtq_take_used(struct virtq *q, uint16_t *head, uint32_t *len_bytes)
{
	const struct used *used = &q->mem->used;
	const struct used_elem *elem = &used->ring[q->used_idx % q->size];
	uint16_t idx = __atomic_load_n(&used->idx, __ATOMIC_RELAXED);
	uint32_t id, len;

	if (idx == q->used_idx)
		return ERR_NOENT;
	if ((uint16_t)(idx - q->used_idx) > q->nr_in_flight)
		return ERR_IO;
	/* 2.7.14: the index before the element and the buffer that it stands for. */
	dma_rmb();
	id = __atomic_load_n(&elem->id, __ATOMIC_RELAXED);
	len = __atomic_load_n(&elem->len, __ATOMIC_RELAXED);
	if (id >= q->size || q->chain_len[id] == 0 || len > q->writable_bytes[id])
		return ERR_IO;
	chain_free(q, (uint16_t)id);
	q->used_idx++;
	*head = (uint16_t)id;
	*len_bytes = len;
	return OK;
}
