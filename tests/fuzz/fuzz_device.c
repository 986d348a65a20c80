/* SPDX-License-Identifier: BSD-2-Clause */
/* The device: registers, rings and requests as the input says, held against a model of its own. */
#include "device/mmio.h"
#include "tests/fuzz/fuzz_device.h"

/* Where the shortcuts put a queue of eight; the input may choose anything else. */
#define DESC_ADDR UINT64_C(0x1000)
#define AVAIL_ADDR UINT64_C(0x1200)
#define USED_ADDR UINT64_C(0x1300)
#define BUF_ADDR UINT64_C(0x1500)
#define QUEUE_SIZE 8u
#define RESP_BYTES 10u

static struct {
	struct guest guest;
	struct model model;
	struct vmem vm;
	struct vmmio io;
	struct schedule sched;
	uint64_t sizes[4];
	uint64_t *storage;
	uint16_t avail_idx; /* of the shortcuts' queue */
	/* What the owner of the device does. */
	unsigned fail_discard; /* the n-th from now on fails; 0: none */
	unsigned fail_populate;
	uint16_t admit; /* for the next admit_left requests */
	unsigned admit_left;
	/* Watched. */
	bool line;
	bool stood_in_way; /* admit, discard or populate said no to this request */
	uint16_t stood_answer;
	unsigned answered; /* in this step */
	uint16_t used_before;
	struct vmem_response resp; /* the last one */
} d;

static bool fails(unsigned *countdown)
{
	return *countdown != 0 && --*countdown == 0;
}

static uint16_t op_admit(void *ctx, const struct vmem_request *req)
{
	(void)ctx;
	(void)req;
	if (d.admit_left == 0)
		return VIRTIO_MEM_RESP_ACK;
	d.admit_left--;
	d.stood_in_way = d.admit != VIRTIO_MEM_RESP_ACK;
	d.stood_answer = d.admit;
	return d.admit;
}

static int op_discard(void *ctx, uint64_t offset, uint64_t size_bytes)
{
	(void)ctx;
	if (fails(&d.fail_discard)) {
		d.stood_in_way = true;
		d.stood_answer = VIRTIO_MEM_RESP_BUSY;
		return -1;
	}
	model_discard(&d.model, offset, size_bytes);
	return 0;
}

static int op_populate(void *ctx, uint64_t offset, uint64_t size_bytes)
{
	(void)ctx;
	FUZZ_CHECK(size_bytes != 0 && offset <= d.vm.params.region_size &&
			   size_bytes <= d.vm.params.region_size - offset,
		   "populate of %#llx+%#llx", (unsigned long long)offset,
		   (unsigned long long)size_bytes);
	if (!fails(&d.fail_populate))
		return 0;
	d.stood_in_way = true;
	d.stood_answer = VIRTIO_MEM_RESP_BUSY;
	return -1;
}

/* Sizes of the schedule come as part of an answer, and are nobody else's. */
static void op_notify_config(void *ctx)
{
	uint64_t now = d.vm.params.requested_size;
	bool planned = now == d.model.params.requested_size;

	(void)ctx;
	for (unsigned i = 0; i < d.sched.count && d.answered != 0; i++)
		planned |= d.sizes[i] == now;
	FUZZ_CHECK(planned, "requested_size %#llx, which nobody asked for",
		   (unsigned long long)now);
	model_set_requested(&d.model, now);
	vmmio_config_changed(&d.io);
}

/* Every answer is the one due, and has done what it says, no more. */
static void op_answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	uint16_t state;
	uint16_t want = model_verdict(&d.model, req, &state);

	(void)ctx;
	d.answered++;
	d.resp = *resp;
	if (want == VIRTIO_MEM_RESP_ACK && d.stood_in_way) {
		want = d.stood_answer;
		state = 0;
	}
	d.stood_in_way = false;
	FUZZ_CHECK(resp->type == want && resp->state == state,
		   "request %u %#llx %u: answer %u %u, due is %u %u", (unsigned)req->type,
		   (unsigned long long)req->addr, (unsigned)req->nb_blocks, (unsigned)resp->type,
		   (unsigned)resp->state, (unsigned)want, (unsigned)state);
	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL)
		model_unplug_discarded(&d.model);
	if (resp->type == VIRTIO_MEM_RESP_ACK)
		model_apply(&d.model, req);
	model_take_discards(&d.model);
	model_compare(&d.model, &d.vm);
	FUZZ_CHECK((d.io.status & VIRTIO_STATUS_DRIVER_OK) != 0, "served before DRIVER_OK");
	FUZZ_CHECK((d.io.status & VIRTIO_STATUS_NEEDS_RESET) == 0, "served in need of a reset");
}

