/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the parts of the simulated machine share: which hart runs, what it translates with, who
 * watches. For arch_sim*.c alone.
 */
#ifndef TESTS_HOST_ARCH_SIM_PARTS_H
#define TESTS_HOST_ARCH_SIM_PARTS_H

#include "tests/host/arch_sim.h"

struct sim_state {
	unsigned running; /* the hart */
	struct hartset online;
	bool rooted[SIM_MAX_HARTS]; /* its root was set: it translates */
	paddr_t roots[SIM_MAX_HARTS];
	unsigned root_levels;
	bool irqs_on[SIM_MAX_HARTS];
	const struct arch_observer *observer; /* NULL: nobody */
	const struct sim_weaver *weaver;      /* NULL: one hart runs until sim_run_on() */
};
extern struct sim_state sim_state;

/* A step begins, and what it touches: for the weaver, if there is one. */
static inline void sim_point(void)
{
	if (sim_state.weaver != NULL)
		sim_state.weaver->point();
}

static inline void sim_touches(enum sim_touch how, enum sim_thing kind, uint64_t which)
{
	if (sim_state.weaver != NULL)
		sim_state.weaver->touch(how, kind, which);
}

/* A fence of the running hart for @targets, as mutations of fences leave it (arch_sim_fences.h). */
void sim_fence(const struct hartset *targets, const struct fence_op *op);

#endif
