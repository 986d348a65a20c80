/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.numa: allocation goes to the node that was asked for, and falls back in order. */
#include "firmware/console.h"
#include "mm/kernel.h"
#include "tests/hotcase.h"

#define ORDER 9u /* 2 MiB: used up soon */
#define FRAME_BYTES SZ_2M
#define MAX_HELD 64u

static paddr_t held[MAX_HELD];
static unsigned nr_held;

static void let_go(void)
{
	while (nr_held != 0)
		frame_free(held[--nr_held], ORDER, OWNER_TEST);
}

/* Take one from @node. FRAME_NONE: there is none anywhere. */
static paddr_t take(struct test_run *t, uint16_t node)
{
	paddr_t pa = frame_alloc_node(ORDER, OWNER_TEST, node);

	if (pa == FRAME_NONE)
		return pa;
	ASSERT(t, nr_held < MAX_HELD, "more than %u frames of a block", MAX_HELD);
	held[nr_held++] = pa;
	return pa;
}

/* The node of what the device says, by the region that holds @pa; boot memory is of node 0. */
static uint16_t node_of(const struct test_run *t, paddr_t pa)
{
	for (unsigned i = 0; i < t->bench->nr_vmems; i++) {
		const struct virtio_mem *v = t->bench->vmems[i];

		if (pa >= v->geo.addr && pa - v->geo.addr < v->geo.region_size)
			return virtio_mem_node(v, NULL);
	}
	return 0;
}

/* The nodes that there are behind @node, in the order of fallback; boot memory's is one of them. */
static uint16_t next_node(const struct test_run *t, uint16_t node)
{
	uint16_t best = (uint16_t)(0 - node);

	for (unsigned i = 0; i < t->bench->nr_vmems; i++) {
		uint16_t steps = (uint16_t)(virtio_mem_node(t->bench->vmems[i], NULL) - node);

		if (steps != 0 && (best == 0 || steps < best))
			best = steps;
	}
	return (uint16_t)(node + best);
}

/* Exactly the blocks of @node come first, then one of the node behind it. */
static void use_up(struct test_run *t, uint16_t node, uint64_t blocks)
{
	paddr_t pa;

	for (uint64_t i = 0; i < blocks; i++) {
		pa = take(t, node);
		ASSERT(t, pa != FRAME_NONE, "nothing is left of node %u", node);
		EXPECT(t, node_of(t, pa) == node, "asked for node %u, got 0x%llx of node %u", node,
		       (unsigned long long)pa, node_of(t, pa));
	}
	pa = take(t, node);
	ASSERT(t, pa != FRAME_NONE, "no node stands in for node %u", node);
	EXPECT(t, node_of(t, pa) == next_node(t, node),
	       "node %u is used up: got 0x%llx of node %u, due %u", node, (unsigned long long)pa,
	       node_of(t, pa), next_node(t, node));
	let_go();
}

TEST(actor, numa, .needs = NEEDS_VMEM)
{
	struct hot_region *h[MAX_VMEMS];
	unsigned n = t->bench->nr_vmems;
	unsigned told = 0;
	uint64_t size = 0;

	for (unsigned i = 0; i < n; i++)
		told += virtio_mem_node(t->bench->vmems[i], NULL) != 0;
	if (told == 0) {
		test_skip(t, "all memory is of node 0 (make run VMEM_NODES=1, vmem.node=1)");
		return;
	}
	for (unsigned i = 0; i < n; i++)
		size = max_u64(size, hotcase_block_size_of(t->bench->vmems[i]));
	if (size > MAX_HELD / 4 * FRAME_BYTES) {
		test_skip(t, "blocks of 0x%llx bytes are too large", (unsigned long long)size);
		return;
	}
	if (!hotcase_need_room(t, n * size))
		return;
	nr_held = 0;
	t->cleanup = let_go;
	for (unsigned i = 0; i < n; i++) {
		h[i] = hotcase_add(t, hotcase_blocks_of(t->bench->vmems[i], i, 1), PROT_RW);
		EXPECT(t, h[i]->zone.node == virtio_mem_node(t->bench->vmems[i], NULL),
		       "memory of node %u came as node %u",
		       virtio_mem_node(t->bench->vmems[i], NULL), h[i]->zone.node);
	}
	for (unsigned i = 0; i < n; i++) {
		uint16_t node = virtio_mem_node(t->bench->vmems[i], NULL);
		uint64_t blocks = 0;

		for (unsigned k = 0; k < n; k++)
			blocks += virtio_mem_node(t->bench->vmems[k], NULL) == node
					  ? h[k]->phys.size / FRAME_BYTES
					  : 0;
		/* How much boot memory is free in large blocks is not known. */
		if (node != 0)
			use_up(t, node, blocks);
	}
	EXPECT(t, node_of(t, take(t, 0)) == 0, "node 0 has boot memory, and was not asked");
	let_go();
	/* A node that nobody has: the next one. */
	EXPECT(t, node_of(t, take(t, 1000)) == next_node(t, 1000), "node 1000 is there");
	let_go();
	for (unsigned i = 0; i < n; i++)
		hotcase_remove(t, h[i]);
}
