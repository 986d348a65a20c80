/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: operations on the device's memory. */
#include "firmware/arch.h"
#include "mm/kernel.h"
#include "platform/plug.h"
#include "tests/torture.h"

#define IN(state) (1u << (state))
#define ANYWHERE (IN(UNIT_ABSENT) | IN(UNIT_PLUGGED) | IN(UNIT_MAPPED) | IN(UNIT_ONLINE))

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
static struct range draw_units(const struct torture *s, struct part *p, unsigned states,
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

static bool all_in(const struct torture *s, struct range r, enum unit_state state)
{
	for (unsigned i = 0; i < r.n; i++) {
		if (s->units[r.first + i].state != state)
			return false;
	}
	return true;
}

static void set_state(struct torture *s, struct range r, enum unit_state state)
{
	for (unsigned i = 0; i < r.n; i++)
		__atomic_store_n(&s->units[r.first + i].state, (uint8_t)state, __ATOMIC_RELAXED);
}

/* The content of what is mapped and not online is the test's. */
static void stamp(struct torture *s, struct part *p, struct range r)
{
	for (unsigned i = 0; i < r.n; i++)
		torture_stamp_unit(s, r.first + i, (uint32_t)rng_next(&p->rng));
}

/* The region that holds a unit; n = 0: it is not mapped. */
static struct range region_at(const struct torture *s, unsigned unit)
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
static struct range draw_region(const struct torture *s, struct part *p, unsigned states)
{
	return region_at(s, draw_unit(s, p, &states, IN(UNIT_MAPPED) | IN(UNIT_ONLINE)));
}

static void set_region(struct torture *s, struct range r, struct hot_region *region)
{
	for (unsigned i = 0; i < r.n; i++) {
		s->units[r.first + i].region = region;
		s->units[r.first + i].head = i == 0 && region != NULL;
	}
}

static bool holds(const struct torture *s, struct range r, paddr_t pa)
{
	struct region phys = torture_units(s, r.first, r.n);

	return pa >= phys.start && pa - phys.start < phys.size;
}

static bool has_pin(const struct torture *s, const struct part *p, struct range r)
{
	for (unsigned i = 0; i < TORTURE_PINS; i++) {
		if (p->pins[i] != FRAME_NONE && holds(s, r, p->pins[i]))
			return true;
	}
	return false;
}

void torture_plug(struct torture *s, struct part *p)
{
	struct range r = draw_units(s, p, IN(UNIT_ABSENT), ANYWHERE);
	struct region phys = torture_units(s, r.first, r.n);
	enum err due = all_in(s, r, UNIT_ABSENT) ? OK : ERR_EXIST;
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	err = virtio_mem_plug(s->v, phys.start, phys.size);
	if (torture_judge(p, r, err, due, false))
		set_state(s, r, UNIT_PLUGGED);
}

void torture_unplug(struct torture *s, struct part *p)
{
	struct range r = draw_units(s, p, IN(UNIT_PLUGGED), IN(UNIT_ABSENT));
	enum err due = all_in(s, r, UNIT_PLUGGED) ? OK : ERR_NOENT;

	if (r.n == 0)
		return;
	p->units = r;
	if (torture_judge(p, r, plug_give_back(s->v, torture_units(s, r.first, r.n)), due, false))
		set_state(s, r, UNIT_ABSENT);
}

void torture_add(struct torture *s, struct part *p)
{
	/* Never what is not plugged; but what is there already may be asked for, to be refused. */
	struct range r = draw_units(s, p, IN(UNIT_PLUGGED), IN(UNIT_MAPPED) | IN(UNIT_ONLINE));
	bool exec = rng_below(&p->rng, 4) == 0;
	enum err due = all_in(s, r, UNIT_PLUGGED) ? OK : ERR_EXIST;
	struct hot_region *region = NULL;
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	err = hot_add(torture_units(s, r.first, r.n), exec ? PROT_RWX : PROT_RW, &region, NULL);
	if (!torture_judge(p, r, err, due, true))
		return;
	set_region(s, r, region);
	for (unsigned i = 0; i < r.n; i++)
		s->units[r.first + i].exec = exec;
	stamp(s, p, r);
	set_state(s, r, UNIT_MAPPED);
}

void torture_remove(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_MAPPED));
	const struct unit *u = &s->units[r.first];
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	if (u->state == UNIT_MAPPED)
		torture_control(s, direct_va(torture_units(s, r.first, 1).start), s->unit_bytes);
	err = hot_remove(u->region, NULL);
	if (!torture_judge(p, r, err, u->state == UNIT_MAPPED ? OK : ERR_BUSY, true))
		return;
	set_region(s, r, NULL);
	set_state(s, r, UNIT_PLUGGED);
}

