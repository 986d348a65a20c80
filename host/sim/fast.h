/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short cuts from a virtual page to the host's memory. They decide nothing: one is made only by an
 * access that went through an entry of a first-level TLB with all checks, and is good only for the
 * same kind of access in the same mode, as long as that entry is unchanged (its count @live).
 */
#ifndef HOST_SIM_FAST_H
#define HOST_SIM_FAST_H

#include <stdint.h>
#include <string.h>

#include "host/sim/riscv.h"

#define FAST_ENTRIES 64
#define FAST_NONE UINT64_C(1) /* no page begins there */

struct fast_entry {
	uint64_t page;
	uint8_t *host;
	const uint64_t *live;
	uint64_t seen; /* *live when it was made */
};

struct fast {
	struct fast_entry way[3][FAST_ENTRIES]; /* by enum access */
};

static inline struct fast_entry *fast_slot(struct fast *f, enum access a, uint64_t va)
{
	return &f->way[a][va >> PAGE_SHIFT & (FAST_ENTRIES - 1)];
}

/* Host address of @va, NULL if it has to be translated. @size bytes, aligned, or it is NULL. */
static inline uint8_t *fast_find(struct fast *f, enum access a, uint64_t va, unsigned size)
{
	struct fast_entry *e = fast_slot(f, a, va);

	if (e->page != (va & ~(PAGE_OFFSET ^ (size - 1))) || *e->live != e->seen)
		return NULL;
	return e->host + (va & PAGE_OFFSET);
}

static inline void fast_forget(struct fast *f)
{
	for (unsigned a = 0; a < 3; a++) {
		for (unsigned i = 0; i < FAST_ENTRIES; i++)
			f->way[a][i].page = FAST_NONE;
	}
}

#endif
