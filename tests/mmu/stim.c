/* SPDX-License-Identifier: BSD-2-Clause */
/* Stimuli on one hart, and the verdicts. */
#include "tests/mmu/stim.h"

#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "tests/mmu/seq.h"
#include "tests/mmu/seq_offsets.h"

#define REPEAT 8

unsigned stim_repeat(const struct test_run *t)
{
	uint64_t n = REPEAT * t->bench->args->repeat;

	return n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

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

static const struct ptable *table_of(const struct stim *st)
{
	return st->space != NULL ? &st->space->pt : &st->scene->pt;
}

static bool has_spaces(const struct stim *st)
{
	return st->space != NULL || st->behind != NULL || st->away != NULL;
}

/* Two spaces are twice the work, and what hides behind a switch of satp hides always. */
unsigned stim_controls(const struct stim *st)
{
	return has_spaces(st) ? STIM_CONTROLS : STIM_MAX_CONTROLS;
}

unsigned stim_rounds(const struct stim *st, unsigned repeat)
{
	return has_spaces(st) ? (repeat + 3) / 4 : repeat;
}

static uint16_t asid_of(const struct stim *st)
{
	return st->space != NULL ? st->space->asid : st->scene->asid;
}

/* satp of its own space, of where it is probed. */
static uint64_t home_satp(const struct stim *st)
{
	return st->space != NULL ? space_satp(st->space) : scene_satp(st->scene, st->scene->asid);
}

static uint64_t behind_satp(const struct stim *st)
{
	return st->behind != NULL ? space_satp(st->behind) : home_satp(st);
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
				 .asid = asid_of(st) | st->asid_extra,
				 .each = each ? list_of(tr) : NULL};
}

uint64_t trial_offset(const struct trial *tr, unsigned hart)
{
	return tr->stim->access == ACCESS_FETCH ? 0 : tr->offset + hart * sizeof(uint64_t);
}

static uint64_t store_value(const struct trial *tr, unsigned hart)
{
	return tr->offset << 32 | (uint64_t)tr->first << 16 | (uint64_t)(hart + 1);
}

static void record(struct tally *y, const struct trial *tr, unsigned target, enum verdict v,
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
		.value = store_value(tr, arch_hart()),
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
		return *page_ptr(p, off) == store_value(tr, hart);
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
			    store_value(tr, hart));
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
	record(y, tr, i, seen.trapped ? SEEN_TRAP : SEEN_WRONG, seen, true);
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
	if (has_spaces(tr->stim))
		csr_write_satp(home_satp(tr->stim));
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
	csr_write_satp(home_satp(away.stim));
	if (!away.stim->constant)
		return trial_fill(&away, y);
	/* Always as it says, so that there is a verdict already. */
	trial_probe(&away, y);
	return true;
}

void trial_return(const struct trial *tr)
{
	if (tr->stim->away != NULL || tr->stim->behind != NULL)
		csr_write_satp(behind_satp(tr->stim));
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
			record(y, tr, i, v, seen, false);
		return;
	}
	y->tries++;
	if (v != SEEN_NEW)
		record(y, tr, i, v, seen, false);
}

void trial_judge(const struct trial *tr, unsigned i, struct probe seen, struct tally *y)
{
	count(tr, i, seen, y);
}

/* Targets from @from on in the trial's order; @seen[0] may be known already. */
static void probe_rest(const struct trial *tr, unsigned from, struct probe *seen, struct tally *y)
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

	probe_rest(tr, 0, seen, y);
}

void trial_look_away(const struct trial *tr, struct tally *y)
{
	struct trial away;

	if (tr->stim->away == NULL)
		return;
	away = away_trial(tr);
	csr_write_satp(home_satp(away.stim));
	trial_probe(&away, y);
}

static enum fence fence_made(const struct trial *tr)
{
	bool forgotten = tr->stim->behind != NULL && fault_armed(FAULT_ROOT_NO_FENCE);

	return forgotten ? FENCE_NONE : tr->fence;
}

