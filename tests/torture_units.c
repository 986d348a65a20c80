/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: what should be of the device's memory, and mm's own accounts against it. */
#include <string.h>

#include "mm/kernel.h"
#include "platform/plug.h"
#include "tests/hotcase.h"
#include "tests/torture.h"

static bool in(const struct torture *s, unsigned unit, unsigned states)
{
	return (states >> s->units[unit].state & 1) != 0;
}

/* A unit of the part: mostly the next one in one of @states, if there is any; else any. */
static unsigned draw_unit(const struct torture *s, struct part *p, unsigned *states, unsigned also)
{
	unsigned from = (unsigned)rng_below(&p->rng, p->mine.n);
	unsigned i = 0;

	if (rng_below(&p->rng, 4) == 0)
		*states |= also;
	while (i < p->mine.n && !in(s, p->mine.first + (from + i) % p->mine.n, *states))
		i++;
	return p->mine.first + (from + i) % p->mine.n;
}

/*
 * A run of the part's units in @states, most often a short one; now and then also in those of
 * @also, which the operation refuses. n = 0: there is none.
 */
struct range torture_draw_units(const struct torture *s, struct part *p, unsigned states,
				unsigned also)
{
	unsigned most = rng_below(&p->rng, 2) == 0 ? 4 : p->mine.n;
	struct range r = {draw_unit(s, p, &states, also), 0};
	unsigned n = 1 + (unsigned)rng_below(&p->rng, most);

	n = (unsigned)min_u64(n, p->mine.first + p->mine.n - r.first);
	while (r.n < n && in(s, r.first + r.n, states))
		r.n++;
	return r;
}

bool torture_all_in(const struct torture *s, struct range r, enum unit_state state)
{
	for (unsigned i = 0; i < r.n; i++) {
		if (s->units[r.first + i].state != state)
			return false;
	}
	return true;
}

void torture_set_state(struct torture *s, struct range r, enum unit_state state)
{
	for (unsigned i = 0; i < r.n; i++)
		__atomic_store_n(&s->units[r.first + i].state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* The content of what is mapped and not online is the test's. */
void torture_stamp(struct torture *s, struct part *p, struct range r)
{
	for (unsigned i = 0; i < r.n; i++)
		torture_stamp_unit(s, r.first + i, (uint32_t)rng_next(&p->rng));
}

/* The region that holds a unit; n = 0: it is not mapped. */
struct range torture_region_at(const struct torture *s, unsigned unit)
{
	struct range r = {unit, 0};

	if (s->units[unit].region == NULL)
		return r;
	while (!s->units[r.first].head)
		r.first--;
	r.n = 1;
	while (r.first + r.n < s->nr_units && s->units[r.first + r.n].region != NULL &&
	       !s->units[r.first + r.n].head)
		r.n++;
	return r;
}

/* A region whose units are in @states, or now and then any. */
struct range torture_draw_region(const struct torture *s, struct part *p, unsigned states)
{
	return torture_region_at(s, draw_unit(s, p, &states, IN(UNIT_MAPPED) | IN(UNIT_ONLINE)));
}

void torture_set_region(struct torture *s, struct range r, struct hot_region *region)
{
	for (unsigned i = 0; i < r.n; i++) {
		s->units[r.first + i].region = region;
		s->units[r.first + i].head = i == 0 && region != NULL;
	}
}

void torture_set_exec(struct torture *s, struct range r, bool exec)
{
	for (unsigned i = 0; i < r.n; i++)
		s->units[r.first + i].exec = exec;
}

bool torture_holds(const struct torture *s, struct range r, paddr_t pa)
{
	struct region phys = torture_units(s, r.first, r.n);

	return pa >= phys.start && pa - phys.start < phys.size;
}

bool torture_has_pin(const struct torture *s, const struct part *p, struct range r)
{
	for (unsigned i = 0; i < TORTURE_PINS; i++) {
		if (p->pins[i] != FRAME_NONE && torture_holds(s, r, p->pins[i]))
			return true;
	}
	return false;
}

/* Somebody else's frame that changes hands while it is looked at counts as pinned (movable.c). */
bool torture_busy_by_chance(const struct torture *s, enum err err, const struct evacuation *e)
{
	return s->storm && err == ERR_BUSY && e->stuck.owner == OWNER_MOVABLE;
}

/* Of all parts, frames in the region that are not free. */
static uint64_t frames_used(const struct torture *s, struct range r)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < s->nr_parts; k++) {
		const struct part *p = &s->parts[k];

		for (unsigned i = 0; i < TORTURE_OBJECTS; i++) {
			if (p->stamps[i] != 0 && torture_holds(s, r, p->objects[i].pa))
				n += UINT64_C(1) << p->objects[i].order;
		}
		for (unsigned i = 0; i < TORTURE_PINS; i++)
			n += p->pins[i] != FRAME_NONE && torture_holds(s, r, p->pins[i]);
	}
	return n;
}

