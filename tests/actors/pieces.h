/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that comes and goes beside what the other actors do. */
#ifndef TESTS_ACTORS_PIECES_H
#define TESTS_ACTORS_PIECES_H

#include "tests/actors/cast.h"
#include "tests/hotcase.h"

#define PIECES 3u

struct piece {
	struct region phys;
	struct hot_region *hot; /* NULL: not there */
};

extern struct piece pieces[PIECES];

/*
 * Lay them out, none there, in the first @nr_blocks blocks of the device's region, at odd blocks
 * and of odd sizes: small leaves, tables of their own, records in single pages. False: there is no
 * room, and the test is skipped.
 */
bool must_check pieces_init(struct test_run *t, uint64_t nr_blocks);
/* A role, on the boot hart: one of them comes or goes. Its arg is the test. */
void pieces_plug(struct actor *a);
/* Those that are there go. */
void pieces_take_away(struct test_run *t);

#endif
