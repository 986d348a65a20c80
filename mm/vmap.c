/* SPDX-License-Identifier: BSD-2-Clause */
/* Map and unmap in the vmalloc area. */
#include "mm/vmap.h"

#include "firmware/arch.h"
#include "mm/areas.h"
#include "mm/deferred.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/link.h"
#include "mm/memtype.h"
#include "mm/model.h"
#include "mm/shadow.h"

static struct vmap_stats stats;

struct vmap_stats vmap_stats(void)
{
	return stats;
}

/* Into the shadow map, which all share. Pieces of one run have leaves of one size. */
static void account(const struct extent *run)
{
	if (run->size == 0 || kernel_table()->shadow == NULL)
		return;
	spin_lock(&kernel_table_lock);
	shadow_map(kernel_table()->shadow, *run);
	spin_unlock(&kernel_table_lock);
}

/* ---- promotion */

/*
 * A dumper holds mmap_lock for writing and may stand in the table; the try never waits, because the
 * caller may read already and a second reading behind a writer that waits is a deadlock (Linux
 * "mm/vmalloc: acquire init_mm read lock on huge vmap promotion").
 */
static bool keep_dumpers_out(void)
{
	if (fault_armed(FAULT_PROMOTION_UNLOCKED))
		return true;
	if (fault_armed(FAULT_PROMOTION_NESTED)) {
		rw_read_lock(&mmap_lock);
		return true;
	}
	return rw_read_trylock(&mmap_lock);
}

static void let_dumpers_in(void)
{
	if (!fault_armed(FAULT_PROMOTION_UNLOCKED))
		rw_read_unlock(&mmap_lock);
}

/* Unlink the empty table for @va at level 1, shoot down, free it. Nobody else fills it: the caller
 * has taken all that it spans. */
static enum err free_empty_table(vaddr_t va)
{
	struct pt_batch b;

	pt_begin(&b, kernel_table());
	model_operation("promote");
	spin_lock(&kernel_table_lock);
	pt_prune(&b, va, 1);
	spin_unlock(&kernel_table_lock);
	if (fault_armed(FAULT_PROMOTION_EARLY) && b.dead_head != FRAME_NONE) {
		pt_free_table(&b, b.dead_head, 0);
		b.dead_head = FRAME_NONE;
	}
	return pt_commit(&b);
}

/* The entry at @c, of level 1, leads to a table: true if it is empty now. */
static bool promote(struct pt_cursor c, vaddr_t va)
{
	enum err err;

	if (pte_next_used(pte_pa(pte_load(c.slot)), 0) != PT_ENTRIES)
		return false;
	if (!keep_dumpers_out()) {
		__atomic_add_fetch(&stats.refused, 1, __ATOMIC_RELAXED);
		return false;
	}
	err = free_empty_table(va);
	let_dumpers_in();
	/* Without every hart's answer the table is lost; the entry is free all the same. */
	if (err == OK)
		__atomic_add_fetch(&stats.promoted, 1, __ATOMIC_RELAXED);
	return pte_is_none(pte_load(c.slot));
}

/* ---- map */

/* The largest entry, up to @level, that is free for a leaf at @va. */
static enum err find_entry(struct pt_batch *b, vaddr_t va, unsigned level, struct pt_cursor *c)
{
	for (;; level--) {
		enum err err = link_walk(b, va, level, c);
		pte_t e;

		if (err != OK)
			return err == ERR_INVAL ? ERR_EXIST : err;
		e = pte_load(c->slot);
		if (pte_is_none(e) || (level == 1 && pte_is_table(e) && promote(*c, va)))
			return OK;
		if (!pte_is_table(e))
			return ERR_EXIST;
	}
}

struct wish {
	vaddr_t va;
	paddr_t pa;
	uint64_t size;
	uint64_t prot;
	unsigned max_level;
};

/* *@done bytes are mapped, and accounted, also after an error. */
static enum err map_leaves(struct pt_batch *b, const struct wish *w, uint64_t *done)
{
	struct extent run = {.va = w->va, .pa = w->pa, .prot = w->prot};
	enum err err = OK;

	while (*done < w->size) {
		vaddr_t va = w->va + *done;
		paddr_t pa = w->pa + *done;
		unsigned level = pt_best_level(va, pa, w->size - *done, w->max_level);
		struct pt_cursor c;

		err = find_entry(b, va, fault_armed(FAULT_VMAP_SMALL_LEAF) ? 0 : level, &c);
		if (err != OK)
			break;
		/* Behind promotion, which has an operation of its own. */
		model_operation("vmap");
		pte_store(c.slot, pte_leaf(pa, w->prot));
		pt_touched(b, va, c.level);
		b->counts.leaves_set[c.level]++;
		if (c.level != run.max_level) {
			account(&run);
			run = (struct extent){
				.va = va, .pa = pa, .prot = w->prot, .max_level = c.level};
		}
		run.size += level_size(c.level);
		*done += level_size(c.level);
	}
	account(&run);
	return err;
}

