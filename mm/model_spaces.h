/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The model's knowledge of harts: which walk which root under which ASID, which ran one and have
 * not fenced since, which started and never fenced. Locks: all under the model's.
 */
#ifndef MM_MODEL_SPACES_H
#define MM_MODEL_SPACES_H

#include "firmware/arch.h"

#define MODEL_MAX_SPACES 16u

/*
 * A root under an ASID. Who left it may keep what it cached until it fences, and is taken to be
 * able to cache more of it: a held pointer still leads there while the ASID is the same.
 */
struct model_space {
	paddr_t root;
	uint16_t asid;
	bool used;
	struct hartset running;
	struct hartset left;
	struct hartset left_global; /* fenced by rs2 = asid since: only what is global is left */
};

/* Every hart that is online runs @root under ASID 0. */
void model_spaces_reset(paddr_t root);

/* @hart may walk @root from now on. False: no room. */
bool model_space_enter(unsigned hart, paddr_t root, uint16_t asid);
/* ... and no other root any more; @gen counts stores. */
void model_space_leave(unsigned hart, paddr_t root, uint16_t asid, uint64_t gen);
/* @harts fenced by @op, which began at @token. */
void model_spaces_fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token);

/* The space behind @s, the first behind NULL; NULL behind the last. */
const struct model_space *model_space_next(const struct model_space *s);
/*
 * @root is given up. Returns the harts that walk it, or may keep something of it that is its own:
 * what is global is in every root.
 */
struct hartset model_spaces_drop(paddr_t root);

/* It holds anything at all until its first full fence that begins behind @gen. */
bool model_hart_start(unsigned hart, paddr_t root, uint16_t asid, uint64_t gen);
void model_hart_stop(unsigned hart);
/* Those of @harts whose first full fence this was, which began at @token. */
struct hartset model_harts_fenced(const struct hartset *harts, uint64_t token);
/* Harts that may hold anything. */
struct hartset model_unfenced(void);

/* Counts changes of all this: what was computed from it is old when it moved. */
extern uint64_t model_topology;

#endif
