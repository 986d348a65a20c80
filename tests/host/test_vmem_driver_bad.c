/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver against devices that start, or describe themselves, against the rules. */

#include "tests/host/test_vmem_driver_rig.h"

#define B SZ_2M

/* What the driver sees in one register, instead of what is there. */
static struct {
	uint64_t off;
	uint32_t value;
} fake_reg;

static uint32_t read_fake_reg(uint64_t off, uint32_t val)
{
	return off == fake_reg.off ? fake_reg.value : val;
}

static enum err init_with_reg(uint64_t off, uint32_t value)
{
	rig_make(64 * B, B, 48 * B);
	fake_reg.off = off;
	fake_reg.value = value;
	rig.read = read_fake_reg;
	return rig_init(0);
}

static void test_not_there(void)
{
	struct virtio_device t;

	tap_ok(init_with_reg(VMMIO_REG_MAGIC, 0) == ERR_NOENT && rig.note[0] == '\0', "no magic");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_DEVICE_ID, 0) == ERR_NOENT && rig.note[0] == '\0',
	       "empty slot");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_DEVICE_ID, 2) == ERR_NOENT && rig.note[0] == '\0',
	       "another device");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_VERSION, 1) == ERR_NOSYS &&
		       strcmp(rig.note, "virtio-mmio@10008000: version 1 (legacy), start QEMU "
					"with -global virtio-mmio.force-legacy=false") == 0,
	       "legacy device, with advice");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_VERSION, 3) == ERR_NOSYS && strstr(rig.note, "version 3"),
	       "unknown version");
	rig_end();
	rig_make(64 * B, B, 0);
	tap_ok(virtio_mmio_open(&t, "short", RIG_REGS, 0x80, 0, VIRTIO_ID_MEM) == ERR_RANGE &&
		       rig.accesses == 0,
	       "too few registers");
	tap_ok(virtio_mmio_open(&t, "short", RIG_REGS, 0x120, 0, VIRTIO_ID_MEM) == OK &&
		       virtio_mem_init(&rig.v, &t) == ERR_IO && rig.v.broken,
	       "no room for the configuration");
	rig_end();
}

static uint32_t read_refused(uint64_t off, uint32_t val)
{
	return off == VMMIO_REG_STATUS ? val & ~VIRTIO_STATUS_FEATURES_OK : val;
}

static uint32_t read_no_features(uint64_t off, uint32_t val)
{
	return off == VMMIO_REG_DEVICE_FEATURES && rig.io.device_features_sel == 1 ? 0 : val;
}

static uint32_t read_queue_dead(uint64_t off, uint32_t val)
{
	return off == VMMIO_REG_QUEUE_READY ? 0 : val;
}

static void test_start(void)
{
	uint64_t before;

	tap_ok(init_with_reg(VMMIO_REG_STATUS, 1) == ERR_TIMEOUT && rig.v.broken,
	       "reset does not end");
	before = rig.accesses;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == ERR_IO &&
		       virtio_mem_unplug_all(&rig.v) == ERR_IO &&
		       virtio_mem_ready(&rig.v) == ERR_IO && virtio_mem_refresh(&rig.v) == ERR_IO &&
		       !virtio_mem_config_changed(&rig.v) && rig.accesses == before,
	       "a device given up is not touched");
	rig_end();

	rig_make(64 * B, B, 48 * B);
	rig.read = read_no_features;
	tap_ok(rig_init(0) == ERR_NOSYS && rig.v.broken &&
		       (rig.io.status & VIRTIO_STATUS_FAILED) != 0,
	       "VERSION_1 not offered");
	rig_end();

	rig_make(64 * B, B, 48 * B);
	rig.read = read_refused;
	tap_ok(rig_init(0) == ERR_NOSYS && (rig.io.status & VIRTIO_STATUS_FAILED) != 0,
	       "FEATURES_OK refused");
	rig_end();

	tap_ok(init_with_reg(VMMIO_REG_QUEUE_NUM_MAX, 0) == ERR_NOENT, "no queue");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_QUEUE_NUM_MAX, 1) == ERR_NOENT, "queue of one");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_QUEUE_READY, 1) == ERR_NOENT, "queue in use");
	rig_end();
	tap_ok(init_with_reg(VMMIO_REG_QUEUE_NUM_MAX, 3) == OK && rig.v.queue.size == 2,
	       "queue of three is used as two");
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == OK &&
		       virtio_mem_unplug(&rig.v, RIG_ADDR, B) == OK && rig_agrees(),
	       "and works");
	rig_end();
	rig_make(64 * B, B, 48 * B);
	rig.read = read_queue_dead;
	tap_ok(rig_init(0) == ERR_IO && rig.v.broken, "queue does not become ready");
	rig_end();
}