static enum err check(const struct wish *w)
{
	if (!is_aligned(w->va | w->pa | w->size, PAGE_SIZE) || w->size == 0 ||
	    w->max_level > mode_max_leaf(kernel_table()->mode) || !prot_valid(w->prot))
		return ERR_INVAL;
	if (w->pa + (w->size - 1) < w->pa || (w->pa + (w->size - 1)) >> PA_BITS != 0)
		return ERR_RANGE;
	return OK;
}

/* Tables that are empty now stay: whoever has an area there may be about to fill them. */
static enum err clear(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err;

	spin_lock(&kernel_table_lock);
	err = pt_unmap(b, va, size, PT_HOLES_OK | PT_KEEP_TABLES);
	spin_unlock(&kernel_table_lock);
	return err;
}

/* Of an area that this hart works on alone. */
static enum err unmap(vaddr_t va, uint64_t size)
{
	struct pt_batch b;
	enum err err, done;

	pt_begin(&b, kernel_table());
	err = clear(&b, va, size);
	done = pt_commit(&b);
	return done != OK ? done : err;
}

static enum err map(const struct wish *w, unsigned flags)
{
	uint64_t mapped = 0;
	struct pt_batch b;
	enum err err, done;

	pt_begin(&b, kernel_table());
	err = map_leaves(&b, w, &mapped);
	done = err == OK && (flags & VMAP_DEFERRED) != 0 ? deferred_commit(&b) : pt_commit(&b);
	if (done != OK)
		return done;
	if (err != OK && mapped != 0) {
		done = unmap(w->va, mapped);
		err = done != OK ? done : err;
	}
	return err;
}

enum err vmap_range(vaddr_t va, paddr_t pa, uint64_t size, uint64_t prot, unsigned max_level,
		    unsigned flags)
{
	const struct wish w = {va, pa, size, prot, max_level};
	enum err err = check(&w);

	if (err == OK)
		err = area_begin(va, size, true);
	if (err != OK)
		return err;
	err = map(&w, flags);
	area_end(va);
	return err;
}

/* ---- unmap */

enum err vmap_unmap(vaddr_t va, uint64_t size)
{
	enum err err = area_begin(va, size, true);

	if (err != OK)
		return err;
	err = unmap(va, size);
	area_end(va);
	return err;
}

/*
 * Unlink the tables that span nothing but addresses that nobody has. areas_lock is held for it, so
 * nobody takes one of them meanwhile; who takes one behind it makes tables anew.
 */
static void retire(struct pt_batch *b, struct area a)
{
	vaddr_t at = a.start;

	spin_lock(&areas_lock);
	area_retire(a.start);
	spin_lock(&kernel_table_lock);
	while (at - a.start < a.size) {
		struct pt_cursor c = pt_walk(b->pt, at, 1);

		pt_prune(b, at, area_free_level(at));
		at = pt_next(c, at);
	}
	spin_unlock(&kernel_table_lock);
	spin_unlock(&areas_lock);
}

enum err vmap_free(vaddr_t va)
{
	bool early = fault_armed(FAULT_VMAP_REUSE_EARLY);
	struct area a = area_of(va);
	struct pt_batch b;
	enum err err;

	if (a.size == 0)
		return ERR_NOENT;
	/* Gone meanwhile is gone. */
	err = area_begin(a.start, a.size, true);
	if (err != OK)
		return err == ERR_RANGE ? ERR_NOENT : err;
	if (!fault_armed(FAULT_FREE_UNLOCKED))
		rw_read_lock(&mmap_lock);
	pt_begin(&b, kernel_table());
	err = clear(&b, a.start, a.size);
	if (err != OK)
		panic("area 0x%llx: %s", (unsigned long long)a.start, err_name(err));
	retire(&b, a);
	if (early)
		area_give_back(a.start);
	err = pt_commit(&b); /* leaves and tables in one */
	if (!fault_armed(FAULT_FREE_UNLOCKED))
		rw_read_unlock(&mmap_lock);
	if (err == OK && !early)
		area_give_back(a.start); /* only now */
	return err;
}

/* The largest leaf that [@pa, @pa + @size) has room for. */
static unsigned largest_inside(paddr_t pa, uint64_t size, unsigned max_level)
{
	unsigned level = max_level;

	while (level > 0 && align_up(pa, level_size(level)) - pa + level_size(level) > size)
		level--;
	return level;
}

enum err vmap_new(paddr_t pa, uint64_t size, uint64_t prot, unsigned max_level, unsigned flags,
		  vaddr_t *va)
{
	uint64_t align = level_size(largest_inside(pa, size, max_level));
	uint64_t lead = pa & (align - 1);
	enum err err, freed;
	vaddr_t at;

	*va = 0;
	if (size == 0 || lead + size < size)
		return ERR_INVAL;
	/* Congruent with the address, so that large leaves fit. */
	at = area_take(lead + size, align);
	if (at == 0)
		return ERR_NOMEM;
	err = vmap_range(at + lead, pa, size, prot, max_level, flags);
	if (err != OK) {
		freed = vmap_free(at);
		return freed != OK ? freed : err;
	}
	*va = at + lead;
	return OK;
}
