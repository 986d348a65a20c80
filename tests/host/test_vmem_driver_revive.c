/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver: devices that were given up start anew, with memory in use. */

#include "tests/host/test_vmem_driver_rig.h"

#define B SZ_2M

/* What the device does behind the driver's back. */
static uint16_t behind(uint16_t type, uint64_t first, uint16_t n)
{
	struct vmem_request req = {.type = type, .nb_blocks = n, .addr = RIG_ADDR + first * B};
	struct vmem_response resp;

	vmem_handle(&rig.vm, &req, &resp);
	return resp.type;
}

static uint8_t *used_ring(void)
{
	return (uint8_t *)(uintptr_t)rig.io.queue_device;
}

/* The answer is lost, whatever came of the request. */
static void lose_answer(void)
{
	le16_store(used_ring() + 2, (uint16_t)(le16_load(used_ring() + 2) - 1));
}

static void test_given_up(void)
{
	uint64_t before;

	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + B, 7 * B) == OK, "7 blocks are in use");
	rig.answer = VIRTIO_MEM_RESP_ERROR;
	rig.answer_left = 1;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 20 * B, B) == ERR_IO && rig.v.broken,
	       "ERROR: given up");
	before = rig.v.nr_requests;
	tap_ok(virtio_mem_revive(&rig.v) == OK && !rig.v.broken && rig_agrees() &&
		       rig.v.plugged_bytes == 7 * B,
	       "revived, and they are still plugged");
	tap_ok(rig.v.nr_requests - before < 20, "after %llu requests",
	       (unsigned long long)(rig.v.nr_requests - before));
	tap_ok(virtio_mem_config_changed(&rig.v), "asks for a look");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 20 * B, B) == OK &&
		       virtio_mem_unplug(&rig.v, RIG_ADDR + B, 7 * B) == OK && rig_agrees(),
	       "and it works");
	tap_ok(rig.live_allocs == 3 && rig.io.misuses == 0, "no memory is lost");
	rig_end();
}

static void test_lost_answers(void)
{
	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 2 * B) == OK, "2 blocks are in use");
	rig.after_notify = lose_answer;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 5 * B, 3 * B) == ERR_TIMEOUT &&
		       rig.vm.plugged_size == 5 * B && rig.v.plugged_bytes == 2 * B,
	       "plugged, and the answer is lost");
	rig.after_notify = NULL;
	tap_ok(virtio_mem_revive(&rig.v) == OK && rig_agrees() && rig.v.plugged_bytes == 2 * B,
	       "revived: what nobody knows of is unplugged");
	rig.after_notify = lose_answer;
	tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR, B) == ERR_TIMEOUT && rig.vm.plugged_size == B &&
		       rig.v.plugged_bytes == 2 * B,
	       "unplugged, and the answer is lost");
	rig.after_notify = NULL;
	tap_ok(virtio_mem_revive(&rig.v) == ERR_IO && rig.v.broken &&
		       strstr(rig.note, "0x200000 bytes of 0x100000000+0x") != NULL,
	       "what was plugged is gone: not used again: %s", rig.note);
	tap_ok(virtio_mem_plugged(&rig.v, RIG_ADDR, 64 * B) == 2 * B, "the accounts stay");
	rig_end();
}

static uint32_t read_no_reset(uint64_t off, uint32_t val)
{
	return off == VMMIO_REG_STATUS ? val | 1 : val;
}

static uint32_t read_other_addr(uint64_t off, uint32_t val)
{
	return off == VMMIO_REG_CONFIG + offsetof(struct virtio_mem_config, addr)
		       ? val + (uint32_t)B
		       : val;
}

