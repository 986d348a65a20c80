/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver against a device that keeps the rules: requests, accounts, notices. */

#include "tests/host/test_vmem_driver_rig.h"

#define B SZ_2M
#define SEED UINT64_C(0x9e3779b97f4a7c15)

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void test_start(void)
{
	char text[128];

	rig_make(SZ_1G, B, 0);
	tap_ok(rig_init(0) == OK, "starts");
	virtio_mem_describe(&rig.v, text, sizeof(text));
	tap_ok(strcmp(text, "virtio-mmio@10008000 region 0x100000000+1 GiB, block 2 MiB, "
			    "unplugged-inaccessible") == 0,
	       "describes itself: %s", text);
	tap_ok(rig.v.nr_requests == 0, "sends nothing when nothing is plugged");
	tap_ok(rig.v.polled, "polls without an interrupt");
	tap_ok((rig.io.driver_features >> VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE & 1) != 0 &&
		       (rig.v.features >> VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE & 1) != 0,
	       "accepts UNPLUGGED_INACCESSIBLE");
	tap_ok(virtio_mem_config_changed(&rig.v), "asks for a first look");
	tap_ok(!virtio_mem_config_changed(&rig.v), "once");
	tap_ok(rig.io.misuses == 0, "uses registers as it may");
	rig_end();

	rig_make(SZ_1G + 4096, 4096, 0);
	rig.vm.params.readable_unplugged = true;
	tap_ok(rig_init(0) == OK, "starts without UNPLUGGED_INACCESSIBLE");
	virtio_mem_describe(&rig.v, text, sizeof(text));
	tap_ok(strstr(text, "+1048580 KiB, block 4 KiB, unplugged-readable") != NULL,
	       "describes itself: %s", text);
	rig_end();
}

static void test_plug(void)
{
	uint16_t state = 9;

	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 3 * B, 5 * B) == OK && rig_agrees(), "plugs");
	tap_ok(rig.v.plugged_bytes == 5 * B, "counts what it plugged");
	tap_ok(virtio_mem_state(&rig.v, RIG_ADDR + 3 * B, 5 * B, &state) == OK &&
		       state == VIRTIO_MEM_STATE_PLUGGED,
	       "state is plugged");
	tap_ok(virtio_mem_state(&rig.v, RIG_ADDR, 3 * B, &state) == OK &&
		       state == VIRTIO_MEM_STATE_UNPLUGGED,
	       "state is unplugged");
	tap_ok(virtio_mem_state(&rig.v, RIG_ADDR, 4 * B, &state) == OK &&
		       state == VIRTIO_MEM_STATE_MIXED,
	       "state is mixed");
	tap_ok(virtio_mem_plugged(&rig.v, RIG_ADDR, 64 * B) == 5 * B, "plugged bytes of all");
	tap_ok(virtio_mem_plugged(&rig.v, RIG_ADDR + 7 * B, 2 * B) == B, "plugged bytes of a part");
	tap_ok(virtio_mem_plugged(&rig.v, 0, UINT64_MAX) == 5 * B, "plugged bytes of everything");
	tap_ok(virtio_mem_plugged(&rig.v, 0, RIG_ADDR) == 0, "plugged bytes below the region");
	tap_ok(virtio_mem_plugged(&rig.v, RIG_ADDR + 64 * B, B) == 0, "plugged bytes above it");
	tap_ok(virtio_mem_check(&rig.v) == OK && rig.v.geo.plugged_size == 5 * B, "accounts agree");
	tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR + 4 * B, 2 * B) == OK && rig_agrees(),
	       "unplugs the middle");
	tap_ok(virtio_mem_check(&rig.v) == OK && rig.v.plugged_bytes == 3 * B, "accounts agree");
	tap_ok(rig.io.misuses == 0 && !rig.v.broken, "uses registers as it may");
	rig_end();
}

