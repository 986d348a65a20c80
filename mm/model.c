/* SPDX-License-Identifier: BSD-2-Clause */
/* The TLB model: its lock and its feeds. See model.h for the rules, model_check.c for the rest. */
#include "mm/model.h"

#include <string.h>

#include "firmware/lock.h"
#include "mm/model_check.h"
#include "mm/model_exposure.h"
#include "mm/model_inval.h"
#include "mm/model_paths.h"
#include "mm/model_report.h"
#include "mm/model_spaces.h"

static struct spinlock lock = SPINLOCK(LOCK_MODEL);
static bool enabled;
static uint64_t generation; /* counts stores, starts and switches */
static uint64_t nr_stores, nr_fences;
static uint8_t op_of[MAX_HARTS];

bool model_lock(bool *irq)
{
	if (!enabled)
		return false;
	*irq = spin_lock_irq(&lock);
	return true;
}

void model_unlock(bool irq)
{
	spin_unlock_irq(&lock, irq);
}

/* Under the lock, but model_begin() looks without it. */
static uint64_t next_generation(void)
{
	uint64_t next = generation + 1;

	__atomic_store_n(&generation, next, __ATOMIC_RELAXED);
	return next;
}

/* ---- stores. Locks for all below: the model's. */

/*
 * Harts of @s that count. What an unfenced one holds is unknown anyway, and its first fence, which
 * is yet to come, ends all of it; but once it is online the shootdown has to reach it.
 */
static struct hartset that_count(struct hartset s)
{
	struct hartset silent = model_unfenced();
	struct hartset online;

	if (hartset_empty(&silent))
		return s;
	online = arch_harts_online();
	hartset_sub(&silent, &online);
	hartset_sub(&s, &silent);
	return s;
}

/*
 * Entry @index of @t, reached by @p, was @old and is @new: what was there may be held, and so may
 * the absence of something. @global: one of both is; @was_global: the old one.
 */
static bool note_store(const struct model_table *t, unsigned index, const struct model_path *p,
		       pte_t old, pte_t new, bool was_global, bool global)
{
	bool global_path = p->global || (old.raw & PTE_G) != 0;
	struct model_record r = {
		.gen = generation,
		.va = model_sign_extend(p->va + index * level_size(t->level)),
		.pa = pte_is_valid(old) ? pte_pa(old) : 0,
		.old = old,
		.holders = p->holders,
		.count = 1,
		.asid = p->asid,
		.level = (uint8_t)t->level,
		.writer = (uint8_t)arch_hart(),
		.op = op_of[arch_hart()],
		.root = model_root_number(p->root),
	};

	global |= p->global;
	if (global) {
		r.asid = 0;
		r.flags |= MODEL_GLOBAL;
	}
	if (was_global || p->global)
		hartset_join(&r.holders, &p->global_holders);
	if (pte_is_table(old) || pte_is_table(new))
		r.flags |= MODEL_TABLE;
	if (pte_is_table(old) && global_path)
		r.flags |= MODEL_GLOBAL_PATH;
	if (t->level == 0 && pte_is_napot(old)) {
		/* From it translations of all of its group may have been made. */
		r.va = align_down(r.va, PTE_NAPOT_PAGES * PAGE_SIZE);
		r.pa = align_down(r.pa, PTE_NAPOT_PAGES * PAGE_SIZE);
		r.old = pte_leaf(r.pa, pte_prot(old));
		r.count = PTE_NAPOT_PAGES;
		r.napot = 1;
	}
	r.holders = that_count(r.holders);
	return model_record_add(r);
}

/* Entry @index of @t was @old and is @new. */
static void watch(struct model_table *t, unsigned index, pte_t old, pte_t new)
{
	/* Nothing below asks for the ways to another table. */
	const struct model_paths *paths = model_paths_to(t);
	bool room = !paths->overflow;
	bool global, was_global;

	if (!pte_is_valid(old) && !pte_is_valid(new))
		return;
	room &= model_table_update(t, index, old, new);
	global = model_entry_global(new, t->level);
	/* Read by an old pointer, it outlives a fence that takes the pointer and leaves the global.
	 */
	if (global && paths->held)
		model_records_globalize();
	was_global = model_entry_global(old, t->level);
	/* No way: as good as linked nowhere, no hart can walk here. */
	for (unsigned i = 0; i < paths->n && !model_overflowed(); i++)
		room &= note_store(t, index, &paths->p[i], old, new, was_global,
				   global || was_global);
	if (!room)
		model_overflow("old entries, tables or ways to them");
}

static pte_t feed_write(pte_slot_t slot, pte_t value, const pte_t *expected)
{
	bool irq = spin_lock_irq(&lock);
	struct model_table *t;
	pte_t old;

	if (expected != NULL) {
		old = *expected;
		if (!arch_raw_cmpxchg(slot, &old, value)) {
			spin_unlock_irq(&lock, irq);
			return old;
		}
	} else {
		old = arch_raw_xchg(slot, value);
	}
	(void)next_generation();
	nr_stores++;
	if (model_nr_exposed != 0 && pte_is_table(old))
		model_exposure_unlinked(pte_pa(old));
	t = model_table_find(align_down(slot.pa, PAGE_SIZE));
	if (t != NULL && old.raw != value.raw)
		watch(t, (unsigned)(slot.pa % PAGE_SIZE / sizeof(pte_t)), old, value);
	spin_unlock_irq(&lock, irq);
	return old;
}

/* ---- fences */

