/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver against a device that keeps the rules until the input says otherwise. */

/* A timeout costs 2000 looks at the queue then, not 200000. */
#define RIG_TICKS_PER_MS 1
#define RIG_QUIET true
#include "tests/host/test_vmem_driver_rig.h"

#include "mm/fault.h"
#include "tests/fuzz/fuzz.h"

#define B SZ_2M
#define MAX_BLOCKS 256u

/* What the device does wrong, until it has done so as often as the input says. */
static struct {
	struct feed *feed;
	bool honest; /* nothing went wrong yet: then results have to be exact */
	bool lawful; /* nothing that a device may not do: then accounts agree */
	/* Registers. */
	uint64_t reg_off;
	uint32_t reg_value;
	unsigned reg_skip;
	unsigned reg_left;
	/* Behind each request. */
	unsigned ring_left;
	unsigned ring_at;
	uint8_t ring_bytes[8];
	unsigned ring_nr;
	unsigned resp_left;
	uint16_t resp_type;
	uint16_t resp_state;
} bad;

/* What the device has acknowledged: the most that the driver may believe plugged. */
static bool may[MAX_BLOCKS];
static unsigned nr_blocks;

static void breaks_rules(void)
{
	bad.honest = false;
	bad.lawful = false;
}

static uint32_t read_reg(uint64_t off, uint32_t val)
{
	if (bad.reg_left == 0 || off != bad.reg_off)
		return val;
	if (bad.reg_skip != 0) {
		bad.reg_skip--;
		return val;
	}
	bad.reg_left--;
	breaks_rules();
	return bad.reg_value;
}

static void may_set(paddr_t addr, uint64_t nr, bool plugged)
{
	uint64_t first = (addr - rig.v.geo.addr) / rig.v.geo.block_size;

	for (uint64_t i = first; i < first + nr && i < MAX_BLOCKS; i++)
		may[i] = plugged;
}

/*
 * The answer as it lies before the driver. What would be believed plugged is taken down even if
 * the driver cannot see it (used ring in ruins); what would be believed unplugged only if it can.
 */
static void keep_ledger(void)
{
	const struct virtio_mem_req *req = (const void *)(uintptr_t)rig.v.msg_pa;
	const uint8_t *resp = (const uint8_t *)req + 64;
	const uint8_t *used = (const uint8_t *)(uintptr_t)rig.v.queue.device_pa;
	const uint8_t *elem = used + 4 + 8 * (rig.v.queue.used_idx % rig.v.queue.size);
	bool seen = le16_load(used + 2) == (uint16_t)(rig.v.queue.used_idx + 1) &&
		    le32_load(elem) < rig.v.queue.size && le32_load(elem + 4) == 10;
	uint16_t type = le16_load(req->type);

	/* The driver fills the response with ones: no answer is no ACK. */
	if (le16_load(resp) != VIRTIO_MEM_RESP_ACK)
		return;
	if (type == VIRTIO_MEM_REQ_PLUG ||
	    (type == VIRTIO_MEM_REQ_STATE && le16_load(resp + 8) == VIRTIO_MEM_STATE_PLUGGED))
		may_set(le64_load(req->addr), le16_load(req->nb_blocks), true);
	else if (type == VIRTIO_MEM_REQ_UNPLUG && seen)
		may_set(le64_load(req->addr), le16_load(req->nb_blocks), false);
	else if (type == VIRTIO_MEM_REQ_UNPLUG_ALL && seen)
		memset(may, 0, sizeof(may));
}

static void after_notify(void)
{
	uint8_t *ring = (uint8_t *)(uintptr_t)rig.v.queue.mem;
	uint8_t *resp = (uint8_t *)(uintptr_t)rig.v.msg_pa + 64;

	if (bad.ring_left != 0 && ring != NULL) {
		bad.ring_left--;
		breaks_rules();
		memcpy(ring + bad.ring_at, bad.ring_bytes, bad.ring_nr);
	}
	if (bad.resp_left != 0) {
		bad.resp_left--;
		breaks_rules();
		le16_store(resp, bad.resp_type);
		le16_store(resp + 8, bad.resp_state);
	}
	keep_ledger();
}

/* ---- the device's steps: what goes wrong from now on */

static void bad_register(struct feed *f)
{
	static const uint32_t values[] = {0, 1, 2, 0xff, 0x80000000, 0xffffffff, 64, 128};
	unsigned how = feed_u8(f);

	bad.reg_off = 4 * (uint64_t)feed_u8(f);
	bad.reg_value = (how & 1) != 0 ? feed_u32(f) : values[feed_below(f, ARRAY_LEN(values))];
	bad.reg_skip = (how >> 1) & 7;
	bad.reg_left = 1 + (how >> 4);
}

static void bad_ring(struct feed *f)
{
	/* 8 descriptors, the driver's area and the device's, each on lines of its own */
	const unsigned bytes = 128 + 64 + 128;

	bad.ring_left = 1 + feed_below(f, 3);
	bad.ring_nr = 1 + feed_below(f, sizeof(bad.ring_bytes));
	bad.ring_at = feed_u16(f) % (bytes - bad.ring_nr);
	for (unsigned i = 0; i < bad.ring_nr; i++)
		bad.ring_bytes[i] = feed_u8(f);
}

