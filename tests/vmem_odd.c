/* SPDX-License-Identifier: BSD-2-Clause */
/* vmem.*: a device that is hard to live with, and stays in use: busy, late, restless, forgetful. */
#include "mm/window.h"
#include "platform/builtin.h"
#include "platform/follow.h"
#include "platform/misbehave.h"
#include "platform/plug.h"
#include "tests/memdev.h"
#include "tests/vmem_scene.h"

#define BUSY_TRIES 8  /* as platform/virtio_mem.h promises */
#define MANY_NACKS 20 /* more than follow_run() may take */

static void busy_times(struct test_run *t, unsigned k)
{
	char fault[16] = "busy:0";
	struct watch w;
	struct user u;

	fault[5] = (char)('0' + k);
	begin_fault(t, fault);
	w = watch_start(vmem(t));
	u = user_add(t, vmem(t), units(t, 0, 1));
	watch_say(t, &w, fault, OK);
	EXPECT(t, vmem(t)->nr_busy - w.busy == k && vmem(t)->nr_requests - w.requests == k + 1,
	       "%llu requests", (unsigned long long)(vmem(t)->nr_requests - w.requests));
	/* 1 + 2 + 4 ... ms */
	EXPECT(t, watch_ms(&w) >= (1u << k) - 1, "no back-off: %llu ms",
	       (unsigned long long)watch_ms(&w));
	user_check(t, &u);
	user_remove(t, vmem(t), &u);
	behave();
}

TEST(vmem, busy, .needs = NEEDS_VMEM)
{
	if (!can_do(t, 1, true))
		return;
	for (unsigned k = 1; k < BUSY_TRIES; k += 2)
		busy_times(t, k);
}

/* The device asks for another size, nobody has looked yet, and it is reached. */
static void follow_to(struct test_run *t, uint64_t size)
{
	struct follow f;

	EXPECT_OK(t, builtin_set_requested(size));
	ASSERT_OK(t, follow_init(&f, vmem(t), unit(t), false));
	EXPECT_OK(t, follow_run(&f));
	EXPECT(t, vmem(t)->plugged_bytes == size, "0x%llx bytes are plugged, 0x%llx asked for",
	       (unsigned long long)vmem(t)->plugged_bytes, (unsigned long long)size);
}

/* Plugging and unplugging is refused without end: both give up, and nothing is lost. */
static void refused_for_ever(struct test_run *t, const char *fault, enum err due, unsigned tries)
{
	struct hot_region *other;
	struct watch w;
	struct user u;
	struct evacuation e;
	enum err err;

	if (!begin_beside(t, 2, fault, &u, &w))
		return;
	err = plug_add(vmem(t), units(t, 1, 1), PROT_RW, &other, NULL);
	watch_say(t, &w, fault, err);
	EXPECT(t, err == due && !vmem(t)->broken, "plug: %s, due %s", err_name(err), err_name(due));
	EXPECT(t, vmem(t)->nr_requests - w.requests == tries, "%llu requests, due %u",
	       (unsigned long long)(vmem(t)->nr_requests - w.requests), tries);
	EXPECT(t, hot_find(units(t, 1, 1).start) == NULL, "memory was mapped that is not plugged");
	EXPECT(t, !follow(t, 3, NULL), "the requested size was reached"); /* and it came back */
	user_check(t, &u);
	err = plug_remove(vmem(t), u.r, &e, NULL);
	EXPECT(t, err == due && virtio_mem_plugged(vmem(t), u.phys.start, u.phys.size) != 0,
	       "unplug: %s, due %s", err_name(err), err_name(due));
	EXPECT(t, hot_find(u.phys.start) == NULL, "still mapped");
	probes_must_trap(t, &t->all, &u.s, ACCESS_LOAD);
	recover(t, NULL);
	/* Plugged, and mapped nowhere: who follows the device offers it again, as sizes change. */
	follow_to(t, 0);
	follow_to(t, 2 * unit(t));
	follow_to(t, 0);
	behave();
	EXPECT_OK(t, virtio_mem_refresh(vmem(t)));
	unplug_rest(t);
}

TEST(vmem, busy_for_ever, .needs = NEEDS_VMEM)
{
	refused_for_ever(t, "busy", ERR_BUSY, BUSY_TRIES);
}

TEST(vmem, nack_for_ever, .needs = NEEDS_VMEM)
{
	refused_for_ever(t, "nack", ERR_NACK, 1);
}

/* It denies what it asks for: who follows its wishes stops to, after a few tries. */
TEST(vmem, nack_no_livelock, .needs = NEEDS_VMEM)
{
	struct follow f;
	struct watch w;
	enum err err;

	if (!can_do(t, 2, true))
		return;
	behave();
	ASSERT_OK(t, follow_init(&f, vmem(t), unit(t), false));
	begin_fault(t, "nack");
	w = watch_start(vmem(t));
	err = follow_run(&f);
	watch_say(t, &w, "nack", err);
	EXPECT(t, err == ERR_NACK && !vmem(t)->broken, "%s", err_name(err));
	EXPECT(t, vmem(t)->nr_requests - w.requests <= MANY_NACKS, "%llu requests",
	       (unsigned long long)(vmem(t)->nr_requests - w.requests));
	recover(t, NULL);
}

