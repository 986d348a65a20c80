/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A dump of the whole kernel table (Linux ptdump), by any hart while others go on. Reads
 * hotplug_lock, so that no memory comes or goes, then writes mmap_lock, so that nobody else frees a
 * table that it walks. Entries may change beside it, tables may appear.
 */
#ifndef MM_DUMP_H
#define MM_DUMP_H

#include "firmware/types.h"
#include "mm/mode.h"

/* Leaves of one level, side by side, that go on where the one before ends, with the same rights. */
struct dump_run {
	vaddr_t va;
	uint64_t size;
	paddr_t pa;
	uint64_t prot;
	unsigned level;
};

struct dump {
	/* Called for each run in ascending order, with the locks held: must not wait. NULL: no one.
	 */
	void (*run)(void *arg, const struct dump_run *r);
	/*
	 * Called before the walk goes down into the table of @level for @va, with the locks held:
	 * for tests, which may wait there for who needs none of the two. NULL: no one.
	 */
	void (*table)(void *arg, vaddr_t va, unsigned level);
	void *arg;
	/* What was seen. */
	uint64_t runs;
	uint64_t leaves[PT_MAX_LEVELS];
	uint64_t tables; /* root included */
	uint64_t wx;	 /* leaves that are writable and executable */
	vaddr_t first_wx;
	uint64_t dead; /* entries that lead to a canary: the walk was in a dead table */
	vaddr_t first_dead;
};

/*
 * Whether this hart keeps every dump out now: it has mmap_lock, or hotplug_lock for writing. So it
 * may free a table of the kernel's.
 */
bool must_check dump_kept_out(void);

/* Fills all behind @d->arg. Locks: takes both. Source: Linux ptdump_walk_pgd(). */
void dump_walk(struct dump *d);

/* No leaf is writable and executable. Source: Linux ptdump_check_wx(), which once took no lock. */
bool must_check dump_check_wx(struct dump *d);

#endif