static void bad_response(struct feed *f)
{
	bad.resp_left = 1 + feed_below(f, 4);
	bad.resp_type = feed_u8(f);
	bad.resp_state = feed_u8(f);
	if (bad.resp_type >= 0xf0)
		bad.resp_type = feed_u16(f);
}

/* The device's accounts move by themselves, as if an answer had been lost. */
static void bad_block(struct feed *f)
{
	struct vmem_request req = {.type = (uint16_t)feed_below(f, 3),
				   .nb_blocks = (uint16_t)(1 + feed_u8(f) % 8)};
	struct vmem_response resp;

	req.addr = RIG_ADDR + feed_u8(f) % nr_blocks * rig.vm.params.block_size;
	breaks_rules();
	vmem_handle(&rig.vm, &req, &resp);
}

static void device_step(struct feed *f)
{
	switch (feed_below(f, 8)) {
	case 0:
		bad_register(f);
		break;
	case 1:
		bad_ring(f);
		break;
	case 2:
		bad_response(f);
		break;
	case 3:
		bad_block(f);
		break;
	case 4: /* allowed: BUSY and NACK; ERROR is not */
		rig.answer = (uint16_t)(1 + feed_below(f, 3));
		rig.answer_skip = feed_below(f, 3);
		rig.answer_left = 1 + feed_below(f, 12);
		bad.honest = false;
		bad.lawful &= rig.answer != VIRTIO_MEM_RESP_ERROR;
		break;
	case 5:
		rig.deaf = feed_below(f, 2) != 0;
		if (rig.deaf)
			breaks_rules();
		break;
	case 6: /* allowed: another size */
		(void)vmem_set_requested_size(&rig.vm, feed_u8(f) % (nr_blocks + 1) *
							       rig.vm.params.block_size);
		break;
	default:
		for (unsigned i = feed_u8(f) * 8u; i != 0; i--)
			rig_interrupt();
		break;
	}
}

/* ---- the driver's steps */

struct range {
	paddr_t addr;
	uint64_t size;
};

/* Mostly blocks; some that begin or end within one, or far outside. */
static struct range feed_range(struct feed *f)
{
	uint64_t block = rig.vm.params.block_size;
	struct range r = {RIG_ADDR + feed_u8(f) * block, feed_u8(f) % 64 * block};
	unsigned odd = feed_u8(f);

	if (odd == 255)
		r.addr += 4096;
	if (odd == 254)
		r.size += 4096;
	if (odd == 253)
		r.addr = feed_u64(f);
	if (odd == 252)
		r.size = feed_u64(f);
	return r;
}

static enum err driver_step(struct feed *f, unsigned what)
{
	struct virtio_mem *v = &rig.v;
	uint16_t state = 0;
	struct range r;
	enum err e;

	switch (what) {
	case 0:
	case 1:
		r = feed_range(f);
		return virtio_mem_plug(v, r.addr, r.size);
	case 2:
		r = feed_range(f);
		return virtio_mem_unplug(v, r.addr, r.size);
	case 3:
		r = feed_range(f);
		e = virtio_mem_state(v, r.addr, r.size, &state);
		FUZZ_CHECK(e != OK || state <= VIRTIO_MEM_STATE_MIXED, "state %u", (unsigned)state);
		FUZZ_CHECK(e != OK || !bad.honest ||
				   state == vmem_range_state(&rig.vm, r.addr - RIG_ADDR, r.size),
			   "another state than the device's");
		return e;
	case 4:
		return virtio_mem_unplug_all(v);
	case 5:
		return virtio_mem_ready(v);
	case 6:
		return virtio_mem_refresh(v);
	default:
		return virtio_mem_check(v);
	}
}

/* As much as a call may take: a request for each block, each BUSY to the last, and one timeout. */
static void check_bounded(uint64_t ticks, uint64_t accesses)
{
	const uint64_t requests = 3 * MAX_BLOCKS + 64;

	FUZZ_CHECK(rig.ticks - ticks < requests * 600 * RIG_TICKS_PER_MS + 10000,
		   "a call took %llu ticks", (unsigned long long)(rig.ticks - ticks));
	FUZZ_CHECK(rig.accesses - accesses < requests * 1200 + 20000, "%llu accesses in a call",
		   (unsigned long long)(rig.accesses - accesses));
}