static uint64_t feed_fence_begin(void)
{
	bool irq = spin_lock_irq(&lock);
	uint64_t token = generation;

	model_records_freeze(token);
	spin_unlock_irq(&lock, irq);
	return token;
}

static void fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	if (op->all_va && op->all_asid) {
		struct hartset first = model_harts_fenced(harts, token);

		/* What is stored beside a first fence, its hart may hold as it was. */
		if (!hartset_empty(&first))
			model_records_join(&first, token);
	}
	model_spaces_fenced(harts, op, token);
	if (model_nr_exposed != 0)
		model_exposures_fenced(harts, op, token);
	if (!model_records_fenced(harts, op, token))
		model_overflow("old entries");
}

static void feed_fence_end(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	bool irq = spin_lock_irq(&lock);

	nr_fences++;
	fenced(harts, op, token);
	spin_unlock_irq(&lock, irq);
}

static void feed_inval_begin(void)
{
	bool irq = spin_lock_irq(&lock);

	model_inval_begin(arch_hart(), generation);
	spin_unlock_irq(&lock, irq);
}

static void feed_inval(const struct fence_op *op)
{
	bool irq = spin_lock_irq(&lock);

	if (!model_inval(arch_hart(), op))
		model_overflow("runs of SINVAL.VMA");
	spin_unlock_irq(&lock, irq);
}

static void feed_inval_end(void)
{
	bool irq = spin_lock_irq(&lock);

	nr_fences++;
	model_inval_end(arch_hart(), fenced);
	spin_unlock_irq(&lock, irq);
}

/* ---- harts and roots */

static bool translate_alike(paddr_t a, paddr_t b)
{
	return model_table_find(a) == NULL || model_table_find(b) == NULL ||
	       memcmp(phys_to_ptr(a), phys_to_ptr(b), PAGE_SIZE) == 0;
}

/*
 * @hart leaves what it ran without a fence behind the switch to it, if another root under the same
 * ASID is still in its caches: all that it did there may have been translated by the other.
 */
static void check_switch(unsigned hart)
{
	const struct model_space *now = model_space_next(NULL);

	while (now != NULL && !hartset_has(&now->running, hart))
		now = model_space_next(now);
	for (const struct model_space *s = model_space_next(NULL); s != NULL && now != NULL;
	     s = model_space_next(s)) {
		if (s == now || s->asid != now->asid || !hartset_has(&s->left, hart) ||
		    translate_alike(s->root, now->root))
			continue;
		model_report((struct violation){.kind = VIOLATION_SWITCH,
						.pa = now->root,
						.writer = hart,
						.holders = hartset_of(hart)});
	}
}

static void feed_root_entered(unsigned hart, paddr_t root, uint16_t asid)
{
	bool irq = spin_lock_irq(&lock);

	check_switch(hart);
	if (!model_table_add_root(root) || !model_space_enter(hart, root, asid))
		model_overflow("roots or address spaces");
	spin_unlock_irq(&lock, irq);
}

static void feed_root_switched(unsigned hart, paddr_t root, uint16_t asid)
{
	bool irq = spin_lock_irq(&lock);

	model_space_leave(hart, root, asid, next_generation());
	spin_unlock_irq(&lock, irq);
}

static void feed_hart_started(unsigned hart, paddr_t root, uint16_t asid)
{
	bool irq = spin_lock_irq(&lock);

	model_inval_forget(hart);
	if (!model_table_add_root(root) || !model_hart_start(hart, root, asid, next_generation()))
		model_overflow("roots or address spaces");
	spin_unlock_irq(&lock, irq);
}

/* It translates nothing now, and starts unfenced if it ever comes back. */
static void feed_hart_stopped(unsigned hart)
{
	bool irq = spin_lock_irq(&lock);

	model_hart_stop(hart);
	model_records_stop(hart);
	model_exposures_stop(hart);
	model_inval_forget(hart);
	spin_unlock_irq(&lock, irq);
}

static const struct arch_observer observer = {
	.write = feed_write,
	.fence_begin = feed_fence_begin,
	.fence_end = feed_fence_end,
	.inval_begin = feed_inval_begin,
	.inval = feed_inval,
	.inval_end = feed_inval_end,
	.root_entered = feed_root_entered,
	.root_switched = feed_root_switched,
	.hart_started = feed_hart_started,
	.hart_stopped = feed_hart_stopped,
};

void model_init(const struct ptable *pt, struct region direct)
{
	bool irq = spin_lock_irq(&lock);

	enabled = true;
	model_report_reset();
	model_records_init(pt->root);
	model_tables_reset(pt->mode->levels, pt->mode->direct.start, direct);
	model_spaces_reset(pt->root);
	model_check_reset(pt->root);
	model_inval_reset();
	model_exposures_reset();
	if (!model_table_add_root(pt->root))
		model_overflow("tables");
	spin_unlock_irq(&lock, irq);
	arch_observe(&observer);
}

bool model_enabled(void)
{
	return enabled;
}

bool model_claims(void)
{
	return !model_overflowed();
}

uint64_t model_begin(void)
{
	return __atomic_load_n(&generation, __ATOMIC_RELAXED);
}

void model_operation(const char *name)
{
	bool irq;

	if (!model_lock(&irq))
		return;
	op_of[arch_hart()] = model_op_number(name);
	model_unlock(irq);
}

struct model_stats model_stats(void)
{
	return (struct model_stats){nr_stores, nr_fences, model_records_peak(),
				    model_tables_peak()};
}
