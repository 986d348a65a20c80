/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts as coroutines, one schedule after another: see weave.h. */
#include "tests/host/weave.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "firmware/lock.h"
#include "tests/host/weave_parts.h"

#define STACK (256u * 1024)
#define MAX_CALLS 4u
#define TIMEOUT_S 600u

/* An interrupt that a hart is to take, or a fence that the SBI is to make there. */
struct call {
	unsigned sender;
	void (*fn)(void *);
	uint64_t arg[8];
	struct fence_op op;
};

struct calls {
	struct call c[MAX_CALLS];
	unsigned n;
};

struct hart {
	bool begun, done, gone;
	const struct spinlock *waits_for; /* NULL: nothing */
	bool waits_for_answers;
	bool yields;	  /* until somebody else made a step */
	unsigned answers; /* still to come */
	bool refused;	  /* one will not */
	struct calls irq, sbi;
};

/* As it is at the start of a schedule: reset_load() sees to that. */
static struct hart harts[WEAVE_HARTS];
static bool in_schedule;   /* touches count */
static bool irqs_at_start; /* of this step, on its hart */
static bool atomic; /* nobody can come in between: an interrupt's handler, the model's lock */

/* These stay. */
static const struct weave_program *program;
static struct weave_result *result;
static ucontext_t *home, *contexts;
static uint8_t *stacks;
static char *failure; /* of this schedule; "": none */
static bool verbose;
static enum stage { RUNS, ENDS, OVER } * stage;

#define FAILURE 320u

bool weave_on_stack(const void *p)
{
	return (const uint8_t *)p - stacks >= 0 &&
	       (size_t)((const uint8_t *)p - stacks) < (size_t)WEAVE_HARTS * STACK;
}

static void watch(unsigned hart)
{
	in_schedule = true;
	race_hart(hart);
}

static void unwatch(void)
{
	in_schedule = false;
	race_hart(~0u);
}

void weave_fail(const char *what)
{
	if (failure[0] == '\0')
		snprintf(failure, FAILURE, "%s", what);
	unwatch();
	setcontext(home);
	abort();
}

/* ---- who can go on */

static bool main_enabled(unsigned h)
{
	const struct hart *x = &harts[h];

	if (program->hart[h] == NULL || x->done || x->yields)
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
		if (harts[h].irq.n != 0 && sim_irqs_on(h))
			set |= 1u << weave_actor(h, WEAVE_IRQ);
		if (harts[h].sbi.n != 0)
			set |= 1u << weave_actor(h, WEAVE_SBI);
	}
	return set;
}

/* Alone, whoever yields goes on. */
static unsigned enabled_or_alone(void)
{
	unsigned set = enabled();

	for (unsigned h = 0; h < WEAVE_HARTS && set == 0; h++) {
		harts[h].yields = false;
		set = enabled();
	}
	return set;
}

static void somebody_stepped(unsigned actor)
{
	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		if (weave_actor(h, WEAVE_MAIN) != actor)
			harts[h].yields = false;
	}
}

static bool all_done(void)
{
	for (unsigned h = 0; h < WEAVE_HARTS; h++) {
		if ((program->hart[h] != NULL && !harts[h].done) || harts[h].irq.n != 0 ||
		    harts[h].sbi.n != 0)
			return false;
	}
	return true;
}

static void stuck(void)
{
	char what[FAILURE] = "deadlock:";
	size_t n = strlen(what);

	for (unsigned h = 0; h < WEAVE_HARTS && n + 80 < sizeof(what); h++) {
		const struct spinlock *l = harts[h].waits_for;

		if (program->hart[h] == NULL || harts[h].done)
			continue;
		if (l != NULL)
			n += (size_t)snprintf(what + n, sizeof(what) - n,
					      " hart%u waits for %s, which hart%u holds;", h,
					      lock_rank_name(l->rank), l->holder - 1);
		else
			n += (size_t)snprintf(what + n, sizeof(what) - n,
					      " hart%u waits for %u answers;", h, harts[h].answers);
	}
	weave_fail(what);
}

/* ---- steps */

static void look(void)
{
	char what[FAILURE];

	if (program->legal != NULL)
		program->legal();
	if (rig_first_failure() != NULL) {
		snprintf(what, sizeof(what), "%s", rig_first_failure());
		weave_fail(what);
	}
}

