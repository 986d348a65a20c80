/* SPDX-License-Identifier: BSD-2-Clause */
/* A stimulus in one address space, seen from another: what asid.* and satp.* share. */
#ifndef TESTS_MMU_SPACES_H
#define TESTS_MMU_SPACES_H

#include "tests/mmu/ops.h"

/* Addresses of each stimulus: there are two spaces to touch them in. */
#define SPACES_TARGETS 4u

/* op_build(), with as few addresses as these suites make do with. */
bool spaces_build(struct scene *s, const struct op_case *c, enum half half, struct stim *st);

/*
 * Fill @other with @st's addresses in @sp, a space with a root of its own: leaves of 2 MiB
 * if @st has such and there is memory, else of 4 KiB, to pages that @st does not know. Nothing in
 * it ever changes. What
 * @st does not probe is left out.
 */
void spaces_mirror(struct scene *s, const struct stim *st, const struct space *sp,
		   struct stim *other);

/*
 * Let @sp translate @st's addresses with @st's own tables, so that its leaves are the same in
 * both (global mappings have to be); @other is what @sp shows of them.
 */
void spaces_share(struct scene *s, struct stim *st, const struct space *sp, struct stim *other);

/* An ASID to try: 1, the highest bit, all bits, or any; drawn. */
uint16_t spaces_asid(struct scene *s);
/* Differs from @asid in one bit, drawn. Both need s->asid_bits != 0. */
uint16_t spaces_asid_beside(struct scene *s, uint16_t asid);

/* False: this machine has no ASIDs, the test was told to skip. */
bool spaces_have_asids(const struct scene *s);

#endif
