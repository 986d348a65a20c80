/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Streams: one hart changes a table, again and again, while all others use what it translates
 * without a pause. A counter says what may be seen: it is odd while the table changes and even,
 * and raised, when the fence has returned; an access between two loads that find the same even
 * number must see the state of that number, any other one that before or the one behind.
 *
 * The order that this needs: a hart that finds the number has executed its SFENCE.VMA before, in
 * program order (the call returned before the number was raised), so what it executes behind the
 * load is behind its fence; a FENCE stands between the access and the second load.
 */
#ifndef TESTS_MMU_STREAM_H
#define TESTS_MMU_STREAM_H

#include "tests/mmu/fences.h"
#include "tests/mmu/scene.h"

#define STREAM_MAX_TARGETS 16
#define STREAM_MAX_STATES 3

struct stream {
	struct scene *scene;
	const char *what;
	enum access access;
	unsigned nr; /* targets */
	vaddr_t va[STREAM_MAX_TARGETS];
	unsigned nr_states; /* gone through in a circle, from 0 on */
	/* What an access of each target sees in each state; PAGE_FAULT: a page fault. */
	struct page sees[STREAM_MAX_STATES][STREAM_MAX_TARGETS];
	/* Store what leads to state @to; no fence. On the hart that changes. */
	void (*change)(unsigned to);
	/* Every hart has been in state @now; NULL: nothing to look at. @control: without fences. */
	void (*settled)(unsigned now, bool control);
	/* Bit of a state: the fence under test is made on the way there, none in controls. */
	uint32_t fenced;
	/* Bit of a state: all harts forget everything on the way there, in controls too. */
	uint32_t flushed;
	struct fence_at at;
	uint32_t fences; /* FENCE_BIT of those that are relied on */
	uint64_t *slot;	 /* for the walk of a report, with what it holds in each state */
	uint64_t pte[STREAM_MAX_STATES];
};

/*
 * Controls, then each of @fences that the stream allows, until each has been tried
 * stim_repeat() times or the time is up (that is said); and the report. On all harts of the test.
 */
void stream_run(struct test_run *t, const struct stream *st, uint32_t fences);

#endif
