/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hot-remove in Linux's order: order=linux. Each page is given back as soon as it is cleared, a
 * table even before the entry that points to it, and all harts are fenced behind that. It is here
 * so that what it exposes can be shown (mm/model_exposure.h, docs/teardown.md); nothing else uses
 * it. Source: Linux arch/riscv/mm/init.c, arch_remove_memory().
 */
#ifndef MM_TEARDOWN_LINUX_H
#define MM_TEARDOWN_LINUX_H

#include "mm/map.h"
#include "mm/records.h"

/* What __remove_pages() takes at a time (SECTION_SIZE_BITS 27): 2 MiB of records. */
#define LINUX_SECTION_SIZE (UINT64_C(128) << 20)

/*
 * Unmap the records of @phys, section by section, and give them back to where they are @from, then
 * its direct map. @b has split the edges of both, which Linux does not (it clears a leaf whole);
 * that is committed first. Counts into b->counts; b is committed behind it. Errors of shootdown():
 * the rest is not taken down, and what was given back stays so. Locks: as for pt_unmap(). Owed:
 * nothing, all harts are fenced.
 */
enum err must_check teardown_linux(struct pt_batch *b, struct region phys,
				   const struct backing *from);

/* Shootdowns that it takes, a split apart: one for each section, and two. */
uint64_t teardown_linux_flushes(struct region phys);

#endif
