/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables that several harts need at once: one of them links it. */
#include "mm/link.h"

#include "firmware/arch.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/ptpage.h"

static struct link_stats stats;
static void (*before_next)(void *);
static void *before_arg;
static void (*before_each)(void *);
static void *each_arg;

struct link_stats link_stats(void)
{
	return stats;
}

void link_before_next(void (*fn)(void *), void *arg)
{
	before_next = fn;
	before_arg = arg;
}

void link_before_each(void (*fn)(void *), void *arg)
{
	each_arg = arg;
	__atomic_store_n(&before_each, fn, __ATOMIC_RELEASE);
}

static void run_before(void)
{
	void (*each)(void *) = __atomic_load_n(&before_each, __ATOMIC_ACQUIRE);
	void (*fn)(void *) = before_next;

	before_next = NULL;
	if (fn != NULL)
		fn(before_arg);
	if (each != NULL)
		each(each_arg);
}

/* Put @table under @c, unless somebody else was faster. Locks: kernel_table_lock. */
static bool link_if_none(struct pt_batch *b, struct pt_cursor c, vaddr_t va, paddr_t table)
{
	/* It was empty before the lock was taken; whether it still is counts. */
	if (!pte_is_none(pte_load(c.slot)) && !fault_armed(FAULT_VMAP_NO_RECHECK))
		return false;
	pte_store(c.slot, pte_table(table));
	b->pt->nr_tables++;
	b->counts.tables_linked++;
	b->tables_changed = true;
	pt_touched(b, va, c.level);
	return true;
}

static enum err link_table(struct pt_batch *b, struct pt_cursor c, vaddr_t va)
{
	paddr_t table = ptpage_alloc();
	bool linked;

	if (table == FRAME_NONE)
		return ERR_NOMEM;
	run_before();
	/* Zeros first: a walker that sees the pointer sees them. */
	arch_wmb();
	spin_lock(&kernel_table_lock);
	linked = link_if_none(b, c, va, table);
	spin_unlock(&kernel_table_lock);
	__atomic_add_fetch(linked ? &stats.linked : &stats.lost, 1, __ATOMIC_RELAXED);
	/* No hart ever knew it: it may go without a fence. */
	if (!linked && !fault_armed(FAULT_VMAP_LOSER_LEAKED))
		ptpage_free(table, c.level - 1);
	return OK;
}

enum err link_walk(struct pt_batch *b, vaddr_t va, unsigned level, struct pt_cursor *out)
{
	struct pt_cursor c = pt_root(b->pt, va);

	/*
	 * A table that is found may have been linked a moment ago by a hart that has not fenced
	 * yet, and others may hold the lack of it: what is stored below it is reached by a fence
	 * for pointers alone.
	 */
	if (!fault_armed(FAULT_VMAP_LEAF_FENCE))
		b->tables_changed = true;
	while (c.level > level) {
		pte_t e = pte_load(c.slot);

		if (pte_is_none(e)) {
			enum err err = link_table(b, c, va);

			if (err != OK)
				return err;
		} else if (!pte_is_table(e)) {
			return ERR_INVAL;
		}
		c = pt_descend(c, va);
	}
	*out = c;
	return OK;
}