void torture_online(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_MAPPED));

	if (r.n == 0 || s->units[r.first].state != UNIT_MAPPED)
		return;
	p->units = r;
	set_state(s, r, UNIT_ONLINE);
	hot_online(s->units[r.first].region);
	(void)torture_judge(p, r, OK, OK, false);
}

/* Somebody else's frame that changes hands while it is looked at counts as pinned (movable.c). */
static bool busy_by_chance(const struct torture *s, enum err err, const struct evacuation *e)
{
	return s->storm && err == ERR_BUSY && e->stuck.owner == OWNER_MOVABLE;
}

void torture_offline(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_ONLINE));
	struct evacuation e;
	enum err due = OK, err;

	if (r.n == 0)
		return;
	p->units = r;
	if (s->units[r.first].state != UNIT_ONLINE || has_pin(s, p, r))
		due = ERR_BUSY;
	err = hot_offline(s->units[r.first].region, &e);
	if (due == OK && busy_by_chance(s, err, &e))
		due = ERR_BUSY;
	p->moved += e.moved;
	if (!torture_judge(p, r, err, due, true)) {
		if (err == ERR_BUSY && e.stuck.pa != FRAME_NONE && !holds(s, r, e.stuck.pa))
			torture_fail(p, EVIDENCE_CHECK, "refused for 0x%llx, which is not in it",
				     (unsigned long long)e.stuck.pa);
		return;
	}
	stamp(s, p, r);
	set_state(s, r, UNIT_MAPPED);
}

void torture_cut(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_MAPPED) | IN(UNIT_ONLINE));
	struct hot_region *upper;
	struct range tail;
	enum err err;

	if (r.n == 0)
		return;
	/* Also at its start, where nothing can be cut. */
	tail.first = r.first + (unsigned)rng_below(&p->rng, r.n);
	tail.n = r.first + r.n - tail.first;
	p->units = r;
	err = hot_split(s->units[r.first].region, torture_units(s, tail.first, 1).start, &upper);
	if (torture_judge(p, tail, err, tail.n == r.n ? ERR_INVAL : OK, false))
		set_region(s, tail, upper);
}

void torture_join(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_MAPPED) | IN(UNIT_ONLINE)), next = {0, 0}, both;
	unsigned behind = r.first + r.n;
	const struct unit *a = &s->units[r.first], *b = a + r.n;
	enum err due = ERR_NOENT;

	if (r.n == 0)
		return;
	/* The next part's memory may come and go, so whether there is a neighbour is not known. */
	if (behind == p->mine.first + p->mine.n && behind < s->nr_units)
		return;
	if (behind < s->nr_units)
		next = region_at(s, behind);
	if (next.n != 0 && a->state == b->state && a->exec == b->exec)
		due = OK;
	both = (struct range){r.first, r.n + next.n};
	p->units = due == OK ? both : r;
	if (torture_judge(p, p->units, hot_merge(a->region, NULL), due, false))
		set_region(s, both, a->region);
}