static void test_refused(void)
{
	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == OK, "a block is in use");
	rig.read = read_no_reset;
	tap_ok(virtio_mem_revive(&rig.v) == ERR_TIMEOUT && rig.v.broken && rig.live_allocs == 3,
	       "no reset: its queue stays where it is");
	tap_ok(virtio_mem_close(&rig.v) == ERR_TIMEOUT && rig.live_allocs == 3,
	       "and is not given back either");
	rig.read = read_other_addr;
	tap_ok(virtio_mem_revive(&rig.v) == ERR_RANGE && rig.v.broken, "another region");
	rig.read = NULL;
	rig.fail_alloc = rig.nr_allocs + 1;
	tap_ok(virtio_mem_revive(&rig.v) == ERR_NOMEM && rig.v.broken, "no memory for a queue");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + B, B) == ERR_IO, "out of use");
	rig.answer = VIRTIO_MEM_RESP_BUSY;
	rig.answer_left = 100;
	tap_ok(virtio_mem_revive(&rig.v) == ERR_IO && rig.v.broken &&
		       strstr(rig.note, "STATE refused") != NULL,
	       "busy for ever");
	rig.answer_left = 3;
	tap_ok(virtio_mem_revive(&rig.v) == OK && rig_agrees() && rig.v.plugged_bytes == B,
	       "and after all that, revived");
	behind(VIRTIO_MEM_REQ_PLUG, 9, 2);
	rig.answer_skip = 20;
	rig.answer_left = 0;
	tap_ok(virtio_mem_revive(&rig.v) == OK && rig_agrees(), "strangers are dropped");
	tap_ok(virtio_mem_close(&rig.v) == OK && rig.live_allocs == 0 && rig.v.broken &&
		       rig.vm.plugged_size == B && rig.io.status == 0,
	       "closed: memory back, blocks as they are");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + B, B) == ERR_IO &&
		       virtio_mem_revive(&rig.v) == ERR_INVAL && virtio_mem_close(&rig.v) == OK,
	       "out of use for good");
	tap_ok(virtio_mem_init(&rig.v, &rig.t) == OK && rig.vm.plugged_size == 0,
	       "but for another start");
	rig_end();
}

/* Any pattern of blocks is read back from MIXED answers; and a region larger than a request. */
static void test_walk(void)
{
	uint64_t seed = 88172645463325252;

	for (unsigned i = 0; i < 50; i++) {
		unsigned sum = 0;

		rig_make(200 * B, B, 200 * B);
		if (rig_init(0) != OK)
			abort();
		for (unsigned b = 0; b < 200; b++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			if (seed % 50 < i)
				sum += virtio_mem_plug(&rig.v, RIG_ADDR + b * B, B) == OK;
			else if (seed % 64 == 0)
				behind(VIRTIO_MEM_REQ_PLUG, b, 1);
		}
		if (virtio_mem_revive(&rig.v) != OK || !rig_agrees() ||
		    rig.v.plugged_bytes != sum * B) {
			tap_ok(false, "pattern %u", i);
			return;
		}
		rig_end();
	}
	tap_ok(true, "50 patterns of 200 blocks");

	rig_make(150000 * UINT64_C(4096), 4096, 150000 * UINT64_C(4096));
	tap_ok(rig_init(0) == OK &&
		       virtio_mem_plug(&rig.v, RIG_ADDR + 4096, 149000 * UINT64_C(4096)) == OK &&
		       virtio_mem_revive(&rig.v) == OK && rig_agrees() && rig.v.nr_requests < 200,
	       "150000 blocks in %llu requests", (unsigned long long)rig.v.nr_requests);
	rig_end();
	rig_make(64 * B, B, 0);
	tap_ok(rig_init(0) == OK && virtio_mem_revive(&rig.v) == OK && rig.v.nr_requests == 0,
	       "nothing is usable, nothing is asked");
	rig_end();
}

static unsigned discards;

static int discard_once(void *ctx, uint64_t offset, uint64_t size)
{
	(void)ctx;
	(void)offset;
	(void)size;
	return ++discards > 1;
}

