/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rounds: all harts know some pages, one hart changes them and makes one call, all look. Led by
 * hart 0 in steps that end before the next begins; races are storm.h's.
 */
#ifndef TESTS_MMU_ROUNDS_H
#define TESTS_MMU_ROUNDS_H

#include "tests/mmu/flip.h"

#define ROUNDS_MAX_FLIPS 64

struct rounds {
	struct test_run *t;
	struct scene *scene;
	const char *what; /* for reports */
	enum access access;
	struct hartset harts; /* that take part; t->all unless the test says otherwise */
	unsigned nr;
	struct flip flip[ROUNDS_MAX_FLIPS];
	uint64_t until_us;     /* no more rounds behind this time */
	unsigned odd, refused; /* calls that SBI may refuse, and did */
	struct call first_refused;
	struct flip_tally y[MAX_HARTS];
};

/* One for all tests: too large for a stack. Zeroed, with a scene that all harts enter. */
struct rounds *rounds_open(struct test_run *t, const char *what, enum access a);
/* The report, and the scene's end. */
void rounds_close(struct rounds *r);

/* The pages at @nr addresses from @va on, one each 4 KiB. */
void rounds_add_pages(struct rounds *r, vaddr_t va, unsigned nr);

struct round {
	unsigned caller; /* changes all pages and makes the call */
	struct call call;
	/* Bit i: page i has to be new behind it ... */
	uint64_t pages;
	/* ... on these harts, if SBI accepts the call. All else that is seen is information. */
	struct hartset must;
};

/*
 * Behind the call: its SBI error is in @n->call.rc. A call that is not @odd has to be accepted; of
 * odd ones the specification leaves that open, and rounds_close() prints how many were not.
 */
void rounds_make(struct rounds *r, struct round *n, bool odd);
void rounds_judge_rc(struct rounds *r, const struct call *c, bool odd);

/*
 * Its three steps, for tests that do something in between: @harts touch all pages; the caller
 * changes and calls, and looks at once; @harts look. Each is over when it returns.
 */
void rounds_warm(struct rounds *r, const struct hartset *harts);
void rounds_change(struct rounds *r, struct round *n);
void rounds_look(struct rounds *r, const struct hartset *harts);
/* Between the two: what is new has to be seen on @hart too, whatever SBI said of the call. */
void rounds_must_see(unsigned hart);
/* What rounds_look() does on each hart, on this one: for harts that are not idle peers. */
void rounds_look_here(struct rounds *r);

/* Rounds without a fence: until each hart saw something old, or had its chances. */
void rounds_controls(struct rounds *r);

/* How often each call is tried: 2, times repeat=; in that time whatever time it takes. */
unsigned rounds_repeat(const struct rounds *r);
/* False: this test has had its time. */
bool rounds_time(const struct rounds *r);
/* A hart of r->harts, at random. */
unsigned rounds_pick(struct rounds *r);

#endif
