/* SPDX-License-Identifier: BSD-2-Clause */
/* Who sets A and D: nobody says, a trap handler (Svade), or hardware (Svadu). */
#ifndef TESTS_MMU_AD_SCHEME_H
#define TESTS_MMU_AD_SCHEME_H

#include "tests/test.h"

enum scheme {
	SCHEME_AS_FOUND, /* either of the others */
	SCHEME_FAULT,	 /* Svade, ADUE=0: an access that needs a bit set raises a page fault */
	SCHEME_UPDATE,	 /* ADUE=1: hardware sets it */
	NR_SCHEMES
};

/* "as found" and the like; never NULL. */
const char *scheme_name(enum scheme s);

/*
 * Switch all harts of @t to @s through SBI's FWFT, PTE_AD_HW_UPDATING. False: this SBI does not
 * offer it (or not on every hart, or refuses): all is as it was, and @why says so. The test's
 * cleanup goes through scheme_restore() from here on, whoever leaves it: behind scene_open().
 */
bool scheme_switch(struct test_run *t, enum scheme s, const char **why);

/* What a hart had before the first switch, until scheme_restore(). */
uint64_t scheme_found(unsigned hart);

/* Back to what was found before the first switch. Without one: nothing to do. */
void scheme_restore(void);

/*
 * What holds without a switch: SCHEME_FAULT where the tree claims Svade for all harts and Svadu
 * for none of them, else as found (both of them claimed: whoever ran before us has chosen).
 */
enum scheme scheme_claimed(const struct test_run *t);

/* Run @fn under both if FWFT offers them, else once, as claimed. */
void scheme_each(struct test_run *t, void (*fn)(struct test_run *t, enum scheme s));

#endif
