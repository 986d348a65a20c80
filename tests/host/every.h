/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For test_mm_model_every.c: a machine of three harts and two address spaces that caches all that
 * it may, and the steps that are taken on it and told to the TLB model.
 */
#ifndef TESTS_HOST_EVERY_H
#define TESTS_HOST_EVERY_H

#include "firmware/arch.h"
#include "firmware/types.h"
#include "mm/mode.h"
#include "mm/pte.h"

#define MAX_HELD 192u
#define NR_HARTS 3u
#define LEVELS 3u

enum { ROOT_A = 1, ROOT_B, MID, MID_B, LOW, NR_PAGES };

struct held {
	unsigned root;
	uint16_t asid;
	vaddr_t va;
	unsigned level;
	pte_t value;
	paddr_t slot;
	bool global_path; /* by a pointer on the way */
	bool global;	  /* was or is, or is below what is */
	bool pointer;	  /* was or is */
	bool replaced;	  /* a liberty: it stays so when the old value comes back */
	uint64_t stale;	  /* since when the table says something else; 0: it does not */
};

struct space {
	unsigned root;
	uint16_t asid;
	bool global_only;
	uint64_t left; /* when */
};

struct hart {
	bool on;
	bool anything; /* started, never fenced in full */
	struct space now;
	struct space left[4];
	unsigned nr_left;
	struct held held[MAX_HELD];
	unsigned nr_held;
	uint64_t inval_begun;
	struct fence_op inval;
	uint64_t inval_token; /* 0: none is under way */
};

struct machine_state {
	bool liberties;
	struct hart harts[NR_HARTS];
};

struct every {
	uint64_t memory[NR_PAGES][PT_ENTRIES];
	const struct arch_observer *observer; /* the model */
	unsigned running;
	struct hartset online;
	struct machine_state strict, liberal;
	uint64_t now;
	bool too_small; /* a hart holds more than MAX_HELD: nothing that was compared counts */
};
extern struct every every;

static inline paddr_t every_page_pa(unsigned page)
{
	return (paddr_t)page << PAGE_SHIFT;
}

/* ---- every_machine.c, which is arch.h and lock.h too */

pte_t every_entry(unsigned page, unsigned i);
/* Before the entry at @slot becomes @new; and behind it, as behind each step, every_refresh(). */
void every_mark(struct machine_state *m, paddr_t slot, pte_t old, pte_t new);
void every_refresh(struct machine_state *m);
/* The hart loses what @op takes of what was stale at @token. */
void every_fence(struct hart *h, const struct fence_op *op, uint64_t token);
/* Harts that hold something that the tables no longer say. */
struct hartset every_stale(const struct machine_state *m);

/* ---- every_steps.c */

enum step_kind { STORE, FENCE, INVAL_BEGIN, INVAL, INVAL_END, SWITCH, START, STOP };

struct step {
	const char *name;
	enum step_kind kind;
	unsigned hart;
	unsigned page, index; /* STORE */
	uint64_t value;	      /* STORE; SWITCH: root */
	struct fence_op op;   /* FENCE, INVAL; SWITCH: asid */
};

extern const struct step every_core[], every_more[], every_svinval[];
extern const unsigned every_nr_core, every_nr_more, every_nr_svinval;

/* Both machines and the model as at boot, @nr_harts on. */
void every_begin(unsigned nr_harts);
bool every_possible(const struct step *s);
/* A possible step, on both machines, and told to the model. */
void every_do(const struct step *s);

#endif
