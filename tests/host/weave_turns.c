/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts as coroutines: whose step may be next, and what becomes of it. */
#include "tests/host/weave_turns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/lock.h"

struct weave_run weave_run;
struct weave_job weave_job;

bool weave_on_stack(const void *p)
{
	return (const uint8_t *)p - weave_job.stacks >= 0 &&
	       (size_t)((const uint8_t *)p - weave_job.stacks) < (size_t)WEAVE_HARTS * WEAVE_STACK;
}

static void watch(unsigned hart)
{
	weave_run.in_schedule = true;
	race_hart(hart);
}

void weave_unwatch(void)
{
	weave_run.in_schedule = false;
	race_hart(~0u);
}

void weave_fail(const char *what)
{
	if (weave_job.failure[0] == '\0')
		snprintf(weave_job.failure, WEAVE_FAILURE, "%s", what);
	weave_unwatch();
	setcontext(weave_job.home);
	abort();
}

/* ---- who can go on */

static bool main_enabled(unsigned h)
{
	const struct hart *x = &weave_run.harts[h];

	if (weave_job.program->hart[h] == NULL || x->done || x->yields)
		return false;
	if (x->waits_for != NULL)
		return x->waits_for->held == 0;
	return !x->waits_for_answers || x->answers == 0;
}

static unsigned enabled(void)
{
	unsigned set = 0;

	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		if (main_enabled(h))
			set |= 1u << weave_actor(h, WEAVE_MAIN);
		if (weave_run.harts[h].irq.n != 0 && sim_irqs_on(h))
			set |= 1u << weave_actor(h, WEAVE_IRQ);
		if (weave_run.harts[h].sbi.n != 0)
			set |= 1u << weave_actor(h, WEAVE_SBI);
	}
	return set;
}

/* Alone, whoever yields goes on. */
static unsigned enabled_or_alone(void)
{
	unsigned set = enabled();

	for (unsigned h = 0; h < WEAVE_HARTS && set == 0; h++) {
		weave_run.harts[h].yields = false;
		set = enabled();
	}
	return set;
}

static void somebody_stepped(unsigned actor)
{
	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		if (weave_actor(h, WEAVE_MAIN) != actor)
			weave_run.harts[h].yields = false;
	}
}

static bool all_done(void)
{
	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		if ((weave_job.program->hart[h] != NULL && !weave_run.harts[h].done) ||
		    weave_run.harts[h].irq.n != 0 || weave_run.harts[h].sbi.n != 0)
			return false;
	}
	return true;
}

static void stuck(void)
{
	char what[WEAVE_FAILURE] = "deadlock:";
	size_t n = strlen(what);

	for (unsigned h = 0; h < WEAVE_HARTS && n + 80 < sizeof(what); h++) {
		const struct spinlock *l = weave_run.harts[h].waits_for;

		if (weave_job.program->hart[h] == NULL || weave_run.harts[h].done)
			continue;
		if (l != NULL)
			n += (size_t)snprintf(what + n, sizeof(what) - n,
					      " hart%u waits for %s, which hart%u holds;", h,
					      lock_rank_name(l->rank), l->holder - 1);
		else
			n += (size_t)snprintf(what + n, sizeof(what) - n,
					      " hart%u waits for %u answers;", h,
					      weave_run.harts[h].answers);
	}
	weave_fail(what);
}

/* ---- steps */

static void look(void)
{
	char what[WEAVE_FAILURE];

	if (weave_job.program->legal != NULL)
		weave_job.program->legal();
	if (rig_first_failure() != NULL) {
		snprintf(what, sizeof(what), "%s", rig_first_failure());
		weave_fail(what);
	}
}

void weave_step_done(void)
{
	bool stored = order_step_done();
	unsigned hart = arch_hart();

	weave_unwatch();
	if (stored || rig_first_failure() != NULL)
		look();
	if (race_found() != NULL && !weave_job.program->races_pass)
		weave_fail(race_found());
	watch(hart);
}

static void drop_first(struct calls *c)
{
	memmove(&c->c[0], &c->c[1], sizeof(c->c) - sizeof(c->c[0]));
	c->n--;
}

static void answer(unsigned hart, unsigned sender)
{
	sim_weaver()->touch(SIM_GIVES, SIM_ANSWERS, sender);
	race_give((uint64_t)SIM_ANSWERS << 60 | sender);
	(void)hart;
	weave_run.harts[sender].answers--;
}

static void take_irq(unsigned h)
{
	struct call c = weave_run.harts[h].irq.c[0];

	drop_first(&weave_run.harts[h].irq);
	sim_weaver()->touch(SIM_WRITES, SIM_IRQS, h);
	sim_weaver()->touch(SIM_TAKES, SIM_CALLS, h);
	race_take((uint64_t)SIM_CALLS << 60 | h);
	sim_set_irqs(h, false);
	c.fn(c.arg);
	sim_set_irqs(h, true);
	sim_weaver()->touch(SIM_GIVES, SIM_IRQS, h);
	answer(h, c.sender);
}

static void take_sbi(unsigned h)
{
	struct call c = weave_run.harts[h].sbi.c[0];

	drop_first(&weave_run.harts[h].sbi);
	sim_weaver()->touch(SIM_TAKES, SIM_CALLS, h);
	sim_fence_now(h, &c.op);
	answer(h, c.sender);
}

static void say_step(unsigned actor)
{
	static const char *const kinds[] = {"", " interrupt", " SBI"};

	if (weave_job.verbose)
		printf("#   step %u: hart%u%s\n", order_steps(), actor / 3, kinds[actor % 3]);
}

static void hart_begins(void)
{
	unsigned h = arch_hart();

	weave_job.program->hart[h]();
	weave_run.harts[h].done = true;
	sim_weaver()->point();
	abort();
}

static void switch_to(unsigned h, unsigned from)
{
	ucontext_t *c = &weave_job.contexts[h];

	if (!weave_run.harts[h].begun) {
		weave_run.harts[h].begun = true;
		getcontext(c);
		c->uc_stack.ss_sp = weave_job.stacks + h * WEAVE_STACK;
		c->uc_stack.ss_size = WEAVE_STACK;
		c->uc_link = NULL;
		makecontext(c, hart_begins, 0);
	} else if (h == from) {
		return;
	}
	if (from < WEAVE_HARTS)
		swapcontext(&weave_job.contexts[from], c);
	else
		setcontext(c);
}

void weave_take_turns(unsigned from)
{
	for (;;) {
		unsigned set = enabled_or_alone();
		unsigned actor, h;

		if (set == 0 && all_done()) {
			weave_unwatch();
			setcontext(weave_job.home);
		}
		if (set == 0)
			stuck();
		actor = order_choose(set);
		if (actor == WEAVE_ACTORS) {
			weave_job.result->cut++;
			weave_job.failure[0] = '*'; /* not one, and not a schedule either */
			weave_unwatch();
			setcontext(weave_job.home);
		}
		say_step(actor);
		somebody_stepped(actor);
		h = actor / 3;
		sim_run_on(h);
		weave_run.irqs_at_start = sim_irqs_on(h);
		race_hart(h);
		if (actor % 3 == WEAVE_MAIN) {
			switch_to(h, from);
			/* Back, and it is this hart's turn. */
			return;
		}
		weave_run.atomic = true;
		if (actor % 3 == WEAVE_IRQ)
			take_irq(h);
		else
			take_sbi(h);
		weave_run.atomic = false;
		weave_step_done();
	}
}
