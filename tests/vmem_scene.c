/* SPDX-License-Identifier: BSD-2-Clause */
/* What the vmem.* tests have in common. */
#include "tests/vmem_scene.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/kernel.h"
#include "platform/builtin.h"
#include "platform/misbehave.h"
#include "platform/plug.h"
#include "tests/accounts.h"
#include "tests/memdev.h"

/* Far more than the driver may take, on any machine that still works. */
#define PATIENCE_MS 8000

struct virtio_mem *vmem(const struct test_run *t)
{
	return t->bench->vmem;
}

uint64_t unit(const struct test_run *t)
{
	return max_u64(vmem(t)->geo.block_size, HOTPLUG_GRANULE);
}

struct region units(const struct test_run *t, uint64_t first, uint64_t n)
{
	struct region can = virtio_mem_granules(&vmem(t)->geo, HOTPLUG_GRANULE);

	return (struct region){can.start + first * unit(t), n * unit(t)};
}

uint64_t nr_units(const struct test_run *t)
{
	return virtio_mem_granules(&vmem(t)->geo, HOTPLUG_GRANULE).size / unit(t);
}

bool can_do(struct test_run *t, uint64_t n, bool builtin)
{
	if (builtin && !t->bench->builtin)
		test_skip(t, "needs the built-in device: this one does not misbehave on request");
	else if (virtio_mem_refresh(vmem(t)) == OK && nr_units(t) < n)
		test_skip(t, "a region of %llu blocks is too small",
			  (unsigned long long)nr_units(t));
	else
		return true;
	return false;
}

void begin_fault(struct test_run *t, const char *list)
{
	char unknown[40];

	ASSERT_OK(t, misbehave(list, unknown, sizeof(unknown)));
}

struct user user_add(struct test_run *t, struct virtio_mem *v, struct region phys)
{
	struct user u = {.phys = phys, .s = {direct_va(phys.start), phys.size, t->bench->seed}};

	ASSERT_OK(t, plug_add(v, phys, PROT_RW, &u.r, NULL));
	probes_write_and_read(t, &t->all, &u.s);
	return u;
}

void user_check(struct test_run *t, const struct user *u)
{
	paddr_t pa;

	probes_read(t, &t->all, &t->all, &u->s);
	probes_write_and_read(t, &t->all, &u->s);
	pa = zone_alloc(&u->r->zone, 0, OWNER_TEST);
	EXPECT(t, pa != FRAME_NONE, "no frame to be had of memory in use");
	if (pa != FRAME_NONE)
		frame_free(pa, 0, OWNER_TEST);
	accounts_audit(t);
}

void user_remove(struct test_run *t, struct virtio_mem *v, const struct user *u)
{
	struct evacuation e;

	EXPECT_OK(t, plug_remove(v, u->r, &e, NULL));
	probes_must_trap(t, &t->all, &u->s, ACCESS_LOAD);
}

struct watch watch_start(const struct virtio_mem *v)
{
	return (struct watch){v, time_us(), v->nr_requests, v->nr_busy,
			      time_deadline_ms(PATIENCE_MS)};
}

uint64_t watch_ms(const struct watch *w)
{
	return (time_us() - w->start_us) / 1000;
}

void watch_say(struct test_run *t, const struct watch *w, const char *fault, enum err err)
{
	uint64_t ms = watch_ms(w);

	note("%s: driver says %s after %llu requests, %llu of them BUSY, in %llu ms%s", fault,
	     err_name(err), (unsigned long long)(w->v->nr_requests - w->requests),
	     (unsigned long long)(w->v->nr_busy - w->busy), (unsigned long long)ms,
	     w->v->broken ? "; device given up" : "");
	EXPECT(t, !time_past(w->patience), "%s took %llu ms", fault, (unsigned long long)ms);
}

bool begin_beside(struct test_run *t, uint64_t n, const char *fault, struct user *u,
		  struct watch *w)
{
	if (!can_do(t, n, true))
		return false;
	*u = user_add(t, vmem(t), units(t, 0, 1));
	begin_fault(t, fault);
	*w = watch_start(vmem(t));
	return true;
}

void recover(struct test_run *t, const struct user *kept)
{
	struct hot_region *next;
	struct evacuation e;

	EXPECT(t, memdev_recover(t->bench), "not revived");
	EXPECT_OK(t, virtio_mem_check(vmem(t)));
	/* Configuration is not written, registers are used as virtio allows, whatever happens. */
	EXPECT(t, builtin_misuses() == 0, "the driver misused registers %llu times",
	       (unsigned long long)builtin_misuses());
	for (struct hot_region *r = hot_first(); r != NULL; r = next) {
		next = r->next;
		if (kept != NULL && r == kept->r)
			continue;
		EXPECT_OK(t, plug_remove(vmem(t), r, &e, NULL));
	}
}

void unplug_rest(struct test_run *t)
{
	EXPECT(t, hot_first() == NULL, "memory is in use");
	if (hot_first() == NULL && vmem(t)->plugged_bytes != 0)
		EXPECT_OK(t, virtio_mem_unplug_all(vmem(t)));
}

bool follow(struct test_run *t, unsigned looks, void (*look)(struct test_run *t))
{
	struct virtio_mem *v = vmem(t);

	while (looks-- != 0) {
		uint64_t have = v->plugged_bytes;
		enum err err;

		(void)virtio_mem_config_changed(v);
		if (virtio_mem_refresh(v) != OK)
			return false;
		if (look != NULL)
			look(t);
		if (have == v->geo.requested_size)
			return true;
		if (have < v->geo.requested_size)
			err = virtio_mem_plug(v, v->geo.addr + have, v->geo.requested_size - have);
		else
			err = virtio_mem_unplug(v, v->geo.addr + v->geo.requested_size,
						have - v->geo.requested_size);
		/* NACK, BUSY: what was true has changed meanwhile, so look again. */
		if (err != OK && err != ERR_NACK && err != ERR_BUSY) {
			test_fail(t, EVIDENCE_CHECK, "following to 0x%llx: %s",
				  (unsigned long long)v->geo.requested_size, err_name(err));
			return false;
		}
	}
	return false;
}

/* More than any schedule in use has. */
#define MAX_SIZES 64

unsigned run_schedule(struct test_run *t, void (*look)(struct test_run *t))
{
	struct virtio_mem *v = vmem(t);
	uint64_t last = v->geo.requested_size;
	unsigned changes = 0;

	/*
	 * The next size is set before anything else is answered, so the configuration has it when
	 * the last one is reached; notifications come when they come and are not waited for here.
	 */
	for (unsigned sizes = 0; sizes < MAX_SIZES; sizes++) {
		bool changed;

		ASSERT_OK(t, virtio_mem_refresh(v));
		changed = v->geo.requested_size != last;
		if (!changed && v->plugged_bytes == last)
			return changes;
		last = v->geo.requested_size;
		changes += changed;
		ASSERT(t, follow(t, 100, look), "requested size is not reached");
		EXPECT_OK(t, virtio_mem_check(v));
	}
	EXPECT(t, false, "no end of new sizes after %u", MAX_SIZES);
	return changes;
}

void settle(struct test_run *t)
{
	if (t->bench->builtin)
		behave(); /* its schedule with it */
	else
		(void)run_schedule(t, NULL);
	unplug_rest(t);
}
