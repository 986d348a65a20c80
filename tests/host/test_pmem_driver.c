/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-pmem, driver and device together: flushes, and a device that lies, refuses or is silent.
 */

#include "device/pmem.h"
#include "device/pmem_sums.h"
#include "mm/fault.h"
#include "platform/virtio_mmio.h"
#include "platform/virtio_pmem.h"
#include "tests/host/test_vmem_driver_rig.h"

#define START UINT64_C(0x140000000)
#define SIZE (UINT64_C(16) << 20)

static struct pmem device;
static struct virtio_pmem driver;
static unsigned flushes;
static int flush_result;
/* Not the driver's own memory, and what lies between. */
static const struct region others[] = {{UINT64_C(0x80000000), UINT64_C(1) << 30},
				       {START + SIZE, UINT64_C(64) << 20}};

static int flush(void *ctx)
{
	(void)ctx;
	flushes++;
	return flush_result;
}

static void interrupt(void *ctx)
{
	(void)ctx;
	vmmio_used_buffer(&rig.io);
}

static const struct pmem_ops ops = {.flush = flush, .interrupt = interrupt};

/* A machine whose device says @start and @size, not started. */
static void make(uint64_t start, uint64_t size)
{
	memset(&rig, 0, sizeof(rig));
	flushes = 0;
	flush_result = 0;
	fault_disarm();
	pmem_mmio_init(&rig.io, &device, &rig_vmmio_ops, NULL);
	pmem_init(&device, start, size, &rig.io.ring, &ops, NULL);
}

static enum err init(void)
{
	struct machine_virtio slot = {.base = RIG_REGS, .size = VMMIO_WINDOW_BYTES};
	struct virtio_device t;
	enum err e = virtio_mmio_open_slot(&t, &slot, VIRTIO_ID_PMEM);

	return e == OK ? virtio_pmem_init(&driver, &t, others, ARRAY_LEN(others)) : e;
}

static void begin(void)
{
	make(START, SIZE);
	if (init() != OK)
		abort();
}

static void test_usual(void)
{
	char line[96];

	begin();
	tap_is(driver.phys.start, START, "start");
	tap_is(driver.phys.size, SIZE, "size");
	for (unsigned i = 1; i <= 20; i++) {
		if (virtio_pmem_flush(&driver) != OK || flushes != i)
			break;
	}
	tap_is(flushes, 20, "each flush reaches the device");
	tap_is(device.flushes, driver.nr_flushes, "both count them");
	virtio_pmem_describe(&driver, line, sizeof(line));
	tap_ok(strstr(line, "region 0x140000000+16 MiB") != NULL, "line: %s", line);
	tap_is(rig.io.misuses, 0, "the driver misuses nothing");
	rig_end();
}

