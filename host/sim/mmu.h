/* SPDX-License-Identifier: BSD-2-Clause */
/* Address translation of one hart, through its caches. */
#ifndef HOST_SIM_MMU_H
#define HOST_SIM_MMU_H

#include "host/sim/hart.h"

struct translation {
	uint64_t pa;
	/* As long as *live is seen, the same access goes there again; NULL: only this once. */
	const uint64_t *live;
	uint64_t seen;
};

/* False: an exception was raised on @h. */
bool mmu_translate(struct hart *h, uint64_t va, enum access a, struct translation *t);

/* satp, mode, or what else decides on translation has changed: short cuts are off. */
void mmu_context_changed(struct hart *h);

/* What satp says takes effect. */
void mmu_load_satp(struct hart *h);

#endif
