/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the parts of weave.h. */
#ifndef TESTS_HOST_WEAVE_PARTS_H
#define TESTS_HOST_WEAVE_PARTS_H

#include "tests/host/weave.h"

/*
 * Who can make the next step: what runs on a hart; the interrupt that it is about to take; the
 * fence that the SBI is about to make there.
 */
enum weave_kind { WEAVE_MAIN, WEAVE_IRQ, WEAVE_SBI };
#define WEAVE_ACTORS (3u * WEAVE_HARTS)
#define WEAVE_MAX_STEPS 8192u

static inline unsigned weave_actor(unsigned hart, enum weave_kind kind)
{
	return 3 * hart + (unsigned)kind;
}

/* ---- weave_order.c: which orders there are */

void order_init(void);
/* A schedule begins: all over again. */
void order_restart(void);
/* Who of @enabled makes the next step; WEAVE_ACTORS: nobody, this order was run before. */
unsigned order_choose(unsigned enabled);
void order_touch(enum sim_touch how, enum sim_thing kind, uint64_t which);
/* The step is over. True if it stored or fenced. */
bool order_step_done(void);
unsigned order_steps(void);
/* Prepare the next schedule; false if there is none. */
bool order_next(void);
/* The choices of this schedule as text, and back. */
void order_print(char *out, size_t len);
void order_replay(const char *choices);
/* Try all, without reduction. */
void order_all(void);
/* Of what came before what in this schedule; whether it is the first of its kind. */
bool order_is_new(void);
/* Orders are drawn, and there is no end of them. */
void order_draw(uint64_t seed);

/* ---- weave_race.c: accesses to plain memory that nothing orders */

void race_init(void);
void race_restart(void);
/* @hart is about to run; ~0: nobody's accesses are watched. */
void race_hart(unsigned hart);
void race_give(uint64_t key);
void race_take(uint64_t key);
/* The first race since the restart, NULL if there is none. */
const char *race_found(void);

/* ---- weave_reset.c: everything as it was */

void reset_save(void);
void reset_page(const void *p);
/* @check: compare all of memory with what was saved, and panic. */
void reset_load(bool check);

/* Room that reset_load() leaves alone, zeroed. */
void *reset_room(size_t size);

/* ---- weave_turns.c */

/* The schedule ends here; the first reason is kept. */
void weave_fail(const char *what) noreturn_fn;
/* Of one of the harts: what lies there is its own. */
bool weave_on_stack(const void *p);

#endif
