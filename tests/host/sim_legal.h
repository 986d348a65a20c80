/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the privileged architecture permits an access to see, by brute force: every value that a
 * page-table entry has had is kept with its life time, every fence with its moment. Shares no code
 * with host/sim.
 */
#ifndef TESTS_HOST_SIM_LEGAL_H
#define TESTS_HOST_SIM_LEGAL_H

#include <stdbool.h>
#include <stdint.h>

#define LEGAL_ROOTS 3
#define LEGAL_TABLES 8 /* of each level below the root */
#define LEGAL_ALL_ASIDS UINT32_MAX

struct legal_context {
	unsigned levels; /* 3 to 5 */
	uint32_t asid;
	unsigned root; /* which root belongs to it */
	bool user, sum, mxr;
	bool sets_ad; /* A and D are set by hardware */
	bool svnapot, svpbmt;
};

/* Where the tables are: level and number of each. */
uint64_t legal_table_pa(unsigned level, unsigned nr);

/* Everything is forgotten: all entries are 0 and nothing is cached. */
void legal_reset(const uint32_t asids[static LEGAL_ROOTS]);
/* Entry @index of that table becomes @value. */
void legal_store(unsigned level, unsigned nr, unsigned index, uint64_t value);
uint64_t legal_value(unsigned level, unsigned nr, unsigned index);

/*
 * A fence. @all_va, or page @vpn; @asid or LEGAL_ALL_ASIDS. It orders what was stored before
 * moment @at.
 */
void legal_fence(bool all_va, uint64_t vpn, uint32_t asid, uint64_t at);
/* Now; each store and each call of this is a moment of its own. */
uint64_t legal_now(void);

enum legal_access { LEGAL_LOAD, LEGAL_STORE, LEGAL_FETCH };

#define LEGAL_FAULT UINT64_MAX /* a page fault, in place of an address */

/*
 * May this access to @va end at physical address @pa, or with LEGAL_FAULT? *current is whether it
 * is what the entries in memory say now.
 */
bool legal_outcome(const struct legal_context *c, uint64_t va, enum legal_access a, uint64_t pa,
		   bool *current);

#endif
