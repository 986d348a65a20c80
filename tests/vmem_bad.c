/* SPDX-License-Identifier: BSD-2-Clause */
/* vmem.*: devices that cannot be used, or no longer: given up, and what is plugged goes on. */
#include "device/vmem_abi.h"
#include "firmware/time.h"
#include "mm/pte.h"
#include "mm/window.h"
#include "platform/builtin.h"
#include "platform/misbehave.h"
#include "platform/plug.h"
#include "tests/vmem_scene.h"

/* As platform/virtio_mem.h promises. */
#define BUSY_TRIES_INIT 12
#define ANSWER_MS 2000

/* One operation on a device that misbehaves, while @u is in use. */
static enum err op_plug(struct test_run *t)
{
	struct hot_region *other;

	return plug_add(vmem(t), units(t, 1, 1), PROT_RW, &other, NULL);
}

static enum err op_refresh(struct test_run *t)
{
	return virtio_mem_refresh(vmem(t));
}

/* Every call is refused, and the registers are left alone. */
static void expect_untouched(struct test_run *t)
{
	struct virtio_mem *v = vmem(t);
	paddr_t free_unit = units(t, 1, 1).start;
	uint64_t sent = v->nr_requests;
	uint16_t state;

	EXPECT(t, v->broken, "not given up");
	EXPECT(t,
	       virtio_mem_plug(v, free_unit, unit(t)) == ERR_IO &&
		       virtio_mem_unplug(v, v->geo.addr, unit(t)) == ERR_IO &&
		       virtio_mem_state(v, v->geo.addr, unit(t), &state) == ERR_IO &&
		       virtio_mem_unplug_all(v) == ERR_IO && virtio_mem_ready(v) == ERR_IO &&
		       virtio_mem_refresh(v) == ERR_IO && v->nr_requests == sent,
	       "a device that was given up is used");
}

static void given_up(struct test_run *t, const char *fault, enum err (*op)(struct test_run *t),
		     enum err due)
{
	struct watch w;
	struct user u;
	enum err err;

	if (!begin_beside(t, 2, fault, &u, &w))
		return;
	err = op(t);
	watch_say(t, &w, fault, err);
	EXPECT(t, err == due, "%s: %s, due %s", fault, err_name(err), err_name(due));
	EXPECT(t, misbehave_count() != 0, "%s never happened", fault);
	EXPECT(t, hot_find(units(t, 1, 1).start) == NULL, "mapped all the same");
	EXPECT(t, virtio_mem_plugged(vmem(t), u.phys.start, u.phys.size) == u.phys.size,
	       "what is plugged is forgotten");
	expect_untouched(t);
	user_check(t, &u);
	recover(t, &u);
	user_check(t, &u);
	user_remove(t, vmem(t), &u);
}

TEST(vmem, error, .needs = NEEDS_VMEM)
{
	given_up(t, "error", op_plug, ERR_IO);
}

TEST(vmem, unknown_answer, .needs = NEEDS_VMEM)
{
	given_up(t, "unknown-answer", op_plug, ERR_IO);
}

TEST(vmem, short_answer, .needs = NEEDS_VMEM)
{
	given_up(t, "short-answer", op_plug, ERR_IO);
}

TEST(vmem, wrong_id, .needs = NEEDS_VMEM)
{
	given_up(t, "wrong-id", op_plug, ERR_IO);
}

TEST(vmem, needs_reset, .needs = NEEDS_VMEM)
{
	given_up(t, "needs-reset", op_plug, ERR_IO);
}

TEST(vmem, no_answer, .needs = NEEDS_VMEM)
{
	uint64_t start = time_us();

	given_up(t, "no-answer", op_plug, ERR_TIMEOUT);
	EXPECT(t, t->skipped || time_us() - start >= ANSWER_MS * 1000, "given up too early");
}

TEST(vmem, moved_block, .needs = NEEDS_VMEM)
{
	given_up(t, "moved-block", op_refresh, ERR_RANGE);
}

TEST(vmem, restless, .needs = NEEDS_VMEM)
{
	given_up(t, "restless", op_refresh, ERR_IO);
}

/* With little requested, so that nothing but the size before says that it shrank. */
static enum err op_shrink(struct test_run *t)
{
	EXPECT_OK(t, builtin_set_requested(unit(t)));
	return virtio_mem_refresh(vmem(t));
}

TEST(vmem, shrunk_usable, .needs = NEEDS_VMEM)
{
	given_up(t, "shrunk-usable", op_shrink, ERR_RANGE);
}

