/* SPDX-License-Identifier: BSD-2-Clause */
/* What trial.c, stim.c and stim_report.c share of stimuli. */
#ifndef TESTS_MMU_STIM_PRIV_H
#define TESTS_MMU_STIM_PRIV_H

#include "tests/mmu/stim.h"

/* Whether more than one address space takes part. */
bool stim_has_spaces(const struct stim *st);
/* The table, ASID and satp that it is touched with, and the satp that it is probed with. */
const struct ptable *stim_table(const struct stim *st);
uint16_t stim_asid(const struct stim *st);
uint64_t stim_home_satp(const struct stim *st);
uint64_t stim_behind_satp(const struct stim *st);
/* Probe targets from @from on in the trial's order and judge all; @seen holds those before it. */
void trial_probe_from(const struct trial *tr, unsigned from, struct probe *seen, struct tally *y);
/* Enter what was not as it must be. */
void trial_record(struct tally *y, const struct trial *tr, unsigned target, enum verdict v,
		  struct probe seen, bool filling);
/* What @hart stores in this trial. */
uint64_t trial_store_value(const struct trial *tr, unsigned hart);

#endif
