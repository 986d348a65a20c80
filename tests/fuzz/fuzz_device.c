/* SPDX-License-Identifier: BSD-2-Clause */
/* The device: registers, rings and requests as the input says, held against a model of its own. */
#include "tests/fuzz/fuzz_device_target.h"

struct target target;

static bool fails(unsigned *countdown)
{
	return *countdown != 0 && --*countdown == 0;
}

static uint16_t op_admit(void *ctx, const struct vmem_request *req)
{
	(void)ctx;
	(void)req;
	if (target.admit_left == 0)
		return VIRTIO_MEM_RESP_ACK;
	target.admit_left--;
	target.stood_in_way = target.admit != VIRTIO_MEM_RESP_ACK;
	target.stood_answer = target.admit;
	return target.admit;
}

static int op_discard(void *ctx, uint64_t offset, uint64_t size_bytes)
{
	(void)ctx;
	if (fails(&target.fail_discard)) {
		target.stood_in_way = true;
		target.stood_answer = VIRTIO_MEM_RESP_BUSY;
		return -1;
	}
	model_discard(&target.model, offset, size_bytes);
	return 0;
}

static int op_populate(void *ctx, uint64_t offset, uint64_t size_bytes)
{
	(void)ctx;
	FUZZ_CHECK(size_bytes != 0 && offset <= target.vm.params.region_size &&
			   size_bytes <= target.vm.params.region_size - offset,
		   "populate of %#llx+%#llx", (unsigned long long)offset,
		   (unsigned long long)size_bytes);
	if (!fails(&target.fail_populate))
		return 0;
	target.stood_in_way = true;
	target.stood_answer = VIRTIO_MEM_RESP_BUSY;
	return -1;
}

/* Sizes of the schedule come as part of an answer, and are nobody else's. */
static void op_notify_config(void *ctx)
{
	uint64_t now = target.vm.params.requested_size;
	bool planned = now == target.model.params.requested_size;

	(void)ctx;
	for (unsigned i = 0; i < target.sched.count && target.answered != 0; i++)
		planned |= target.sizes[i] == now;
	FUZZ_CHECK(planned, "requested_size %#llx, which nobody asked for",
		   (unsigned long long)now);
	model_set_requested(&target.model, now);
	vmmio_config_changed(&target.io);
}

/* Every answer is the one due, and has done what it says, no more. */
static void op_answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	uint16_t state;
	uint16_t want = model_verdict(&target.model, req, &state);

	(void)ctx;
	target.answered++;
	target.resp = *resp;
	if (want == VIRTIO_MEM_RESP_ACK && target.stood_in_way) {
		want = target.stood_answer;
		state = 0;
	}
	target.stood_in_way = false;
	FUZZ_CHECK(resp->type == want && resp->state == state,
		   "request %u %#llx %u: answer %u %u, due is %u %u", (unsigned)req->type,
		   (unsigned long long)req->addr, (unsigned)req->nb_blocks, (unsigned)resp->type,
		   (unsigned)resp->state, (unsigned)want, (unsigned)state);
	if (req->type == VIRTIO_MEM_REQ_UNPLUG_ALL)
		model_unplug_discarded(&target.model);
	if (resp->type == VIRTIO_MEM_RESP_ACK)
		model_apply(&target.model, req);
	model_take_discards(&target.model);
	model_compare(&target.model, &target.vm);
	FUZZ_CHECK((target.io.status & VIRTIO_STATUS_DRIVER_OK) != 0, "served before DRIVER_OK");
	FUZZ_CHECK((target.io.status & VIRTIO_STATUS_NEEDS_RESET) == 0,
		   "served in need of a reset");
}

static const struct vmem_ops vmem_ops = {.admit = op_admit,
					 .discard = op_discard,
					 .populate = op_populate,
					 .notify_config = op_notify_config,
					 .answered = op_answered};

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	return guest_translate(&target.guest, addr, len_bytes, is_write);
}

static void set_interrupt(void *ctx, bool asserted)
{
	(void)ctx;
	FUZZ_CHECK(target.line != asserted, "the line is %d twice", asserted);
	target.line = asserted;
}

static const struct vmmio_ops vmmio_ops = {.translate = translate, .set_interrupt = set_interrupt};

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
	uint64_t due[] = {model_plugged(&target.model), target.model.usable_size};

	for (unsigned i = 0; i < 2; i++)
		FUZZ_CHECK(vmmio_read(&target.io, VMMIO_REG_CONFIG + fields[i].at, 8) == due[i],
			   "the configuration says another %s", fields[i].name);
}