/* What the driver does not have to notice: all goes as without the fault. */
static void unnoticed(struct test_run *t, const char *fault)
{
	struct watch w;
	struct user u;

	if (!begin_beside(t, 2, fault, &u, &w))
		return;
	for (unsigned i = 0; i < 4; i++) {
		struct user other = user_add(t, vmem(t), units(t, 1, 1));

		(void)virtio_mem_config_changed(vmem(t));
		EXPECT_OK(t, virtio_mem_check(vmem(t)));
		user_remove(t, vmem(t), &other);
	}
	watch_say(t, &w, fault, OK);
	EXPECT(t, misbehave_count() != 0, "%s never happened", fault);
	EXPECT(t, vmem(t)->nr_requests - w.requests == 8, "%llu requests, due 8",
	       (unsigned long long)(vmem(t)->nr_requests - w.requests));
	recover(t, &u);
	user_check(t, &u);
	user_remove(t, vmem(t), &u);
}

TEST(vmem, noise, .needs = NEEDS_VMEM)
{
	unnoticed(t, "noise");
}

TEST(vmem, late, .needs = NEEDS_VMEM)
{
	unnoticed(t, "late");
}

TEST(vmem, spurious, .needs = NEEDS_VMEM)
{
	unnoticed(t, "spurious");
}

/* Each look says that something changed, nothing did, and nothing is sent. */
TEST(vmem, spurious_looks, .needs = NEEDS_VMEM)
{
	struct watch w;

	if (!can_do(t, 1, true))
		return;
	behave();
	EXPECT(t, follow(t, 10, NULL), "requested size is not reached");
	begin_fault(t, "spurious");
	w = watch_start(vmem(t));
	for (unsigned i = 0; i < 100; i++) {
		EXPECT(t, virtio_mem_config_changed(vmem(t)), "notice %u was missed", i);
		EXPECT(t, follow(t, 1, NULL), "something changed");
	}
	watch_say(t, &w, "spurious", OK);
	EXPECT(t, vmem(t)->nr_requests == w.requests, "a notice of nothing made requests");
	recover(t, NULL);
	unplug_rest(t);
}

/* Sizes that change while a request is on its way, and between any two: each answer still counts.
 */
static void resized(struct test_run *t, const char *fault, const char *bounded)
{
	struct virtio_mem *v = vmem(t);
	unsigned done = 0;
	struct watch w;

	if (!can_do(t, 4, true))
		return;
	begin_fault(t, fault);
	w = watch_start(v);
	for (unsigned i = 0; i < 100 && t->fails == 0; i++) {
		uint64_t n = v->geo.region_size / v->geo.block_size;
		paddr_t at = v->geo.addr + rng_below(&t->rng, n) * v->geo.block_size;
		bool plugged = virtio_mem_plugged(v, at, v->geo.block_size) != 0;
		enum err err = plugged ? virtio_mem_unplug(v, at, v->geo.block_size)
				       : virtio_mem_plug(v, at, v->geo.block_size);

		done += err == OK;
		EXPECT(t, err == OK || (!plugged && err == ERR_NACK), "step %u: %s", i,
		       err_name(err));
		EXPECT_OK(t, virtio_mem_check(v));
	}
	watch_say(t, &w, fault, OK);
	EXPECT(t, misbehave_count() >= 100 && done != 0, "%s: %llu times", fault,
	       (unsigned long long)misbehave_count());
	behave();
	unplug_rest(t);
	/* When it stops to change its mind, its wish is reached. */
	begin_fault(t, bounded);
	EXPECT(t, follow(t, 50, NULL), "requested size is not reached");
	/* Its wish may be nothing, by chance, and so reached before the tenth. */
	EXPECT(t, misbehave_count() != 0 && misbehave_count() <= 10, "%s: %llu times", bounded,
	       (unsigned long long)misbehave_count());
	recover(t, NULL);
	unplug_rest(t);
}

TEST(vmem, resize, .needs = NEEDS_VMEM)
{
	resized(t, "resize", "resize:10");
}

TEST(vmem, resize_after, .needs = NEEDS_VMEM)
{
	resized(t, "resize-after", "resize-after:10");
}

/* One half of a size from before, the other from after: never believed. */
TEST(vmem, torn, .needs = NEEDS_VMEM)
{
	/* One read torn, both reads torn alike, several rounds. */
	static const char *const rows[] = {"torn:1", "torn:2", "torn:3", "torn:8"};

	if (!can_do(t, 4, true))
		return;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t want = (i + 1) * vmem(t)->geo.block_size;

		EXPECT_OK(t, builtin_set_requested(want));
		begin_fault(t, rows[i]);
		EXPECT_OK(t, virtio_mem_refresh(vmem(t)));
		EXPECT(t, vmem(t)->geo.requested_size == want,
		       "%s: 0x%llx is asked for, read 0x%llx", rows[i], (unsigned long long)want,
		       (unsigned long long)vmem(t)->geo.requested_size);
		EXPECT(t, misbehave_count() == i + 1 + (i == 3 ? 4 : 0), "%s: %llu times", rows[i],
		       (unsigned long long)misbehave_count());
		recover(t, NULL);
	}
}

