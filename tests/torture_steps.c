/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: the table of operations, one step of a part, and what is said when it went wrong. */
#include <stdarg.h>
#include <stdio.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "tests/torture.h"

/* Weights: memory goes once around in some forty steps, and is online for about half of them. */
const struct torture_op torture_ops[] = {
	{"plug", 7, .device = true, .run = torture_plug},
	{"unplug", 3, .device = true, .run = torture_unplug},
	{"add", 8, .starves = true, .device = true, .run = torture_add},
	{"remove", 6, .starves = true, .device = true, .takes = true, .run = torture_remove},
	{"online", 6, .device = true, .run = torture_online},
	{"offline", 7, .device = true, .run = torture_offline},
	{"give", 3, .device = true, .starves = true, .run = torture_give},
	{"take", 3, .device = true, .starves = true, .run = torture_take},
	{"cut", 4, .device = true, .run = torture_cut},
	{"join", 4, .device = true, .run = torture_join},
	{"alloc", 8, .device = true, .run = torture_alloc},
	{"free", 2, .device = true, .run = torture_free},
	{"pin", 2, .device = true, .run = torture_pin},
	{"move", 2, .device = true, .run = torture_move},
	{"write", 2, .device = true, .run = torture_write},
	{"map", 10, .starves = true, .run = torture_map},
	{"unmap", 7, .starves = true, .takes = true, .run = torture_unmap},
	{"protect", 6, .starves = true, .run = torture_protect},
	{"merge", 3, .run = torture_merge},
	{"walk", 6, .run = torture_walk},
	{"dump", 3, .run = torture_dump},
	{"away", 2, .conductor = true, .run = torture_away},
	{"back", 4, .conductor = true, .run = torture_back},
	{"flush", 2, .conductor = true, .run = torture_flush},
};
const unsigned torture_nr_ops = ARRAY_LEN(torture_ops);

static unsigned weight(const struct torture *s, unsigned op, bool conductor)
{
	const struct torture_op *o = &torture_ops[op];

	if ((o->device && s->v == NULL) || (conductor && !o->conductor) ||
	    (!conductor && o->conductor && s->storm))
		return 0;
	return o->weight;
}

unsigned torture_draw(const struct torture *s, struct rng *r, bool conductor)
{
	unsigned sum = 0, op = 0;
	uint64_t at;

	for (unsigned i = 0; i < torture_nr_ops; i++)
		sum += weight(s, i, conductor);
	at = rng_below(r, sum);
	while (at >= weight(s, op, conductor))
		at -= weight(s, op++, conductor);
	return op;
}

unsigned torture_op_walk(void)
{
	unsigned op = 0;

	while (torture_ops[op].run != torture_walk)
		op++;
	return op;
}

void torture_fail(struct part *p, enum evidence e, const char *fmt, ...)
{
	va_list ap;

	if (p->failed)
		return;
	p->failed = true;
	p->evidence = e;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
}

bool torture_judge(struct part *p, struct range r, enum err err, enum err due, bool no_room)
{
	struct moment *m = &p->history[p->steps % TORTURE_HISTORY];

	m->first = (uint16_t)r.first;
	m->n = (uint16_t)r.n;
	m->err = (int8_t)err;
	if (err == ERR_NOMEM && no_room) {
		p->no_room++;
		return false;
	}
	if (err != due) {
		torture_fail(p, EVIDENCE_CHECK, "%s, due %s", err_name(err), err_name(due));
		return false;
	}
	if (err == OK)
		p->made++;
	else
		p->refused++;
	return err == OK;
}

void torture_step(struct torture *s, struct part *p, unsigned op)
{
	p->steps++;
	p->history[p->steps % TORTURE_HISTORY] =
		(struct moment){.step = p->steps, .op = (uint8_t)op, .hart = (uint8_t)arch_hart()};
	p->units.n = 0;
	p->pages.n = 0;
	__atomic_store_n(&p->sequence, p->sequence + 1, __ATOMIC_RELAXED);
	/* Odd before anything changes; even only behind all of it. */
	arch_mb();
	torture_ops[op].run(s, p);
	__atomic_store_n(&p->sequence, p->sequence + 1, __ATOMIC_RELEASE);
}

static void tell_part(const struct part *p)
{
	unsigned n = p->steps < TORTURE_HISTORY ? p->steps : TORTURE_HISTORY;

	for (unsigned i = n; i-- > 0;) {
		const struct moment *m = &p->history[(p->steps - i) % TORTURE_HISTORY];

		note("  part %u step %u: %s %u+%u by hart%u: %s", p->index, (unsigned)m->step,
		     torture_ops[m->op].name, m->first, m->n, m->hart, err_name((enum err)m->err));
	}
}

void torture_tell(const struct torture *s)
{
	note("torture: seed=0x%llx, memory from 0x%llx in units of 0x%llx bytes, pages from "
	     "0x%llx, harts %u; the last steps:",
	     (unsigned long long)s->seed, (unsigned long long)s->base,
	     (unsigned long long)s->unit_bytes, (unsigned long long)s->area,
	     hartset_count(&s->here));
	for (unsigned k = 0; k < s->nr_parts; k++)
		tell_part(&s->parts[k]);
	note("torture: repeat with: test=torture.%s seed=0x%llx", s->kind->name,
	     (unsigned long long)s->seed);
}

void torture_report(struct torture *s)
{
	for (unsigned k = 0; k < s->nr_parts; k++) {
		const struct part *p = &s->parts[k];
		const struct moment *m = &p->history[p->steps % TORTURE_HISTORY];

		torture_report_sight(s->t, m->hart, &p->sight);
		if (p->failed)
			test_fail(s->t, p->evidence, "%s by hart%u at step %u of part %u: %s",
				  torture_ops[m->op].name, m->hart, (unsigned)m->step, k, p->why);
	}
}