/* Only what can be used is worth plugging. */
static void test_granules(void)
{
	static const struct {
		uint64_t addr, usable, block, granule, start, size;
	} rows[] = {
		{RIG_ADDR, 64 * B, B, B, RIG_ADDR, 64 * B},
		{RIG_ADDR + 4096, 64 * B, 4096, B, RIG_ADDR + B, 63 * B},
		{RIG_ADDR + B / 2, 64 * B, B / 2, B, RIG_ADDR + B, 63 * B},
		{RIG_ADDR, 64 * B + 4096, 4096, B, RIG_ADDR, 64 * B},
		{RIG_ADDR + B, 64 * B, B, 4 * B, RIG_ADDR + 4 * B, 60 * B},
		{RIG_ADDR, 12 * B, 4 * B, B, RIG_ADDR, 12 * B},
		{RIG_ADDR + 4096, B, 4096, B, RIG_ADDR + B, 0},
		{RIG_ADDR + 4096, 4096, 4096, B, RIG_ADDR + B, 0},
		{RIG_ADDR, 0, B, B, RIG_ADDR, 0},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct virtio_mem_geometry g = {.addr = rows[i].addr,
						.usable_size = rows[i].usable,
						.block_size = rows[i].block};
		struct region r = virtio_mem_granules(&g, rows[i].granule);

		tap_ok(r.start == rows[i].start && r.size == rows[i].size,
		       "granules of %#llx: %#llx+%#llx", (unsigned long long)rows[i].granule,
		       (unsigned long long)r.start, (unsigned long long)r.size);
	}
}

/* Requests that cannot be right are not sent. */
static void test_refused_here(void)
{
	static const struct {
		const char *what;
		uint64_t addr, size;
		enum err plug, unplug;
	} rows[] = {
		{"no bytes", RIG_ADDR, 0, ERR_INVAL, ERR_INVAL},
		{"half a block", RIG_ADDR, B / 2, ERR_INVAL, ERR_INVAL},
		{"an unaligned address", RIG_ADDR + B / 2, B, ERR_INVAL, ERR_INVAL},
		{"an address below", RIG_ADDR - B, 2 * B, ERR_RANGE, ERR_RANGE},
		{"a size beyond", RIG_ADDR + 63 * B, 2 * B, ERR_RANGE, ERR_RANGE},
		{"an address beyond", RIG_ADDR + 64 * B, B, ERR_RANGE, ERR_RANGE},
		{"a size that wraps", RIG_ADDR + B, UINT64_MAX - B + 1, ERR_RANGE, ERR_RANGE},
		{"a block half way", RIG_ADDR + B, 2 * B, ERR_EXIST, ERR_NOENT},
	};
	uint64_t sent;
	uint16_t state;

	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 2 * B, B) == OK, "one block is plugged");
	sent = rig.v.nr_requests;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		tap_ok(virtio_mem_plug(&rig.v, rows[i].addr, rows[i].size) == rows[i].plug,
		       "plug refuses %s", rows[i].what);
		tap_ok(virtio_mem_unplug(&rig.v, rows[i].addr, rows[i].size) == rows[i].unplug,
		       "unplug refuses %s", rows[i].what);
		if (rows[i].plug != ERR_EXIST)
			tap_ok(virtio_mem_state(&rig.v, rows[i].addr, rows[i].size, &state) ==
				       rows[i].plug,
			       "state refuses %s", rows[i].what);
	}
	tap_ok(rig.v.nr_requests == sent && rig_agrees() && !rig.v.broken, "nothing was sent");
	rig_end();
}

static void test_denied(void)
{
	rig_start();
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 49 * B) == ERR_NACK && rig_agrees(),
	       "more than requested is NACKed");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 48 * B) == OK, "what is requested is not");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR + 48 * B, B) == ERR_NACK && rig_agrees() &&
		       !rig.v.broken,
	       "the device stays in use");
	rig_end();
}

