/* SPDX-License-Identifier: BSD-2-Clause */
/* vmem.*: the virtio-mem driver by the rules, on any device. */
#include "device/vmem_abi.h"
#include "firmware/console.h"
#include "mm/frame.h"
#include "platform/plug.h"
#include "tests/vmem_scene.h"

/* The driver's own accounts refuse what no device has to be asked for. */
TEST(vmem, refused_here, .needs = NEEDS_VMEM)
{
	struct virtio_mem *v = vmem(t);
	uint64_t b = v->geo.block_size;
	paddr_t a = v->geo.addr;
	paddr_t end = a + v->geo.usable_size;
	const struct {
		paddr_t addr;
		uint64_t size;
		enum err plug, unplug;
	} rows[] = {
		{a, 0, ERR_INVAL, ERR_INVAL},
		{a + b / 2, b, ERR_INVAL, ERR_INVAL},
		{a, b / 2, ERR_INVAL, ERR_INVAL},
		{a - b, b, ERR_RANGE, ERR_RANGE},
		{end, b, ERR_RANGE, ERR_RANGE},
		{end + b, b, ERR_RANGE, ERR_RANGE},
		{end - b, 2 * b, ERR_RANGE, ERR_RANGE},
		{a + b, -b, ERR_RANGE, ERR_RANGE},
		{a + b, b, ERR_EXIST, OK},
		{a, 2 * b, ERR_EXIST, ERR_NOENT},
		{a + 2 * b, b, OK, ERR_NOENT},
	};
	uint64_t sent;

	if (!can_do(t, 4, false))
		return;
	ASSERT_OK(t, virtio_mem_plug(v, a + b, b));
	sent = v->nr_requests;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		enum err plug =
			rows[i].plug != OK ? virtio_mem_plug(v, rows[i].addr, rows[i].size) : OK;
		enum err unplug = rows[i].unplug != OK
					  ? virtio_mem_unplug(v, rows[i].addr, rows[i].size)
					  : OK;

		EXPECT(t, plug == rows[i].plug && unplug == rows[i].unplug,
		       "row %u, 0x%llx+0x%llx: plug %s, due %s; unplug %s, due %s", i,
		       (unsigned long long)rows[i].addr, (unsigned long long)rows[i].size,
		       err_name(plug), err_name(rows[i].plug), err_name(unplug),
		       err_name(rows[i].unplug));
	}
	EXPECT(t, v->nr_requests == sent, "%llu requests were sent that cannot be right",
	       (unsigned long long)(v->nr_requests - sent));
	EXPECT_OK(t, virtio_mem_unplug(v, a + b, b));
}

static unsigned nr_refused;

/* Whatever is plugged now: a block more than is requested is refused, and not ours. */
static void plug_too_much(struct test_run *t)
{
	struct virtio_mem *v = vmem(t);
	uint64_t have = v->plugged_bytes;
	uint64_t more = v->geo.block_size;
	enum err err;

	if (v->geo.requested_size > have)
		more += v->geo.requested_size - have;
	if (have + more > v->geo.usable_size)
		return;
	err = virtio_mem_plug(v, v->geo.addr + have, more);
	EXPECT(t, err == ERR_NACK && !v->broken && v->plugged_bytes == have,
	       "0x%llx more than 0x%llx with 0x%llx requested: %s", (unsigned long long)more,
	       (unsigned long long)have, (unsigned long long)v->geo.requested_size, err_name(err));
	EXPECT_OK(t, virtio_mem_check(v));
	nr_refused++;
}

/* Every size that the device asks for is reached, and none is exceeded. */
TEST(vmem, requested, .needs = NEEDS_VMEM, .timeout_ms = 60000)
{
	nr_refused = 0;
	(void)virtio_mem_config_changed(vmem(t));
	ASSERT_OK(t, virtio_mem_refresh(vmem(t)));
	ASSERT_OK(t, virtio_mem_ready(vmem(t)));
	EXPECT(t, run_schedule(t, plug_too_much) > 0, "the device never asked for another size");
	note("%u requests for more than was asked for were refused", nr_refused);
	if (nr_refused == 0)
		test_skip(t, "blind: this schedule leaves no room to ask for more");
	unplug_rest(t);
}