/* The configuration that the driver sees. */
static struct virtio_mem_config config;

static uint32_t read_config(uint64_t off, uint32_t val)
{
	if (off < VMMIO_REG_CONFIG || off + 4 > VMMIO_REG_CONFIG + sizeof(config))
		return val;
	return le32_load((const uint8_t *)&config + (off - VMMIO_REG_CONFIG));
}

#define FIELD(f) offsetof(struct virtio_mem_config, f)

static void test_insane_config(void)
{
	static const struct {
		const char *what;
		size_t field;
		uint64_t value;
		const char *says;
	} rows[] = {
		{"block_size 0", FIELD(block_size), 0, "block_size 0 "},
		{"block_size of three blocks", FIELD(block_size), 3 * B, "block_size 0x600000 "},
		{"block_size 1 KiB", FIELD(block_size), 1024, "block_size 0x400 "},
		{"block_size all ones", FIELD(block_size), UINT64_MAX, "0xffffffffffffffff"},
		{"block_size 2^63", FIELD(block_size), UINT64_C(1) << 63, "addr 0x100000000 "},
		{"addr unaligned", FIELD(addr), RIG_ADDR + 4096, "addr 0x100001000 "},
		{"addr that wraps", FIELD(addr), UINT64_MAX - B + 1, "0x7e00000 "},
		{"addr beyond 56 bits", FIELD(addr), UINT64_C(1) << 56, "0x100000008000000 "},
		{"addr up to 56 bits and more", FIELD(addr), (UINT64_C(1) << 56) - B,
		 "0x100000007e00000 "},
		{"region_size 0", FIELD(region_size), 0, "region_size 0 "},
		{"region_size unaligned", FIELD(region_size), 64 * B + 1, "0x8000001 "},
		{"region_size that wraps", FIELD(region_size), UINT64_MAX - B + 1, "0xffe00000 "},
		{"region_size of 2^27 blocks", FIELD(region_size), B << 27, "too many blocks"},
		{"usable above region", FIELD(usable_region_size), 65 * B, "0x8200000 exceeds"},
		{"usable unaligned", FIELD(usable_region_size), 64 * B - 8, "0x7fffff8 "},
		{"usable below requested", FIELD(usable_region_size), 47 * B, "0x6000000 exceeds"},
		{"plugged unaligned", FIELD(plugged_size), 1, "plugged_size 0x1 "},
		{"plugged above usable", FIELD(plugged_size), 65 * B, "0x8200000 exceeds"},
		{"requested unaligned", FIELD(requested_size), 12345, "requested_size 0x3039 "},
		{"requested above usable", FIELD(requested_size), 65 * B, "0x8200000 exceeds"},
		{"requested all ones", FIELD(requested_size), UINT64_MAX, "0xffffffffffffffff"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct virtio_mem_geometry g;

		rig_make(64 * B, B, 48 * B);
		vmem_config(&rig.vm, &config);
		le64_store((uint8_t *)&config + rows[i].field, rows[i].value);
		rig.read = read_config;
		tap_ok(rig_open(0) == OK && virtio_mem_config_read(&rig.t, &g) == ERR_RANGE &&
			       strstr(rig.note, rows[i].says) != NULL,
		       "%s: %s", rows[i].what, rig.note);
		tap_ok(virtio_mem_init(&rig.v, &rig.t) == ERR_RANGE && rig.v.broken &&
			       rig.nr_allocs == 0 && (rig.io.status & VIRTIO_STATUS_FAILED) != 0 &&
			       (rig.io.status & VIRTIO_STATUS_DRIVER_OK) == 0,
		       "and the device is given up");
		rig_end();
	}
	/* What means nothing may be anything (5.15.4.1). */
	rig_make(64 * B, B, 48 * B);
	vmem_config(&rig.vm, &config);
	memset(config.node_id, 0xff, sizeof(config.node_id));
	memset(config.padding, 0xff, sizeof(config.padding));
	rig.read = read_config;
	tap_ok(rig_init(0) == OK, "node_id and padding are ignored");
	rig_end();
}

static void test_changed_config(void)
{
	static const struct {
		const char *what;
		size_t field;
		uint64_t value;
	} rows[] = {
		{"block_size changes", FIELD(block_size), B / 2},
		{"addr changes", FIELD(addr), RIG_ADDR + B},
		{"region_size changes", FIELD(region_size), 128 * B},
		{"usable_region_size shrinks", FIELD(usable_region_size), 50 * B},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before;

		rig_start();
		vmem_config(&rig.vm, &config);
		le64_store((uint8_t *)&config + rows[i].field, rows[i].value);
		tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == OK, "a block is plugged");
		le64_store(config.plugged_size, B);
		rig.read = read_config;
		tap_ok(virtio_mem_refresh(&rig.v) == ERR_RANGE && rig.v.broken, "%s", rows[i].what);
		before = rig.accesses;
		tap_ok(virtio_mem_check(&rig.v) == ERR_IO && rig.accesses == before &&
			       virtio_mem_plugged(&rig.v, RIG_ADDR, B) == B,
		       "given up, what is plugged stays known");
		rig_end();
	}

	rig_start();
	vmem_config(&rig.vm, &config);
	rig.read = read_config;
	le64_store(config.usable_region_size, 50 * B);
	tap_ok(virtio_mem_unplug_all(&rig.v) == OK && rig.v.geo.usable_size == 50 * B,
	       "usable_region_size may shrink with UNPLUG_ALL");
	le64_store(config.usable_region_size, 49 * B);
	tap_ok(virtio_mem_refresh(&rig.v) == ERR_RANGE && rig.v.broken, "but not once more");
	rig_end();

	rig_start();
	vmem_config(&rig.vm, &config);
	le64_store(config.plugged_size, B);
	rig.read = read_config;
	tap_ok(virtio_mem_check(&rig.v) == ERR_IO && !rig.v.broken &&
		       strstr(rig.note, "0x200000") != NULL,
	       "plugged_size that lies is reported");
	tap_ok(virtio_mem_unplug_all(&rig.v) == ERR_IO && rig.v.broken,
	       "plugged_size after UNPLUG_ALL is not 0");
	rig_end();
}

