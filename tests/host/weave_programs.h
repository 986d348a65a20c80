/* SPDX-License-Identifier: BSD-2-Clause */
/* What harts do at once: programs for weave.h. */
#ifndef TESTS_HOST_WEAVE_PROGRAMS_H
#define TESTS_HOST_WEAVE_PROGRAMS_H

#include "tests/host/weave.h"

/* Program @i of all, NULL behind the last; and the one of that name, NULL if there is none. */
const struct weave_program *weave_program_at(unsigned i);
const struct weave_program *weave_program(const char *name);

/* ---- between weave_programs.c and the files of programs */

/* weave_pages.c, weave_memory.c */
extern const struct weave_program weave_pages_programs[], weave_memory_programs[];
extern const unsigned weave_nr_pages_programs, weave_nr_memory_programs;

#define MAX_WATCHED 8u

/* Where a hart may get to, at any moment, through what it may hold. */
struct watched {
	vaddr_t va;
	paddr_t pa;
	bool may_fault;
};
extern struct watched weave_watched[MAX_WATCHED];

/* What weave_as_before() compares with: as of weave_begin(), unless a program sets it later. */
extern struct rig_accounts weave_before;
extern struct hartset weave_fenced; /* harts that are online and did their first fence */

void weave_watch(vaddr_t va, paddr_t pa, bool may_fault);
void weave_begin(void);
/* Each hart gets what is watched, whatever it holds. */
void weave_legal(void);
/* Every hart gets what the table says, wherever anybody looked. */
void weave_settled(void);
/* The same, and nothing is lost. */
void weave_as_before(void);

/* Of weave_pages.c, for what is done beside memory that comes and goes. */
void weave_alloc_and_free(void);
void weave_no_pages(void);
void weave_map_and_unmap_mine(void);

/* What is checked behind each step, and in the end. */
#define PROGRAM(n, via, before, then, ...)                                                         \
	{                                                                                          \
		.name = (n), .backend = SHOOTDOWN_##via, .setup = (before), .legal = weave_legal,  \
		.end = (then), .hart = {                                                           \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}

#endif
