/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the schedule: its text, and when the device asks for what. */

#include <string.h>

#include "device/schedule.h"
#include "tests/host/tap.h"

#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define BLOCK (2 * MIB)
#define REGION GIB

static void test_size(void)
{
	static const struct {
		const char *text;
		uint64_t size;
		int error;
	} rows[] = {
		{"0", 0, 0},
		{"4096", 4096, 0},
		{"64K", 64 << 10, 0},
		{"2m", BLOCK, 0},
		{"1G", GIB, 0},
		{"16T", 16ULL << 40, 0},
		{"0x100000000", 4 * GIB, 0},
		{"0x10K", 16 << 10, 0},
		{"18446744073709551615", UINT64_MAX, 0},
		{"18446744073709551616", 0, SCHEDULE_ERR_NUMBER},
		{"17179869184G", 0, SCHEDULE_ERR_NUMBER},
		{"", 0, SCHEDULE_ERR_NUMBER},
		{"G", 0, SCHEDULE_ERR_NUMBER},
		{"-1", 0, SCHEDULE_ERR_NUMBER},
		{"0x", 0, SCHEDULE_ERR_NUMBER},
		{"1P", 0, SCHEDULE_ERR_SUFFIX},
		{"1GB", 0, SCHEDULE_ERR_SUFFIX},
		{"1 G", 0, SCHEDULE_ERR_SUFFIX},
	};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t size = 0;
		int error = schedule_parse_size(rows[i].text, &size, NULL);

		tap_ok(error == rows[i].error && size == rows[i].size, "size: '%s'", rows[i].text);
	}
}

static void test_parse(void)
{
	static const struct {
		const char *text;
		int error;
		const char *bad;
	} rows[] = {
		{"", SCHEDULE_ERR_EMPTY, ""},
		{"1G,", SCHEDULE_ERR_EMPTY, ""},
		{",1G", SCHEDULE_ERR_EMPTY, ",1G"},
		{"0,,1G", SCHEDULE_ERR_EMPTY, ",1G"},
		{"0,x,1G", SCHEDULE_ERR_NUMBER, "x,1G"},
		{"0,1Q", SCHEDULE_ERR_SUFFIX, "1Q"},
		{"0,1M", SCHEDULE_ERR_ALIGN, "1M"},
		{"0,2G", SCHEDULE_ERR_RANGE, "2G"},
		{"101%", SCHEDULE_ERR_RANGE, "101%"},
		{"50%%", SCHEDULE_ERR_SUFFIX, "50%%"},
		{"0,0,0,0,0", SCHEDULE_ERR_COUNT, "0"},
	};
	uint64_t sizes[4];
	unsigned count = 0;
	const char *bad;

	tap_ok(schedule_parse("1G,256M,0,512M", REGION, BLOCK, sizes, 4, &count, NULL) == 0 &&
		       count == 4 && sizes[0] == GIB && sizes[1] == 256 * MIB && sizes[2] == 0 &&
		       sizes[3] == 512 * MIB,
	       "parse: sizes");
	tap_ok(schedule_parse("100%,50%,33%,0%", REGION, BLOCK, sizes, 4, &count, NULL) == 0 &&
		       sizes[0] == GIB && sizes[1] == 512 * MIB && sizes[2] == 168 * BLOCK &&
		       sizes[3] == 0,
	       "parse: per cent, rounded down to blocks");
	tap_ok(schedule_parse("100%", UINT64_MAX - BLOCK + 1, BLOCK, sizes, 4, &count, NULL) == 0 &&
		       sizes[0] == UINT64_MAX - BLOCK + 1,
	       "parse: per cent of the largest region");
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bad = NULL;
		tap_ok(schedule_parse(rows[i].text, REGION, BLOCK, sizes, 4, &count, &bad) ==
				       rows[i].error &&
			       bad != NULL && strcmp(bad, rows[i].bad) == 0,
		       "parse: '%s' %s", rows[i].text, schedule_error_text(rows[i].error));
	}
}

struct fixture {
	struct vmem vm;
	struct schedule sched;
	uint64_t storage[8];
	unsigned notified;
};

static void op_notify(void *ctx)
{
	((struct fixture *)ctx)->notified++;
}

static const struct vmem_ops ops = {.notify_config = op_notify};

static void setup(struct fixture *f, const uint64_t *sizes, unsigned count)
{
	struct vmem_params p = {.addr = 4 * GIB,
				.region_size = REGION,
				.block_size = BLOCK,
				.requested_size = count > 0 ? sizes[0] : 0};

	memset(f, 0, sizeof(*f));
	vmem_init(&f->vm, &p, f->storage, sizeof(f->storage), &ops, f);
	schedule_init(&f->sched, sizes, count);
}

/* One request, and then what the schedule makes of it: the number of entries set. */
static unsigned request(struct fixture *f, uint16_t type, uint64_t block, uint16_t n)
{
	struct vmem_request req = {type, n, f->vm.params.addr + block * BLOCK};
	struct vmem_response resp;

	vmem_handle(&f->vm, &req, &resp);
	return schedule_after_request(&f->sched, &f->vm, &req);
}

static void test_steps(void)
{
	static const uint64_t sizes[] = {4 * BLOCK, 8 * BLOCK, 2 * BLOCK, 0};
	struct fixture f;

	setup(&f, sizes, 4);
	tap_is(f.vm.params.requested_size, 4 * BLOCK, "steps: the first entry holds at start");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 0, 4), 0, "steps: quiet until STATE");
	tap_is(f.notified, 0, "steps: no notification either");
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 1, "steps: STATE sets the second");
	tap_is(f.vm.params.requested_size, 8 * BLOCK, "steps: it is the requested size");
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 0, "steps: STATE while armed sets none");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 4, 3), 0, "steps: not before it is reached");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 7, 1), 1, "steps: reached: the third");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG, 2, 6), 1, "steps: reached: the last");
	tap_ok(!f.sched.armed, "steps: quiet once the last is set");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG, 0, 2), 0,
	       "steps: reaching the last does nothing");
	tap_is(f.notified, 3, "steps: three notifications");
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 1, "steps: a later STATE starts again");
	tap_is(f.vm.params.requested_size, 8 * BLOCK, "steps: at the second entry");
	tap_is(request(&f, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0), 0, "steps: UNPLUG_ALL");
	tap_ok(!f.sched.armed, "steps: UNPLUG_ALL makes it quiet");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 0, 8), 0, "steps: and it stays so");
	tap_is(f.vm.params.requested_size, 8 * BLOCK, "steps: the size stays too");
}

static void test_edges(void)
{
	static const uint64_t zero_first[] = {0, 2 * BLOCK, 0};
	static const uint64_t twins[] = {0, 0, 0, 2 * BLOCK, 2 * BLOCK};
	static const uint64_t single[] = {2 * BLOCK};
	struct fixture f;

	setup(&f, zero_first, 3);
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 1, "edges: an ERROR to STATE counts too");
	setup(&f, twins, 5);
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 3, "edges: entries that hold already");
	tap_is(request(&f, VIRTIO_MEM_REQ_PLUG, 0, 2), 1,
	       "edges: a last entry like the one before");
	tap_is(f.notified, 1, "edges: only a change is notified");
	setup(&f, single, 1);
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 0, "edges: one entry stays");
	setup(&f, NULL, 0);
	tap_is(request(&f, VIRTIO_MEM_REQ_STATE, 0, 1), 0, "edges: no entry at all");
}

int main(void)
{
	test_size();
	test_parse();
	test_steps();
	test_edges();
	return tap_done();
}
