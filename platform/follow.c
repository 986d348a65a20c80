/* SPDX-License-Identifier: BSD-2-Clause */
/* Following the requested size. */
#include "platform/follow.h"

#include "firmware/console.h"
#include "mm/fault.h"

/* A device that denies what it asks for would keep the driver in a loop for good. */
#define MAX_NACKS 16

enum err follow_init(struct follow *f, struct virtio_mem *v, uint64_t memory_block, bool force_big)
{
	uint64_t block = max_u64(v->geo.block_size, HOTPLUG_GRANULE);
	paddr_t start, end;

	*f = (struct follow){.v = v, .stuck = {.pa = FRAME_NONE}};
	f->big = force_big || block >= memory_block;
	f->memory_block = f->big ? max_u64(block, memory_block) : memory_block;
	f->step = f->big ? f->memory_block : block;
	start = align_up(v->geo.addr, f->memory_block);
	end = align_down(v->geo.addr + v->geo.region_size, f->memory_block);
	if (start >= end)
		return ERR_RANGE;
	f->range = (struct region){start, end - start};
	return OK;
}

uint64_t follow_gap(const struct follow *f)
{
	uint64_t plugged = f->v->plugged_bytes;
	uint64_t requested = f->v->geo.requested_size;

	return plugged > requested ? plugged - requested : requested - plugged;
}

static uint64_t nr_blocks(const struct follow *f)
{
	return f->range.size / f->memory_block;
}

static struct region block_at(const struct follow *f, uint64_t i)
{
	return (struct region){f->range.start + i * f->memory_block, f->memory_block};
}

static uint64_t plugged_in(const struct follow *f, struct region r)
{
	return virtio_mem_plugged(f->v, r.start, r.size);
}

/* How far the usable region reaches into @r. */
static struct region usable_part(const struct follow *f, struct region r)
{
	paddr_t end = f->v->geo.addr + f->v->geo.usable_size;

	if (end <= r.start)
		r.size = 0;
	else
		r.size = min_u64(r.size, align_down(end - r.start, f->step));
	return r;
}

/* The first run of steps in @r that is plugged, or not, as @plugged says; at most @most bytes. */
static struct region first_run(const struct follow *f, struct region r, bool plugged, uint64_t most)
{
	struct region run = {0};

	for (uint64_t off = 0; off < r.size && run.size < most; off += f->step) {
		struct region s = {r.start + off, f->step};
		bool is = plugged_in(f, s) != 0;

		if (is == plugged && run.size == 0)
			run = s;
		else if (is == plugged)
			run.size += f->step;
		else if (run.size != 0)
			break;
	}
	return run;
}

/* The last run of plugged steps in @r, at most @most bytes of its end. */
static struct region last_run(const struct follow *f, struct region r, uint64_t most)
{
	struct region run = {0};

	for (uint64_t off = r.size; off > 0 && run.size < most; off -= f->step) {
		struct region s = {r.start + off - f->step, f->step};
		bool is = plugged_in(f, s) != 0;

		if (!is && run.size != 0)
			break;
		if (is)
			run = (struct region){s.start, run.size + f->step};
	}
	return run;
}

static bool partly(const struct follow *f, struct region r)
{
	uint64_t n = plugged_in(f, r);

	return n != 0 && n < r.size;
}

/* Partly plugged blocks before untouched ones, the lowest first. Size 0: nothing is left. */
static struct region choose_plug(const struct follow *f, uint64_t most)
{
	for (unsigned pass = 0; pass < 2; pass++) {
		for (uint64_t i = 0; i < nr_blocks(f); i++) {
			struct region all = block_at(f, i);
			struct region r = usable_part(f, all);

			if (r.size == 0 || partly(f, all) != (pass == 0))
				continue;
			if (plugged_in(f, r) < r.size)
				return first_run(f, r, false, most);
		}
	}
	return (struct region){0};
}

/*
 * Partly plugged blocks before full ones, the highest first, below @limit: above it everything
 * was tried in this run.
 */