static void step_done(void)
{
	bool stored = order_step_done();
	unsigned hart = arch_hart();

	unwatch();
	if (stored || rig_first_failure() != NULL)
		look();
	if (race_found() != NULL && !program->races_pass)
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
	harts[sender].answers--;
}

static void take_irq(unsigned h)
{
	struct call c = harts[h].irq.c[0];

	drop_first(&harts[h].irq);
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
	struct call c = harts[h].sbi.c[0];

	drop_first(&harts[h].sbi);
	sim_weaver()->touch(SIM_TAKES, SIM_CALLS, h);
	sim_fence_now(h, &c.op);
	answer(h, c.sender);
}

static void say_step(unsigned actor)
{
	static const char *const kinds[] = {"", " interrupt", " SBI"};

	if (verbose)
		printf("#   step %u: hart%u%s\n", order_steps(), actor / 3, kinds[actor % 3]);
}

static void hart_begins(void)
{
	unsigned h = arch_hart();

	program->hart[h]();
	harts[h].done = true;
	sim_weaver()->point();
	abort();
}

static void switch_to(unsigned h, unsigned from)
{
	ucontext_t *c = &contexts[h];

	if (!harts[h].begun) {
		harts[h].begun = true;
		getcontext(c);
		c->uc_stack.ss_sp = stacks + h * STACK;
		c->uc_stack.ss_size = STACK;
		c->uc_link = NULL;
		makecontext(c, hart_begins, 0);
	} else if (h == from) {
		return;
	}
	if (from < WEAVE_HARTS)
		swapcontext(&contexts[from], c);
	else
		setcontext(c);
}

/* Steps of others until it is the turn of what runs on @from, if that is a hart. */
static void take_turns(unsigned from)
{
	for (;;) {
		unsigned set = enabled_or_alone();
		unsigned actor, h;

		if (set == 0 && all_done()) {
			unwatch();
			setcontext(home);
		}
		if (set == 0)
			stuck();
		actor = order_choose(set);
		if (actor == WEAVE_ACTORS) {
			result->cut++;
			failure[0] = '*'; /* not one, and not a schedule either */
			unwatch();
			setcontext(home);
		}
		say_step(actor);
		somebody_stepped(actor);
		h = actor / 3;
		sim_run_on(h);
		irqs_at_start = sim_irqs_on(h);
		race_hart(h);
		if (actor % 3 == WEAVE_MAIN) {
			switch_to(h, from);
			/* Back, and it is this hart's turn. */
			return;
		}
		atomic = true;
		if (actor % 3 == WEAVE_IRQ)
			take_irq(h);
		else
			take_sbi(h);
		atomic = false;
		step_done();
	}
}

/* ---- what the simulated machine calls */

static void point(void)
{
	unsigned h = arch_hart();

	if (!in_schedule || atomic)
		return;
	step_done();
	take_turns(h);
}

static void yield(void)
{
	harts[arch_hart()].yields = true;
	point();
}

static void touch(enum sim_touch how, enum sim_thing kind, uint64_t which)
{
	/*
	 * A step that begins with interrupts off and ends so, however often they were on between:
	 * no interrupt could be taken before it that could not be taken behind the one before.
	 */
	if (kind == SIM_IRQS && how == SIM_WRITES && !irqs_at_start)
		return;
	if (in_schedule)
		order_touch(how, kind, which);
}

static void lock(const struct spinlock *l)
{
	unsigned h = arch_hart();

	if (!in_schedule)
		return;
	if (!atomic) {
		harts[h].waits_for = l;
		point();
		harts[h].waits_for = NULL;
	}
	/* Under this one numbers are added up, and programs look at the sums when all is over. */
	order_touch(l->rank == LOCK_FRAME_COUNTS ? SIM_ADDS : SIM_WRITES, SIM_LOCK, (uintptr_t)l);
}

