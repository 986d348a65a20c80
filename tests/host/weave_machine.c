/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulated machine calls before its steps, and where it waits. */
#include "tests/host/weave_turns.h"

#include <string.h>

#include "firmware/lock.h"

static void point(void)
{
	unsigned h = arch_hart();

	if (!weave_run.in_schedule || weave_run.atomic)
		return;
	weave_step_done();
	weave_take_turns(h);
}

static void yield(void)
{
	weave_run.harts[arch_hart()].yields = true;
	point();
}

static void touch(enum sim_touch how, enum sim_thing kind, uint64_t which)
{
	/*
	 * A step that begins with interrupts off and ends so, however often they were on between:
	 * no interrupt could be taken before it that could not be taken behind the one before.
	 */
	if (kind == SIM_IRQS && how == SIM_WRITES && !weave_run.irqs_at_start)
		return;
	if (weave_run.in_schedule)
		order_touch(how, kind, which);
}

static void lock(const struct spinlock *l)
{
	unsigned h = arch_hart();

	if (!weave_run.in_schedule)
		return;
	if (!weave_run.atomic) {
		weave_run.harts[h].waits_for = l;
		point();
		weave_run.harts[h].waits_for = NULL;
	}
	/* Under this one numbers are added up, and programs look at the sums when all is over. */
	order_touch(l->rank == LOCK_FRAME_COUNTS ? SIM_ADDS : SIM_WRITES, SIM_LOCK, (uintptr_t)l);
}

/* Who holds the model's lock waits for nobody and is watched by nobody: one step. */
static void locked(const struct spinlock *l, bool held)
{
	static bool was;

	if (!weave_run.in_schedule)
		return;
	if (held) {
		race_take((uintptr_t)l);
	} else {
		race_give((uintptr_t)l);
		order_touch(SIM_GIVES, SIM_LOCK, (uintptr_t)l);
	}
	if (l->rank == LOCK_MODEL) {
		if (held)
			was = weave_run.atomic;
		weave_run.atomic = held || was;
	}
}

static void add_call(struct calls *to, const struct call *c)
{
	if (to->n == MAX_CALLS)
		weave_fail("too many calls");
	to->c[to->n++] = *c;
}

static void wait_for_answers(unsigned h)
{
	weave_run.harts[h].waits_for_answers = true;
	point();
	weave_run.harts[h].waits_for_answers = false;
	touch(SIM_TAKES, SIM_ANSWERS, h);
	race_take((uint64_t)SIM_ANSWERS << 60 | h);
}

static bool runs_here(unsigned t)
{
	return t < WEAVE_HARTS;
}

static void rfence(const struct hartset *targets, const struct fence_op *op)
{
	struct hartset self = hartset_of(arch_hart());
	unsigned h = arch_hart();

	if (!weave_run.in_schedule || hartset_eq(targets, &self)) {
		point();
		hartset_for_each(t, targets) {
			if (t < SIM_MAX_HARTS)
				sim_fence_now(t, op);
		}
		return;
	}
	point();
	hartset_for_each(t, targets) {
		if (!runs_here(t))
			continue;
		add_call(&weave_run.harts[t].sbi, &(struct call){.sender = h, .op = *op});
		touch(SIM_WRITES, SIM_CALLS, t);
		touch(SIM_GIVES, SIM_CALLS, t);
		weave_run.harts[h].answers++;
	}
	wait_for_answers(h);
}

static enum err ipi(const struct hartset *targets, void (*fn)(void *), const void *arg, size_t size)
{
	unsigned h = arch_hart();
	struct call c = {.sender = h, .fn = fn};

	memcpy(c.arg, arg, size);
	point();
	hartset_for_each(t, targets) {
		if (t == h || !runs_here(t))
			continue;
		add_call(&weave_run.harts[t].irq, &c);
		touch(SIM_WRITES, SIM_CALLS, t);
		touch(SIM_GIVES, SIM_CALLS, t);
		race_give((uint64_t)SIM_CALLS << 60 | t);
		weave_run.harts[h].answers++;
	}
	wait_for_answers(h);
	return OK;
}

static void page(const void *p)
{
	reset_page(p);
}

const struct sim_weaver weave_machine = {
	.point = point,
	.yield = yield,
	.touch = touch,
	.lock = lock,
	.locked = locked,
	.rfence = rfence,
	.ipi = ipi,
	.page = page,
	.panic = weave_fail,
};