static void test_busy(void)
{
	for (unsigned k = 1; k <= 9; k++) {
		uint64_t before;
		enum err e;

		rig_start();
		rig.answer = VIRTIO_MEM_RESP_BUSY;
		rig.answer_left = k;
		before = rig.ticks;
		e = virtio_mem_plug(&rig.v, RIG_ADDR, B);
		tap_ok(e == (k < 8 ? OK : ERR_BUSY) && !rig.v.broken && rig_agrees(),
		       "busy %u times", k);
		/* 1 + 2 + 4 ... ms, for the first seven. */
		tap_ok(rig.ticks - before >=
			       ((1U << (k < 8 ? k : 7)) - 1) * (uint64_t)RIG_TICKS_PER_MS,
		       "backs off, %llu ticks", (unsigned long long)(rig.ticks - before));
		tap_ok(rig.v.nr_requests == (k < 8 ? k + 1 : 8), "in %llu requests",
		       (unsigned long long)rig.v.nr_requests);
		rig_end();
	}
}

/* More blocks than one request can name. */
static void test_split(void)
{
	const uint64_t nr = 2 * VIRTIO_MEM_MAX_BLOCKS + 5;
	uint16_t state;

	rig_make(nr * 4096, 4096, nr * 4096);
	tap_ok(rig_init(0) == OK, "starts with %llu blocks", (unsigned long long)nr);
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, nr * 4096) == OK && rig_agrees() &&
		       rig.v.nr_requests == 3,
	       "plugs in three requests");
	tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR + (nr - 1) * 4096, 4096) == OK &&
		       virtio_mem_state(&rig.v, RIG_ADDR, nr * 4096, &state) == OK &&
		       state == VIRTIO_MEM_STATE_MIXED,
	       "state over three requests is mixed");
	tap_ok(virtio_mem_state(&rig.v, RIG_ADDR, (nr - 1) * 4096, &state) == OK &&
		       state == VIRTIO_MEM_STATE_PLUGGED,
	       "state over three requests is plugged");
	rig.answer = VIRTIO_MEM_RESP_NACK;
	rig.answer_skip = 1;
	rig.answer_left = 1;
	tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR, (nr - 1) * 4096) == ERR_NACK && rig_agrees() &&
		       virtio_mem_plugged(&rig.v, RIG_ADDR, nr * 4096) ==
			       (nr - 1 - VIRTIO_MEM_MAX_BLOCKS) * 4096,
	       "an unplug that fails half way is accounted for");
	tap_ok(virtio_mem_unplug_all(&rig.v) == OK && rig_agrees(), "unplugs all");

	vmem_set_requested_size(&rig.vm, nr * 4096);
	tap_ok(virtio_mem_refresh(&rig.v) == OK, "refreshes");
	rig.answer_skip = 2;
	rig.answer_left = 1;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, nr * 4096) == ERR_NACK && rig_agrees() &&
		       rig.v.plugged_bytes == 0,
	       "a plug that fails half way is taken back");
	tap_ok(virtio_mem_check(&rig.v) == OK, "accounts agree");
	rig_end();
}

static void test_leftovers(void)
{
	struct vmem_request req = {
		.type = VIRTIO_MEM_REQ_PLUG, .nb_blocks = 7, .addr = RIG_ADDR + B};
	struct vmem_response resp;

	for (unsigned busy = 0; busy <= 12; busy += 3) {
		enum err e;

		rig_make(64 * B, B, 48 * B);
		vmem_handle(&rig.vm, &req, &resp);
		rig.answer = VIRTIO_MEM_RESP_BUSY;
		rig.answer_left = busy;
		e = rig_init(0);
		if (busy < 12)
			tap_ok(e == OK && rig_agrees() && rig.v.plugged_bytes == 0 &&
				       rig.v.nr_requests == busy + 1 && !rig.v.broken,
			       "leftovers are unplugged, busy %u times", busy);
		else
			tap_ok(e == ERR_BUSY && rig.v.broken && rig.vm.plugged_size == 7 * B,
			       "leftovers that stay are left alone");
		rig_end();
	}
}