/* The last step of a removal fails: unmapped everywhere, still plugged, and unplugged later. */
TEST(vmem, error_to_unplug, .needs = NEEDS_VMEM)
{
	struct watch w;
	struct user u;
	struct evacuation e;
	enum err err;

	if (!begin_beside(t, 1, "error", &u, &w))
		return;
	err = plug_remove(vmem(t), u.r, &e, NULL);
	watch_say(t, &w, "error", err);
	EXPECT(t, err == ERR_IO && vmem(t)->broken, "%s", err_name(err));
	EXPECT(t, hot_find(u.phys.start) == NULL, "still mapped");
	probes_must_trap(t, &t->all, &u.s, ACCESS_LOAD);
	EXPECT(t, virtio_mem_plugged(vmem(t), u.phys.start, u.phys.size) == u.phys.size,
	       "taken for unplugged");
	recover(t, NULL);
	EXPECT_OK(t, virtio_mem_unplug(vmem(t), u.phys.start, u.phys.size));
}

/* ---- at start: the driver anew, on the same registers */

static struct virtio_mem second;

/* The first driver's queue is dead when this returns, until it is revived. */
static enum err start_second(struct test_run *t, const char *fault)
{
	struct watch w = watch_start(&second);
	enum err err;

	second = (struct virtio_mem){0};
	begin_fault(t, fault);
	w.requests = w.busy = 0;
	err = virtio_mem_init(&second, &vmem(t)->dev);
	watch_say(t, &w, fault, err);
	return err;
}

static void end_second(struct test_run *t)
{
	EXPECT_OK(t, virtio_mem_close(&second));
	behave();
	EXPECT_OK(t, virtio_mem_revive(vmem(t)));
	recover(t, NULL);
}

static void refused_at_start(struct test_run *t, const char *fault, enum err due)
{
	enum err err;

	if (!can_do(t, 1, true))
		return;
	err = start_second(t, fault);
	EXPECT(t, err == due && second.broken, "%s: %s, due %s", fault, err_name(err),
	       err_name(due));
	EXPECT(t, misbehave_count() != 0, "%s never happened", fault);
	EXPECT(t, second.nr_requests == 0, "requests to a device that did not start");
	end_second(t);
}

TEST(vmem, features_refused, .needs = NEEDS_VMEM)
{
	refused_at_start(t, "features-refused", ERR_NOSYS);
}

TEST(vmem, no_version_1, .needs = NEEDS_VMEM)
{
	refused_at_start(t, "no-version-1", ERR_NOSYS);
}

TEST(vmem, no_queue, .needs = NEEDS_VMEM)
{
	refused_at_start(t, "no-queue", ERR_NOENT);
}

TEST(vmem, dead_queue, .needs = NEEDS_VMEM)
{
	refused_at_start(t, "dead-queue", ERR_IO);
}

TEST(vmem, odd_config, .needs = NEEDS_VMEM)
{
	static const char *const rows[] = {"odd-block", "odd-addr", "odd-region"};

	for (unsigned i = 0; i < ARRAY_LEN(rows); i++)
		refused_at_start(t, rows[i], ERR_RANGE);
}

/*
 * Every hart loads from every page at @pa, which is unplugged, through a view of its own: the
 * direct map shows plugged memory only. The view cannot be stored to, so that nobody writes by
 * mistake, and that is looked at too.
 */
static void read_unplugged(struct test_run *t, paddr_t pa)
{
	struct spots s = {.size = HOTPLUG_GRANULE, .seed = t->bench->seed};
	void *p;

	ASSERT_OK(t, window_map(pa, HOTPLUG_GRANULE, PROT_RO, &p));
	s.va = (vaddr_t)(uintptr_t)p;
	probes_load_pages(t, &t->all, s.va, s.size);
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	window_unmap();
	/* And that a load that may not be would have been noticed. */
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
}

/* Both ends of a block that was unplugged just now, the region's end, and anywhere between. */
static void read_unplugged_units(struct test_run *t, struct region gone)
{
	struct region rest = {gone.start, region_end(units(t, 0, nr_units(t))) - gone.start};
	uint64_t n = rest.size / HOTPLUG_GRANULE;

	read_unplugged(t, gone.start);
	read_unplugged(t, region_end(gone) - HOTPLUG_GRANULE);
	read_unplugged(t, region_end(rest) - HOTPLUG_GRANULE);
	read_unplugged(t, rest.start + rng_below(&t->rng, n) * HOTPLUG_GRANULE);
}

/* The driver behaves as with the feature, and a kernel that reads unplugged blocks lives. */
static void without_inaccessible(struct test_run *t, struct virtio_mem *v)
{
	struct user stays, gone;
	uint64_t requests;

	stays = user_add(t, v, units(t, 0, 1));
	gone = user_add(t, v, units(t, 1, 1));
	user_remove(t, v, &gone);
	requests = v->nr_requests;
	read_unplugged_units(t, gone.phys);
	EXPECT(t, v->nr_requests == requests, "a read made requests");
	EXPECT_OK(t, virtio_mem_check(v));
	user_check(t, &stays);
	/* Had a read plugged it, this would be ERROR. */
	gone = user_add(t, v, gone.phys);
	user_check(t, &gone);
	user_remove(t, v, &gone);
	user_check(t, &stays);
	user_remove(t, v, &stays);
}

static bool may_read(const struct virtio_mem *v)
{
	return (v->features >> VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE & 1) == 0;
}

