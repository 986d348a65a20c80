/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem device: every rule that virtio 1.2, 5.15 has for requests and sizes. */
#include "tests/host/test_device_rig.h"

static void test_errors(uint16_t type, const char *name)
{
	uint64_t beyond = REGION / 2 / BLOCK; /* the first block behind the usable region */
	struct fixture f;

	setup(&f, 256 * MIB);
	tap_is(request(&f, type, ADDR + MIB, 1).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: unaligned addr MUST be ERROR", name);
	tap_is(request(&f, type, ADDR, 0).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: nb_blocks 0 MUST be ERROR", name);
	tap_is(request(&f, type, ADDR - BLOCK, 1).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: before the region MUST be ERROR", name);
	tap_is(request(&f, type, ADDR - BLOCK, 2).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: across the region's start MUST be ERROR", name);
	tap_is(request(&f, type, ADDR + beyond * BLOCK, 1).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: behind the usable region MUST be ERROR", name);
	tap_is(request(&f, type, ADDR + (beyond - 1) * BLOCK, 2).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: across the usable region's end MUST be ERROR", name);
	tap_is(request(&f, type, ADDR + REGION, 1).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: behind the region MUST be ERROR", name);
	tap_is(request(&f, type, 0 - BLOCK, 65535).type, VIRTIO_MEM_RESP_ERROR,
	       "%s: a range that wraps MUST be ERROR", name);
	tap_is(f.vm.plugged_size, 0, "%s: nothing came of it", name);
	tap_is(f.discards + f.populates, 0, "%s: and no memory was touched", name);
	teardown(&f);
}

static void test_plug(void)
{
	struct fixture f;
	uint32_t generation;

	setup(&f, 8 * BLOCK);
	generation = f.vm.generation;
	tap_is(plug(&f, 2, 3), VIRTIO_MEM_RESP_ACK, "plug: ACK");
	tap_is(f.vm.plugged_size, 3 * BLOCK, "plug: plugged_size MUST reflect it");
	tap_ok(f.last_offset == 2 * BLOCK && f.last_size == 3 * BLOCK, "plug: populated");
	tap_ok(f.vm.generation != generation, "plug: the generation moves");
	tap_is(f.notified, 0, "plug: SHOULD NOT notify for plugged_size");
	tap_is(plug(&f, 4, 1), VIRTIO_MEM_RESP_ERROR, "plug: a plugged block MUST be ERROR");
	tap_is(plug(&f, 4, 2), VIRTIO_MEM_RESP_ERROR, "plug: partly plugged MUST be ERROR");
	tap_is(f.vm.plugged_size, 3 * BLOCK, "plug: all or nothing");
	tap_is(state(&f, 5, 1).state, VIRTIO_MEM_STATE_UNPLUGGED, "plug: nothing of a failed one");
	tap_is(plug(&f, 10, 6), VIRTIO_MEM_RESP_NACK, "plug: more than requested is NACK");
	tap_is(plug(&f, 2, 6), VIRTIO_MEM_RESP_NACK, "plug: size comes before state, as in QEMU");
	tap_is(plug(&f, 2, 0), VIRTIO_MEM_RESP_ERROR, "plug: range comes before size");
	f.fail_populate = true;
	tap_is(plug(&f, 10, 5), VIRTIO_MEM_RESP_BUSY, "plug: memory that cannot be had is BUSY");
	tap_is(f.vm.plugged_size, 3 * BLOCK, "plug: BUSY changes nothing");
	f.fail_populate = false;
	tap_is(plug(&f, 10, 5), VIRTIO_MEM_RESP_ACK, "plug: up to the requested size");
	tap_is(plug(&f, 20, 1), VIRTIO_MEM_RESP_NACK, "plug: at the requested size is NACK");
	f.vm.params.requested_size = BLOCK;
	tap_is(plug(&f, 20, 1), VIRTIO_MEM_RESP_NACK, "plug: above it too");
	teardown(&f);
}

static void test_unplug(void)
{
	struct fixture f;

	setup(&f, 100 * BLOCK);
	plug(&f, 60, 10); /* across a word of the bitmap */
	tap_is(unplug(&f, 58, 4), VIRTIO_MEM_RESP_ERROR, "unplug: partly unplugged MUST be ERROR");
	tap_is(unplug(&f, 10, 1), VIRTIO_MEM_RESP_ERROR,
	       "unplug: an unplugged block MUST be ERROR");
	tap_is(f.discards, 0, "unplug: no discard came of it");
	f.fail_discard = true;
	tap_is(unplug(&f, 62, 4), VIRTIO_MEM_RESP_BUSY, "unplug: a failed discard is BUSY");
	tap_is(f.vm.plugged_size, 10 * BLOCK, "unplug: BUSY changes nothing");
	f.fail_discard = false;
	tap_is(unplug(&f, 62, 4), VIRTIO_MEM_RESP_ACK, "unplug: ACK");
	tap_ok(f.last_offset == 62 * BLOCK && f.last_size == 4 * BLOCK, "unplug: discarded");
	tap_is(f.vm.plugged_size, 6 * BLOCK, "unplug: plugged_size MUST reflect it");
	tap_is(state(&f, 60, 2).state, VIRTIO_MEM_STATE_PLUGGED, "unplug: not the blocks before");
	tap_is(state(&f, 66, 4).state, VIRTIO_MEM_STATE_PLUGGED, "unplug: not the blocks behind");
	tap_is(unplug(&f, 66, 4), VIRTIO_MEM_RESP_ACK, "unplug: below requested_size is allowed");
	tap_is(f.notified, 0, "unplug: SHOULD NOT notify for plugged_size");
	teardown(&f);
}

static void test_state(void)
{
	struct fixture f;

	setup(&f, 100 * BLOCK);
	plug(&f, 0, 70);
	tap_is(state(&f, 0, 70).state, VIRTIO_MEM_STATE_PLUGGED, "state: PLUGGED iff all are");
	tap_is(state(&f, 70, 5).state, VIRTIO_MEM_STATE_UNPLUGGED, "state: UNPLUGGED iff all are");
	tap_is(state(&f, 69, 2).state, VIRTIO_MEM_STATE_MIXED, "state: else MIXED");
	tap_is(state(&f, 0, 71).state, VIRTIO_MEM_STATE_MIXED, "state: MIXED over several words");
	tap_is(state(&f, 0, 1).type, VIRTIO_MEM_RESP_ACK, "state: MUST be ACK");
	tap_is(f.vm.plugged_size, 70 * BLOCK, "state: changes nothing");
	teardown(&f);
}

static void test_unplug_all(void)
{
	struct fixture f;
	struct vmem_request req = {VIRTIO_MEM_REQ_UNPLUG_ALL, 0xffff, 0x123};
	struct vmem_response resp;

	setup(&f, REGION);
	plug(&f, 0, 3);
	plug(&f, 64, 64);
	plug(&f, 511, 1);
	vmem_set_requested_size(&f.vm, 0);
	f.notified = 0;
	f.fail_discard_at = 2;
	tap_is(unplug_all(&f), VIRTIO_MEM_RESP_BUSY, "unplug-all: a failed discard is BUSY");
	tap_is(f.vm.plugged_size, 64 * BLOCK, "unplug-all: plugged_size stays true after BUSY");
	tap_is(state(&f, 64, 64).state, VIRTIO_MEM_STATE_PLUGGED, "unplug-all: that run is kept");
	tap_is(f.vm.usable_size, REGION, "unplug-all: BUSY does not shrink the usable region");
	f.fail_discard_at = 0;
	vmem_handle(&f.vm, &req, &resp);
	tap_is(resp.type, VIRTIO_MEM_RESP_ACK, "unplug-all: MUST ignore all but the type");
	tap_is(f.vm.plugged_size, 0, "unplug-all: MUST set plugged_size to 0");
	tap_is(f.vm.usable_size, 0, "unplug-all: may shrink the usable region");
	tap_is(f.notified, 0, "unplug-all: needs no notification for that");
	f.discards = 0;
	vmem_set_requested_size(&f.vm, REGION);
	vmem_set_requested_size(&f.vm, BLOCK);
	tap_is(f.vm.usable_size, REGION, "unplug-all: a smaller request does not shrink it");
	tap_is(unplug_all(&f), VIRTIO_MEM_RESP_ACK, "unplug-all: ACK with nothing plugged");
	tap_is(f.vm.usable_size, BLOCK + 256 * MIB, "unplug-all: resizes even then, as in QEMU");
	tap_is(f.discards, 0, "unplug-all: discards nothing then");
	teardown(&f);
}

static void test_usable(void)
{
	struct fixture f;
	uint32_t generation;

	setup(&f, 0);
	tap_is(f.vm.usable_size, 0, "usable: 0 when nothing is requested");
	generation = f.vm.generation;
	tap_ok(vmem_set_requested_size(&f.vm, BLOCK) == VMEM_OK, "resize: ok");
	tap_is(f.vm.usable_size, BLOCK + 256 * MIB, "usable: grows at once");
	tap_is(f.notified, 1, "resize: MUST notify");
	tap_is(f.usable_changes, 1, "usable: its owner hears of it");
	tap_ok(f.vm.generation != generation, "resize: the generation moves");
	vmem_set_requested_size(&f.vm, REGION);
	tap_is(f.vm.usable_size, REGION, "usable: never above region_size");
	vmem_set_requested_size(&f.vm, 0);
	tap_is(f.vm.usable_size, REGION, "usable: MUST NOT shrink on a smaller request");
	tap_is(f.notified, 3, "resize: each one notified");
	vmem_set_requested_size(&f.vm, 0);
	tap_is(f.notified, 3, "resize: the same size is no news");
	tap_ok(vmem_set_requested_size(&f.vm, MIB) == VMEM_ERR_ALIGN, "resize: unaligned");
	tap_ok(vmem_set_requested_size(&f.vm, 2 * REGION) == VMEM_ERR_RANGE, "resize: too large");
	tap_is(f.vm.params.requested_size, 0, "resize: a bad one changes nothing");
	teardown(&f);
}

static void test_system_reset(void)
{
	struct fixture f;

	setup(&f, REGION);
	plug(&f, 100, 50);
	vmem_set_requested_size(&f.vm, BLOCK);
	f.notified = 0;
	tap_is(vmem_system_reset(&f.vm), 0, "system reset: SHOULD unplug all");
	tap_is(f.vm.plugged_size, 0, "system reset: plugged_size");
	tap_is(f.discards, 1, "system reset: discarded");
	tap_is(f.vm.usable_size, BLOCK + 256 * MIB, "system reset: the usable region shrinks");
	tap_is(f.vm.params.requested_size, BLOCK, "system reset: requested_size stays");
	plug(&f, 1, 1);
	f.fail_discard = true;
	tap_is(vmem_system_reset(&f.vm), BLOCK, "system reset: says what stayed plugged");
	teardown(&f);
}

static void test_admit(void)
{
	struct fixture f;

	setup(&f, REGION);
	plug(&f, 0, 1);
	for (uint16_t v = VIRTIO_MEM_RESP_NACK; v <= VIRTIO_MEM_RESP_ERROR; v++) {
		f.verdict = v;
		tap_ok(plug(&f, 1, 1) == v && unplug(&f, 0, 1) == v && unplug_all(&f) == v &&
			       state(&f, 0, 1).type == v,
		       "admit: verdict %u is the answer", v);
	}
	tap_is(f.vm.plugged_size, BLOCK, "admit: a refused request changes nothing");
	tap_is(f.answers, 13, "answered: once a request");
	teardown(&f);
}

/* The device against a plain array of booleans, with random requests. */
static void test_random(void)
{
	static bool model[512];
	struct fixture f;
	uint64_t seed = 0x9e3779b97f4a7c15ULL;
	unsigned wrong = 0;
	uint64_t plugged = 0;

	setup(&f, REGION);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t block, start;
		uint16_t n;
		unsigned on = 0;
		bool do_plug;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		block = (seed >> 33) % 512;
		n = (uint16_t)(1 + (seed >> 50) % (1 + (i % 3) * 40));
		do_plug = (seed >> 60 & 1) != 0;
		for (uint64_t b = block; b < block + n && b < 512; b++)
			on += model[b];
		if ((do_plug ? plug(&f, block, n) : unplug(&f, block, n)) == VIRTIO_MEM_RESP_ACK) {
			wrong += block + n > 512 || on != (do_plug ? 0U : n);
			for (uint64_t b = block; b < block + n && b < 512; b++)
				model[b] = do_plug;
			plugged += do_plug ? n * BLOCK : 0 - n * BLOCK;
		} else {
			wrong += block + n <= 512 && on == (do_plug ? 0U : n);
		}
		wrong += f.vm.plugged_size != plugged;
		if (i % 64 == 0 && vmem_next_run(&f.vm, block, true, &start) != 0)
			wrong += !model[start] || (start > block && model[start - 1]);
	}
	tap_is(wrong, 0, "random: 200000 requests agree with a plain model");
	teardown(&f);
}

static void test_runs(void)
{
	struct fixture f;
	uint64_t start;

	setup(&f, REGION);
	tap_is(vmem_next_run(&f.vm, 0, true, &start), 0, "runs: none plugged");
	tap_is(vmem_next_run(&f.vm, 0, false, &start), 512, "runs: all unplugged");
	plug(&f, 63, 66);
	tap_ok(vmem_next_run(&f.vm, 0, true, &start) == 66 && start == 63, "runs: across words");
	tap_ok(vmem_next_run(&f.vm, 70, true, &start) == 59 && start == 70, "runs: from within");
	tap_ok(vmem_next_run(&f.vm, 63, false, &start) == 383 && start == 129, "runs: behind it");
	tap_is(vmem_next_run(&f.vm, 512, false, &start), 0, "runs: none behind the end");
	tap_is(vmem_range_state(&f.vm, 63 * BLOCK, 66 * BLOCK), VIRTIO_MEM_STATE_PLUGGED,
	       "range: plugged");
	tap_is(vmem_range_state(&f.vm, 0, 63 * BLOCK), VIRTIO_MEM_STATE_UNPLUGGED,
	       "range: unplugged");
	tap_is(vmem_range_state(&f.vm, 0, 2 * REGION), VIRTIO_MEM_STATE_MIXED, "range: too long");
	teardown(&f);
}

int main(void)
{
	test_errors(VIRTIO_MEM_REQ_PLUG, "plug");
	test_errors(VIRTIO_MEM_REQ_UNPLUG, "unplug");
	test_errors(VIRTIO_MEM_REQ_STATE, "state");
	test_plug();
	test_unplug();
	test_state();
	test_unplug_all();
	test_usable();
	test_system_reset();
	test_admit();
	test_random();
	test_runs();
	return tap_done();
}
