/* SPDX-License-Identifier: BSD-2-Clause */
/* One go through a stimulus: what is drawn, touched, changed, probed, and the verdict. */
#include "tests/mmu/stim_priv.h"

#include "firmware/arch.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "tests/mmu/seq_offsets.h"

/*
 * Any address of a leaf is as good as another for a fence: one that is not probed first, one of
 * its ends, or anywhere in it (offsets above 4 GiB and 16 TiB have been cut off by cores).
 */
static vaddr_t draw_named(struct rng *r, const struct stim *st, unsigned first)
{
	uint64_t pages = st->size / PAGE_SIZE;

	switch (rng_below(r, 4)) {
	case 0:
		return st->start + (pages - 1) * PAGE_SIZE * rng_below(r, 2);
	case 1:
		return st->start + rng_below(r, pages) * PAGE_SIZE;
	default:
		if (st->nr > 1)
			first += 1 + (unsigned)rng_below(r, st->nr - 1);
		return st->at[first % st->nr].va;
	}
}

struct trial trial_draw(struct rng *r, const struct stim *st, enum fence f)
{
	struct trial tr = {.stim = st, .fence = f};
	uint64_t words = (PAGE_SIZE - PAGE_WORDS) / sizeof(uint64_t) - MAX_HARTS;

	do {
		tr.first = (unsigned)rng_below(r, st->nr);
	} while (st->at[tr.first].silent);
	tr.named = tr.first;
	tr.va = st->named_only ? st->at[tr.named].va : draw_named(r, st, tr.first);
	if (st->fence_va != 0)
		tr.va = st->fence_va;
	/* The low bits of rs1 are of no account. */
	tr.va += rng_below(r, PAGE_SIZE);
	tr.offset = PAGE_WORDS + rng_below(r, words) * sizeof(uint64_t);
	/* Half of them without any delay: that is how kernels do it. */
	tr.delay = rng_below(r, 2) == 0 ? 0 : (unsigned)rng_below(r, SEQ_MAX_DELAY + 1);
	return tr;
}

const struct ptable *stim_table(const struct stim *st)
{
	return st->space != NULL ? &st->space->pt : &st->scene->pt;
}

bool stim_has_spaces(const struct stim *st)
{
	return st->space != NULL || st->behind != NULL || st->away != NULL;
}

/*
 * Two spaces are twice the work, and what hides behind a switch of satp hides always. Behind other
 * pages an entry is held by luck: where those are three times what fits, one time in twenty.
 */
unsigned stim_controls(const struct stim *st)
{
	if (stim_has_spaces(st))
		return STIM_CONTROLS;
	return st->evict != 0 ? STIM_MAX_EVICT_CONTROLS : STIM_MAX_CONTROLS;
}

unsigned stim_rounds(const struct stim *st, unsigned repeat)
{
	return stim_has_spaces(st) ? (repeat + 3) / 4 : repeat;
}

uint16_t stim_asid(const struct stim *st)
{
	return st->space != NULL ? st->space->asid : st->scene->asid;
}

/* satp of its own space, of where it is probed. */
uint64_t stim_home_satp(const struct stim *st)
{
	return st->space != NULL ? space_satp(st->space) : scene_satp(st->scene, st->scene->asid);
}

uint64_t stim_behind_satp(const struct stim *st)
{
	return st->behind != NULL ? space_satp(st->behind) : stim_home_satp(st);
}

/* The named page and all others, for a fence of each. */
static struct fence_list *list_of(const struct trial *tr)
{
	static struct fence_list list; /* of a local fence: harts run one after the other */
	struct fence_list *l = &list;
	const struct stim *st = tr->stim;

	for (l->n = 0; l->n < st->nr; l->n++)
		l->va[l->n] = st->at[(tr->named + l->n) % st->nr].va;
	return l;
}

struct fence_at trial_fence_at(const struct trial *tr)
{
	const struct stim *st = tr->stim;
	bool each = (FENCE_BIT(tr->fence) & FENCES_EACH) != 0;

	return (struct fence_at){.va = tr->va,
				 .start = st->start,
				 .size = st->size,
				 .asid = stim_asid(st) | st->asid_extra,
				 .each = each ? list_of(tr) : NULL};
}

uint64_t trial_offset(const struct trial *tr, unsigned hart)
{
	return tr->stim->access == ACCESS_FETCH ? 0 : tr->offset + hart * sizeof(uint64_t);
}

