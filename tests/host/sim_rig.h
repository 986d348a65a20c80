/* SPDX-License-Identifier: BSD-2-Clause */
/* Random page tables in the emulator's memory, known to the legal set as well. */
#ifndef TESTS_HOST_SIM_RIG_H
#define TESTS_HOST_SIM_RIG_H

#include "host/sim/machine.h"
#include "tests/host/sim_legal.h"

struct rig {
	struct machine machine;
	struct legal_context context;
	struct rng rng;
};

extern struct rig rig;

/* One of few addresses, so that accesses, entries and fences meet; rarely one that is none. */
uint64_t rig_pick_va(void);

/* Store a random entry, or 16 of a NAPOT range. */
void rig_store(void);

#endif
