/* SPDX-License-Identifier: BSD-2-Clause */
/* Tests of the RAM and reserved tables as rows: a tree, and the regions that come of it. */
#include <stdio.h>

#include "tests/host/trees/region_rows.h"

static struct tree tree;

static bool regions_match(const struct region_row *row, const struct region *have, unsigned nr)
{
	if (nr != row->nr)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(row->want) && i < nr && row->want[i].size != 0; i++) {
		if (have[i].start != row->want[i].start || have[i].size != row->want[i].size)
			return false;
	}
	return true;
}

bool region_row_holds(const struct region_row *row, bool reserved)
{
	const struct machine *m;
	const struct region *have;
	enum err err;
	unsigned nr;

	shape_build(&tree, &row->shape);
	m = read_tree(&tree, row->mem_limit == 0 ? UINT64_MAX : row->mem_limit, &err);
	have = reserved ? m->reserved : m->ram;
	nr = reserved ? m->nr_reserved : m->nr_ram;
	if (regions_match(row, have, nr) &&
	    (row->note == NULL ? m->nr_notes == 0 : machine_has_note(m, row->note)))
		return true;
	for (unsigned i = 0; i < nr; i++)
		printf("# 0x%llx+0x%llx\n", (unsigned long long)have[i].start,
		       (unsigned long long)have[i].size);
	machine_print_notes(m);
	return false;
}
