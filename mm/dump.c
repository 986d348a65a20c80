/* SPDX-License-Identifier: BSD-2-Clause */
/* A dump of the whole kernel table. */
#include "mm/dump.h"

#include "firmware/lock.h"
#include "mm/fault.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/ptpage.h"

struct walker {
	struct dump *d;
	struct dump_run open; /* size 0: none */
};

static void flush_run(struct walker *w)
{
	if (w->open.size == 0)
		return;
	w->d->runs++;
	if (w->d->run != NULL)
		w->d->run(w->d->arg, &w->open);
	w->open.size = 0;
}

static void leaf(struct walker *w, vaddr_t va, unsigned level, pte_t e)
{
	struct dump_run *o = &w->open;

	w->d->leaves[level]++;
	if ((e.raw & (PTE_W | PTE_X)) == (PTE_W | PTE_X) && w->d->wx++ == 0)
		w->d->first_wx = va;
	if (o->size == 0 || o->level != level || o->prot != pte_prot(e) || o->va + o->size != va ||
	    o->pa + o->size != pte_pa(e)) {
		flush_run(w);
		*o = (struct dump_run){va, 0, pte_pa(e), pte_prot(e), level};
	}
	o->size += level_size(level);
}

/* A dead table was filled with entries that all lead to the canary, one level a step. */
static bool dead_end(struct walker *w, vaddr_t va, pte_t e)
{
	/* The direct map shows these pages too, each at its own address. */
	if (!ptpage_is_canary(pte_pa(e)) || (pte_is_leaf(e) && va == direct_va(pte_pa(e))))
		return false;
	if (w->d->dead++ == 0)
		w->d->first_dead = va;
	return true;
}

/* One entry; the table below it, or FRAME_NONE if the walk does not go down. */
static paddr_t visit(struct walker *w, vaddr_t va, unsigned level, pte_t e)
{
	if (!pte_is_valid(e) || dead_end(w, va, e))
		return FRAME_NONE;
	if (pte_is_leaf(e)) {
		leaf(w, va, level, e);
		return FRAME_NONE;
	}
	if (level == 0)
		return FRAME_NONE;
	w->d->tables++;
	if (w->d->table != NULL)
		w->d->table(w->d->arg, va, level - 1);
	return pte_pa(e);
}

static void walk_locked(struct dump *d)
{
	const struct ptable *pt = kernel_table();
	struct walker w = {.d = d};
	struct {
		paddr_t table;
		vaddr_t va;
		unsigned next;
	} path[PT_MAX_LEVELS];
	unsigned top = pt->mode->levels - 1;
	unsigned level = top;

	path[top].table = pt->root;
	path[top].va = 0;
	path[top].next = 0;
	d->tables = 1;
	while (level <= top) {
		unsigned i = pte_next_used(path[level].table, path[level].next);
		paddr_t below;
		vaddr_t va;

		if (i == PT_ENTRIES) {
			level++;
			continue;
		}
		path[level].next = i + 1;
		va = mode_sign_extend(pt->mode, path[level].va + i * level_size(level));
		below = visit(&w, va, level,
			      pte_load((pte_slot_t){path[level].table + i * sizeof(pte_t)}));
		if (below == FRAME_NONE)
			continue;
		level--;
		path[level].table = below;
		path[level].va = va;
		path[level].next = 0;
	}
	flush_run(&w);
}

bool dump_kept_out(void)
{
	return lock_holds(LOCK_MMAP, false) || lock_holds(LOCK_HOTPLUG, true);
}

static void walk(struct dump *d, bool hotplug)
{
	d->runs = d->tables = d->wx = d->dead = 0;
	d->first_wx = d->first_dead = 0;
	for (unsigned i = 0; i < PT_MAX_LEVELS; i++)
		d->leaves[i] = 0;
	if (fault_armed(FAULT_LOCK_ORDER)) {
		rw_write_lock(&mmap_lock);
		rw_read_lock(&hotplug_lock);
	} else {
		if (hotplug)
			rw_read_lock(&hotplug_lock);
		rw_write_lock(&mmap_lock);
	}
	walk_locked(d);
	rw_write_unlock(&mmap_lock);
	if (hotplug)
		rw_read_unlock(&hotplug_lock);
}

void dump_walk(struct dump *d)
{
	walk(d, !fault_armed(FAULT_DUMP_UNLOCKED));
}

bool dump_check_wx(struct dump *d)
{
	walk(d, !fault_armed(FAULT_WX_UNLOCKED));
	return d->wx == 0;
}