static void test_unplug_all(void)
{
	rig_make(1024 * B, B, 512 * B);
	tap_ok(rig_init(0) == OK && virtio_mem_plug(&rig.v, RIG_ADDR, 512 * B) == OK,
	       "plugs 1 GiB");
	vmem_set_requested_size(&rig.vm, 0);
	tap_ok(virtio_mem_config_changed(&rig.v) && virtio_mem_refresh(&rig.v) == OK &&
		       rig.v.geo.requested_size == 0 && rig.v.geo.usable_size == 640 * B,
	       "sees requested_size fall and usable_region_size stay");
	tap_ok(virtio_mem_unplug_all(&rig.v) == OK && rig_agrees() && rig.v.geo.usable_size == 0,
	       "unplugs all, and sees usable_region_size shrink");
	tap_ok(virtio_mem_config_changed(&rig.v), "asks for another look");
	tap_ok(virtio_mem_check(&rig.v) == OK, "accounts agree");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == ERR_RANGE, "nothing is usable");
	rig_end();
}

static void test_notices(void)
{
	rig_make(64 * B, B, 0);
	tap_ok(rig_init(RIG_IRQ) == OK && !rig.v.polled, "takes the interrupt");
	(void)virtio_mem_config_changed(&rig.v);
	vmem_set_requested_size(&rig.vm, 4 * B);
	tap_ok(rig.irqs == 1 && virtio_mem_config_changed(&rig.v) && rig.io.interrupt_status == 0,
	       "an interrupt tells of a change, and is acknowledged");
	tap_ok(!virtio_mem_config_changed(&rig.v), "once");
	tap_ok(virtio_mem_refresh(&rig.v) == OK && rig.v.geo.requested_size == 4 * B,
	       "the change is there");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 4 * B) == OK && rig.irqs == 1,
	       "no interrupt for used buffers");
	for (unsigned i = 0; i < 5000 && !rig.irq_off; i++)
		rig_interrupt();
	tap_ok(rig.irq_off && rig.v.polled, "a line that never falls is polled: %u", rig.irqs);
	vmem_set_requested_size(&rig.vm, 5 * B);
	tap_ok(virtio_mem_config_changed(&rig.v), "and nothing is missed");
	rig_end();

	rig_make(64 * B, B, 0);
	tap_ok(rig_init(RIG_IRQ + 1) == OK && rig.v.polled, "an interrupt that cannot be: polls");
	rig_end();
}

/* A device that waits for "ready", with nothing usable before. */
static void test_ready(void)
{
	static const uint64_t sizes[] = {0, 8 * B, 0};

	rig_make(64 * B, B, 0);
	schedule_init(&rig.sched, sizes, ARRAY_LEN(sizes));
	tap_ok(rig_init(0) == OK, "starts with nothing usable");
	(void)virtio_mem_config_changed(&rig.v);
	tap_ok(virtio_mem_ready(&rig.v) == OK && !rig.v.broken, "says that it is ready");
	tap_ok(virtio_mem_config_changed(&rig.v) && virtio_mem_refresh(&rig.v) == OK &&
		       rig.v.geo.requested_size == 8 * B,
	       "is asked for memory");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 8 * B) == OK && virtio_mem_refresh(&rig.v) == OK &&
		       rig.v.geo.requested_size == 0,
	       "is asked to give it back");
	tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR, 8 * B) == OK && virtio_mem_check(&rig.v) == OK,
	       "gives it back");
	tap_ok(virtio_mem_ready(&rig.v) == OK, "says that it is ready, with blocks usable");
	rig_end();
}

static void test_no_memory(void)
{
	for (unsigned n = 1; n <= 3; n++) {
		rig_make(64 * B, B, 0);
		rig.fail_alloc = n;
		tap_ok(rig_init(0) == ERR_NOMEM && rig.v.broken && rig.live_allocs == 0,
		       "allocation %u fails, nothing is kept", n);
		tap_ok(virtio_mem_plugged(&rig.v, 0, UINT64_MAX) == 0 &&
			       virtio_mem_plug(&rig.v, RIG_ADDR, B) == ERR_IO,
		       "and the device is out of use");
		rig_end();
	}
}

