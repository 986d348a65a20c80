/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One address, touched behind each of three writes of satp, of which the middle one may turn
 * translation off: from code whose virtual address is its physical one, with everything in
 * registers, since nothing else of the firmware can be reached then.
 */
#ifndef TESTS_MMU_BARE_H
#define TESTS_MMU_BARE_H

#include "tests/mmu/bare_offsets.h"
#include "tests/mmu/scene.h"

struct bare {
	uint64_t satp[BARE_STEPS];
	vaddr_t va;
	uint64_t value; /* of the first store; one more for each that went through */
	uint64_t op;	/* enum access */
	uint64_t seen[BARE_STEPS];
	uint64_t cause[BARE_STEPS];
	uint64_t tval[BARE_STEPS];
	uint64_t readback; /* of satp, behind the second write */
};

/*
 * Map the code at its physical address in @sp. False: it does not lie in the lower half of what
 * the mode translates, or @sp has something else there.
 */
bool bare_map_code(struct scene *s, const struct space *sp);

/* The page that bare_map_code() maps. */
paddr_t bare_code_page(void);

/*
 * Run @b. @satp[0] and @satp[2] are spaces that have the code; behind it the hart is in the last
 * one. Interrupts wait meanwhile.
 */
void bare_run(struct bare *b);

/* What access @step of @b found. */
struct probe bare_probe(const struct bare *b, unsigned step);

#endif