static bool region_is(const struct torture *s, const struct hot_region *h, struct range r)
{
	const struct unit *u = &s->units[r.first];
	struct region phys = torture_units(s, r.first, r.n);
	bool online = u->state == UNIT_ONLINE;
	uint64_t frames = online ? phys.size >> PAGE_SHIFT : 0;

	return h == u->region && h->phys.start == phys.start && h->phys.size == phys.size &&
	       h->state == (online ? HOT_ONLINE : HOT_MAPPED) &&
	       h->prot == (u->exec ? PROT_RWX : PROT_RW) && h->zone.managed_frames == frames &&
	       h->zone.free_frames == (online ? frames - frames_used(s, r) : 0);
}

void torture_check_regions(struct torture *s)
{
	const struct machine *m = s->t->bench->machine;
	const struct hot_region *h = hot_first();
	paddr_t max = region_end(m->ram[m->nr_ram - 1]);
	uint64_t plugged = 0;
	struct range r;

	for (unsigned i = 0; i < s->nr_units; i += r.n) {
		r = torture_region_at(s, i);
		plugged += s->units[i].state == UNIT_PLUGGED;
		if (r.n == 0) {
			r.n = 1;
			continue;
		}
		plugged += r.n;
		if (h == NULL || !region_is(s, h, r)) {
			test_fail(s->t, EVIDENCE_ACCOUNTS,
				  "region at 0x%llx of %u units: mm has 0x%llx+0x%llx, state %d, "
				  "%llu of %llu frames free, expected state %u, %llu used",
				  (unsigned long long)torture_units(s, i, 1).start, r.n,
				  (unsigned long long)(h == NULL ? 0 : h->phys.start),
				  (unsigned long long)(h == NULL ? 0 : h->phys.size),
				  h == NULL ? -1 : (int)h->state,
				  (unsigned long long)(h == NULL ? 0 : h->zone.free_frames),
				  (unsigned long long)(h == NULL ? 0 : h->zone.managed_frames),
				  s->units[i].state, (unsigned long long)frames_used(s, r));
			return;
		}
		max = max_u64(max, region_end(h->phys));
		h = h->next;
	}
	EXPECT(s->t, hot_max_pa() == max, "highest frame below 0x%llx, expected 0x%llx",
	       (unsigned long long)hot_max_pa(), (unsigned long long)max);
	if (h != NULL)
		test_fail(s->t, EVIDENCE_ACCOUNTS, "mm has a region at 0x%llx that nobody added",
			  (unsigned long long)h->phys.start);
	if (s->v != NULL && s->v->plugged_bytes != plugged * s->unit_bytes)
		test_fail(s->t, EVIDENCE_ACCOUNTS, "0x%llx bytes are plugged, expected 0x%llx",
			  (unsigned long long)s->v->plugged_bytes,
			  (unsigned long long)(plugged * s->unit_bytes));
}

/* Boot memory that is left to everything but records. */
#define SPARE_FRAMES 512u

