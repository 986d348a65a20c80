/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: operations on what is allocated from the device's memory. */
#include "firmware/arch.h"
#include "tests/torture.h"

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

void torture_drop_object(struct part *p, unsigned i)
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
	torture_drop_object(p, i);
	(void)torture_judge(p, (struct range){i, 1}, OK, OK, false);
}

/* A frame of a region of its own: that region cannot go offline. */
void torture_pin(struct torture *s, struct part *p)
{
	unsigned i = (unsigned)rng_below(&p->rng, TORTURE_PINS);
	struct range r = torture_draw_region(s, p, IN(UNIT_ONLINE));
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
	if (torture_judge(p, r, pa == FRAME_NONE ? ERR_NOMEM : OK, OK, true) &&
	    !torture_holds(s, r, pa))
		torture_fail(p, EVIDENCE_CHECK, "frame 0x%llx comes from elsewhere",
			     (unsigned long long)pa);
}

/* What is movable moves out, and the region stays online. */
void torture_move(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_ONLINE));
	struct evacuation e = {0};
	struct zone *z;
	enum err due, err;

	if (r.n == 0 || s->units[r.first].state != UNIT_ONLINE)
		return;
	z = &s->units[r.first].region->zone;
	due = torture_has_pin(s, p, r) ? ERR_BUSY : OK;
	zone_drain(z, true);
	err = zone_evacuate(z, &e);
	zone_drain(z, false);
	if (due == OK && torture_busy_by_chance(s, err, &e))
		due = ERR_BUSY;
	p->moved += e.moved;
	p->units = r;
	(void)torture_judge(p, r, err, due, true);
}