static uint64_t object_word(uint64_t stamp, uint64_t i)
{
	return (stamp + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* A word in every 256 bytes: all pages of it, and all lines that a copy could leave out in one. */
#define OBJECT_STRIDE 32u

static void object_use(struct part *p, unsigned i, bool write)
{
	uint64_t *at = movable_get(&p->objects[i]);
	uint64_t words = (PAGE_SIZE << p->objects[i].order) / sizeof(*at);

	for (uint64_t w = 0; w < words; w += OBJECT_STRIDE) {
		uint64_t due = object_word(p->stamps[i], w);

		if (write)
			at[w] = due;
		else if (at[w] != due)
			torture_fail(p, EVIDENCE_CHECK,
				     "movable memory at 0x%llx: 0x%llx, expected 0x%llx",
				     (unsigned long long)(p->objects[i].pa + w * sizeof(*at)),
				     (unsigned long long)at[w], (unsigned long long)due);
	}
	movable_put(&p->objects[i]);
}

void torture_alloc(struct torture *s, struct part *p)
{
	unsigned i = (unsigned)rng_below(&p->rng, TORTURE_OBJECTS);
	unsigned order = (unsigned)rng_below(&p->rng, 4);
	uint64_t content = rng_next(&p->rng) | 1;

	(void)s;
	if (p->stamps[i] != 0) {
		object_use(p, i, false);
	} else if (!torture_judge(p, (struct range){i, 1}, movable_alloc(&p->objects[i], order), OK,
				  true)) {
		return;
	}
	p->stamps[i] = content;
	object_use(p, i, true);
}

static void object_drop(struct part *p, unsigned i)
{
	object_use(p, i, false);
	movable_free(&p->objects[i]);
	p->stamps[i] = 0;
}

void torture_free(struct torture *s, struct part *p)
{
	unsigned i = (unsigned)rng_below(&p->rng, TORTURE_OBJECTS);

	(void)s;
	if (p->stamps[i] == 0)
		return;
	object_drop(p, i);
	(void)torture_judge(p, (struct range){i, 1}, OK, OK, false);
}

/* A frame of a region of its own: that region cannot go offline. */
void torture_pin(struct torture *s, struct part *p)
{
	unsigned i = (unsigned)rng_below(&p->rng, TORTURE_PINS);
	struct range r = draw_region(s, p, IN(UNIT_ONLINE));
	paddr_t pa = p->pins[i];

	if (pa != FRAME_NONE) {
		frame_free(pa, 0, OWNER_TEST);
		p->pins[i] = FRAME_NONE;
		return;
	}
	if (r.n == 0 || s->units[r.first].state != UNIT_ONLINE)
		return;
	pa = zone_alloc(&s->units[r.first].region->zone, 0, OWNER_TEST);
	p->pins[i] = pa;
	if (torture_judge(p, r, pa == FRAME_NONE ? ERR_NOMEM : OK, OK, true) && !holds(s, r, pa))
		torture_fail(p, EVIDENCE_CHECK, "frame 0x%llx comes from elsewhere",
			     (unsigned long long)pa);
}

/* What is movable moves out, and the region stays online. */
void torture_move(struct torture *s, struct part *p)
{
	struct range r = draw_region(s, p, IN(UNIT_ONLINE));
	struct evacuation e = {0};
	struct zone *z;
	enum err due, err;

	if (r.n == 0 || s->units[r.first].state != UNIT_ONLINE)
		return;
	z = &s->units[r.first].region->zone;
	due = has_pin(s, p, r) ? ERR_BUSY : OK;
	zone_drain(z, true);
	err = zone_evacuate(z, &e);
	zone_drain(z, false);
	if (due == OK && busy_by_chance(s, err, &e))
		due = ERR_BUSY;
	p->moved += e.moved;
	p->units = r;
	(void)torture_judge(p, r, err, due, true);
}

void torture_write(struct torture *s, struct part *p)
{
	struct range r = draw_units(s, p, IN(UNIT_MAPPED), 0);

	if (r.n == 0)
		return;
	p->units = r;
	stamp(s, p, r);
	(void)torture_judge(p, r, OK, OK, false);
}

/* Of all parts, frames in the region that are not free. */
static uint64_t frames_used(const struct torture *s, struct range r)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < s->nr_parts; k++) {
		const struct part *p = &s->parts[k];

		for (unsigned i = 0; i < TORTURE_OBJECTS; i++) {
			if (p->stamps[i] != 0 && holds(s, r, p->objects[i].pa))
				n += UINT64_C(1) << p->objects[i].order;
		}
		for (unsigned i = 0; i < TORTURE_PINS; i++)
			n += p->pins[i] != FRAME_NONE && holds(s, r, p->pins[i]);
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
	const struct hot_region *h = hot_first();
	uint64_t plugged = 0;
	struct range r;

	for (unsigned i = 0; i < s->nr_units; i += r.n) {
		r = region_at(s, i);
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
		h = h->next;
	}
	if (h != NULL)
		test_fail(s->t, EVIDENCE_ACCOUNTS, "mm has a region at 0x%llx that nobody added",
			  (unsigned long long)h->phys.start);
	if (s->v != NULL && s->v->plugged_bytes != plugged * s->unit_bytes)
		test_fail(s->t, EVIDENCE_ACCOUNTS, "0x%llx bytes are plugged, expected 0x%llx",
			  (unsigned long long)s->v->plugged_bytes,
			  (unsigned long long)(plugged * s->unit_bytes));
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
		set_state(s, r, UNIT_PLUGGED);
		ASSERT_OK(s->t, hot_add(phys, PROT_RW, &region, NULL));
		set_region(s, r, region);
		for (unsigned i = 0; i < r.n; i++)
			s->units[r.first + i].exec = false;
		hot_online(region);
		set_state(s, r, UNIT_ONLINE);
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
	set_region(s, r, NULL);
	set_state(s, r, UNIT_ABSENT);
}

void torture_put_away(struct torture *s)
{
	struct range r;

	for (unsigned k = 0; k < s->nr_parts; k++) {
		struct part *p = &s->parts[k];

		for (unsigned i = 0; i < TORTURE_OBJECTS; i++) {
			if (p->stamps[i] != 0)
				object_drop(p, i);
		}
		for (unsigned i = 0; i < TORTURE_PINS; i++) {
			if (p->pins[i] != FRAME_NONE)
				frame_free(p->pins[i], 0, OWNER_TEST);
			p->pins[i] = FRAME_NONE;
		}
	}
	for (unsigned i = 0; i < s->nr_units; i += r.n) {
		r = region_at(s, i);
		r.n += r.n == 0;
		put_away_units(s, r);
	}
}