/* The usable region: small at first, grows with a notice, shrinks without one at UNPLUG_ALL. */
TEST(vmem, usable, .needs = NEEDS_VMEM)
{
	struct virtio_mem *v = vmem(t);
	uint64_t u = unit(t);
	struct user one;
	uint64_t sent;

	if (!can_do(t, 8, true))
		return;
	EXPECT_OK(t, builtin_set_requested(2 * u));
	begin_fault(t, "small-usable");
	EXPECT_OK(t, virtio_mem_unplug_all(v));
	EXPECT(t, v->geo.usable_size == 2 * u, "usable 0x%llx after UNPLUG_ALL",
	       (unsigned long long)v->geo.usable_size);
	sent = v->nr_requests;
	EXPECT(t, virtio_mem_plug(v, v->geo.addr + 2 * u, u) == ERR_RANGE && v->nr_requests == sent,
	       "plugged beyond the usable region");
	one = user_add(t, v, units(t, 1, 1));
	(void)virtio_mem_config_changed(v);
	EXPECT_OK(t, builtin_set_requested(4 * u));
	EXPECT(t, virtio_mem_config_changed(v), "no notice of a usable region that grew");
	EXPECT_OK(t, virtio_mem_refresh(v));
	EXPECT(t, v->geo.usable_size == 4 * u, "usable 0x%llx, due 0x%llx",
	       (unsigned long long)v->geo.usable_size, (unsigned long long)(4 * u));
	EXPECT_OK(t, virtio_mem_plug(v, v->geo.addr + 2 * u, 2 * u));
	user_check(t, &one);
	user_remove(t, v, &one);
	EXPECT_OK(t, builtin_set_requested(u));
	EXPECT_OK(t, virtio_mem_refresh(v));
	EXPECT(t, v->geo.usable_size == 4 * u, "it shrank without UNPLUG_ALL");
	EXPECT_OK(t, virtio_mem_unplug_all(v));
	EXPECT(t, v->geo.usable_size == u && v->plugged_bytes == 0,
	       "usable 0x%llx after UNPLUG_ALL", (unsigned long long)v->geo.usable_size);
	recover(t, NULL);
}

TEST(vmem, false_plugged, .needs = NEEDS_VMEM)
{
	struct user u;

	if (!can_do(t, 2, true))
		return;
	u = user_add(t, vmem(t), units(t, 0, 1));
	begin_fault(t, "false-plugged");
	EXPECT(t, virtio_mem_check(vmem(t)) == ERR_IO && !vmem(t)->broken, "not noticed");
	user_check(t, &u);
	recover(t, &u);
	user_remove(t, vmem(t), &u);
}

/* A device need not discard: what comes back may be what was there, and must do no harm. */
TEST(vmem, keep_content, .needs = NEEDS_VMEM)
{
	struct user u;

	if (!can_do(t, 1, true))
		return;
	begin_fault(t, "keep-content");
	u = user_add(t, vmem(t), units(t, 0, 1));
	user_remove(t, vmem(t), &u);
	EXPECT_OK(t, plug_add(vmem(t), u.phys, PROT_RW, &u.r, NULL));
	probes_read(t, &t->all, &t->all, &u.s); /* the control: it is still there */
	EXPECT(t, misbehave_count() != 0, "content was discarded");
	behave();
	user_check(t, &u);
	user_remove(t, vmem(t), &u);
	EXPECT(t, builtin_violations(NULL) == 0 || t->fails != 0, "taken for a store");
}

/* Unplugged memory is scribbled over, and a store to it is found: what the accounts rely on. */
TEST(vmem, scribble, .needs = NEEDS_VMEM)
{
	struct user u;
	uint64_t before = builtin_violations(NULL);
	paddr_t at, first = 0;
	void *p;

	if (!can_do(t, 2, true))
		return;
	u = user_add(t, vmem(t), units(t, 1, 1));
	at = u.phys.start + align_down(rng_below(&t->rng, u.phys.size), PAGE_SIZE);
	user_remove(t, vmem(t), &u);
	ASSERT_OK(t, window_map(at, PAGE_SIZE, PROT_RW, &p));
	*(volatile uint64_t *)p ^= 1;
	window_unmap();
	EXPECT_OK(t, plug_add(vmem(t), u.phys, PROT_RW, &u.r, NULL));
	EXPECT(t, builtin_violations(&first) == before + 1, "a store was counted %llu times",
	       (unsigned long long)(builtin_violations(NULL) - before));
	EXPECT(t, before != 0 || first == at, "found at 0x%llx, was at 0x%llx",
	       (unsigned long long)first, (unsigned long long)at);
	builtin_forgive(1);
	u.r = hot_find(u.phys.start);
	if (u.r != NULL)
		user_remove(t, vmem(t), &u);
}