uint64_t trial_store_value(const struct trial *tr, unsigned hart)
{
	return tr->offset << 32 | (uint64_t)tr->first << 16 | (uint64_t)(hart + 1);
}

void trial_record(struct tally *y, const struct trial *tr, unsigned target, enum verdict v,
		  struct probe seen, bool filling)
{
	bool control = tr->fence == FENCE_NONE;

	if (v == SEEN_OLD && !filling)
		y->stale_fences |= FENCE_BIT(tr->fence);
	else
		y->other_bad = true;
	if (y->bad++ != 0)
		return;
	y->first = (struct finding){
		.verdict = v,
		.stim = tr->stim,
		.target = target,
		.seen = seen,
		.offset = trial_offset(tr, arch_hart()),
		.value = trial_store_value(tr, arch_hart()),
		.fence = tr->fence,
		.named = trial_fence_at(tr).va,
		.delay = tr->delay,
		.filling = filling,
		.control = control,
	};
}

/* Whether @seen is what an access to target @i finds that is translated to @p. */
static bool sees(const struct trial *tr, unsigned i, const struct page *p, struct probe seen)
{
	unsigned hart = arch_hart();
	uint64_t off = trial_offset(tr, hart);

	if (p->id == 0 || seen.trapped)
		return p->id == 0 &&
		       probe_faulted(&seen, tr->stim->access, tr->stim->at[i].va + off);
	switch (tr->stim->access) {
	case ACCESS_LOAD:
		return seen.value == page_word(p, off);
	case ACCESS_STORE:
		return *page_ptr(p, off) == trial_store_value(tr, hart);
	default:
		return seen.value == page_stub_value(p);
	}
}

/* Stores change what pages say: put it back. */
static void mend(const struct trial *tr, const struct page *p)
{
	uint64_t off = trial_offset(tr, arch_hart());

	if (tr->stim->access == ACCESS_STORE && p->id != 0)
		*page_ptr(p, off) = page_word(p, off);
}

static enum verdict judge(const struct trial *tr, unsigned i, struct probe seen)
{
	const struct target *at = &tr->stim->at[i];
	enum verdict v = seen.trapped ? SEEN_TRAP : SEEN_WRONG;

	if (sees(tr, i, &at->is, seen))
		v = SEEN_NEW;
	else if (sees(tr, i, &at->was, seen))
		v = SEEN_OLD;
	return v;
}

static struct probe access(const struct trial *tr, unsigned target)
{
	unsigned hart = arch_hart();

	return probe_access(tr->stim->access, tr->stim->at[target].va + trial_offset(tr, hart),
			    trial_store_value(tr, hart));
}

static bool is_access_fault(struct probe p)
{
	return p.trapped && (p.cause == CAUSE_FETCH_ACCESS || p.cause == CAUSE_LOAD_ACCESS ||
			     p.cause == CAUSE_STORE_ACCESS);
}

/* What was seen while a target was touched is as it was before the change, or the trial is off. */
static bool filled(const struct trial *tr, unsigned i, struct probe seen, struct tally *y)
{
	const struct target *at = &tr->stim->at[i];
	bool good = sees(tr, i, &at->was, seen);

	mend(tr, &at->was);
	if (good)
		return true;
	/* Some cores check protection over all of a leaf, and firmware's memory lies in it. */
	if (tr->stim->size >= SZ_1G && is_access_fault(seen)) {
		y->unreachable = true;
		y->unreachable_seen = seen;
		return false;
	}
	trial_record(y, tr, i, seen.trapped ? SEEN_TRAP : SEEN_WRONG, seen, true);
	mend(tr, &at->is);
	return false;
}

static void evict(const struct stim *st)
{
	for (unsigned i = 0; i < st->evict; i++)
		(void)probe_access(st->access == ACCESS_FETCH ? ACCESS_FETCH : ACCESS_LOAD,
				   st->evict_va + i * PAGE_SIZE, 0);
}

bool trial_fill(const struct trial *tr, struct tally *y)
{
	const struct stim *st = tr->stim;

	for (unsigned i = 0; i < st->nr; i++) {
		/* What is probed first is touched last. */
		unsigned k = (tr->first + 1 + i) % st->nr;

		if (!st->at[k].cold && !filled(tr, k, access(tr, k), y))
			return false;
	}
	evict(st);
	return true;
}

void trial_begin(const struct trial *tr)
{
	if (stim_has_spaces(tr->stim))
		csr_write_satp(stim_home_satp(tr->stim));
	raw_sfence_all();
}

