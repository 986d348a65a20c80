/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver against answers that break the rules, one rule at a time; and its queue. */

#include "tests/host/test_vmem_driver_rig.h"

#define B SZ_2M

/* The queue, as the device last left it. */
static uint8_t *used_ring(void)
{
	return (uint8_t *)(uintptr_t)rig.io.queue_device;
}

static uint8_t *last_used(void)
{
	uint16_t idx = (uint16_t)(le16_load(used_ring() + 2) - 1);

	return used_ring() + 4 + 8 * (idx % rig.v.queue.size);
}

static uint8_t *response(void)
{
	/* The second descriptor of the chain at the last used head. */
	const uint8_t *desc = (const uint8_t *)(uintptr_t)rig.io.queue_desc;
	uint16_t next = le16_load(desc + 16 * le32_load(last_used()) + 14);

	return (uint8_t *)(uintptr_t)le64_load(desc + 16 * next);
}

static void used_len_short(void)
{
	le32_store(last_used() + 4, 9);
}

static void used_len_none(void)
{
	le32_store(last_used() + 4, 0);
}

static void used_len_long(void)
{
	le32_store(last_used() + 4, 11);
}

static void used_id_range(void)
{
	le32_store(last_used(), rig.v.queue.size);
}

static void used_id_huge(void)
{
	le32_store(last_used(), 0x10000 + le32_load(last_used()));
}

static void used_id_idle(void)
{
	le32_store(last_used(), (le32_load(last_used()) + 1) % rig.v.queue.size);
}

static void used_idx_two(void)
{
	le16_store(used_ring() + 2, (uint16_t)(le16_load(used_ring() + 2) + 1));
}

static void used_idx_back(void)
{
	le16_store(used_ring() + 2, (uint16_t)(le16_load(used_ring() + 2) - 2));
}

static void used_idx_far(void)
{
	le16_store(used_ring() + 2, (uint16_t)(le16_load(used_ring() + 2) + 0x8000));
}

static void type_unknown(void)
{
	le16_store(response(), 4);
}

static void type_ones(void)
{
	le16_store(response(), 0xffff);
}

static void type_error(void)
{
	le16_store(response(), VIRTIO_MEM_RESP_ERROR);
}

static void state_unknown(void)
{
	le16_store(response() + 8, 3);
}

static void no_used(void)
{
	le16_store(used_ring() + 2, (uint16_t)(le16_load(used_ring() + 2) - 1));
}

static void needs_reset(void)
{
	no_used();
	rig.io.status |= VIRTIO_STATUS_NEEDS_RESET;
}

static void was_reset(void)
{
	no_used();
	rig.io.status = 0;
}

static void test_bad_answers(void)
{
	static const struct {
		const char *what;
		void (*tamper)(void);
		enum err err;
		const char *says;
	} rows[] = {
		{"response of 9 bytes", used_len_short, ERR_IO, "9 bytes"},
		{"response of no bytes", used_len_none, ERR_IO, "0 bytes"},
		{"response of 11 bytes", used_len_long, ERR_IO, "used ring"},
		{"id out of range", used_id_range, ERR_IO, "used ring"},
		{"id beyond 16 bits", used_id_huge, ERR_IO, "used ring"},
		{"id not in flight", used_id_idle, ERR_IO, "used ring"},
		{"index one ahead", used_idx_two, ERR_IO, "used ring"},
		{"index one back", used_idx_back, ERR_IO, "used ring"},
		{"index far ahead", used_idx_far, ERR_IO, "used ring"},
		{"unknown type", type_unknown, ERR_IO, "response 0x4"},
		{"type all ones", type_ones, ERR_IO, "response 0xffff"},
		{"ERROR", type_error, ERR_IO, "ERROR to STATE 0x100000000+0x200000"},
		{"unknown state", state_unknown, ERR_IO, "state 0x3"},
		{"no answer", no_used, ERR_TIMEOUT, "no answer in 2000 ms"},
		{"NEEDS_RESET", needs_reset, ERR_IO, "needs a reset"},
		{"a reset", was_reset, ERR_IO, "needs a reset"},
	};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t before;
		uint16_t state = 9;

		rig_start();
		tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 2 * B) == OK, "two blocks are plugged");
		rig.after_notify = rows[i].tamper;
		tap_ok(virtio_mem_state(&rig.v, RIG_ADDR, B, &state) == rows[i].err &&
			       rig.v.broken && state == 9 && strstr(rig.note, rows[i].says),
		       "%s: %s", rows[i].what, rig.note);
		before = rig.accesses;
		tap_ok(virtio_mem_unplug(&rig.v, RIG_ADDR, B) == ERR_IO &&
			       virtio_mem_plug(&rig.v, RIG_ADDR + 2 * B, B) == ERR_IO &&
			       virtio_mem_unplug_all(&rig.v) == ERR_IO && rig.accesses == before,
		       "the device is not touched again");
		tap_ok(virtio_mem_plugged(&rig.v, RIG_ADDR, 64 * B) == 2 * B &&
			       rig.live_allocs == 3 && rig.nr_allocs == 3,
		       "what is plugged stays known, and no memory goes back");
		rig_end();
	}
}

/* What a response says beyond its type is not looked at (5.15.6.3.1). */
static void noise(void)
{
	memset(response() + 2, 0xee, 8);
}

static void state_without_ack(void)
{
	le16_store(response() + 8, VIRTIO_MEM_STATE_MIXED);
}

