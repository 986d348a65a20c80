/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The ways by which harts come to a table: through the entries that point to it now, and through
 * old pointers that some hart may still hold. Locks: all under the model's.
 */
#ifndef MM_MODEL_PATHS_H
#define MM_MODEL_PATHS_H

#include "mm/model_tables.h"

/* More ways to one table than that are not followed: overflow. */
#define MODEL_MAX_PATHS 16u

struct model_path {
	vaddr_t va;   /* that the table's first entry translates */
	paddr_t root; /* where it begins */
	uint16_t asid;
	bool global; /* an entry on the way has G: the ASID does not matter */
	struct hartset holders;
	struct hartset global_holders; /* may keep only what is global of it */
};

struct model_paths {
	unsigned n;
	bool live; /* by entries that are there now, from a root that is in use */
	bool held; /* by a pointer that some hart may still hold */
	bool overflow;
	struct model_path p[MODEL_MAX_PATHS];
};

/* All ways to @t, until the next call. */
const struct model_paths *model_paths_to(const struct model_table *t);
/* There is one by entries that are there now. */
bool model_table_live(const struct model_table *t);

#endif
