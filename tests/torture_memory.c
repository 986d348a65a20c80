/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: operations on the device's memory. */
#include "firmware/arch.h"
#include "mm/kernel.h"
#include "platform/plug.h"
#include "tests/torture.h"

void torture_plug(struct torture *s, struct part *p)
{
	struct range r = torture_draw_units(s, p, IN(UNIT_ABSENT), ANYWHERE);
	struct region phys = torture_units(s, r.first, r.n);
	enum err due = torture_all_in(s, r, UNIT_ABSENT) ? OK : ERR_EXIST;
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	err = virtio_mem_plug(s->v, phys.start, phys.size);
	if (torture_judge(p, r, err, due, false))
		torture_set_state(s, r, UNIT_PLUGGED);
}

void torture_unplug(struct torture *s, struct part *p)
{
	struct range r = torture_draw_units(s, p, IN(UNIT_PLUGGED), IN(UNIT_ABSENT));
	enum err due = torture_all_in(s, r, UNIT_PLUGGED) ? OK : ERR_NOENT;

	if (r.n == 0)
		return;
	p->units = r;
	if (torture_judge(p, r, plug_give_back(s->v, torture_units(s, r.first, r.n)), due, false))
		torture_set_state(s, r, UNIT_ABSENT);
}

void torture_add(struct torture *s, struct part *p)
{
	/* Never what is not plugged; but what is there already may be asked for, to be refused. */
	struct range r =
		torture_draw_units(s, p, IN(UNIT_PLUGGED), IN(UNIT_MAPPED) | IN(UNIT_ONLINE));
	bool exec = rng_below(&p->rng, 4) == 0;
	enum err due = torture_all_in(s, r, UNIT_PLUGGED) ? OK : ERR_EXIST;
	struct hot_region *region = NULL;
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	err = hot_add(torture_units(s, r.first, r.n), exec ? PROT_RWX : PROT_RW, &region, NULL);
	if (!torture_judge(p, r, err, due, true))
		return;
	torture_set_region(s, r, region);
	torture_set_exec(s, r, exec);
	torture_stamp(s, p, r);
	torture_set_state(s, r, UNIT_MAPPED);
}

void torture_remove(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_MAPPED));
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
	torture_set_region(s, r, NULL);
	torture_set_state(s, r, UNIT_PLUGGED);
}

void torture_online(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_MAPPED));
	enum err err;

	if (r.n == 0 || s->units[r.first].state != UNIT_MAPPED)
		return;
	p->units = r;
	/* Before: once it is online its content is whoever's has it. */
	torture_set_state(s, r, UNIT_ONLINE);
	err = hot_online(s->units[r.first].region);
	if (!torture_judge(p, r, err, OK, false))
		torture_set_state(s, r, UNIT_MAPPED);
}

/* Of what takes memory out of use: frames of somebody else's may be in the way for a moment. */
static bool judge_leaving(struct torture *s, struct part *p, struct range r, enum err err,
			  enum err due, const struct evacuation *e)
{
	if (due == OK && torture_busy_by_chance(s, err, e))
		due = ERR_BUSY;
	p->moved += e->moved;
	return torture_judge(p, r, err, due, true);
}

void torture_offline(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_ONLINE));
	struct evacuation e;
	enum err due = OK, err;

	if (r.n == 0)
		return;
	p->units = r;
	if (s->units[r.first].state != UNIT_ONLINE || torture_has_pin(s, p, r))
		due = ERR_BUSY;
	err = hot_offline(s->units[r.first].region, &e);
	if (!judge_leaving(s, p, r, err, due, &e)) {
		if (err == ERR_BUSY && e.stuck.pa != FRAME_NONE && !torture_holds(s, r, e.stuck.pa))
			torture_fail(p, EVIDENCE_CHECK, "refused for 0x%llx, which is not in it",
				     (unsigned long long)e.stuck.pa);
		return;
	}
	torture_stamp(s, p, r);
	torture_set_state(s, r, UNIT_MAPPED);
}

void torture_cut(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_MAPPED) | IN(UNIT_ONLINE));
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
		torture_set_region(s, tail, upper);
}

void torture_join(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_MAPPED) | IN(UNIT_ONLINE)),
		     next = {0, 0}, both;
	unsigned behind = r.first + r.n;
	const struct unit *a = &s->units[r.first], *b = a + r.n;
	enum err due = ERR_NOENT;

	if (r.n == 0)
		return;
	/* The next part's memory may come and go, so whether there is a neighbour is not known. */
	if (behind == p->mine.first + p->mine.n && behind < s->nr_units)
		return;
	if (behind < s->nr_units)
		next = torture_region_at(s, behind);
	if (next.n != 0 && a->state == b->state && a->exec == b->exec)
		due = OK;
	both = (struct range){r.first, r.n + next.n};
	p->units = due == OK ? both : r;
	if (torture_judge(p, p->units, hot_merge(a->region, NULL), due, false))
		torture_set_region(s, both, a->region);
}

/* In one go, as the driver of a real system does. */
void torture_give(struct torture *s, struct part *p)
{
	struct range r = torture_draw_units(s, p, IN(UNIT_ABSENT), ANYWHERE);
	enum err due = torture_all_in(s, r, UNIT_ABSENT) ? OK : ERR_EXIST;
	struct hot_region *region;
	enum err err;

	if (r.n == 0)
		return;
	p->units = r;
	err = plug_add(s->v, torture_units(s, r.first, r.n), PROT_RW, &region, NULL);
	if (!torture_judge(p, r, err, due, true))
		return;
	torture_set_region(s, r, region);
	torture_set_exec(s, r, false);
	torture_set_state(s, r, UNIT_ONLINE);
}

void torture_take(struct torture *s, struct part *p)
{
	struct range r = torture_draw_region(s, p, IN(UNIT_ONLINE));
	struct evacuation e;
	enum err due = OK, err;

	if (r.n == 0)
		return;
	p->units = r;
	/* What is offline already goes as well. */
	if (torture_has_pin(s, p, r))
		due = ERR_BUSY;
	err = plug_remove(s->v, s->units[r.first].region, &e, NULL);
	if (!judge_leaving(s, p, r, err, due, &e))
		return;
	torture_set_region(s, r, NULL);
	torture_set_state(s, r, UNIT_ABSENT);
}

void torture_write(struct torture *s, struct part *p)
{
	struct range r = torture_draw_units(s, p, IN(UNIT_MAPPED), 0);

	if (r.n == 0)
		return;
	p->units = r;
	torture_stamp(s, p, r);
	(void)torture_judge(p, r, OK, OK, false);
}