static struct trial away_trial(const struct trial *tr)
{
	struct trial away = *tr;

	away.stim = tr->stim->away;
	away.first %= away.stim->nr;
	away.named %= away.stim->nr;
	return away;
}

bool trial_leave(const struct trial *tr, struct tally *y)
{
	struct trial away;

	if (tr->stim->away == NULL)
		return true;
	away = away_trial(tr);
	csr_write_satp(stim_home_satp(away.stim));
	if (!away.stim->constant)
		return trial_fill(&away, y);
	/* Always as it says, so that there is a verdict already. */
	trial_probe(&away, y);
	return true;
}

void trial_return(const struct trial *tr)
{
	if (tr->stim->away != NULL || tr->stim->behind != NULL)
		csr_write_satp(stim_behind_satp(tr->stim));
}

void trial_change(const struct trial *tr)
{
	for (unsigned i = 0; i < tr->stim->nr_edits; i++)
		scene_store(tr->stim->edit[i].slot, tr->stim->edit[i].is);
}

void trial_restore(const struct trial *tr)
{
	for (unsigned i = 0; i < tr->stim->nr_edits; i++)
		scene_store(tr->stim->edit[i].slot, tr->stim->edit[i].was);
}

/* A fence that need not reach this change. */
static bool weak(const struct trial *tr)
{
	return (tr->stim->fences & FENCE_BIT(tr->fence)) == 0;
}

/* Whether the fence of this trial lets nothing but the new page be seen at target @i. */
static bool must_be_new(const struct trial *tr, unsigned i)
{
	const struct stim *st = tr->stim;
	uint32_t all =
		FENCES_ANY_VA | FENCES_EACH | FENCE_BIT(RFENCE_LEAF) | FENCE_BIT(RFENCE_LEAF_ASID);

	if (st->constant)
		return true;
	if (tr->fence == FENCE_NONE || weak(tr))
		return false;
	return !st->named_only || i == tr->named || (FENCE_BIT(tr->fence) & all) != 0;
}

static void count(const struct trial *tr, unsigned i, struct probe seen, struct tally *y)
{
	const struct stim *st = tr->stim;
	const struct target *at = &st->at[i];
	enum verdict v = judge(tr, i, seen);

	mend(tr, &at->was);
	mend(tr, &at->is);
	/* The new leaf may be the one that is too large (see filled()). */
	if (st->size >= SZ_1G && is_access_fault(seen)) {
		y->unreachable = true;
		y->unreachable_seen = seen;
		return;
	}
	if (!must_be_new(tr, i)) {
		if (tr->fence == FENCE_NONE) {
			y->control_tries++;
			y->control_stale += v == SEEN_OLD;
		} else if (weak(tr)) {
			y->weak_tries++;
			y->weak_stale += v == SEEN_OLD;
		} else {
			y->unnamed_tries++;
			y->unnamed_new += v == SEEN_NEW;
		}
		/* Old and new are both legal here; a third is not, where both are valid leaves. */
		if (st->either_or && (v == SEEN_WRONG || v == SEEN_TRAP))
			trial_record(y, tr, i, v, seen, false);
		return;
	}
	y->tries++;
	if (v != SEEN_NEW)
		trial_record(y, tr, i, v, seen, false);
}

void trial_judge(const struct trial *tr, unsigned i, struct probe seen, struct tally *y)
{
	count(tr, i, seen, y);
}

/* Targets from @from on in the trial's order; @seen[0] may be known already. */
void trial_probe_from(const struct trial *tr, unsigned from, struct probe *seen, struct tally *y)
{
	const struct stim *st = tr->stim;

	for (unsigned i = from; i < st->nr; i++)
		seen[i] = access(tr, (tr->first + i) % st->nr);
	for (unsigned i = 0; i < st->nr; i++) {
		unsigned k = (tr->first + i) % st->nr;

		if (!st->at[k].silent)
			count(tr, k, seen[i], y);
	}
}

void trial_probe(const struct trial *tr, struct tally *y)
{
	struct probe seen[STIM_MAX_TARGETS];

	trial_probe_from(tr, 0, seen, y);
}

void trial_look_away(const struct trial *tr, struct tally *y)
{
	struct trial away;

	if (tr->stim->away == NULL)
		return;
	away = away_trial(tr);
	csr_write_satp(stim_home_satp(away.stim));
	trial_probe(&away, y);
}