/* Memory that cannot be: refused before anything is made, with a note of both values. */
static void test_bad_memory(void)
{
	static const struct {
		const char *name;
		uint64_t start, size;
		const char *why;
	} rows[] = {
		{"empty", START, 0, "is empty"},
		{"unaligned start", START + PAGE_SIZE, SZ_2M, "is no multiple of 2 MiB"},
		{"unaligned size", START, SZ_2M + 1, "is no multiple of 2 MiB"},
		{"wraps", -SZ_2M, 2 * SZ_2M, "wraps"},
		{"beyond 56 bits", (UINT64_C(1) << 56) - SZ_2M, 2 * SZ_2M, "beyond 56 bits"},
		{"in RAM", UINT64_C(0x90000000), SZ_2M, "overlaps other memory"},
		{"RAM's last", UINT64_C(0xbfe00000), 2 * SZ_2M, "overlaps other memory"},
		{"reaches another's", START, SIZE + SZ_2M, "overlaps other memory"},
		{"all around another", START, UINT64_C(1) << 30, "overlaps other memory"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		char note_text[CONSOLE_LINE];

		make(rows[i].start, rows[i].size);
		rig.note[0] = '\0';
		tap_is(init(), ERR_RANGE, "%s: refused", rows[i].name);
		snprintf(note_text, sizeof(note_text), "%s", rig.note);
		tap_ok(strstr(note_text, "bad configuration") != NULL, "%s: %s", rows[i].name,
		       note_text);
		tap_ok((rig.io.status & VIRTIO_STATUS_FAILED) != 0, "%s: told", rows[i].name);
		tap_is(virtio_pmem_flush(&driver), ERR_IO, "%s: no flush", rows[i].name);
		tap_is(rig.live_allocs, 0, "%s: nothing kept", rows[i].name);
		rig_end();
	}
	/* As near as it gets. */
	make(UINT64_C(0xc0000000), SZ_2M);
	tap_is(init(), OK, "right behind RAM");
	rig_end();
}

static uint32_t unsteady_config(uint64_t off, uint32_t value)
{
	static uint32_t turn;

	return off == VMMIO_REG_CONFIG ? value + (++turn << 21) : value;
}

static uint32_t no_version_1(uint64_t off, uint32_t value)
{
	return off == VMMIO_REG_DEVICE_FEATURES ? 0 : value;
}

static uint32_t no_queue(uint64_t off, uint32_t value)
{
	return off == VMMIO_REG_QUEUE_NUM_MAX ? 0 : value;
}

static uint32_t another_type(uint64_t off, uint32_t value)
{
	return off == VMMIO_REG_DEVICE_ID ? VIRTIO_ID_MEM : value;
}

static void test_bad_start(void)
{
	static const struct {
		const char *name;
		uint32_t (*read)(uint64_t off, uint32_t value);
		enum err due;
	} rows[] = {
		{"a configuration that never holds still", unsteady_config, ERR_IO},
		{"no VERSION_1", no_version_1, ERR_NOSYS},
		{"no queue", no_queue, ERR_NOENT},
		{"another type", another_type, ERR_NOENT},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		make(START, SIZE);
		rig.read = rows[i].read;
		tap_is(init(), rows[i].due, "%s", rows[i].name);
		tap_is(rig.live_allocs, 0, "%s: nothing kept", rows[i].name);
		rig_end();
	}
	for (unsigned n = 1; n <= 2; n++) {
		make(START, SIZE);
		rig.fail_alloc = n;
		tap_is(init(), ERR_NOMEM, "allocation %u fails", n);
		tap_is(rig.live_allocs, 0, "allocation %u fails: nothing kept", n);
		rig_end();
	}
}

static void test_failed_flush(void)
{
	begin();
	flush_result = -1;
	tap_is(virtio_pmem_flush(&driver), ERR_NACK, "a flush that failed is an error");
	tap_is(driver.nr_flushes, 0, "it counts for nothing");
	tap_ok(!driver.broken, "the device may be asked again");
	flush_result = 0;
	tap_is(virtio_pmem_flush(&driver), OK, "and then it works");
	rig_end();
}

/* What the device does to the queue behind the driver's back, once. */
static void used_length(void)
{
	le32_store(rig.io.ring.used + 4 + 4, 2);
}

static void used_head(void)
{
	le32_store(rig.io.ring.used + 4, 77);
}

static void other_answer(void)
{
	/* 1, as some devices say EIO: whatever is not 0 is a failure. */
	le32_store(device.chain.segments[1].data, 1);
}

static void asks_for_reset(void)
{
	rig.io.status |= VIRTIO_STATUS_NEEDS_RESET;
	rig.io.ring.used[2]--; /* and has not answered */
}

static void test_bad_answer(void)
{
	static const struct {
		const char *name;
		void (*after)(void);
		bool deaf;
		enum err due;
		const char *note;
	} rows[] = {
		{"no answer", NULL, true, ERR_TIMEOUT, "no answer in 2000 ms"},
		{"too short", used_length, false, ERR_IO, "another length"},
		{"unknown head", used_head, false, ERR_IO, "used ring is broken"},
		{"NEEDS_RESET", asks_for_reset, false, ERR_IO, "needs a reset"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t accesses;

		begin();
		rig.deaf = rows[i].deaf;
		rig.after_notify = rows[i].after;
		tap_is(virtio_pmem_flush(&driver), rows[i].due, "%s", rows[i].name);
		tap_ok(strstr(rig.note, rows[i].note) != NULL, "%s: %s", rows[i].name, rig.note);
		accesses = rig.accesses;
		tap_is(virtio_pmem_flush(&driver), ERR_IO, "%s: given up", rows[i].name);
		tap_is(rig.accesses, accesses, "%s: left alone", rows[i].name);
		rig_end();
	}
	begin();
	rig.after_notify = other_answer;
	tap_is(virtio_pmem_flush(&driver), ERR_NACK, "any answer but 0 is a failure");
	rig_end();
}

/* The device, with requests that no driver of ours makes. */
static void test_device_requests(void)
{
	static const struct {
		const char *name;
		uint32_t type, out, in;
		int error; /* 0: it is answered */
		uint32_t ret;
	} rows[] = {
		{"flush", 0, 4, 4, 0, VIRTIO_PMEM_RESP_OK},
		{"a longer flush", 0, 8, 16, 0, VIRTIO_PMEM_RESP_OK},
		{"unknown type", 7, 4, 4, 0, VIRTIO_PMEM_RESP_FAILED},
		{"short request", 0, 3, 4, PMEM_ERR_REQUEST, 0},
		{"short response", 0, 4, 3, PMEM_ERR_RESPONSE, 0},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t *mem;
		paddr_t pa;
		uint16_t head;
		struct virtq_buf out, in;

		begin();
		mem = dma_alloc(64, &pa);
		le32_store(mem, rows[i].type);
		le32_store(mem + 32, 0x5a5a5a5a);
		out = (struct virtq_buf){pa, rows[i].out};
		in = (struct virtq_buf){pa + 32, rows[i].in};
		if (virtq_add(&driver.queue, &out, 1, &in, 1, &head) != OK)
			abort();
		virtio_notify(&driver.dev, 0);
		tap_is(rig.io.error, rows[i].error, "device, %s", rows[i].name);
		tap_is((rig.io.status & VIRTIO_STATUS_NEEDS_RESET) != 0, rows[i].error != 0,
		       "device, %s: asks for a reset or not", rows[i].name);
		tap_is(le32_load(mem + 32), rows[i].error == 0 ? rows[i].ret : 0x5a5a5a5a,
		       "device, %s: answer", rows[i].name);
		tap_is(flushes, rows[i].error == 0 && rows[i].type == 0,
		       "device, %s: flushed or not", rows[i].name);
		rig_end();
	}
}

/* Each single bit of a page counts, and where it is. */
static void test_sums(void)
{
	static uint64_t memory[3 * PMEM_PAGE_BYTES / 8];
	uint64_t sums[5] = {0};
	uint64_t page = 99;
	unsigned missed = 0;

	for (unsigned i = 0; i < ARRAY_LEN(memory); i++)
		memory[i] = i * UINT64_C(0x123456789);
	pmem_sums_take(sums, memory, 2, 3);
	tap_is(pmem_sums_differ(sums, memory, 2, 3, &page), 0, "sums: the same");
	for (unsigned i = 0; i < ARRAY_LEN(memory); i += 7) {
		uint64_t bit = UINT64_C(1) << (i % 64);

		memory[i] ^= bit;
		if (pmem_sums_differ(sums, memory, 2, 3, &page) != 1 || page != 2 + i / 512)
			missed++;
		memory[i] ^= bit;
	}
	tap_is(missed, 0, "sums: every bit is seen, in its page");
	memory[0]++;
	memory[1024]++;
	tap_is(pmem_sums_differ(sums, memory, 2, 3, &page), 2, "sums: two pages");
	tap_is(page, 2, "sums: the first of them");
}

/* The seeded faults do what they are named for, so that a test which finds them means it. */
static void test_faults(void)
{
	char unknown[32];

	begin();
	if (fault_arm("pmem-flush-skipped", unknown, sizeof(unknown)) != OK)
		abort();
	tap_is(virtio_pmem_flush(&driver), OK, "pmem-flush-skipped: says so");
	tap_is(flushes, 0, "pmem-flush-skipped: and does nothing");
	fault_disarm();
	if (fault_arm("pmem-error-swallowed", unknown, sizeof(unknown)) != OK)
		abort();
	flush_result = -1;
	tap_is(virtio_pmem_flush(&driver), OK, "pmem-error-swallowed");
	rig_end();
	fault_disarm();
}

int main(void)
{
	test_usual();
	test_bad_memory();
	test_bad_start();
	test_failed_flush();
	test_bad_answer();
	test_device_requests();
	test_sums();
	test_faults();
	return tap_done();
}
