/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the code under test did, in order: stores to entries of the kernel's table, fences of each
 * hart, table pages and frames given back. Checked mechanically, by rules that know no operation,
 * and without mm/: the log has its own idea of which page is a table, learned from the root.
 *
 * Frees are seen because the linker puts __wrap_ptpage_free() and the like between callers and mm/.
 */
#ifndef TESTS_HOST_SCENARIO_LOG_H
#define TESTS_HOST_SCENARIO_LOG_H

#include "mm/walk.h"
#include "tests/host/arch_sim_fences.h"

enum event_kind {
	EVENT_STORE,
	EVENT_FENCE,
	EVENT_TABLE_FREED,
	EVENT_FRAME_FREED, /* other than of tables */
};

struct event {
	enum event_kind kind;
	unsigned hart;
	/* Stores */
	paddr_t slot;
	vaddr_t va; /* lowest address that the entry translates */
	unsigned level;
	pte_t old, new;
	/* Fences */
	enum sim_step step;
	struct fence_op op;
	bool works; /* at the time it was made: a SINVAL.VMA that is not bracketed does not */
	/* Frees */
	struct region freed;
	bool was_table; /* a page that a walk could have come to */
};

/* Start to watch, with an empty log. The tables of @pt are learned. */
void log_begin(const struct ptable *pt);
void log_end(void);

unsigned log_nr(void);
const struct event *log_event(unsigned i);
/* Fences of @hart with rs1 = x0, or with an address. */
unsigned log_count_fences(unsigned hart, bool full);

/*
 * Every entry that changed was fenced on every hart that is online now, behind the change: one that
 * was or became a pointer with rs1 = x0, a leaf by each of its addresses' leaf; always rs2 = x0.
 */
void log_check_fenced(const char *when);
/*
 * Every table page that was given back: its last entry changed before it was unlinked, unlinked
 * before every hart fenced with rs1 = rs2 = x0, and that before it was given back. Returns how many
 * there were.
 */
unsigned log_check_tables(const char *when);
/*
 * Every frame that was given back, and that some leaf led to outside the direct map [@direct]: not
 * mapped any more, and fenced since. Returns how many such runs of frames there were.
 */
unsigned log_check_frames(struct area direct, const char *when);
/* No fence named an ASID. */
void log_check_asids(const char *when);
/* No entry of the root changed, and no table right below it was given back. */
void log_check_root(const char *when);

#endif