/* Who holds the model's lock waits for nobody and is watched by nobody: one step. */
static void locked(const struct spinlock *l, bool held)
{
	static bool was;

	if (!in_schedule)
		return;
	if (held) {
		race_take((uintptr_t)l);
	} else {
		race_give((uintptr_t)l);
		order_touch(SIM_GIVES, SIM_LOCK, (uintptr_t)l);
	}
	if (l->rank == LOCK_MODEL) {
		if (held)
			was = atomic;
		atomic = held || was;
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
	harts[h].waits_for_answers = true;
	point();
	harts[h].waits_for_answers = false;
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

	if (!in_schedule || hartset_eq(targets, &self)) {
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
		add_call(&harts[t].sbi, &(struct call){.sender = h, .op = *op});
		touch(SIM_WRITES, SIM_CALLS, t);
		touch(SIM_GIVES, SIM_CALLS, t);
		harts[h].answers++;
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
		add_call(&harts[t].irq, &c);
		touch(SIM_WRITES, SIM_CALLS, t);
		touch(SIM_GIVES, SIM_CALLS, t);
		race_give((uint64_t)SIM_CALLS << 60 | t);
		harts[h].answers++;
	}
	wait_for_answers(h);
	return OK;
}

static void page(const void *p)
{
	reset_page(p);
}

static const struct sim_weaver weaver = {
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

/* ---- schedules */

static void one_schedule(void)
{
	failure[0] = '\0';
	order_restart();
	race_restart();
	*stage = RUNS;
	/* Here ends, in whatever way, what the stages below begin. */
	getcontext(home);
	if (*stage == RUNS) {
		*stage = ENDS;
		in_schedule = true;
		take_turns(WEAVE_HARTS);
	}
	if (*stage == ENDS && failure[0] == '\0') {
		*stage = OVER;
		atomic = false;
		sim_run_on(0);
		if (program->end != NULL)
			program->end();
		if (rig_first_failure() != NULL)
			snprintf(failure, FAILURE, "at the end: %s", rig_first_failure());
	}
}

static void judge(void)
{
	if (failure[0] == '*')
		return;
	result->schedules++;
	result->distinct += order_is_new();
	result->steps += order_steps();
	if (order_steps() > result->longest)
		result->longest = order_steps();
	if (failure[0] == '\0' || (program->bad != NULL && strstr(failure, program->bad) == NULL))
		return;
	if (result->bad++ == 0) {
		snprintf(result->what, sizeof(result->what), "%s", failure);
		order_print(result->replay, sizeof(result->replay));
	}
}

static void explore(const char *faults, uint64_t limit, const char *replay)
{
	struct rig rig = {.mode = &mmu_modes[0],
			  .shape = &rig_shapes[rig_nr_shapes - 1],
			  .backend = program->backend};

	for (unsigned h = 0; h < WEAVE_HARTS && program->online == 0; h++)
		rig.harts += program->hart[h] != NULL;
	rig.harts += program->online;
	order_init();
	race_init();
	home = reset_room(sizeof(*home));
	contexts = reset_room(WEAVE_HARTS * sizeof(*contexts));
	stacks = reset_room(WEAVE_HARTS * STACK);
	failure = reset_room(FAILURE);
	stage = reset_room(sizeof(*stage));
	rig_capture(true);
	rig_boot(&rig);
	program->setup();
	if (rig_first_failure() != NULL) {
		snprintf(result->what, sizeof(result->what), "setup: %s", rig_first_failure());
		return;
	}
	if (faults != NULL)
		rig_arm(faults);
	if (replay != NULL)
		order_replay(replay);
	else if (program->drawn != 0)
		order_draw(program->drawn);
	else if (program->all)
		order_all();
	verbose = replay != NULL;
	sim_weave(&weaver);
	reset_save();
	do {
		one_schedule();
		judge();
		reset_load(false);
		if (result->bad != 0 && faults == NULL)
			break;
		if (!order_next()) {
			result->complete = true;
			break;
		}
	} while (result->schedules < limit);
	reset_load(true);
	result->ran = true;
}

static const char *replay_of(const struct weave_program *p)
{
	const char *s = getenv("WEAVE_REPLAY");
	size_t n = strlen(p->name);

	if (s == NULL || strncmp(s, p->name, n) != 0 || s[n] != ':')
		return NULL;
	s += n + 1;
	return s + strspn(s, " ");
}

void weave_explore(const struct weave_program *p, const char *faults, uint64_t limit,
		   struct weave_result *r)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	program = p;
	result = mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (result == MAP_FAILED)
		abort();
	pid = fork();
	if (pid == 0) {
		alarm(TIMEOUT_S);
		explore(faults, limit, replay_of(p));
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	*r = *result;
	munmap(result, sizeof(*result));
	if (WIFSIGNALED(status))
		snprintf(r->what, sizeof(r->what), "died of signal %d", WTERMSIG(status));
	r->ran &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
