/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of harts at once: what every one has, and the way to each by its name. */
#include "tests/host/weave_programs.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/kernel.h"
#include "mm/walk.h"

#define MAX_OUTCOMES 8u

struct watched weave_watched[MAX_WATCHED];
static unsigned nr_watched;

struct rig_accounts weave_before;
struct hartset weave_fenced;

void weave_watch(vaddr_t va, paddr_t pa, bool may_fault)
{
	weave_watched[nr_watched++] = (struct watched){va, pa, may_fault};
}

void weave_begin(void)
{
	weave_before = rig_accounts();
	weave_fenced = arch_harts_online();
}

void weave_legal(void)
{
	struct sim_result r[MAX_OUTCOMES];

	for (unsigned i = 0; i < nr_watched; i++) {
		const struct watched *w = &weave_watched[i];

		hartset_for_each(h, &weave_fenced) {
			unsigned n = sim_outcomes(h, w->va, SIM_LOAD, r, MAX_OUTCOMES);

			for (unsigned k = 0; k < n; k++)
				CHECK(r[k].outcome == SIM_OK
					      ? r[k].pa == w->pa
					      : w->may_fault && r[k].outcome == SIM_PAGE_FAULT,
				      "hart%u may get %d 0x%llx at 0x%llx, due 0x%llx", h,
				      (int)r[k].outcome, (unsigned long long)r[k].pa,
				      (unsigned long long)w->va, (unsigned long long)w->pa);
		}
	}
}

void weave_settled(void)
{
	for (unsigned i = 0; i < nr_watched; i++) {
		struct pt_lookup l = pt_lookup(kernel_table(), weave_watched[i].va);

		rig_check_everywhere(weave_watched[i].va, l.mapped ? l.pa : FRAME_NONE, "end");
	}
	rig_check_kernel("end");
	rig_check_silent("end");
}

void weave_as_before(void)
{
	weave_settled();
	rig_check_accounts(&weave_before, "end");
}

const struct weave_program *weave_program_at(unsigned i)
{
	if (i < weave_nr_pages_programs)
		return &weave_pages_programs[i];
	i -= weave_nr_pages_programs;
	return i < weave_nr_memory_programs ? &weave_memory_programs[i] : NULL;
}

const struct weave_program *weave_program(const char *name)
{
	const struct weave_program *p;

	for (unsigned i = 0; (p = weave_program_at(i)) != NULL; i++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}