static struct region choose_unplug(const struct follow *f, uint64_t most, unsigned pass,
				   paddr_t limit)
{
	for (uint64_t i = nr_blocks(f); i-- > 0;) {
		struct region r = block_at(f, i);

		if (r.start >= limit || partly(f, r) != (pass == 0))
			continue;
		r.size = min_u64(r.size, limit - r.start);
		if (plugged_in(f, r) != 0)
			return last_run(f, r, most);
	}
	return (struct region){0};
}

static enum err plug_some(struct follow *f, uint64_t most)
{
	struct region r = choose_plug(f, most);
	struct hot_report rep;
	struct hot_region *h;
	enum err err;

	if (r.size == 0)
		return ERR_NOENT;
	err = plug_add(f->v, r, PROT_RW, &h, &rep);
	if (err == OK && f->verbose)
		hot_report_print("add", r, &rep);
	return err;
}

/* In the way of a run may be a frame in one step of it: then smaller pieces, then the next. */
static enum err unplug_some(struct follow *f, uint64_t most)
{
	enum err err = ERR_NOENT;

	for (unsigned pass = 0; pass < 2; pass++) {
		paddr_t limit = region_end(f->range);

		for (;;) {
			struct region r = choose_unplug(f, most, pass, limit);
			struct hot_region *h = r.size == 0 ? NULL : hot_look_up(region_end(r) - 1);
			struct evacuation e = {.stuck = {.pa = FRAME_NONE}};
			struct hot_report rep;

			if (h == NULL)
				break;
			if (r.start < h->phys.start)
				r = (struct region){h->phys.start, region_end(r) - h->phys.start};
			err = plug_remove_range(f->v, r, &e, &rep);
			f->moved += e.moved;
			if (err == OK) {
				if (f->verbose)
					hot_report_print("remove", r, &rep);
				return OK;
			}
			if (e.stuck.pa == FRAME_NONE)
				return err;
			f->stuck = e.stuck;
			/*
			 * Step by step from here on, so that what lies above the frame that is in
			 * the way can still go; a step that is stuck by itself is left behind.
			 */
			if (r.size == f->step)
				limit = r.start;
			most = f->step;
		}
	}
	return err;
}

/*
 * What the device did not take back earlier is mapped nowhere: offer it again, block by block
 * (Linux virtio_mem_unplug_pending_mb()).
 */
static enum err unplug_pending(struct follow *f)
{
	uint64_t block = max_u64(f->v->geo.block_size, HOTPLUG_GRANULE);

	for (paddr_t pa = f->range.start; pa < region_end(f->range); pa += block) {
		struct region r = {pa, block};
		enum err err;

		if (plugged_in(f, r) == 0 || hot_look_up(pa) != NULL)
			continue;
		err = plug_give_back(f->v, r);
		if (err != OK)
			return err;
	}
	return OK;
}

enum err follow_run(struct follow *f)
{
	unsigned nacks = 0;
	enum err err;

	f->stuck = (struct zone_block){.pa = FRAME_NONE};
	for (;;) {
		uint64_t plugged, requested;

		/* Between any two requests: the device may have changed its mind. */
		err = fault_armed(FAULT_REQUESTED_STALE) ? OK : virtio_mem_refresh(f->v);
		if (err == OK && !fault_armed(FAULT_PENDING_FORGOTTEN))
			err = unplug_pending(f);
		if (err != OK)
			return err;
		plugged = f->v->plugged_bytes;
		requested = f->v->geo.requested_size;
		if (plugged + f->step <= requested)
			err = plug_some(f, align_down(requested - plugged, f->step));
		else if (plugged > requested)
			err = unplug_some(f, align_up(plugged - requested, f->step));
		else
			return OK;
		/* Nothing is left to plug or unplug: as far as it goes. */
		if (err == ERR_NOENT)
			return OK;
		if (err == ERR_NACK && nacks++ < MAX_NACKS)
			continue;
		if (err != OK)
			return err;
		/* Reached; what the device asks for next is for the next call. */
		if (f->v->plugged_bytes == requested)
			return OK;
	}
}
