/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenarios T01 to T45 (docs/scenarios.md) that run on the simulated machine. Each comes with what
 * must turn it red: a seeded fault, or a mistake that the scenario makes itself; runs with one of
 * them pass only if a CHECK fails and says so in the words that are due.
 */
#ifndef TESTS_HOST_SCENARIO_H
#define TESTS_HOST_SCENARIO_H

#include "tests/host/arch_sim_rig.h"

#define MAX_CONTROLS 8u

/* A mistake. */
struct control {
	const char *fault; /* of mm/fault.h, armed by scenario_arm(); NULL: none */
	unsigned mistake;  /* what the scenario does wrong itself; 0: nothing */
	const char *name;  /* of the mistake; NULL: the fault's */
	const char *says;  /* part of the first complaint, or of a panic's message */
};

struct scenario_run {
	struct rig rig;
	struct control control; /* all zero: nothing is wrong */
};

struct scenario {
	const char *name; /* "T02 remove: ..." */
	void (*fn)(const struct scenario_run *);
	unsigned harts;		   /* 0: three */
	const struct shape *shape; /* NULL: the usual one */
	enum sim_view view;
	bool once;     /* in Sv48 alone: the mode changes nothing about it */
	bool backends; /* by SBI, own interrupts and Svinval */
	struct control controls[MAX_CONTROLS];
};

/*
 * main() of a program of scenarios. Arguments: [PREFIX [SEED]]; those whose names begin with
 * PREFIX run, all without.
 */
int scenario_main(int argc, char **argv, const struct scenario *s, unsigned nr);

/* Arm the run's fault, if it has one: behind the preparation, so that it meets the scene alone. */
void scenario_arm(const struct scenario_run *run);

#endif