static void check_driver(enum err e)
{
	const struct virtio_mem *v = &rig.v;
	uint64_t bytes = 0;

	FUZZ_CHECK(e <= OK && e >= ERR_NOSYS, "%d is no error", (int)e);
	FUZZ_CHECK(rig.locked == 0 && v->lock.held == 0, "the lock is held");
	if (v->bitmap == NULL)
		return;
	/* A device may claim 2^26 blocks; words of zero cost little. */
	for (uint64_t i = 0; i < v->nr_blocks; i++) {
		if (i % 64 == 0 && v->bitmap[i / 64] == 0) {
			i += 63;
			continue;
		}
		if ((v->bitmap[i / 64] >> (i % 64) & 1) == 0)
			continue;
		bytes += v->geo.block_size;
		FUZZ_CHECK(i < MAX_BLOCKS && may[i],
			   "block %llu is believed plugged, and was never acknowledged",
			   (unsigned long long)i);
	}
	FUZZ_CHECK(bytes == v->plugged_bytes, "%#llx bytes in the bitmap, %#llx counted",
		   (unsigned long long)bytes, (unsigned long long)v->plugged_bytes);
	FUZZ_CHECK(is_pow2(v->geo.block_size) && v->geo.usable_size <= v->geo.region_size &&
			   v->geo.region_size / v->geo.block_size == v->nr_blocks,
		   "a geometry that cannot be");
	FUZZ_CHECK(!bad.lawful || v->broken || rig_agrees(),
		   "driver and device disagree, and no rule was broken");
	if (bad.honest)
		FUZZ_CHECK(!v->broken && rig_agrees() && rig.io.misuses == 0,
			   "driver and device disagree, and nothing went wrong");
}

/* A device that was given up is left alone. */
static void call(struct feed *f)
{
	bool broken = rig.v.broken;
	uint64_t accesses = rig.accesses;
	uint64_t ticks = rig.ticks;
	unsigned what = feed_below(f, 8);
	enum err e = driver_step(f, what);

	FUZZ_CHECK(!broken || (e == ERR_IO && rig.accesses == accesses),
		   "call %u to a device given up: %s, %llu accesses", what, err_name(e),
		   (unsigned long long)(rig.accesses - accesses));
	FUZZ_CHECK(e != ERR_TIMEOUT || rig.v.broken, "a timeout, and the device is used on");
	check_bounded(ticks, accesses);
	check_driver(e);
}

static void restart(struct feed *f)
{
	uint64_t accesses = rig.accesses;
	uint64_t ticks = rig.ticks;
	enum err e = virtio_mem_revive(&rig.v);

	(void)f;
	FUZZ_CHECK((e == OK) == !rig.v.broken || e == ERR_INVAL, "revived: %s, broken %d",
		   err_name(e), rig.v.broken);
	FUZZ_CHECK(e != OK || !bad.honest || rig_agrees(), "revived, and accounts differ");
	check_bounded(ticks, accesses);
	check_driver(e);
}

static void look(void)
{
	char text[256];

	virtio_mem_poll(&rig.v);
	(void)virtio_mem_config_changed(&rig.v);
	if (rig.v.bitmap != NULL)
		virtio_mem_describe(&rig.v, text, sizeof(text));
	FUZZ_CHECK(virtio_mem_plugged(&rig.v, 0, UINT64_MAX) == rig.v.plugged_bytes,
		   "not all that is plugged is plugged");
}

static void make(struct feed *f)
{
	static const struct {
		uint64_t blocks;
		uint64_t block_size;
	} shapes[] = {{64, SZ_2M}, {200, 4096}, {3, SZ_1G}, {130, SZ_2M}};
	unsigned s = feed_below(f, 4);
	unsigned left = feed_below(f, 3);

	nr_blocks = (unsigned)shapes[s].blocks;
	rig_make(nr_blocks * shapes[s].block_size, shapes[s].block_size,
		 feed_u8(f) % (nr_blocks + 1) * shapes[s].block_size);
	memset(&bad, 0, sizeof(bad));
	memset(may, 0, sizeof(may));
	rig.read = read_reg;
	rig.after_notify = after_notify;
	rig.fail_alloc = feed_below(f, 16) == 1 ? 1 + feed_below(f, 4) : 0;
	/* What an earlier run left. */
	if (left != 0)
		bad_block(f);
	bad.honest = rig.fail_alloc == 0;
	bad.lawful = true;
}

static void arm(void)
{
	const char *list = getenv("FUZZ_INJECT");
	char unknown[32];

	fault_disarm();
	if (list != NULL && fault_arm(list, unknown, sizeof(unknown)) != OK) {
		fprintf(stderr, "FUZZ_INJECT: %s is unknown\n", unknown);
		exit(2);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, size};
	unsigned first;
	enum err e;

	arm();
	make(&f);
	/* The start too meets a device that may lie. */
	for (first = feed_below(&f, 4); first > 1; first--)
		device_step(&f);
	e = rig_init(feed_below(&f, 2) != 0 ? RIG_IRQ : 0);
	check_driver(e);
	/* Without a device the driver has nothing to be called with. */
	if (rig.v.dev.regs != 0) {
		while (f.left != 0) {
			unsigned what = feed_below(&f, 8);

			if (what < 4)
				call(&f);
			else if (what < 6)
				device_step(&f);
			else if (what == 6)
				look();
			else
				restart(&f);
			rig_interrupt();
		}
		bad.reg_left = 0;
		e = virtio_mem_close(&rig.v);
		FUZZ_CHECK(e == OK && rig.v.broken, "close: %s", err_name(e));
		FUZZ_CHECK(!bad.honest || rig.live_allocs == 0, "memory is left: %u pieces",
			   rig.live_allocs);
	}
	rig_end();
	return 0;
}