/* UNPLUG_ALL that ends in BUSY half way: what is left is asked for, the device stays in use. */
static void test_half_done(void)
{
	static const struct vmem_ops half_ops = {.discard = discard_once};

	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 3 * B) == OK &&
		       virtio_mem_plug(&rig.v, RIG_ADDR + 10 * B, 4 * B) == OK,
	       "two runs are plugged");
	rig.vm.ops = &half_ops;
	discards = 0;
	tap_ok(virtio_mem_unplug_all(&rig.v) == ERR_BUSY && !rig.v.broken && rig_agrees() &&
		       rig.v.plugged_bytes == 4 * B,
	       "one of them is gone, and accounted for");
	rig.vm.ops = &rig_vmem_ops;
	tap_ok(virtio_mem_unplug_all(&rig.v) == OK && rig_agrees(), "and then the other");
	rig_end();
}

static void test_interrupts(void)
{
	rig_make(64 * B, B, 8 * B);
	tap_ok(rig_init(RIG_IRQ) == OK && !rig.v.polled, "takes the interrupt");
	(void)virtio_mem_config_changed(&rig.v);
	tap_ok(virtio_mem_revive(&rig.v) == OK && !rig.v.polled, "and keeps it");
	(void)virtio_mem_config_changed(&rig.v);
	vmem_set_requested_size(&rig.vm, 4 * B);
	tap_ok(virtio_mem_config_changed(&rig.v), "a change is told");
	tap_ok(virtio_mem_close(&rig.v) == OK && rig.irq_off, "closed: interrupt off");
	rig_end();
}

/* A bus that has something to choose: what the device takes this time. */
static uint32_t takes;

static void choose_interrupt(struct virtio_device *d)
{
	d->irq = takes;
}

static void set_interrupt(struct virtio_device *d, bool on)
{
	if (!on)
		d->irq = 0;
}

static void test_messages(void)
{
	struct virtio_transport bus;

	rig_make(64 * B, B, 8 * B);
	tap_ok(rig_open(0) == OK, "no line");
	bus = *rig.t.bus;
	bus.choose_interrupt = choose_interrupt;
	bus.set_interrupt = set_interrupt;
	rig.t.bus = &bus;
	takes = RIG_IRQ;
	tap_ok(virtio_mem_init(&rig.v, &rig.t) == OK && !rig.v.polled, "a message, all the same");
	tap_ok(virtio_mem_revive(&rig.v) == OK && !rig.v.polled && !rig.irq_off, "kept");
	takes = 0;
	tap_ok(virtio_mem_revive(&rig.v) == OK && rig.v.polled && rig.irq_off,
	       "refused after a reset: its handler goes");
	(void)virtio_mem_config_changed(&rig.v);
	vmem_set_requested_size(&rig.vm, 4 * B);
	tap_ok(virtio_mem_config_changed(&rig.v), "and it is polled");
	rig.irq_off = false;
	tap_ok(virtio_mem_close(&rig.v) == OK && !rig.irq_off, "closed: it has none to give back");
	takes = RIG_IRQ;
	tap_ok(virtio_mem_init(&rig.v, &rig.t) == OK && virtio_mem_close(&rig.v) == OK &&
		       rig.irq_off,
	       "closed: the message's handler goes, whatever the device has then");
	takes = RIG_IRQ + 1;
	tap_ok(virtio_mem_init(&rig.v, &rig.t) == OK && rig.v.polled && rig.v.dev.irq == 0,
	       "a message that nobody can handle ends");
	rig_end();
	rig_make(64 * B, B, 8 * B);
	tap_ok(rig_open(RIG_IRQ) == OK, "a line, of others too");
	rig.t.bus = &bus;
	takes = 0;
	tap_ok(virtio_mem_init(&rig.v, &rig.t) == OK && rig.v.polled && !rig.irq_off,
	       "not chosen: it stays theirs");
	rig_end();
}

int main(void)
{
	test_given_up();
	test_lost_answers();
	test_refused();
	test_walk();
	test_half_done();
	test_interrupts();
	test_messages();
	return tap_done();
}