/*
 * The used ring went on by as many elements as were answered. Only while the queue stands where
 * the shortcuts put it, and no buffer lies over it: else the driver has written there itself.
 */
static void check_used(bool ours)
{
	const uint8_t *used = guest_translate(&target.guest, USED_ADDR, 4 + 8 * QUEUE_SIZE, false);
	uint16_t idx = le16_load(used + 2);
	const uint8_t *last = used + 4 + 8 * ((uint16_t)(idx - 1) % QUEUE_SIZE);
	const uint8_t *desc = guest_translate(&target.guest, DESC_ADDR, 16 * QUEUE_SIZE, false);
	uint64_t at;

	if (!ours || target.answered == 0)
		return;
	FUZZ_CHECK((uint16_t)(idx - target.used_before) == target.answered,
		   "%u answers, used index from %u to %u", target.answered,
		   (unsigned)target.used_before, (unsigned)idx);
	FUZZ_CHECK(le32_load(last) < QUEUE_SIZE && le32_load(last + 4) == RESP_BYTES,
		   "used element %u %u", (unsigned)le32_load(last), (unsigned)le32_load(last + 4));
	if (target.answered != 1 || le32_load(last) % 4 != 0)
		return;
	/* The response lies in one piece behind the request of that slot. */
	at = BUF_ADDR + le32_load(last) / 4 * 128 + 64;
	if (le64_load(desc + 16 * (le32_load(last) + 2)) != at)
		return;
	used = guest_translate(&target.guest, at, RESP_BYTES, false);
	FUZZ_CHECK(le16_load(used) == target.resp.type &&
			   le16_load(used + 8) == target.resp.state && le32_load(used + 2) == 0 &&
			   le16_load(used + 6) == 0,
		   "response %u %u in memory, answered was %u %u", (unsigned)le16_load(used),
		   (unsigned)le16_load(used + 8), (unsigned)target.resp.type,
		   (unsigned)target.resp.state);
}

static void check(void)
{
	guest_check(&target.guest);
	model_take_discards(&target.model);
	model_compare(&target.model, &target.vm);
	check_config();
	FUZZ_CHECK(target.line == (target.io.interrupt_status != 0),
		   "line %d with InterruptStatus %#x", target.line,
		   (unsigned)target.io.interrupt_status);
	FUZZ_CHECK((target.io.error != 0) == ((target.io.status & VIRTIO_STATUS_NEEDS_RESET) != 0),
		   "error %d, status %#x", target.io.error, (unsigned)target.io.status);
	FUZZ_CHECK(target.answered <= VRING_MAX_SIZE, "%u requests in one step", target.answered);
	FUZZ_CHECK((target.io.status & VIRTIO_STATUS_DRIVER_OK) == 0 ||
			   (target.io.status & VIRTIO_STATUS_FEATURES_OK) != 0,
		   "DRIVER_OK without FEATURES_OK");
}

/* Is the queue where step_start() put it, and are buffers where step_request() puts them? */
static bool queue_is_ours(void)
{
	return target.io.queue_desc == DESC_ADDR && target.io.queue_driver == AVAIL_ADDR &&
	       target.io.queue_device == USED_ADDR && target.io.queue_num == QUEUE_SIZE;
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

	memset(&target, 0, sizeof(target));
	p.requested_size = feed_u8(f) % (nr + 1) * p.block_size;
	guest_make(&target.guest);
	model_make(&target.model, &p);
	target.storage = malloc(bytes);
	if (target.storage == NULL ||
	    vmem_init(&target.vm, &p, target.storage, bytes, &vmem_ops, NULL) != VMEM_OK)
		abort();
	for (unsigned i = 0; i < nr_sizes; i++)
		target.sizes[i] = feed_u8(f) % (nr + 1) * p.block_size;
	schedule_init(&target.sched, target.sizes, nr_sizes);
	vmmio_init(&target.io, &target.vm, &target.sched, &vmmio_ops, NULL);
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

		guest_watch(&target.guest, target.io.queue_device,
			    target.io.queue_ready ? 4 + 8 * target.io.queue_num : 0);
		target.answered = 0;
		target.used_before = target.io.ring.used_idx;
		ours = queue_is_ours();
		/* From the first free store on, rings may lie over buffers. */
		poked |= next >= 4 && next <= 6;
		target_step(&f);
		check();
		check_used(!poked && next != 0 && ours && queue_is_ours());
	}
	guest_free(&target.guest);
	free(target.storage);
	return 0;
}
