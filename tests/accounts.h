/* SPDX-License-Identifier: BSD-2-Clause */
/* The accounts around every test: what is owned, mapped and plugged before must be so after. */
#ifndef TESTS_ACCOUNTS_H
#define TESTS_ACCOUNTS_H

#include "mm/frame.h"
#include "tests/test.h"

struct accounts {
	struct frame_counts frames;
	uint64_t tables;
	unsigned areas; /* of the vmalloc area */
	uint64_t plugged[MAX_VMEMS];
};

struct accounts accounts_take(const struct bench *b);

/*
 * Compare with @before; walk the kernel table against the shadow map; ask allocators, quarantine
 * and TLB model what they saw. Each difference is a failure of @t with its evidence.
 */
void accounts_check(struct test_run *t, const struct accounts *before);

/* The same in the middle of a test: with hot-added memory still there. */
void accounts_compare(struct test_run *t, const struct accounts *before);

/* What the TLB model has to say of what was done since the last look; @when is put in front. */
void accounts_model(struct test_run *t, const char *when);

/*
 * What was exposed by removals that no test took for its own (model_exposures_take()), as a failure
 * of @t: only with order=linux there is any. accounts_check() does it too.
 */
void accounts_exposure(struct test_run *t);
/* The same of all tests, a diagnostic line: nothing if there was none. */
void accounts_print_exposure(void);

/* The walk alone, for tests that want it after every operation. */
void accounts_audit(struct test_run *t);

#endif