/* A stretch of one of the devices, anywhere in its region, as long as records have room. */
static void choose_memory(struct torture *s, struct rng *r)
{
	const struct bench *b = s->t->bench;
	uint64_t blocks, records, free = frame_counts().free, n = TORTURE_UNITS;

	if (s->v == NULL)
		return;
	s->v = b->vmems[rng_below(r, b->nr_vmems)];
	s->unit_bytes = hotcase_block_size_of(s->v);
	records = (s->unit_bytes >> PAGE_SHIFT) * frame_record_size() / PAGE_SIZE;
	blocks = hotcase_nr_blocks_of(s->v);
	n = min_u64(n, free > SPARE_FRAMES ? (free - SPARE_FRAMES) / records : 0);
	n = min_u64(n, blocks);
	s->nr_units = (unsigned)n;
	s->base = hotcase_blocks_of(s->v, rng_below(r, blocks - n + 1), 1).start;
}

/* Each part's own share; the table pages are shared with the neighbours. */
void torture_share_out(struct torture *s, struct rng *r)
{
	unsigned each;

	choose_memory(s, r);
	each = s->nr_units / s->nr_parts;

	for (unsigned k = 0; k < s->nr_parts; k++) {
		struct part *p = &s->parts[k];

		memset(p, 0, sizeof(*p));
		p->index = k;
		p->rng = rng_stream(s->seed, 2 * k + 1);
		p->eyes = rng_stream(s->seed, 2 * k + 2);
		p->mine = (struct range){k * each, each};
		for (unsigned i = 0; i < TORTURE_PINS; i++)
			p->pins[i] = FRAME_NONE;
	}
	s->nr_units = each * s->nr_parts;
}

void torture_begin(struct torture *s)
{
	for (unsigned k = 0; k < s->nr_parts; k++) {
		struct part *p = &s->parts[k];
		struct range r = {p->mine.first, (p->mine.n + 1) / 2};
		struct region phys = torture_units(s, r.first, r.n);
		struct hot_region *region;

		if (r.n == 0)
			continue;
		ASSERT_OK(s->t, virtio_mem_plug(s->v, phys.start, phys.size));
		torture_set_state(s, r, UNIT_PLUGGED);
		ASSERT_OK(s->t, hot_add(phys, PROT_RW, &region, NULL));
		torture_set_region(s, r, region);
		torture_set_exec(s, r, false);
		ASSERT_OK(s->t, hot_online(region));
		torture_set_state(s, r, UNIT_ONLINE);
	}
}

static void put_away_units(struct torture *s, struct range r)
{
	const struct unit *u = &s->units[r.first];
	struct evacuation e;

	if (u->state == UNIT_ONLINE)
		EXPECT_OK(s->t, hot_offline(u->region, &e));
	if (u->state >= UNIT_MAPPED)
		EXPECT_OK(s->t, hot_remove(u->region, NULL));
	if (u->state >= UNIT_PLUGGED)
		EXPECT_OK(s->t, plug_give_back(s->v, torture_units(s, r.first, r.n)));
	torture_set_region(s, r, NULL);
	torture_set_state(s, r, UNIT_ABSENT);
}

void torture_put_away(struct torture *s)
{
	struct range r;

	for (unsigned k = 0; k < s->nr_parts; k++) {
		struct part *p = &s->parts[k];

		for (unsigned i = 0; i < TORTURE_OBJECTS; i++) {
			if (p->stamps[i] != 0)
				torture_drop_object(p, i);
		}
		for (unsigned i = 0; i < TORTURE_PINS; i++) {
			if (p->pins[i] != FRAME_NONE)
				frame_free(p->pins[i], 0, OWNER_TEST);
			p->pins[i] = FRAME_NONE;
		}
	}
	for (unsigned i = 0; i < s->nr_units; i += r.n) {
		r = torture_region_at(s, i);
		r.n += r.n == 0;
		put_away_units(s, r);
	}
}
