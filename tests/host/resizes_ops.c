/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes: what is asked of driver and hot-plug, and what goes wrong meanwhile. */
#include "tests/host/resizes.h"

#include <string.h>

#include "mm/hotplug.h"
#include "tests/host/arch_sim_rig.h"

/* Mostly near the last one: blocks that come and go are what a resize costs. */
uint64_t world_some_size(void)
{
	uint64_t near = max_u64(2 * BLOCK, world.f.step);
	uint64_t last = world.vm.params.requested_size;
	uint64_t low = last > near ? last - near : 0;
	uint64_t high = min_u64(last + near, BLOCKS * BLOCK);

	/* One piece, so that its records share a leaf. */
	if (world.f.memory_block == BLOCKS * BLOCK && sim_below(last == 0 ? 2 : 64) == 0)
		return last == 0 ? BLOCKS * BLOCK : 0;
	if (sim_below(24) == 0)
		return sim_below(BLOCKS + 1) * BLOCK;
	return low + sim_below((high - low) / BLOCK + 1) * BLOCK;
}

static bool is_pin(struct zone_block b)
{
	for (unsigned i = 0; i < PINS; i++) {
		if (world.pins[i].pa != FRAME_NONE && world.pins[i].pa == b.pa)
			return true;
	}
	return false;
}

void world_change_pin(struct pin *p)
{
	if (p->pa != FRAME_NONE) {
		frame_free(p->pa, p->order, OWNER_TEST);
		p->pa = FRAME_NONE;
		return;
	}
	p->order = (unsigned)sim_below(10);
	p->pa = frame_alloc_hot(p->order, OWNER_TEST);
}

/* What goes wrong while the next operation runs. */
static void draw_mishaps(void)
{
	world.refused = 0;
	world.answer_left = 0;
	switch (sim_below(12)) {
	case 0: /* the driver tries 8 times */
		world.answer = VIRTIO_MEM_RESP_BUSY;
		world.answer_left = 1 + (unsigned)sim_below(7);
		break;
	case 1:
		world.answer = VIRTIO_MEM_RESP_BUSY;
		world.answer_left = 8 + (unsigned)sim_below(12);
		break;
	case 2: /* follow_run() 16 times */
		world.answer = VIRTIO_MEM_RESP_NACK;
		world.answer_left = 1 + (unsigned)sim_below(24);
		break;
	default:
		break;
	}
	world.fail_at =
		sim_below(8) == 0 ? 1 + (unsigned)sim_below(UINT64_C(1) << sim_below(6)) : 0;
	world.fickle = sim_below(16) == 0;
	world.changed_mind = false;
	world.bystanders = sim_below(2) == 0;
	frame_fail_at(world.fail_at);
	if (world.bystanders)
		sim_during_fence(things_in_between, NULL);
}

static void end_mishaps(void)
{
	frame_fail_at(0);
	sim_during_fence(NULL, NULL);
	world.fail_at = 0;
	world.fickle = false;
	world.bystanders = false;
}

/* Is there a reason for what an operation that takes memory away or brings some returned? */
static void check_reason(const char *what, enum err err, struct zone_block stuck)
{
	bool pinned = err == ERR_BUSY && stuck.pa != FRAME_NONE;

	if (pinned && world.refused == 0 && world.fail_at == 0)
		CHECK(is_pin(stuck), "%s: 0x%llx is no pinned frame", what,
		      (unsigned long long)stuck.pa);
	CHECK(err == OK || err == ERR_NOENT || (err == ERR_NOMEM && world.fail_at != 0) ||
		      (err == ERR_BUSY && (pinned || world.refused >= 8)) ||
		      (err == ERR_NACK && world.refused >= 16),
	      "%s: %s for no reason", what, err_name(err));
	totals->refused_pinned += pinned;
	totals->refused_device += err == ERR_NACK || (err == ERR_BUSY && !pinned);
	totals->no_memory += err == ERR_NOMEM;
}

void world_resize(uint64_t size)
{
	uint64_t moved = world.f.moved;
	uint64_t plugged;
	enum err err;

	CHECK(vmem_set_requested_size(&world.vm, size) == VMEM_OK, "resize refused");
	draw_mishaps();
	err = follow_run(&world.f);
	check_reason("follow", err, world.f.stuck);
	CHECK(err != ERR_NOENT, "follow: %s", err_name(err));
	plugged = world.v.plugged_bytes;
	if (err == OK && !world.changed_mind) {
		totals->reached++;
		CHECK(plugged <= size &&
			      (size - plugged < world.f.step || plugged == world.f.range.size),
		      "%llu blocks plugged, %llu requested, step %llu",
		      (unsigned long long)(plugged / BLOCK), (unsigned long long)(size / BLOCK),
		      (unsigned long long)(world.f.step / BLOCK));
	}
	totals->resizes++;
	totals->moved += world.f.moved - moved;
	end_mishaps();
	world_check("resized");
}

struct picture {
	unsigned n;
	struct region r[BLOCKS];
};

static struct picture picture(void)
{
	struct picture p = {0};

	for (const struct hot_region *r = hot_first(); r != NULL && p.n < BLOCKS; r = r->next)
		p.r[p.n++] = r->phys;
	return p;
}

/*
 * Whole steps: nothing else ever comes or goes in big-block mode. Mostly what is there, and where
 * frames are pinned.
 */
static struct region some_range(void)
{
	uint64_t steps = world.f.range.size / world.f.step;
	struct region r = {0};

	for (unsigned tries = 0; tries < 8; tries++) {
		const struct pin *p = &world.pins[sim_below(PINS)];
		uint64_t first = sim_below(steps);
		const struct hot_region *in;
		uint64_t n;

		if (p->pa != FRAME_NONE && sim_below(2) == 0)
			first = (p->pa - world.f.range.start) / world.f.step;
		n = 1 + sim_below(min_u64(steps - first, 3));
		r = (struct region){world.f.range.start + first * world.f.step, n * world.f.step};
		in = hot_find(r.start);
		if (in != NULL && region_end(r) <= region_end(in->phys))
			break;
	}
	return r;
}

void world_remove_range(void)
{
	struct region r = some_range();
	const struct hot_region *in = hot_find(r.start);
	bool whole = in != NULL && region_end(r) <= region_end(in->phys);
	struct evacuation e = {.stuck = {.pa = FRAME_NONE}};
	uint64_t bits = world.v.bitmap[0];
	struct picture before = picture();
	struct picture after;
	enum err err;

	draw_mishaps();
	err = plug_remove_range(&world.v, r, &e, NULL);
	check_reason("remove", err, e.stuck);
	CHECK((err == ERR_NOENT) == !whole, "remove: %s", err_name(err));
	after = picture();
	if (err == OK)
		CHECK(world.v.bitmap[0] == (bits & ~world_bits_of(r)),
		      "removed: %#llx of %#llx is left", (unsigned long long)world.v.bitmap[0],
		      (unsigned long long)bits);
	else if (world.refused == 0)
		CHECK(world.v.bitmap[0] == bits && memcmp(&before, &after, sizeof(after)) == 0,
		      "remove: %s, and %u regions became %u", err_name(err), before.n, after.n);
	totals->removals++;
	totals->removed += err == OK;
	totals->moved += e.moved;
	end_mishaps();
	world_check("removed");
}