/* STATE is the device's own word for what we believe, of runs, holes and both. */
TEST(vmem, state, .needs = NEEDS_VMEM, .timeout_ms = 60000)
{
	static const struct {
		unsigned first, n;
		uint16_t due;
	} rows[] = {
		{1, 2, VIRTIO_MEM_STATE_PLUGGED}, {0, 1, VIRTIO_MEM_STATE_UNPLUGGED},
		{0, 2, VIRTIO_MEM_STATE_MIXED},	  {2, 2, VIRTIO_MEM_STATE_MIXED},
		{0, 4, VIRTIO_MEM_STATE_MIXED},	  {3, 1, VIRTIO_MEM_STATE_UNPLUGGED},
	};
	struct virtio_mem *v = vmem(t);
	uint64_t b = v->geo.block_size;

	if (!can_do(t, 4, false))
		return;
	ASSERT_OK(t, virtio_mem_plug(v, v->geo.addr + b, 2 * b));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint16_t state = 99;

		EXPECT_OK(t, virtio_mem_state(v, v->geo.addr + rows[i].first * b, rows[i].n * b,
					      &state));
		EXPECT(t, state == rows[i].due, "blocks %u+%u: state %u, due %u", rows[i].first,
		       rows[i].n, (unsigned)state, (unsigned)rows[i].due);
	}
	EXPECT_OK(t, virtio_mem_unplug(v, v->geo.addr + b, 2 * b));
	settle(t);
}

/* Any order, any length: after each step the device's plugged_size is the driver's. */
TEST(vmem, accounts, .needs = NEEDS_VMEM, .timeout_ms = 60000)
{
	struct virtio_mem *v = vmem(t);
	uint64_t n = v->geo.region_size / v->geo.block_size;

	for (unsigned i = 0; i < 200 && t->fails == 0; i++) {
		uint64_t first = rng_below(&t->rng, n);
		uint64_t size = (1 + rng_below(&t->rng, min_u64(n - first, 8))) * v->geo.block_size;
		paddr_t at = v->geo.addr + first * v->geo.block_size;
		uint64_t known = virtio_mem_plugged(v, at, size);
		enum err err, due;

		if (rng_below(&t->rng, 2) != 0) {
			err = virtio_mem_plug(v, at, size);
			due = known == 0 ? OK : ERR_EXIST;
		} else {
			err = virtio_mem_unplug(v, at, size);
			due = known == size ? OK : ERR_NOENT;
		}
		EXPECT(t, err == due, "step %u: %s, due %s", i, err_name(err), err_name(due));
		EXPECT_OK(t, virtio_mem_check(v));
	}
	unplug_rest(t);
}

/* A device reset changes neither blocks nor contents (5.15.5.2): memory in use goes through it. */
TEST(vmem, reset, .needs = NEEDS_VMEM, .timeout_ms = 60000)
{
	struct user one, two;

	if (!can_do(t, 4, false))
		return;
	one = user_add(t, vmem(t), units(t, 0, 1));
	two = user_add(t, vmem(t), units(t, 2, 2));
	EXPECT_OK(t, virtio_mem_revive(vmem(t)));
	EXPECT_OK(t, virtio_mem_check(vmem(t)));
	user_check(t, &one);
	user_check(t, &two);
	user_remove(t, vmem(t), &one);
	user_check(t, &two);
	user_remove(t, vmem(t), &two);
	settle(t);
}

/* Whatever the device reads and writes lies in boot memory: it never leaves. */
TEST(vmem, dma, .needs = NEEDS_VMEM)
{
	struct virtio_mem *v = vmem(t);
	const paddr_t rows[] = {v->msg_pa, v->queue.desc_pa, v->queue.driver_pa,
				v->queue.device_pa};
	struct region region = {v->geo.addr, v->geo.region_size};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		EXPECT(t, rows[i] < region.start || rows[i] >= region_end(region),
		       "0x%llx can be unplugged", (unsigned long long)rows[i]);
		EXPECT(t, frame_owner(align_down(rows[i], PAGE_SIZE)) == OWNER_DMA,
		       "0x%llx is owned by %s", (unsigned long long)rows[i],
		       owner_name(frame_owner(align_down(rows[i], PAGE_SIZE))));
	}
}

/* Memory in use is not asked back: the device never hears of it. */
TEST(vmem, in_use, .needs = NEEDS_VMEM)
{
	struct user u;
	uint64_t sent;
	struct evacuation e;
	paddr_t pa;

	if (!can_do(t, 1, false))
		return;
	u = user_add(t, vmem(t), units(t, 0, 1));
	sent = vmem(t)->nr_requests;
	pa = zone_alloc(&u.r->zone, 0, OWNER_TEST);
	EXPECT(t, plug_remove(vmem(t), u.r, &e, NULL) == ERR_BUSY && e.stuck.pa == pa,
	       "memory in use was taken away");
	EXPECT(t, vmem(t)->nr_requests == sent, "the device was asked to unplug memory in use");
	frame_free(pa, 0, OWNER_TEST);
	user_check(t, &u);
	user_remove(t, vmem(t), &u);
}
