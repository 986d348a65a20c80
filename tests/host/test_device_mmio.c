/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the virtio-mmio registers: a driver's start, requests, misuse, resets. */

#include <stdlib.h>
#include <string.h>

#include "device/mmio.h"
#include "tests/host/tap.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define BLOCK (2 * MIB)
#define ADDR (4 * GIB)

#define BASE 0x80000000ULL
#define GUEST_BYTES 8192U
#define DESC 0U
#define AVAIL 1024U
#define USED 2048U
#define REQ 4096U
#define RESP 4200U

#define STARTED                                                                                    \
	(VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK |            \
	 VIRTIO_STATUS_DRIVER_OK)

static const uint64_t schedule_sizes[] = {8 * BLOCK, 2 * BLOCK, 0};

struct rig {
	struct vmmio dev;
	struct vmem vm;
	struct schedule sched;
	uint64_t storage[8];
	uint8_t *mem;
	uint16_t avail_idx;
	bool line;
	unsigned edges, resets;
	uint16_t used_at_notify; /* used->idx when the configuration interrupt came */
};

static void *translate(void *ctx, uint64_t addr, uint64_t len, bool is_write)
{
	struct rig *r = ctx;

	(void)is_write;
	if (addr < BASE || addr - BASE >= GUEST_BYTES || len > GUEST_BYTES - (addr - BASE))
		return NULL;
	return r->mem + (addr - BASE);
}

static void set_interrupt(void *ctx, bool asserted)
{
	struct rig *r = ctx;

	r->line = asserted;
	r->edges++;
}

static void was_reset(void *ctx)
{
	((struct rig *)ctx)->resets++;
}

static void notify_config(void *ctx)
{
	struct rig *r = ctx;

	r->used_at_notify = le16_load(r->mem + USED + 2);
	vmmio_config_changed(&r->dev);
}

static const struct vmmio_ops mmio_ops = {translate, set_interrupt, was_reset};
static const struct vmem_ops vmem_ops = {.notify_config = notify_config};

static uint32_t rd(struct rig *r, uint64_t offset)
{
	return (uint32_t)vmmio_read(&r->dev, offset, 4);
}

static void wr(struct rig *r, uint64_t offset, uint32_t value)
{
	vmmio_write(&r->dev, offset, value, 4);
}

static void setup(struct rig *r)
{
	struct vmem_params p = {
		.addr = ADDR, .region_size = GIB, .block_size = BLOCK, .requested_size = 8 * BLOCK};

	memset(r, 0, sizeof(*r));
	r->mem = calloc(1, GUEST_BYTES);
	vmem_init(&r->vm, &p, r->storage, sizeof(r->storage), &vmem_ops, r);
	schedule_init(&r->sched, schedule_sizes, 3);
	vmmio_init(&r->dev, &r->vm, &r->sched, &mmio_ops, r);
}

static void teardown(struct rig *r)
{
	free(r->mem);
}

static void negotiate(struct rig *r, uint64_t features)
{
	wr(r, VMMIO_REG_STATUS, 0);
	wr(r, VMMIO_REG_STATUS, 1);
	wr(r, VMMIO_REG_STATUS, 3);
	wr(r, VMMIO_REG_DRIVER_FEATURES_SEL, 0);
	wr(r, VMMIO_REG_DRIVER_FEATURES, (uint32_t)features);
	wr(r, VMMIO_REG_DRIVER_FEATURES_SEL, 1);
	wr(r, VMMIO_REG_DRIVER_FEATURES, (uint32_t)(features >> 32));
	wr(r, VMMIO_REG_STATUS, 11);
}