/*
 * requested_size moves between the reads of its halves: 2 GiB before, 4 GiB after, so that a torn
 * one is 6 GiB, and nothing but the reading shows that it is wrong.
 */
static unsigned tears_left;
static bool tear_silent; /* without a new generation */

static uint32_t read_tearing(uint64_t off, uint32_t val)
{
	uint64_t requested = VMMIO_REG_CONFIG + FIELD(requested_size);

	if (off == VMMIO_REG_CONFIG_GENERATION && tear_silent)
		return 7;
	if (off == requested && tears_left != 0) {
		tears_left--;
		vmem_set_requested_size(&rig.vm, 2 * SZ_1G);
		vmem_set_requested_size(&rig.vm, 4 * SZ_1G);
		return UINT32_C(0x80000000);
	}
	return val;
}

static void test_torn_config(void)
{
	static const struct {
		unsigned tears;
		bool silent;
	} rows[] = {{1, false}, {2, false}, {3, false}, {8, false}, {9, false}, {1, true}};

	/* Two tears are two copies torn alike: that one only the generation shows. */
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		rig_make(8 * SZ_1G, B, 6 * SZ_1G);
		tap_ok(rig_init(0) == OK, "8 GiB");
		vmem_set_requested_size(&rig.vm, 2 * SZ_1G);
		rig.read = read_tearing;
		tear_silent = rows[i].silent;
		tears_left = rows[i].tears;
		tap_ok(virtio_mem_refresh(&rig.v) == OK && rig.v.geo.requested_size == 4 * SZ_1G &&
			       tears_left == 0,
		       "torn %u times, generation %s: %#llx", rows[i].tears,
		       rows[i].silent ? "stays" : "moves",
		       (unsigned long long)rig.v.geo.requested_size);
		rig_end();
	}
}

static uint32_t read_restless(uint64_t off, uint32_t val)
{
	static uint32_t generation;

	return off == VMMIO_REG_CONFIG_GENERATION ? generation++ : val;
}

static void test_restless_config(void)
{
	rig_start();
	rig.read = read_restless;
	tap_ok(virtio_mem_refresh(&rig.v) == ERR_IO && rig.v.broken &&
		       strstr(rig.note, "bad configuration") != NULL,
	       "a configuration that never holds still");
	rig_end();
}

int main(void)
{
	test_not_there();
	test_start();
	test_insane_config();
	test_changed_config();
	test_torn_config();
	test_restless_config();
	return tap_done();
}
