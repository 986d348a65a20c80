/* SPDX-License-Identifier: BSD-2-Clause */
/* Stimuli on one hart. */
#include "tests/mmu/stim_priv.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "mm/fault.h"
#include "tests/mmu/seq.h"
#include "tests/mmu/seq_offsets.h"

#define REPEAT 8

unsigned stim_repeat(const struct test_run *t)
{
	uint64_t n = REPEAT * t->bench->args->repeat;

	return n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
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
		.value = trial_store_value(tr, hart),
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
	if (stim_has_spaces(st))
		trial_begin(tr);
	made = trial_fill(tr, y) && trial_leave(tr, y);
	if (made) {
		if (st->away != NULL || st->behind != NULL) {
			csr_write_satp(stim_home_satp(st));
			q.away_satp =
				st->away != NULL ? stim_home_satp(st->away) : stim_behind_satp(st);
			q.back_satp = stim_behind_satp(st);
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
			trial_probe_from(tr, 1, seen, y);
		else
			trial_record(y, tr, tr->first, SEEN_TRAP, seen[0], true);
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
	static struct tally tallies[MAX_HARTS] NOINIT;

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