static void set_queue(struct rig *r, uint32_t num, uint64_t desc)
{
	wr(r, VMMIO_REG_QUEUE_SEL, 0);
	wr(r, VMMIO_REG_QUEUE_NUM, num);
	wr(r, VMMIO_REG_QUEUE_DESC_LOW, (uint32_t)desc);
	wr(r, VMMIO_REG_QUEUE_DESC_HIGH, (uint32_t)(desc >> 32));
	wr(r, VMMIO_REG_QUEUE_DRIVER_LOW, (uint32_t)(BASE + AVAIL));
	wr(r, VMMIO_REG_QUEUE_DRIVER_HIGH, 0);
	wr(r, VMMIO_REG_QUEUE_DEVICE_LOW, (uint32_t)(BASE + USED));
	wr(r, VMMIO_REG_QUEUE_DEVICE_HIGH, 0);
	wr(r, VMMIO_REG_QUEUE_READY, 1);
}

static void start(struct rig *r)
{
	r->avail_idx = 0;
	memset(r->mem, 0, GUEST_BYTES);
	negotiate(r, 1ULL << 32 | 2);
	set_queue(r, 64, BASE + DESC);
	wr(r, VMMIO_REG_STATUS, STARTED);
}

static void post(struct rig *r, uint16_t type, uint64_t addr, uint16_t n, uint32_t req_len,
		 uint32_t resp_len)
{
	uint8_t *d = r->mem + DESC;

	le16_store(r->mem + REQ, type);
	le64_store(r->mem + REQ + 8, addr);
	le16_store(r->mem + REQ + 16, n);
	memset(r->mem + RESP, 0xee, 16);
	le64_store(d, BASE + REQ);
	le32_store(d + 8, req_len);
	le16_store(d + 12, 1);
	le16_store(d + 14, 1);
	le64_store(d + 16, BASE + RESP);
	le32_store(d + 24, resp_len);
	le16_store(d + 28, 2);
	le16_store(r->mem + AVAIL + 4 + r->avail_idx % 64 * 2, 0);
	le16_store(r->mem + AVAIL + 2, ++r->avail_idx);
}

/* One request; the response's type, or 0xeeee when there is none. */
static uint16_t request(struct rig *r, uint16_t type, uint64_t block, uint16_t n)
{
	post(r, type, ADDR + block * BLOCK, n, 24, 10);
	wr(r, VMMIO_REG_QUEUE_NOTIFY, 0);
	return le16_load(r->mem + RESP);
}

static void test_identity(void)
{
	struct rig r;

	setup(&r);
	tap_is(rd(&r, VMMIO_REG_MAGIC), 0x74726976, "identity: magic");
	tap_is(rd(&r, VMMIO_REG_VERSION), 2, "identity: version 2");
	tap_is(rd(&r, VMMIO_REG_DEVICE_ID), 24, "identity: a memory device");
	tap_is(rd(&r, VMMIO_REG_QUEUE_NUM_MAX), 64, "identity: queue 0");
	wr(&r, VMMIO_REG_QUEUE_SEL, 1);
	tap_is(rd(&r, VMMIO_REG_QUEUE_NUM_MAX), 0, "identity: no queue 1");
	wr(&r, VMMIO_REG_DEVICE_FEATURES_SEL, 0);
	tap_is(rd(&r, VMMIO_REG_DEVICE_FEATURES), 2, "identity: features, low half");
	wr(&r, VMMIO_REG_DEVICE_FEATURES_SEL, 1);
	tap_is(rd(&r, VMMIO_REG_DEVICE_FEATURES), 1, "identity: features, high half");
	wr(&r, VMMIO_REG_DEVICE_FEATURES_SEL, 2);
	tap_is(rd(&r, VMMIO_REG_DEVICE_FEATURES), 0, "identity: no more features");
	wr(&r, VMMIO_REG_SHM_SEL, 0);
	tap_ok(rd(&r, VMMIO_REG_SHM_LEN_LOW) == 0xffffffff &&
		       rd(&r, VMMIO_REG_SHM_LEN_HIGH) == 0xffffffff,
	       "identity: no shared memory region");
	tap_is(r.dev.misuses, 0, "identity: none of this is misuse");
	teardown(&r);
}