/* One trial by this hart alone. False if it could not be made. */
static bool local_trial(const struct trial *tr, struct tally *y)
{
	const struct stim *st = tr->stim;
	const struct edit *last = &st->edit[st->nr_edits - 1];
	struct fence_at at = trial_fence_at(tr);
	struct fence_insn f = fence_insn(fence_made(tr), &at);
	unsigned hart = arch_hart();
	struct probe seen[STIM_MAX_TARGETS];
	struct seq q = {
		.fill_op = seq_op_none,
		.value = store_value(tr, hart),
		.slot = last->slot,
		.pte = last->is,
		.fence_op = f.op,
		.rs1 = f.rs1,
		.rs2 = f.rs2,
		.delay_op = seq_delay(tr->delay),
		.probe_op = seq_op(st->access),
		.probe_va = st->at[tr->first].va + trial_offset(tr, hart),
	};
	bool made, irq;

	if (st->insn != NULL && tr->fence != FENCE_NONE) {
		q.fence_op = st->insn;
		q.rs1 = st->insn_va;
	}
	/* The trial before may have been one of other spaces. */
	if (has_spaces(st))
		trial_begin(tr);
	made = trial_fill(tr, y) && trial_leave(tr, y);
	if (made) {
		if (st->away != NULL || st->behind != NULL) {
			csr_write_satp(home_satp(st));
			q.away_satp = st->away != NULL ? home_satp(st->away) : behind_satp(st);
			q.back_satp = behind_satp(st);
		}
		/* Once more, right before the change, where that can be done without a trap. */
		if (!st->at[tr->first].cold && st->at[tr->first].was.id != 0 && st->evict == 0 &&
		    st->nr_edits == 1) {
			q.fill_op = q.probe_op;
			q.fill_va = q.probe_va;
		}
		for (unsigned i = 0; i + 1 < st->nr_edits; i++)
			scene_store(st->edit[i].slot, st->edit[i].is);
		/* An interrupt would only push entries out; and see operands_insns.S. */
		irq = arch_irq_save();
		seen[0] = seq_run(&q);
		arch_irq_restore(irq);
		made = q.stage != SEQ_FILLING;
		if (made)
			probe_rest(tr, 1, seen, y);
		else
			record(y, tr, tr->first, SEEN_TRAP, seen[0], true);
		trial_look_away(tr, y);
	}
	trial_restore(tr);
	trial_begin(tr);
	return made;
}

void stim_local(const struct stim *st, uint32_t fences, unsigned repeat, struct rng *r,
		struct tally *y)
{
	unsigned stale = y->control_stale;
	/* Controls end by what they saw: what is drawn behind them must not depend on it. */
	struct rng rest = rng_stream(rng_next(r), 1);
	bool made = true;

	for (unsigned i = 0; made && i < stim_controls(st); i++) {
		struct trial tr = trial_draw(r, st, FENCE_NONE);

		if (i >= STIM_CONTROLS && y->control_stale != stale)
			break;
		made = local_trial(&tr, y);
	}
	*r = rest;
	y->cells++;
	y->cells_blind += y->control_stale == stale;
	for (unsigned i = 0; made && i < stim_rounds(st, repeat); i++) {
		for (unsigned f = FENCE_NONE + 1; made && f < NR_FENCES; f++) {
			struct trial tr;

			if ((fences & (st->fences | st->weak) & FENCE_BIT(f)) == 0)
				continue;
			tr = trial_draw(r, st, (enum fence)f);
			made = local_trial(&tr, y);
		}
	}
}

#define POOL_ORDER 6u
_Static_assert(STIM_POOL * sizeof(struct stim) <= PAGE_SIZE << POOL_ORDER, "POOL_ORDER");

struct stim *stim_pool(struct scene *s)
{
	struct stim *pool = phys_to_ptr(scene_block(s, POOL_ORDER));

	memset(pool, 0, STIM_POOL * sizeof(*pool));
	return pool;
}

struct local_job {
	const struct stim *st;
	unsigned n;
	uint32_t fences;
	unsigned repeat;
	struct rng rng;
	struct tally *y; /* stim_tallies() */
};

static struct local_job local; /* too large for a stack; one test runs at a time */

static void local_job(void *arg)
{
	struct local_job *j = arg;

	scene_enter(j->st->scene);
	for (unsigned i = 0; i < j->n; i++)
		stim_local(&j->st[i], j->fences, j->repeat, &j->rng, &j->y[arch_hart()]);
	scene_leave();
}

struct tally *stim_tallies(void)
{
	static struct tally tallies[MAX_HARTS];

	memset(tallies, 0, sizeof(tallies));
	return tallies;
}

void stim_run_local(struct test_run *t, const struct stim *st, unsigned n, uint32_t fences)
{
	local.st = st;
	local.n = n;
	local.fences = fences;
	local.repeat = stim_repeat(t);
	local.y = stim_tallies();
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		/* One after the other: they change the same entries. */
		local.rng = rng_stream(rng_next(&t->rng), h);
		test_on_harts(t, &one, local_job, &local);
	}
	stim_report(t, st[0].access, &t->all, local.y);
}

static const char *verdict_name(const struct finding *f)
{
	static const char *const names[] = {"NEW", "STALE", "WRONG ENTRY", "TRAP"};

	if (f->filling)
		return "not as it was before the change";
	if (f->verdict == SEEN_TRAP && !f->seen.trapped)
		return "NO TRAP";
	return names[f->verdict];
}

