/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the device's virtqueue, most of them with drivers that lie. */

#include <stdlib.h>
#include <string.h>

#include "device/vmem_abi.h"
#include "device/vmemq.h"
#include "device/vring.h"
#include "tests/host/tap.h"

#define BASE 0x80000000ULL /* guest address of the first byte */
#define GUEST_BYTES 8192U
#define SIZE 8U
#define DESC 0U
#define AVAIL 256U
#define USED 512U
#define BUFFERS 1024U

/* Guest memory is malloc'ed to the byte: the sanitizer sees what the bounds let through. */
struct guest {
	uint8_t *mem;
	struct vring ring;
	struct vring_params params;
	struct vring_chain chain;
	uint16_t avail_idx;
	bool wrapped; /* a range that wraps was let through to translate() */
};

static void *translate(void *ctx, uint64_t addr, uint64_t len, bool is_write)
{
	struct guest *g = ctx;

	(void)is_write;
	g->wrapped |= addr + len < addr;
	if (addr < BASE || addr - BASE >= GUEST_BYTES || len > GUEST_BYTES - (addr - BASE))
		return NULL;
	return g->mem + (addr - BASE);
}

static int setup(struct guest *g)
{
	memset(g, 0, sizeof(*g));
	g->mem = calloc(1, GUEST_BYTES);
	g->params.size = SIZE;
	g->params.desc = BASE + DESC;
	g->params.avail = BASE + AVAIL;
	g->params.used = BASE + USED;
	g->params.ring_translate = translate;
	g->params.translate = translate;
	g->params.ctx = g;
	return vring_start(&g->ring, &g->params);
}

static void teardown(struct guest *g)
{
	free(g->mem);
}

static void desc(struct guest *g, unsigned i, uint64_t addr, uint32_t len, uint16_t flags,
		 uint16_t next)
{
	uint8_t *d = g->mem + DESC + i * 16;

	le64_store(d, addr);
	le32_store(d + 8, len);
	le16_store(d + 12, flags);
	le16_store(d + 14, next);
}

static void publish(struct guest *g, uint16_t head)
{
	le16_store(g->mem + AVAIL + 4 + g->avail_idx % SIZE * 2, head);
	le16_store(g->mem + AVAIL + 2, ++g->avail_idx);
}

static int pop(struct guest *g)
{
	return vring_pop(&g->ring, &g->chain);
}

static void test_start(void)
{
	static const struct {
		const char *name;
		uint16_t size;
		uint64_t desc, avail, used;
		int error;
	} rows[] = {
		{"size 0", 0, BASE, BASE + 256, BASE + 512, VRING_ERR_SIZE},
		{"size 3", 3, BASE, BASE + 256, BASE + 512, VRING_ERR_SIZE},
		{"size 128", 128, BASE, BASE + 256, BASE + 512, VRING_ERR_SIZE},
		{"descriptors unaligned", 8, BASE + 8, BASE + 256, BASE + 512, VRING_ERR_ALIGN},
		{"available ring unaligned", 8, BASE, BASE + 257, BASE + 512, VRING_ERR_ALIGN},
		{"used ring unaligned", 8, BASE, BASE + 256, BASE + 514, VRING_ERR_ALIGN},
		{"descriptors outside", 8, 0, BASE + 256, BASE + 512, VRING_ERR_MEMORY},
		{"descriptors across the end", 8, BASE + GUEST_BYTES - 64, BASE + 256, BASE + 512,
		 VRING_ERR_MEMORY},
		{"available ring outside", 8, BASE, 0, BASE + 512, VRING_ERR_MEMORY},
		{"used ring across the end", 8, BASE, BASE + 256, BASE + GUEST_BYTES - 4,
		 VRING_ERR_MEMORY},
		{"an address that wraps", 8, 0ULL - 16, BASE + 256, BASE + 512, VRING_ERR_MEMORY},
		{"all is well", 8, BASE, BASE + 256, BASE + 512, VRING_OK},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guest g;

		setup(&g);
		g.params.size = rows[i].size;
		g.params.desc = rows[i].desc;
		g.params.avail = rows[i].avail;
		g.params.used = rows[i].used;
		tap_ok(vring_start(&g.ring, &g.params) == rows[i].error && !g.wrapped &&
			       g.ring.started == (rows[i].error == VRING_OK),
		       "start: %s", rows[i].name);
		teardown(&g);
	}
}