static const struct vmem_ops vmem_ops = {.admit = op_admit,
					 .discard = op_discard,
					 .populate = op_populate,
					 .notify_config = op_notify_config,
					 .answered = op_answered};

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	return guest_translate(&d.guest, addr, len_bytes, is_write);
}

static void set_interrupt(void *ctx, bool asserted)
{
	(void)ctx;
	FUZZ_CHECK(d.line != asserted, "the line is %d twice", asserted);
	d.line = asserted;
}

static const struct vmmio_ops vmmio_ops = {.translate = translate, .set_interrupt = set_interrupt};

/* ---- steps */

static void reg(uint64_t offset, uint32_t value)
{
	vmmio_write(&d.io, offset, value, 4);
}

static void poke16(uint64_t addr, uint16_t v)
{
	guest_poke(&d.guest, addr, &v, sizeof(v));
}

static void poke_desc(unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	guest_poke(&d.guest, DESC_ADDR + 16 * i, &addr, 8);
	guest_poke(&d.guest, DESC_ADDR + 16 * i + 8, &len, 4);
	poke16(DESC_ADDR + 16 * i + 12, flags);
	poke16(DESC_ADDR + 16 * i + 14, next);
}

/* What a driver does at start, so that not every input has to find the way; or nearly that. */
static void step_start(struct feed *f)
{
	static const uint32_t sizes[] = {QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE, 4, 64, 3, 0, 65544};
	unsigned how = feed_u8(f);

	reg(VMMIO_REG_STATUS, 0);
	reg(VMMIO_REG_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	reg(VMMIO_REG_DRIVER_FEATURES_SEL, 0);
	reg(VMMIO_REG_DRIVER_FEATURES, 1U << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
	reg(VMMIO_REG_DRIVER_FEATURES_SEL, 1);
	reg(VMMIO_REG_DRIVER_FEATURES, (how & 0xf0) == 0x10 ? 0 : 1);
	if ((how & 0xf0) != 0x20)
		reg(VMMIO_REG_STATUS, 11);
	reg(VMMIO_REG_QUEUE_NUM, sizes[how % 8]);
	reg(VMMIO_REG_QUEUE_DESC_LOW, DESC_ADDR);
	reg(VMMIO_REG_QUEUE_DRIVER_LOW, AVAIL_ADDR);
	reg(VMMIO_REG_QUEUE_DEVICE_LOW, USED_ADDR);
	poke16(AVAIL_ADDR + 2, 0);
	d.avail_idx = 0;
	reg(VMMIO_REG_QUEUE_READY, 1);
	if ((how & 0xf0) != 0x30)
		reg(VMMIO_REG_STATUS, 15);
}

/* One descriptor of a chain that was right so far. */
static void spoil(struct feed *f, unsigned how, unsigned n)
{
	uint64_t buf = BUF_ADDR;

	switch (how) {
	case 1: /* the chain leads back, to a writable one: else the order is wrong before */
		poke_desc(n + 3, buf, 2, 3, (uint16_t)(n + 2));
		break;
	case 2: /* to a descriptor that may not be there */
		poke_desc(n + 3, buf, 2, 3, feed_u16(f));
		break;
	case 3: /* indirect */
		poke_desc(n + feed_below(f, 4), buf, 16, 4, 0);
		break;
	case 4: /* memory that is not there, or not all of it */
		poke_desc(n + feed_below(f, 4), feed_u64(f), feed_u32(f), 0, 0);
		break;
	case 5: /* memory that cannot be written */
		poke_desc(n + 2, 0x2000, RESP_BYTES, 2, 0);
		break;
	case 6: /* readable behind writable */
		poke_desc(n + 3, buf, 2, 0, 0);
		break;
	default: /* short of the response's last byte */
		poke_desc(n + 2, buf + 64, RESP_BYTES - 1, 2, 0);
		break;
	}
}

/* A request in a chain of two readable and two writable pieces, told to the device or not. */
static void step_request(struct feed *f)
{
	struct virtio_mem_req raw = {.type = {0}};
	unsigned how = feed_u8(f);
	unsigned slot = feed_below(f, 2);
	unsigned cut = feed_below(f, sizeof(raw) + 1);
	unsigned resp_cut = feed_below(f, RESP_BYTES + 1);
	uint64_t buf = BUF_ADDR + slot * 128;
	unsigned n = slot * 4;

	le16_store(raw.type, (uint16_t)(how & 3));
	le64_store(raw.addr, d.vm.params.addr + feed_u8(f) * d.vm.params.block_size);
	le16_store(raw.nb_blocks, feed_u8(f));
	guest_poke(&d.guest, buf, &raw, sizeof(raw));
	poke_desc(n, buf, cut, 1, (uint16_t)(n + 1));
	poke_desc(n + 1, buf + cut, (uint32_t)sizeof(raw) - cut, 1, (uint16_t)(n + 2));
	poke_desc(n + 2, buf + 64, resp_cut, 3, (uint16_t)(n + 3));
	poke_desc(n + 3, buf + 64 + resp_cut, RESP_BYTES - resp_cut, 2, 0);
	if (how >> 5 != 0)
		spoil(f, how >> 5, n);
	poke16(AVAIL_ADDR + 4 + 2 * (d.avail_idx % QUEUE_SIZE), (uint16_t)n);
	d.avail_idx++;
	poke16(AVAIL_ADDR + 2, d.avail_idx);
	if ((how & 4) == 0)
		reg(VMMIO_REG_QUEUE_NOTIFY, 0);
}

static void step_poke(struct feed *f)
{
	uint8_t bytes[16];
	uint64_t addr = DESC_ADDR + feed_u16(f) % 0x1300;
	unsigned n = 1 + feed_below(f, sizeof(bytes));

	for (unsigned i = 0; i < n; i++)
		bytes[i] = feed_u8(f);
	guest_poke(&d.guest, addr, bytes, n);
}

static const unsigned widths[] = {4, 4, 4, 1, 2, 8, 3, 0};

static void step_access(struct feed *f, bool write)
{
	unsigned width = widths[feed_below(f, 8)];
	/* Beyond the window too; mostly on words. */
	uint64_t offset = feed_u8(f) * (uint64_t)(width == 4 ? 4 : 2);

	if (write)
		vmmio_write(&d.io, offset, width == 8 ? feed_u64(f) : feed_u32(f), width);
	else
		(void)vmmio_read(&d.io, offset, width);
}

static void step_resize(struct feed *f)
{
	uint64_t size = feed_u8(f) * d.vm.params.block_size + (feed_u8(f) == 255 ? 1 : 0);
	int want = size % d.vm.params.block_size != 0 ? VMEM_ERR_ALIGN
		   : size > d.vm.params.region_size   ? VMEM_ERR_RANGE
						      : VMEM_OK;

	if (want == VMEM_OK)
		model_set_requested(&d.model, size);
	FUZZ_CHECK(vmem_set_requested_size(&d.vm, size) == want, "size %#llx",
		   (unsigned long long)size);
}

static void step_system_reset(void)
{
	vmmio_system_reset(&d.io);
	model_unplug_discarded(&d.model);
	if (model_plugged(&d.model) == 0)
		model_shrink_usable(&d.model);
	model_take_discards(&d.model);
	d.stood_in_way = false;
}

static void step(struct feed *f)
{
	switch (feed_below(f, 12)) {
	case 0:
		step_start(f);
		break;
	case 1:
	case 2:
	case 3:
		step_request(f);
		break;
	case 4:
		step_poke(f);
		break;
	case 5:
	case 6:
		step_access(f, true);
		break;
	case 7:
		step_access(f, false);
		break;
	case 8:
		step_resize(f);
		break;
	case 9:
		step_system_reset();
		break;
	case 10:
		d.fail_discard = feed_below(f, 4);
		d.fail_populate = feed_below(f, 3);
		break;
	default:
		d.admit = (uint16_t)feed_below(f, 5);
		d.admit_left = feed_below(f, 4);
		break;
	}
}

/* ---- what holds after each step */

static void check_config(void)
{
	static const struct {
		size_t at;
		const char *name;
	} fields[] = {
		{offsetof(struct virtio_mem_config, plugged_size), "plugged_size"},
		{offsetof(struct virtio_mem_config, usable_region_size), "usable_region_size"},
	};
	uint64_t due[] = {model_plugged(&d.model), d.model.usable_size};

	for (unsigned i = 0; i < 2; i++)
		FUZZ_CHECK(vmmio_read(&d.io, VMMIO_REG_CONFIG + fields[i].at, 8) == due[i],
			   "the configuration says another %s", fields[i].name);
}

/*
 * The used ring went on by as many elements as were answered. Only while the queue stands where
 * the shortcuts put it, and no buffer lies over it: else the driver has written there itself.
 */
static void check_used(bool ours)
{
	const uint8_t *used = guest_translate(&d.guest, USED_ADDR, 4 + 8 * QUEUE_SIZE, false);
	uint16_t idx = le16_load(used + 2);
	const uint8_t *last = used + 4 + 8 * ((uint16_t)(idx - 1) % QUEUE_SIZE);
	const uint8_t *desc = guest_translate(&d.guest, DESC_ADDR, 16 * QUEUE_SIZE, false);
	uint64_t at;

	if (!ours || d.answered == 0)
		return;
	FUZZ_CHECK((uint16_t)(idx - d.used_before) == d.answered,
		   "%u answers, used index from %u to %u", d.answered, (unsigned)d.used_before,
		   (unsigned)idx);
	FUZZ_CHECK(le32_load(last) < QUEUE_SIZE && le32_load(last + 4) == RESP_BYTES,
		   "used element %u %u", (unsigned)le32_load(last), (unsigned)le32_load(last + 4));
	if (d.answered != 1 || le32_load(last) % 4 != 0)
		return;
	/* The response lies in one piece behind the request of that slot. */
	at = BUF_ADDR + le32_load(last) / 4 * 128 + 64;
	if (le64_load(desc + 16 * (le32_load(last) + 2)) != at)
		return;
	used = guest_translate(&d.guest, at, RESP_BYTES, false);
	FUZZ_CHECK(le16_load(used) == d.resp.type && le16_load(used + 8) == d.resp.state &&
			   le32_load(used + 2) == 0 && le16_load(used + 6) == 0,
		   "response %u %u in memory, answered was %u %u", (unsigned)le16_load(used),
		   (unsigned)le16_load(used + 8), (unsigned)d.resp.type, (unsigned)d.resp.state);
}

static void check(void)
{
	guest_check(&d.guest);
	model_take_discards(&d.model);
	model_compare(&d.model, &d.vm);
	check_config();
	FUZZ_CHECK(d.line == (d.io.interrupt_status != 0), "line %d with InterruptStatus %#x",
		   d.line, (unsigned)d.io.interrupt_status);
	FUZZ_CHECK((d.io.error != 0) == ((d.io.status & VIRTIO_STATUS_NEEDS_RESET) != 0),
		   "error %d, status %#x", d.io.error, (unsigned)d.io.status);
	FUZZ_CHECK(d.answered <= VRING_MAX_SIZE, "%u requests in one step", d.answered);
	FUZZ_CHECK((d.io.status & VIRTIO_STATUS_DRIVER_OK) == 0 ||
			   (d.io.status & VIRTIO_STATUS_FEATURES_OK) != 0,
		   "DRIVER_OK without FEATURES_OK");
}

/* Is the queue where step_start() put it, and are buffers where step_request() puts them? */
static bool queue_is_ours(void)
{
	return d.io.queue_desc == DESC_ADDR && d.io.queue_driver == AVAIL_ADDR &&
	       d.io.queue_device == USED_ADDR && d.io.queue_num == QUEUE_SIZE;
}

static void make(struct feed *f)
{
	/* More than the 256 MiB that are always usable beyond requested_size, or less. */
	static const struct vmem_params kinds[] = {
		{.addr = 0x100000000, .region_size = 64 << 20, .block_size = 1 << 20},
		{.addr = 0x40000000, .region_size = 1 << 30, .block_size = 4 << 20},
		{.addr = 0x7fff0000, .region_size = 200 * 4096, .block_size = 4096},
		{.addr = -(UINT64_C(64) << 20), .region_size = 64 << 20, .block_size = 1 << 20},
	};
	struct vmem_params p = kinds[feed_below(f, 4)];
	uint64_t nr = p.region_size / p.block_size;
	size_t bytes = vmem_storage_bytes(p.region_size, p.block_size);
	unsigned nr_sizes = feed_below(f, 5);

	memset(&d, 0, sizeof(d));
	p.requested_size = feed_u8(f) % (nr + 1) * p.block_size;
	guest_make(&d.guest);
	model_make(&d.model, &p);
	d.storage = malloc(bytes);
	if (d.storage == NULL || vmem_init(&d.vm, &p, d.storage, bytes, &vmem_ops, NULL) != VMEM_OK)
		abort();
	for (unsigned i = 0; i < nr_sizes; i++)
		d.sizes[i] = feed_u8(f) % (nr + 1) * p.block_size;
	schedule_init(&d.sched, d.sizes, nr_sizes);
	vmmio_init(&d.io, &d.vm, &d.sched, &vmmio_ops, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed f = {data, size};
	bool poked = false;

	make(&f);
	check();
	while (f.left != 0) {
		bool ours;
		unsigned next = *f.at % 12;

		guest_watch(&d.guest, d.io.queue_device,
			    d.io.queue_ready ? 4 + 8 * d.io.queue_num : 0);
		d.answered = 0;
		d.used_before = d.io.ring.used_idx;
		ours = queue_is_ours();
		/* From the first free store on, rings may lie over buffers. */
		poked |= next >= 4 && next <= 6;
		step(&f);
		check();
		check_used(!poked && next != 0 && ours && queue_is_ours());
	}
	guest_free(&d.guest);
	free(d.storage);
	return 0;
}
