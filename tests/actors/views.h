/* SPDX-License-Identifier: BSD-2-Clause */
/* A second view of frames, in an area of the vmalloc area, and what harts see there. */
#ifndef TESTS_ACTORS_VIEWS_H
#define TESTS_ACTORS_VIEWS_H

#include "mm/frame.h"
#include "tests/test.h"

#define VIEW_CLAUSE                                                                                \
	"Privileged ISA, SFENCE.VMA: after the shootdown every hart sees the new entry, no old "   \
	"one"

struct view {
	vaddr_t va;
	paddr_t pa;
	unsigned order; /* of the frames and of the area */
	uint64_t word;	/* at the start of them */
};

/* Frames with a word in them and an area, aligned to its size, with nothing mapped in it. */
struct view view_new(struct test_run *t, unsigned order);
/* Map all of it, with leaves up to 2 MiB; @flags of vmap_range(). */
void view_map(struct test_run *t, const struct view *v, unsigned flags);
/* Area and frames go back. */
void view_free(struct test_run *t, const struct view *v);

/* Each of @harts loads the word. An expected trap comes before a repair: it is a failure. */
void view_read(struct test_run *t, const struct hartset *harts, const struct view *v);
/* The same, and who lacks the entry repairs that (deferred.h). */
void view_read_repairing(struct test_run *t, const struct hartset *harts, const struct view *v);
/* Each hart's load traps. */
void view_must_trap(struct test_run *t, const struct view *v);
/* The control: it is mapped, and nobody has fenced; which harts still trap. */
void view_control(struct test_run *t, const struct view *v);

#endif
