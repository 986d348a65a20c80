/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of ramprobe_run() share. */
#ifndef FIRMWARE_RAMPROBE_PRIV_H
#define FIRMWARE_RAMPROBE_PRIV_H

#include "firmware/machine.h"

#define RAMPROBE_SPOTS 4096
#define RAMPROBE_AVOID 2 /* image and blob, beside reserved memory */

enum state { GOOD, DEAD, TWIN };

struct spot {
	paddr_t pa;
	uint64_t word; /* what was there; of a twin then: how far below the other view lies */
	uint8_t state; /* enum state */
	bool loaded;
	bool stored;
	bool write; /* written even when all seems well */
};

/*
 * Fill @to (RAMPROBE_SPOTS) with spots in the RAM of @m outside reserved memory and @avoid
 * (RAMPROBE_AVOID, page aligned), ascending; returns how many.
 */
unsigned ramprobe_choose(const struct machine *m, const struct region *avoid, struct spot *to);

static inline bool ramprobe_overlaps(struct region a, struct region b)
{
	return a.start < region_end(b) && b.start < region_end(a);
}

static inline bool ramprobe_inside(struct region r, paddr_t pa)
{
	return pa >= r.start && pa - r.start < r.size;
}

#endif