static void test_negotiation(void)
{
	struct rig r;

	setup(&r);
	negotiate(&r, 1ULL << 32 | 2);
	tap_is(rd(&r, VMMIO_REG_STATUS), 11, "negotiation: FEATURES_OK");
	wr(&r, VMMIO_REG_DRIVER_FEATURES, 0);
	tap_ok(r.dev.driver_features == (1ULL << 32 | 2) && r.dev.misuses == 1,
	       "negotiation: too late to change features");
	negotiate(&r, 1ULL << 32);
	tap_is(rd(&r, VMMIO_REG_STATUS), 3, "negotiation: refuses a driver without bit 1");
	negotiate(&r, 2);
	tap_is(rd(&r, VMMIO_REG_STATUS), 3, "negotiation: and one without VERSION_1");
	negotiate(&r, 1ULL << 32 | 6);
	tap_is(rd(&r, VMMIO_REG_STATUS), 3, "negotiation: and what was not offered");
	wr(&r, VMMIO_REG_STATUS, 7);
	tap_is(rd(&r, VMMIO_REG_STATUS), 3, "negotiation: no DRIVER_OK without FEATURES_OK");
	set_queue(&r, 64, BASE);
	tap_is(rd(&r, VMMIO_REG_QUEUE_READY), 0, "negotiation: no queue either");
	teardown(&r);
}

static void test_config(void)
{
	struct rig r;
	uint8_t bytes[VIRTIO_MEM_CONFIG_BYTES];
	struct virtio_mem_config c;
	uint32_t generation;
	bool same = true;

	setup(&r);
	vmem_config(&r.vm, &c);
	memcpy(bytes, &c, sizeof(bytes));
	for (unsigned i = 0; i < sizeof(bytes); i++)
		same &= vmmio_read(&r.dev, 0x100 + i, 1) == bytes[i];
	for (unsigned i = 0; i < sizeof(bytes); i += 2)
		same &= vmmio_read(&r.dev, 0x100 + i, 2) == le16_load(bytes + i);
	for (unsigned i = 0; i < sizeof(bytes); i += 4)
		same &= vmmio_read(&r.dev, 0x100 + i, 4) == le32_load(bytes + i);
	for (unsigned i = 0; i < sizeof(bytes); i += 8)
		same &= vmmio_read(&r.dev, 0x100 + i, 8) == le64_load(bytes + i);
	tap_ok(same, "config: every width at every offset");
	tap_is(vmmio_read(&r.dev, 0x100 + 56, 8), 0, "config: 0 behind its end");
	tap_is(r.dev.misuses, 0, "config: no misuse so far");
	vmmio_write(&r.dev, 0x100 + 48, 0, 8);
	tap_ok(r.vm.params.requested_size == 8 * BLOCK && r.dev.misuses == 1,
	       "config: a driver MUST NOT write");
	tap_ok(vmmio_read(&r.dev, 0x102, 4) == 0 && vmmio_read(&r.dev, 0x1ff, 2) == 0 &&
		       vmmio_read(&r.dev, 0x200, 4) == 0 && vmmio_read(&r.dev, 0x100, 3) == 0 &&
		       vmmio_read(&r.dev, ~3ULL, 4) == 0 && vmmio_read(&r.dev, 0, 8) == 0 &&
		       r.dev.misuses == 7,
	       "config: unaligned, outside, odd widths are misuse");
	generation = rd(&r, VMMIO_REG_CONFIG_GENERATION);
	vmem_set_requested_size(&r.vm, BLOCK);
	tap_ok(rd(&r, VMMIO_REG_CONFIG_GENERATION) != generation, "config: the generation moves");
	tap_ok(!r.line && rd(&r, VMMIO_REG_INTERRUPT_STATUS) == 0,
	       "config: no interrupt before DRIVER_OK");
	teardown(&r);
}