static void test_chain(void)
{
	struct guest g;
	char buf[32] = "";

	setup(&g);
	tap_is(pop(&g), 0, "chain: none at first");
	memcpy(g.mem + BUFFERS, "hello ", 6);
	memcpy(g.mem + BUFFERS + 100, "world", 5);
	desc(&g, 3, BASE + BUFFERS, 6, 1, 5);
	desc(&g, 5, BASE + BUFFERS + 50, 0, 1, 1); /* an empty one in between */
	desc(&g, 1, BASE + BUFFERS + 100, 5, 1, 0);
	desc(&g, 0, BASE + BUFFERS + 200, 2, 3, 7);
	desc(&g, 7, BASE + BUFFERS + 300, 4, 2, 0xffff); /* next has no meaning without NEXT */
	publish(&g, 3);
	tap_is(pop(&g), 1, "chain: taken");
	tap_ok(g.chain.head == 3 && g.chain.nb_segments == 5 && g.chain.nb_readable == 3 &&
		       g.chain.readable_bytes == 11 && g.chain.writable_bytes == 6,
	       "chain: its parts");
	tap_is(vring_gather(&g.chain, buf, sizeof(buf)), 11, "chain: gathered");
	tap_ok(strcmp(buf, "hello world") == 0, "chain: content");
	tap_is(vring_gather(&g.chain, buf, 8), 8, "chain: no more than asked for");
	tap_ok(vring_scatter(&g.chain, "abcdefg", 7) == VRING_ERR_SHORT &&
		       g.mem[BUFFERS + 200] == 0,
	       "chain: too much to scatter copies nothing");
	tap_ok(vring_scatter(&g.chain, "abcde", 5) == VRING_OK &&
		       memcmp(g.mem + BUFFERS + 200, "ab", 3) == 0 &&
		       memcmp(g.mem + BUFFERS + 300, "cde", 4) == 0,
	       "chain: scattered");
	vring_push(&g.ring, &g.chain, 5);
	tap_ok(le16_load(g.mem + USED + 2) == 1 && le32_load(g.mem + USED + 4) == 3 &&
		       le32_load(g.mem + USED + 8) == 5,
	       "chain: given back");
	tap_is(pop(&g), 0, "chain: no second one");
	tap_ok(vring_wants_interrupt(&g.ring), "notification: wanted");
	le16_store(g.mem + AVAIL, 1);
	tap_ok(!vring_wants_interrupt(&g.ring), "notification: suppressed by the driver");
	tap_is(vring_stop(&g.ring), 1, "stop: the index to go on from");
	tap_ok(pop(&g) == VRING_ERR_STOPPED, "stop: nothing is taken any more");
	teardown(&g);
}

/* Indices run through 65535 and the rings around. */
static void test_wrap(void)
{
	struct guest g;
	unsigned wrong = 0;

	setup(&g);
	desc(&g, 2, BASE + BUFFERS, 4, 0, 0);
	for (unsigned i = 0; i < 70000; i++) {
		publish(&g, 2);
		wrong += pop(&g) != 1;
		vring_push(&g.ring, &g.chain, 0);
	}
	tap_ok(wrong == 0 && le16_load(g.mem + USED + 2) == (uint16_t)70000,
	       "wrap: 70000 chains through a queue of 8");
	teardown(&g);
	setup(&g);
	g.params.base = 65535;
	vring_start(&g.ring, &g.params);
	g.avail_idx = 65535;
	desc(&g, 2, BASE + BUFFERS, 4, 0, 0);
	publish(&g, 2);
	tap_is(pop(&g), 1, "wrap: a queue that goes on at 65535");
	vring_push(&g.ring, &g.chain, 0);
	tap_is(le16_load(g.mem + USED + 2), 0, "wrap: its used index follows");
	teardown(&g);
}

