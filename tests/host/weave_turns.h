/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One schedule of weave.h while it runs: what each hart does and waits for. For weave.c,
 * weave_turns.c and weave_machine.c alone.
 */
#ifndef TESTS_HOST_WEAVE_TURNS_H
#define TESTS_HOST_WEAVE_TURNS_H

#include <ucontext.h>

#include "tests/host/weave_parts.h"

#define WEAVE_STACK (256u * 1024)
#define WEAVE_FAILURE 320u
#define MAX_CALLS 4u

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
struct weave_run {
	struct hart harts[WEAVE_HARTS];
	bool in_schedule;   /* touches count */
	bool irqs_at_start; /* of this step, on its hart */
	bool atomic; /* nobody can come in between: an interrupt's handler, the model's lock */
};
extern struct weave_run weave_run;

enum weave_stage { RUNS, ENDS, OVER };

/* What stays from one schedule to the next; all that it points to lies in reset_room(). */
struct weave_job {
	const struct weave_program *program;
	struct weave_result *result;
	ucontext_t *home, *contexts;
	uint8_t *stacks;
	char *failure; /* of this schedule; "": none; "*": it was cut */
	bool verbose;
	enum weave_stage *stage;
};
extern struct weave_job weave_job;

/* ---- weave_turns.c */

/* The step is over: what it left is looked at, and a failure ends the schedule. */
void weave_step_done(void);
/*
 * Steps of others until it is the turn of what runs on hart @from; WEAVE_HARTS: nothing runs yet.
 * Does not return when the schedule is over.
 */
void weave_take_turns(unsigned from);
/* Accesses and touches count no more. */
void weave_unwatch(void);

/* ---- weave_machine.c */

extern const struct sim_weaver weave_machine;

#endif