static void test_requests(void)
{
	struct rig r;

	setup(&r);
	start(&r);
	tap_is(rd(&r, VMMIO_REG_STATUS), STARTED, "requests: started");
	tap_is(request(&r, VIRTIO_MEM_REQ_PLUG, 0, 8), VIRTIO_MEM_RESP_ACK, "requests: plug");
	tap_is(le32_load(r.mem + USED + 8), 10, "requests: 10 bytes written");
	tap_is(vmmio_read(&r.dev, 0x100 + 40, 8), 8 * BLOCK, "requests: plugged_size");
	tap_ok(r.line && rd(&r, VMMIO_REG_INTERRUPT_STATUS) == VMMIO_INT_USED,
	       "requests: the used buffer interrupts");
	wr(&r, VMMIO_REG_INTERRUPT_ACK, VMMIO_INT_USED);
	tap_ok(!r.line && r.edges == 2, "requests: acknowledged");
	le16_store(r.mem + AVAIL, 1);
	tap_is(request(&r, VIRTIO_MEM_REQ_STATE, 0, 8), VIRTIO_MEM_RESP_ACK, "requests: state");
	tap_is(le16_load(r.mem + RESP + 8), VIRTIO_MEM_STATE_PLUGGED, "requests: plugged");
	tap_is(rd(&r, VMMIO_REG_INTERRUPT_STATUS), VMMIO_INT_CONFIG,
	       "requests: a new size interrupts, the suppressed buffer does not");
	tap_is(r.used_at_notify, 2, "requests: the size changed after the response was pushed");
	tap_is(vmmio_read(&r.dev, 0x100 + 48, 8), 2 * BLOCK, "requests: requested_size");
	tap_is(request(&r, VIRTIO_MEM_REQ_UNPLUG, 2, 6), VIRTIO_MEM_RESP_ACK, "requests: unplug");
	tap_is(vmmio_read(&r.dev, 0x100 + 48, 8), 0, "requests: the schedule goes on");
	tap_is(r.dev.misuses, 0, "requests: no misuse");
	teardown(&r);
}

static void test_reset(void)
{
	struct rig r;

	setup(&r);
	start(&r);
	request(&r, VIRTIO_MEM_REQ_PLUG, 0, 8);
	wr(&r, VMMIO_REG_STATUS, 0);
	tap_ok(rd(&r, VMMIO_REG_STATUS) == 0 && rd(&r, VMMIO_REG_QUEUE_READY) == 0 && !r.line &&
		       rd(&r, VMMIO_REG_INTERRUPT_STATUS) == 0 && r.resets == 1 + 1,
	       "reset: registers");
	tap_is(r.vm.plugged_size, 8 * BLOCK, "reset: a device reset MUST NOT change block states");
	tap_is(request(&r, VIRTIO_MEM_REQ_STATE, 0, 1), 0xeeee, "reset: the queue is dead");
	start(&r);
	tap_is(request(&r, VIRTIO_MEM_REQ_STATE, 0, 8), VIRTIO_MEM_RESP_ACK,
	       "reset: and starts again");
	tap_is(le16_load(r.mem + RESP + 8), VIRTIO_MEM_STATE_PLUGGED,
	       "reset: blocks are as before");
	vmmio_system_reset(&r.dev);
	tap_ok(r.vm.plugged_size == 0 && rd(&r, VMMIO_REG_STATUS) == 0 && !r.sched.armed,
	       "reset: a system reset unplugs all");
	teardown(&r);
}

static void needs_reset(struct rig *r, const char *name)
{
	tap_ok((rd(r, VMMIO_REG_STATUS) & VIRTIO_STATUS_NEEDS_RESET) != 0 && r->dev.error != 0,
	       "misuse: %s needs a reset", name);
}

