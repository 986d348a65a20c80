/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-vmemd without UNPLUGGED_INACCESSIBLE: unplugged blocks of the usable region are read. */

#include "tests/host/test_device_vmemd_rig.h"

#define PLUGGED RAM_OF(0)
#define UNPLUGGED RAM_OF(1)
#define NEVER_PLUGGED RAM_OF(14)
/* A block of the region, as offset in the RAM. */
#define RAM_OF(block) (REGION - RAM + (block)*BLOCK)

/* Load every page of a block, and give its bytes or'ed together. */
static uint8_t read_block(const struct frontend *f, uint64_t at)
{
	uint8_t all = 0;

	for (uint64_t i = 0; i < BLOCK; i += 4096)
		all |= *(volatile uint8_t *)(f->mem + at + i);
	return all;
}

/* Blocks 0 and 1 were plugged and written to, 1 is unplugged again. */
static bool begin_readable(struct frontend *f, const char *size, const char *schedule)
{
	if (!begin(f, size, schedule, "--unplugged-readable"))
		return false;
	connect_all(f);
	if (request(f, VIRTIO_MEM_REQ_PLUG, 0, 2) != VIRTIO_MEM_RESP_ACK)
		return false;
	memset(f->mem + PLUGGED, 0x5a, 2 * BLOCK);
	return request(f, VIRTIO_MEM_REQ_UNPLUG, 1, 1) == VIRTIO_MEM_RESP_ACK;
}

/* 5.15.6: the device MUST allow the CPU to read them. Nothing comes of it, whatever is read. */
static void test_reads(void)
{
	struct frontend f;

	if (!tap_ok(begin_readable(&f, "32M", "8M,0"), "reads: daemon serves"))
		return;
	tap_is(f.features, 1ULL << 32 | 1ULL << 30, "reads: no UNPLUGGED_INACCESSIBLE offered");
	tap_is(read_block(&f, UNPLUGGED), 0, "reads: a block that was unplugged, without content");
	tap_is(read_block(&f, NEVER_PLUGGED), 0, "reads: a block that was never plugged");
	tap_is(f.mem[PLUGGED], 0x5a, "reads: its neighbour keeps its content");
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 1, 1), VIRTIO_MEM_RESP_ACK, "reads: STATE");
	tap_is(le16_load(f.mem + RESP + 8), VIRTIO_MEM_STATE_UNPLUGGED, "reads: still unplugged");
	tap_ok(config_message(&f), "reads: the next size");
	tap_is(read_block(&f, UNPLUGGED), 0, "reads: and again behind a scan");
	tap_is(finish(&f), 0, "reads: exit status 0");
	tap_ok(blind(&f) || strstr(f.text, ", 1536 were read as they may be\n") != NULL,
	       "reads: the oracle counts them");
	print_text(&f);
}

/* Stores stay forbidden, and are told from loads by what they leave behind. */
static void test_stores(void)
{
	struct frontend f;
	int status;

	if (!tap_ok(begin_readable(&f, "32M", "8M"), "stores: daemon serves"))
		return;
	read_block(&f, UNPLUGGED);
	f.mem[UNPLUGGED + 0x3fff] = 1; /* the last byte of a page */
	f.mem[NEVER_PLUGGED] = 1;
	status = finish(&f);
	if (blind(&f)) {
		tap_ok(status == 0, "stores # SKIP the oracle is blind on this machine");
		return;
	}
	tap_is(status, 1, "stores: exit status 1");
	tap_ok(strstr(f.text, "oracle: touched unplugged page 0x82203000 (block 1, unplugged by "
			      "request #2)\n") != NULL,
	       "stores: into a page that had been read");
	tap_ok(strstr(f.text, "page 0x83c00000 (block 14, never plugged)\n") != NULL,
	       "stores: into a page that had not");
	tap_ok(strstr(f.text, "oracle: FAIL 2 pages, 511 were read as they may be\n") != NULL,
	       "stores: the other pages were only read");
	print_text(&f);
}

/* The rule ends with the usable region, where that ends when the load is made. */
static void test_outside(void)
{
	struct frontend f;
	int status;

	/* 256 MiB more than is requested are usable: 264 MiB at first, then all 320 MiB. */
	if (!tap_ok(begin_readable(&f, "320M", "8M,320M"), "outside: daemon serves"))
		return;
	read_block(&f, RAM_OF(131));
	(void)*(volatile uint8_t *)(f.mem + RAM_OF(132));
	(void)request(&f, VIRTIO_MEM_REQ_STATE, 0, 1);
	tap_ok(config_message(&f), "outside: the usable region grows");
	read_block(&f, RAM_OF(133));
	status = finish(&f);
	if (blind(&f)) {
		tap_ok(status == 0, "outside # SKIP the oracle is blind on this machine");
		return;
	}
	tap_is(status, 1, "outside: exit status 1");
	tap_ok(strstr(f.text, "page 0x92800000 (block 132, never plugged)\n") != NULL,
	       "outside: a load behind the end is told");
	tap_ok(strstr(f.text, "oracle: FAIL 1 pages, 1024 were read as they may be\n") != NULL,
	       "outside: loads before it, and where it has grown, are not");
	print_text(&f);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_reads();
	test_stores();
	test_outside();
	return tap_done();
}