/*
 * 5.15.6, device: without the feature the CPU MUST be allowed to read unplugged blocks inside the
 * usable region. What it reads is left open; a trap, or an end of the machine, is not.
 */
TEST(vmem, no_inaccessible, .needs = NEEDS_VMEM)
{
	if (!t->bench->builtin && !may_read(vmem(t))) {
		test_skip(t, "this device offers UNPLUGGED_INACCESSIBLE: nothing unplugged may be "
			     "read");
		return;
	}
	if (!can_do(t, 2, false))
		return;
	ASSERT_OK(t, window_init(HOTPLUG_GRANULE));
	if (t->bench->builtin) {
		EXPECT_OK(t, start_second(t, "no-inaccessible"));
		EXPECT(t, may_read(&second), "accepted what was not offered");
		without_inaccessible(t, &second);
		end_second(t);
	} else {
		without_inaccessible(t, vmem(t));
	}
}

static void leftovers(struct test_run *t, const char *fault, uint64_t busy)
{
	struct user u;

	EXPECT_OK(t, start_second(t, fault));
	EXPECT(t, misbehave_count() == 3 + busy, "there were no leftovers");
	EXPECT(t, second.nr_requests == busy + 1 && second.nr_busy == busy, "%llu requests",
	       (unsigned long long)second.nr_requests);
	EXPECT(t, second.plugged_bytes == 0, "leftovers stayed");
	EXPECT_OK(t, virtio_mem_check(&second));
	u = user_add(t, &second, units(t, 0, 1));
	user_remove(t, &second, &u);
	end_second(t);
}

/* What an earlier run left plugged is unplugged first, however often the device is busy. */
TEST(vmem, leftovers, .needs = NEEDS_VMEM)
{
	if (!can_do(t, 8, true))
		return;
	leftovers(t, "leftovers", 0);
	leftovers(t, "leftovers:3,busy:1", 1);
	leftovers(t, "busy:6,leftovers:3", 6);
}

/* They cannot be unplugged: not for ever, and the device is left alone. */
TEST(vmem, leftovers_stay, .needs = NEEDS_VMEM)
{
	enum err err;

	if (!can_do(t, 8, true))
		return;
	err = start_second(t, "leftovers,busy");
	EXPECT(t, err == ERR_BUSY && second.broken, "%s", err_name(err));
	EXPECT(t, second.nr_requests == BUSY_TRIES_INIT, "%llu requests",
	       (unsigned long long)second.nr_requests);
	/* The first driver finds blocks plugged that it knows nothing of, and drops them. */
	end_second(t);
	EXPECT(t, vmem(t)->plugged_bytes == 0, "leftovers stayed");
}

/*
 * Small blocks, a start and an end that are no multiple of a leaf: the device's edges are plugged
 * block by block, the direct map gets what it can use, and no more is plugged for it.
 */
TEST(vmem, odd_shape, .needs = NEEDS_VMEM)
{
	const uint64_t block = UINT64_C(64) << 10;
	struct virtio_mem_geometry g;
	struct hot_region *r;
	struct region can;
	struct user u;

	if (!can_do(t, 1, true))
		return;
	g = vmem(t)->geo;
	if (g.region_size < 8 * SZ_2M || g.region_size / block > 4096) {
		test_skip(t, "not with a region of 0x%llx bytes",
			  (unsigned long long)g.region_size);
		return;
	}
	ASSERT_OK(t, builtin_reshape(block, g.region_size - 4 * block, block));
	second = (struct virtio_mem){0};
	EXPECT_OK(t, virtio_mem_init(&second, &vmem(t)->dev));
	EXPECT_OK(t, virtio_mem_refresh(&second));
	can = virtio_mem_granules(&second.geo, HOTPLUG_GRANULE);
	EXPECT(t, can.start == g.addr + SZ_2M && can.size == g.region_size - 2 * SZ_2M,
	       "0x%llx+0x%llx can be mapped", (unsigned long long)can.start,
	       (unsigned long long)can.size);
	/* Both edges: plugged, and of no use. */
	EXPECT_OK(t, virtio_mem_plug(&second, second.geo.addr, 3 * block));
	EXPECT_OK(t, virtio_mem_plug(&second, g.addr + g.region_size - 5 * block, 2 * block));
	EXPECT(t,
	       plug_add(&second, (struct region){can.start - block, SZ_2M}, PROT_RW, &r, NULL) ==
			       ERR_INVAL &&
		       second.plugged_bytes == 5 * block,
	       "memory was plugged that cannot be used");
	u = user_add(t, &second, (struct region){can.start, 2 * SZ_2M});
	EXPECT_OK(t, virtio_mem_check(&second));
	user_check(t, &u);
	user_remove(t, &second, &u);
	EXPECT_OK(t, virtio_mem_unplug_all(&second));
	EXPECT_OK(t, virtio_mem_close(&second));
	EXPECT_OK(t, builtin_reshape(0, g.region_size, g.block_size));
	EXPECT_OK(t, virtio_mem_revive(vmem(t)));
	recover(t, NULL);
}