static void test_misuse(void)
{
	struct rig r;

	setup(&r);
	start(&r);
	post(&r, VIRTIO_MEM_REQ_PLUG, ADDR, 1, 23, 10);
	wr(&r, VMMIO_REG_QUEUE_NOTIFY, 0);
	needs_reset(&r, "a request of 23 bytes");
	tap_ok(rd(&r, VMMIO_REG_INTERRUPT_STATUS) == VMMIO_INT_CONFIG && r.line,
	       "misuse: the driver is told (2.1.2)");
	tap_is(request(&r, VIRTIO_MEM_REQ_PLUG, 0, 1), 0xeeee, "misuse: nothing is served then");
	wr(&r, VMMIO_REG_STATUS, STARTED);
	needs_reset(&r, "writing the status does not help: it still");
	start(&r);
	tap_is(request(&r, VIRTIO_MEM_REQ_PLUG, 0, 1), VIRTIO_MEM_RESP_ACK, "misuse: a reset does");
	post(&r, VIRTIO_MEM_REQ_PLUG, ADDR + BLOCK, 1, 24, 9);
	wr(&r, VMMIO_REG_QUEUE_NOTIFY, 0);
	needs_reset(&r, "room for 9 bytes of response");
	tap_is(r.vm.plugged_size, BLOCK, "misuse: and the request took no effect");
	start(&r);
	request(&r, 4, 0, 1);
	needs_reset(&r, "request type 4");
	start(&r);
	le16_store(r.mem + AVAIL + 2, 65);
	wr(&r, VMMIO_REG_QUEUE_NOTIFY, 0);
	needs_reset(&r, "an available index out of range");
	negotiate(&r, 1ULL << 32 | 2);
	set_queue(&r, 64, 0x1000);
	needs_reset(&r, "a queue outside memory");
	tap_is(rd(&r, VMMIO_REG_INTERRUPT_STATUS), 0, "misuse: no interrupt before DRIVER_OK");
	negotiate(&r, 1ULL << 32 | 2);
	set_queue(&r, 65536 + 64, BASE);
	needs_reset(&r, "a queue of 65600");
	negotiate(&r, 1ULL << 32 | 2);
	set_queue(&r, 48, BASE);
	needs_reset(&r, "a queue of 48");
	start(&r);
	r.dev.misuses = 0;
	wr(&r, VMMIO_REG_QUEUE_DESC_LOW, 0);
	wr(&r, VMMIO_REG_QUEUE_READY, 1);
	wr(&r, VMMIO_REG_QUEUE_NOTIFY, 1);
	wr(&r, VMMIO_REG_MAGIC, 1);
	wr(&r, VMMIO_REG_STATUS, 1);
	rd(&r, VMMIO_REG_QUEUE_NUM);
	tap_is(r.dev.misuses, 6, "misuse: counted");
	tap_is(rd(&r, VMMIO_REG_STATUS), STARTED, "misuse: no status bit is cleared but by 0");
	tap_is(request(&r, VIRTIO_MEM_REQ_PLUG, 1, 1), VIRTIO_MEM_RESP_ACK,
	       "misuse: it still works");
	wr(&r, VMMIO_REG_QUEUE_READY, 0);
	tap_ok(rd(&r, VMMIO_REG_QUEUE_READY) == 0 &&
		       request(&r, VIRTIO_MEM_REQ_PLUG, 2, 1) == 0xeeee,
	       "misuse: a queue taken back is not served");
	teardown(&r);
}

/* A driver that writes anything anywhere: no crash, no access out of bounds. */
static void test_random(void)
{
	uint64_t seed = 99;
	struct rig r;
	unsigned plugged = 0;

	setup(&r);
	for (unsigned i = 0; i < 300000; i++) {
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (i % 97 == 0)
			start(&r);
		if (i % 5 == 0)
			post(&r, (uint16_t)(seed >> 60) % 5, ADDR + (seed >> 50) % 600 * BLOCK,
			     (uint16_t)(seed >> 40) % 9, 20 + (uint32_t)(seed >> 30) % 9, 10);
		if (i % 5 == 0)
			wr(&r, VMMIO_REG_QUEUE_NOTIFY, 0);
		if (i % 3 == 0)
			vmmio_write(&r.dev, (seed >> 33) % 0x204, seed >> 8,
				    1U << (seed >> 61) % 4);
		vmmio_read(&r.dev, (seed >> 20) % 0x204, 1U << (seed >> 59) % 4);
		plugged += r.vm.plugged_size != 0;
	}
	tap_ok(plugged > 1000, "random: 300000 accesses, some of them even plugged memory");
	teardown(&r);
}

int main(void)
{
	test_identity();
	test_negotiation();
	test_config();
	test_requests();
	test_reset();
	test_misuse();
	test_random();
	return tap_done();
}