static void test_odd_answers(void)
{
	static const uint16_t types[] = {VIRTIO_MEM_RESP_ERROR, VIRTIO_MEM_RESP_NACK, 77};
	uint16_t state = 9;

	rig_start();
	rig.after_notify = noise;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 2 * B) == OK &&
		       virtio_mem_unplug(&rig.v, RIG_ADDR, B) == OK &&
		       virtio_mem_unplug_all(&rig.v) == OK && rig_agrees(),
	       "only the type of a response counts");
	rig_end();

	/* 5.15.6.7.1: a state without an ACK says nothing, even if it looks like one. */
	rig_start();
	rig.after_notify = state_without_ack;
	rig.answer = VIRTIO_MEM_RESP_NACK;
	rig.answer_left = 1;
	tap_ok(virtio_mem_state(&rig.v, RIG_ADDR, B, &state) == ERR_NACK && state == 9 &&
		       !rig.v.broken,
	       "the state of a STATE that was refused is not looked at");
	rig_end();

	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		rig_start();
		tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, 2 * B) == OK, "two blocks are plugged");
		rig.answer = types[i];
		rig.answer_left = 1;
		tap_ok(virtio_mem_unplug_all(&rig.v) == ERR_IO && rig.v.broken &&
			       rig.v.plugged_bytes == 2 * B,
		       "UNPLUG_ALL answered by %u", (unsigned)types[i]);
		rig_end();
	}

	rig_start();
	rig.deaf = true;
	tap_ok(virtio_mem_plug(&rig.v, RIG_ADDR, B) == ERR_TIMEOUT && rig.v.broken &&
		       rig.ticks >= 2000 * RIG_TICKS_PER_MS,
	       "a notification that gets lost is a timeout");
	rig_end();

	rig_start();
	rig.io.status |= VIRTIO_STATUS_NEEDS_RESET;
	tap_ok(virtio_mem_refresh(&rig.v) == ERR_IO && rig.v.broken,
	       "NEEDS_RESET is seen by a refresh");
	rig_end();
}

/* Two chains at once: the driver never does it, the queue has to stand it. */
static void test_queue(void)
{
	struct virtq_buf out = {0x1000, 24};
	struct virtq_buf in[2] = {{0x2000, 10}, {0x3000, UINT32_MAX}};
	struct virtq q;
	uint16_t head[3];
	uint16_t got;
	uint32_t len;
	uint8_t *used;

	memset(&rig, 0, sizeof(rig));
	tap_ok(virtq_init(&q, 0) == ERR_INVAL, "a queue of none");
	tap_ok(virtq_init(&q, 5) == OK && q.size == 4, "a queue of five is four");
	used = (uint8_t *)(uintptr_t)q.device_pa;
	tap_ok(q.desc_pa % 16 == 0 && q.driver_pa % 2 == 0 && q.device_pa % 4 == 0, "alignment");
	tap_ok(virtq_add(&q, NULL, 0, NULL, 0, &got) == ERR_INVAL &&
		       virtq_add(&q, &out, 1, in, 2, &got) == ERR_INVAL && q.nr_free == 4,
	       "chains of nothing and of 4 GiB are refused");
	tap_ok(virtq_add(&q, &out, 1, in, 1, &head[0]) == OK &&
		       virtq_add(&q, &out, 1, in, 1, &head[1]) == OK && head[0] != head[1] &&
		       virtq_add(&q, &out, 1, NULL, 0, &head[2]) == ERR_NOMEM && q.nr_free == 0,
	       "two chains of two fill it");
	tap_ok(virtq_take_used(&q, &got, &len) == ERR_NOENT, "none is used");
	le32_store(used + 4, head[1]);
	le32_store(used + 8, 10);
	le16_store(used + 2, 1);
	tap_ok(virtq_take_used(&q, &got, &len) == OK && got == head[1] && len == 10 &&
		       q.nr_free == 2 && q.nr_in_flight == 1,
	       "the second comes back first");
	le32_store(used + 12, head[1]);
	le16_store(used + 2, 2);
	tap_ok(virtq_take_used(&q, &got, &len) == ERR_IO, "and not twice");
	le32_store(used + 12, head[0]);
	tap_ok(virtq_take_used(&q, &got, &len) == OK && got == head[0] && len == 0 &&
		       q.nr_free == 4 && q.nr_in_flight == 0,
	       "the first comes back, nothing written");
	used[0] = 1;
	tap_ok(!virtq_wants_notify(&q), "no notification where none is wanted");
	used[0] = 0;
	tap_ok(virtq_wants_notify(&q), "one where it is");
	for (unsigned i = 2; i < 70000; i++) {
		uint8_t *elem = used + 4 + 8 * (i % 4);

		if (virtq_add(&q, &out, 1, in, 1, &head[0]) != OK)
			break;
		le32_store(elem, head[0]);
		le32_store(elem + 4, i % 11);
		le16_store(used + 2, (uint16_t)(i + 1));
		if (virtq_take_used(&q, &got, &len) != OK || got != head[0] || len != i % 11)
			break;
	}
	tap_ok(q.used_idx == (uint16_t)70000 && q.nr_free == 4, "indices wrap");
	virtq_free(&q);
	tap_ok(rig.live_allocs == 0, "gives its memory back");
}

int main(void)
{
	test_bad_answers();
	test_odd_answers();
	test_queue();
	return tap_done();
}