/* One random operation; false if anything came out as it must not. */
static bool random_step(uint64_t *seed)
{
	uint64_t nr = rig.vm.nb_blocks;
	uint64_t first = random_next(seed) % nr;
	uint64_t blocks = 1 + random_next(seed) % (nr - first < 70 ? nr - first : 70);
	uint64_t addr = RIG_ADDR + first * B;
	uint16_t want = vmem_range_state(&rig.vm, first * B, blocks * B);
	uint16_t state = want;
	enum err e;

	rig.answer = random_next(seed) % 2 != 0 ? VIRTIO_MEM_RESP_BUSY : VIRTIO_MEM_RESP_NACK;
	rig.answer_left = random_next(seed) % 8 == 0 ? 1 + (unsigned)(random_next(seed) % 9) : 0;
	switch (random_next(seed) % 16) {
	case 0:
		e = virtio_mem_unplug_all(&rig.v);
		/* NACK to it is against the rules; do without. */
		if (rig.v.broken)
			return rig.answer == VIRTIO_MEM_RESP_NACK;
		break;
	case 1:
		vmem_set_requested_size(&rig.vm, random_next(seed) % (nr + 1) * B);
		e = virtio_mem_refresh(&rig.v);
		break;
	case 2:
		e = virtio_mem_state(&rig.v, addr, blocks * B, &state);
		if (e == OK && state != want)
			return false;
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		e = virtio_mem_unplug(&rig.v, addr, blocks * B);
		if (e == OK && want != VIRTIO_MEM_STATE_PLUGGED)
			return false;
		break;
	default:
		e = virtio_mem_plug(&rig.v, addr, blocks * B);
		if (e == OK && want != VIRTIO_MEM_STATE_UNPLUGGED)
			return false;
		break;
	}
	rig.answer_left = 0;
	return e != ERR_IO && e != ERR_TIMEOUT && e != ERR_INVAL && !rig.v.broken && rig_agrees() &&
	       virtio_mem_check(&rig.v) == OK;
}

static void test_random(void)
{
	uint64_t seed = SEED;
	unsigned steps = 0;
	unsigned restarts = 0;
	bool ok = true;

	while (ok && steps < 20000) {
		rig_make(200 * B, B, 100 * B);
		ok = rig_init(0) == OK;
		while (ok && steps < 20000 && !rig.v.broken) {
			ok = random_step(&seed);
			steps++;
		}
		ok = ok && rig.io.misuses == 0;
		restarts++;
		rig_end();
	}
	tap_ok(ok, "%u random steps, %u devices, accounts agree after each", steps, restarts);
}

/* 5.15.4.1: node_id means something with ACPI_PXM only, and node 0 is a node. */
static void test_node(void)
{
	static const struct {
		bool has_node;
		uint16_t node_id, due;
		const char *text;
	} rows[] = {{true, 5, 5, ", node 5"}, {true, 0, 0, ", node 0"}, {false, 7, 0, NULL}};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		char line[160];
		bool told;

		rig_make(64 * SZ_2M, SZ_2M, 48 * SZ_2M);
		rig.vm.params.has_node = rows[i].has_node;
		rig.vm.params.node_id = rows[i].node_id;
		tap_is(rig_init(0), OK, "node: row %u", i);
		tap_is(virtio_mem_node(&rig.v, &told), rows[i].due, "node: row %u: number", i);
		tap_is(told, rows[i].has_node, "node: row %u: told", i);
		virtio_mem_describe(&rig.v, line, sizeof(line));
		tap_ok(rows[i].text == NULL ? strstr(line, "node") == NULL
					    : strstr(line, rows[i].text) != NULL,
		       "node: row %u: %s", i, line);
		rig_end();
	}
}

int main(void)
{
	test_start();
	test_plug();
	test_granules();
	test_refused_here();
	test_denied();
	test_busy();
	test_split();
	test_leftovers();
	test_unplug_all();
	test_notices();
	test_ready();
	test_no_memory();
	test_random();
	test_node();
	return tap_done();
}