/* What a page or a fault looks like to an access, in words. */
static void describe(char *buf, size_t len, const struct finding *f, const struct page *p)
{
	uint64_t word;

	if (p->id == 0) {
		snprintf(buf, len, "a %s", trap_cause_name(probe_page_fault(f->stim->access)));
		return;
	}
	if (f->stim->access == ACCESS_FETCH)
		word = page_stub_value(p);
	else
		word = f->stim->access == ACCESS_STORE ? f->value : page_word(p, f->offset);
	snprintf(buf, len, "0x%llx %s page %u", (unsigned long long)word,
		 f->stim->access == ACCESS_STORE ? "in" : "of", p->id);
}

static void describe_seen(char *buf, size_t len, const struct finding *f)
{
	const struct target *at = &f->stim->at[f->target];

	if (f->seen.trapped)
		snprintf(buf, len, "a %s, stval 0x%llx", trap_cause_name(f->seen.cause),
			 (unsigned long long)f->seen.tval);
	else if (f->verdict == SEEN_OLD)
		describe(buf, len, f, &at->was);
	else if (f->stim->access == ACCESS_STORE)
		snprintf(buf, len, "a store that is in neither page");
	else
		snprintf(buf, len, "0x%llx of page %u", (unsigned long long)f->seen.value,
			 scene_whose(f->stim->scene, f->seen.value));
}

/* Every fence behind which something old was seen: the pattern tells more than one of them. */
static void note_stale_fences(uint32_t fences)
{
	char line[200];
	size_t n = 0;

	for (unsigned f = FENCE_NONE + 1; f < NR_FENCES && n < sizeof(line); f++) {
		if ((fences & FENCE_BIT(f)) != 0)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
					      n == 0 ? "" : "; ", fence_name((enum fence)f));
	}
	if (n != 0)
		note("stale behind: %s", line);
}

static void report_finding(struct test_run *t, unsigned hart, const struct tally *y)
{
	const struct finding *f = &y->first;
	const struct stim *st = f->stim;
	const struct target *at = &st->at[f->target];
	struct trial tr = {.stim = st};
	char seen[64], expected[64];

	describe_seen(seen, sizeof(seen), f);
	describe(expected, sizeof(expected), f, f->filling ? &at->was : &at->is);
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) %s %s half, %s at 0x%llx: %s: saw %s, expected %s; %u of %u",
		  hart, (unsigned long long)hart_get(hart)->hartid, st->what, half_name(st->half),
		  access_name(st->access), (unsigned long long)(at->va + f->offset),
		  verdict_name(f), seen, expected, y->bad, y->tries);
	if (f->filling)
		note("behind: sfence.vma x0, x0 at the end of the trial before");
	else
		note("behind: %s, va 0x%llx asid 0x%x, %u instructions later", fence_name(f->fence),
		     (unsigned long long)f->named, (unsigned)asid_of(st), f->delay);
	if (st->away != NULL)
		note("changed and fenced in asid 0x%x, root 0x%llx, probed in asid 0x%x",
		     (unsigned)asid_of(st->away), (unsigned long long)table_of(st->away)->root,
		     (unsigned)asid_of(st));
	note_stale_fences(y->stale_fences);
	/* The table as it was when that was seen. */
	if (!f->filling)
		trial_change(&tr);
	pt_print_walk(st->behind != NULL ? &st->behind->pt : table_of(st), at->va);
	trial_restore(&tr);
}

static void note_unnamed(const struct hartset *harts, const struct tally *y)
{
	unsigned tries = 0, fresh = 0;

	hartset_for_each(h, harts) {
		tries += y[h].unnamed_tries;
		fresh += y[h].unnamed_new;
	}
	if (tries != 0)
		note("pages that the fence did not name: %u of %u new all the same", fresh, tries);
}

void stim_report(struct test_run *t, enum access a, const struct hartset *harts,
		 const struct tally *y)
{
	unsigned weak_tries = 0, weak_stale = 0;

	note_unnamed(harts, y);
	hartset_for_each(h, harts) {
		const struct tally *one = &y[h];

		if (!one->no_control)
			test_control(t, a, h, one->control_stale, one->control_tries);
		t->cells += one->cells;
		t->cells_blind += one->cells_blind;
		t->stale_fences |= one->stale_fences;
		weak_tries += one->weak_tries;
		weak_stale += one->weak_stale;
		t->other_bad |= one->other_bad;
		if (one->bad != 0)
			report_finding(t, h, one);
		if (one->unreachable && one->bad == 0 && one->tries == 0)
			test_skip(t,
				  "hart%u gets a %s through this leaf: protection is checked over "
				  "all of it",
				  h, trap_cause_name(one->unreachable_seen.cause));
	}
	if (weak_tries != 0)
		note("fences that need not reach this: old %u/%u", weak_stale, weak_tries);
}
