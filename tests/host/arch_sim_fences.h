/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stores to entries and fences of the simulated machine, as they are made: watched by a test, and
 * one fence of its choice left out or weakened, as if the code under test had got it wrong.
 */
#ifndef TESTS_HOST_ARCH_SIM_FENCES_H
#define TESTS_HOST_ARCH_SIM_FENCES_H

#include "tests/host/arch_sim.h"

/* What a hart does: an SFENCE.VMA (its own, or by RFENCE), or one step of Svinval. */
enum sim_step { SIM_FENCE, SIM_INVAL_BEGIN, SIM_INVAL, SIM_INVAL_END, NR_SIM_STEPS };

struct sim_watch {
	/* Before the entry changes. */
	void (*store)(pte_slot_t slot, pte_t old, pte_t new);
	/* Before it has its effect, one call for each hart that makes it. */
	void (*fence)(unsigned hart, enum sim_step step, const struct fence_op *op);
};

/* One watcher, or NULL for none. */
void sim_watch(const struct sim_watch *watch);

enum sim_mutation {
	SIM_DROP,      /* it is not made */
	SIM_DROP_HART, /* the last of several harts does not make it */
	SIM_ONE_PAGE,  /* rs1 = one address, of all or of a longer range */
	SIM_LAST_PAGE, /* the last page of a longer range is missed */
	SIM_ASID,      /* rs2 = an ASID, not x0 */
	NR_SIM_MUTATIONS,
};

const char *sim_mutation_name(enum sim_mutation m);

/* Fences and steps so far: one for each call of arch.h, however many harts make it. */
unsigned sim_nr_fences(void);
/*
 * Mutate number @nth of them (sim_nr_fences() before it), by @m. @va: an address of the change, for
 * SIM_ONE_PAGE.
 */
void sim_mutate_fence(unsigned nth, enum sim_mutation m, vaddr_t va);
/* Whether that fence was made, and was one that @m changes. */
bool sim_mutated(void);

/* For arch_sim_insns.c. The first may change both; false: it is not made at all. */
bool fences_made(enum sim_step step, struct hartset *harts, struct fence_op *op);
void fences_store(pte_slot_t slot, pte_t old, pte_t new);

#endif
