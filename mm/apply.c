/* SPDX-License-Identifier: BSD-2-Clause */
/* Page by page through the vmalloc area. */
#include "mm/apply.h"

#include "mm/areas.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "mm/link.h"
#include "mm/map.h"
#include "mm/model.h"
#include "mm/shadow.h"

struct work {
	struct pt_batch b;
	apply_fn fn;
	void *arg;
	bool create;
};

/* Into the shadow map what the callback said, not what the table holds. Locks: kernel_table_lock.
 */
static void account(const struct ptable *pt, vaddr_t va, pte_t old, pte_t new)
{
	if (pt->shadow == NULL)
		return;
	if (pte_is_mapping(old))
		shadow_unmap(pt->shadow, va, PAGE_SIZE);
	if (pte_is_mapping(new))
		shadow_map(pt->shadow, (struct extent){.va = va,
						       .size = PAGE_SIZE,
						       .pa = pte_pa(new),
						       .prot = pte_prot(new),
						       .parked = pte_is_parked(new)});
}

/* Entry and accounts in one, for two harts may change one entry (Linux's KASAN callbacks do so). */
static bool exchange(const struct ptable *pt, struct pt_cursor c, vaddr_t va, pte_t *old, pte_t new)
{
	bool won;

	spin_lock(&kernel_table_lock);
	won = pte_cmpxchg(c.slot, old, new);
	/* Seeded: what another hart has put there meanwhile is lost. */
	if (!won && fault_armed(FAULT_APPLY_STORE)) {
		*old = pte_xchg(c.slot, new);
		won = true;
	}
	if (won)
		account(pt, va, *old, new);
	spin_unlock(&kernel_table_lock);
	return won;
}

static enum err change(struct work *w, struct pt_cursor c, vaddr_t va)
{
	pte_t old = pte_load(c.slot);
	pte_t new;

	if (pte_is_none(old) && !w->create)
		return OK;
	/* Once it has answered it is asked until an answer counts, also for a hole. */
	do {
		enum err err;

		new = old;
		err = w->fn(va, &new, w->arg);
		if (err != OK)
			return err;
		if (new.raw == old.raw)
			return OK;
	} while (!exchange(w->b.pt, c, va, &old, new));
	pt_touched(&w->b, va, 0);
	w->b.removed |= pte_is_valid(old);
	return OK;
}

/* The entry for the page at @va, or the hole or leaf above it. */
static enum err find(struct work *w, vaddr_t va, struct pt_cursor *c)
{
	if (w->create)
		return link_walk(&w->b, va, 0, c);
	*c = pt_walk(w->b.pt, va, 0);
	/* Seeded: a leaf's frame is taken for a table. */
	while (fault_armed(FAULT_VMAP_THROUGH_LEAF) && c->level > 0 &&
	       pte_is_leaf(pte_load(c->slot)))
		*c = pt_descend(*c, va);
	return c->level > 0 && pte_is_leaf(pte_load(c->slot)) ? ERR_INVAL : OK;
}

static enum err run(struct work *w, vaddr_t va, uint64_t size)
{
	for (vaddr_t at = va; at - va < size;) {
		struct pt_cursor c;
		enum err err = find(w, at, &c);

		if (err == OK && c.level == 0)
			err = change(w, c, at);
		if (err != OK)
			return err;
		at = pt_next(c, at);
	}
	return OK;
}

static enum err apply(vaddr_t va, uint64_t size, apply_fn fn, void *arg, bool create)
{
	struct work w = {.fn = fn, .arg = arg, .create = create};
	enum err err, done;

	if (size == 0 || !is_aligned(va | size, PAGE_SIZE))
		return ERR_INVAL;
	/* Beside others who do the same, and nobody who maps without looking. */
	err = area_begin(va, size, false);
	if (err != OK)
		return err;
	pt_begin(&w.b, kernel_table());
	model_operation("apply");
	err = run(&w, va, size);
	done = pt_commit(&w.b);
	area_end(va);
	return done != OK ? done : err;
}

enum err apply_to_range(vaddr_t va, uint64_t size, apply_fn fn, void *arg)
{
	return apply(va, size, fn, arg, true);
}

enum err apply_to_existing(vaddr_t va, uint64_t size, apply_fn fn, void *arg)
{
	return apply(va, size, fn, arg, false);
}