static void test_liars(void)
{
	static const struct {
		const char *name;
		uint64_t addr;
		uint32_t len;
		uint16_t flags, next;
		int error;
	} rows[] = {
		{"address outside", 0x1000, 4, 0, 0, VRING_ERR_MEMORY},
		{"length across the end", BASE + GUEST_BYTES - 4, 5, 0, 0, VRING_ERR_MEMORY},
		{"length of 4 GiB - 1", BASE, 0xffffffff, 2, 0, VRING_ERR_MEMORY},
		{"address that wraps", 0ULL - 2, 4, 0, 0, VRING_ERR_MEMORY},
		{"indirect", BASE + BUFFERS, 16, 4, 0, VRING_ERR_FLAGS},
		{"next out of range", BASE + BUFFERS, 4, 1, 8, VRING_ERR_INDEX},
		{"next far out of range", BASE + BUFFERS, 4, 1, 0xffff, VRING_ERR_INDEX},
		{"loop to itself", BASE + BUFFERS, 4, 1, 4, VRING_ERR_LOOP},
		{"readable after writable", BASE + BUFFERS, 4, 3, 6, VRING_ERR_ORDER},
	};
	struct guest g;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(&g);
		desc(&g, 6, BASE + BUFFERS, 4, 0, 0);
		desc(&g, 4, rows[i].addr, rows[i].len, rows[i].flags, rows[i].next);
		publish(&g, 4);
		tap_ok(pop(&g) == rows[i].error && !g.wrapped, "liar: %s", rows[i].name);
		teardown(&g);
	}
	setup(&g);
	publish(&g, 8);
	tap_ok(pop(&g) == VRING_ERR_INDEX, "liar: head out of range");
	teardown(&g);
	setup(&g);
	le16_store(g.mem + AVAIL + 2, 9);
	tap_ok(pop(&g) == VRING_ERR_INDEX, "liar: available index too far ahead");
	le16_store(g.mem + AVAIL + 2, 65535);
	tap_ok(pop(&g) == VRING_ERR_INDEX, "liar: available index goes back");
	teardown(&g);
}

/* Random rings: any answer will do, as long as nothing outside guest memory is touched. */
static void test_random(void)
{
	uint64_t seed = 12345;
	unsigned taken = 0, refused = 0;

	for (unsigned i = 0; i < 20000; i++) {
		struct guest g;
		uint8_t buf[64];
		int rc;

		setup(&g);
		for (unsigned k = 0; k < SIZE; k++) {
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
			desc(&g, k, BASE + (seed >> 20) % (GUEST_BYTES + 64),
			     (uint32_t)(seed >> 40) % 300, (uint16_t)(seed >> 50) % 5,
			     (uint16_t)(seed >> 55) % 9);
		}
		publish(&g, (uint16_t)(seed >> 60) % 9);
		rc = pop(&g);
		if (rc == 1) {
			taken++;
			vring_gather(&g.chain, buf, sizeof(buf));
			if (vring_scatter(&g.chain, buf, sizeof(buf)) == VRING_OK)
				vring_push(&g.ring, &g.chain, sizeof(buf));
		}
		refused += rc < 0;
		teardown(&g);
	}
	tap_ok(taken > 1000 && refused > 1000, "random: 20000 rings, no access out of bounds");
	printf("# %u chains taken, %u refused\n", taken, refused);
}

/* What the daemon says of an error: something, and of no two the same. */
static void test_texts(void)
{
	bool apart = true;

	for (int a = VMEMQ_ERR_RESPONSE; a <= 1; a++) {
		for (int b = a + 1; b <= 1; b++) {
			bool both_known = strstr(vmemq_error_text(a), "unknown queue") == NULL ||
					  strstr(vmemq_error_text(b), "unknown queue") == NULL;

			if (both_known && strcmp(vmemq_error_text(a), vmemq_error_text(b)) == 0)
				apart = false;
		}
	}
	tap_ok(apart, "no two errors have one text");
	tap_ok(strcmp(vmemq_error_text(VRING_ERR_LOOP), "descriptor chain loops") == 0 &&
		       strcmp(vmemq_error_text(VMEMQ_ERR_RESPONSE),
			      "no room for a response of 10 bytes") == 0 &&
		       strcmp(vring_error_text(-9999), "unknown queue error") == 0,
	       "errors are named");
	for (int e = VRING_ERR_STOPPED; e <= VRING_OK; e++)
		tap_ok(strcmp(vmemq_error_text(e), "unknown queue error") != 0, "error %d: %s", e,
		       vmemq_error_text(e));
}

int main(void)
{
	test_texts();
	test_start();
	test_chain();
	test_wrap();
	test_liars();
	test_random();
	return tap_done();
}
