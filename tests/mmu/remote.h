/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stimuli on many harts: all touch, one changes the entries and fences all, all probe. The one
 * that changes is drawn for each trial, and is fenced with the others (it is in its own mask).
 */
#ifndef TESTS_MMU_REMOTE_H
#define TESTS_MMU_REMOTE_H

#include "tests/mmu/stim.h"

/*
 * Controls (the change, no fence, everybody probes), then trials of each fence of @fences that the
 * stimulus allows, on all harts of the test; and the report. A slow SBI gets fewer rounds, which
 * is said.
 */
void stim_run_remote(struct test_run *t, const struct stim *st, unsigned n, uint32_t fences);

/*
 * A counter that harts wait for each other with: published with release, waited for with acquire,
 * asleep where it takes long.
 */
struct turn {
	uint32_t number;
};
/* Set it to @number and wake @harts, who may wait for it. */
void turn_set(struct turn *w, uint32_t number, const struct hartset *harts);
/* Until it is @number or later; false if @timeout_ms came first. */
bool turn_wait(struct turn *w, uint32_t number, uint64_t timeout_ms);

#endif
