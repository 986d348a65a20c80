/* SPDX-License-Identifier: BSD-2-Clause */
/* satp.sum, satp.mxr, satp.user: sstatus changes what a warm page allows, at once. */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/csr.h"
#include "mm/fault.h"
#include "tests/mmu/spaces.h"

#define CLAUSE_BIT                                                                                 \
	"Privileged ISA, SFENCE.VMA: changes to sstatus.SUM and MXR take effect immediately"
#define CLAUSE_USER                                                                                \
	"Privileged ISA, page tables: irrespective of SUM, S-mode may not execute code on pages "  \
	"with U=1"

struct row {
	unsigned level : 8;
	enum access access : 8;
	uint64_t bit;	 /* of sstatus */
	uint64_t rights; /* of the leaf, instead of R, W and X without U */
	bool works;	 /* with the bit set; without it none does */
};

static struct rights_job {
	const struct row *row;
	struct stim with[NR_HALVES], without[NR_HALVES];
	unsigned rounds;
	struct rng rng;
	struct tally *y; /* stim_tallies() */
} job;			 /* too large for a stack; one test runs at a time */

static void look(const struct stim *st, struct tally *y)
{
	struct trial tr = trial_draw(&job.rng, st, FENCE_NONE);

	trial_probe(&tr, y);
}

static void rights_job(void *arg)
{
	struct tally *y = &job.y[arch_hart()];
	uint64_t bit = job.row->bit;

	scene_enter(arg);
	csr_read_clear_sstatus(bit);
	for (unsigned i = 0; i < job.rounds; i++) {
		for (unsigned h = 0; h < NR_HALVES; h++) {
			csr_set_sstatus(bit);
			look(&job.with[h], y);
			if (!fault_armed(FAULT_SSTATUS_KEPT))
				csr_read_clear_sstatus(bit);
			look(&job.without[h], y);
		}
		/* Every other round begins with nothing held, where without the bit comes first. */
		if (i % 2 != 0)
			scene_enter(arg);
	}
	csr_read_clear_sstatus(bit);
	scene_leave();
}

static bool build(struct scene *s, const struct row *r)
{
	const struct op_case c = {OP_UNMAP, r->level, r->access, false};

	memset(&job, 0, sizeof(job));
	job.y = stim_tallies();
	job.row = r;
	job.rounds = stim_repeat(s->t);
	for (unsigned h = 0; h < NR_HALVES; h++) {
		struct stim *st = &job.with[h];
		const struct edit *e = &st->edit[0];

		if (!spaces_build(s, &c, (enum half)h, st))
			return false;
		scene_store(e->slot, (e->was & ~(PTE_R | PTE_W | PTE_X)) | r->rights);
		st->constant = true;
		st->nr_edits = 0;
		for (unsigned i = 0; i < st->nr; i++)
			st->at[i].is = st->at[i].was;
		st->what = r->bit == SSTATUS_SUM ? "SUM=1, page" : "MXR=1, page";
		job.without[h] = *st;
		job.without[h].what = r->bit == SSTATUS_SUM ? "SUM=0, page" : "MXR=0, page";
		for (unsigned i = 0; i < st->nr; i++) {
			if (!r->works)
				st->at[i].was = st->at[i].is = PAGE_FAULT;
			job.without[h].at[i].was = job.without[h].at[i].is = PAGE_FAULT;
		}
	}
	return true;
}

static void rights(struct test_run *t)
{
	struct scene *s = scene_open(t);
	const struct row *r = t->test->arg;

	if (build(s, r)) {
		hartset_for_each(h, &t->all) {
			struct hartset one = hartset_of(h);

			job.rng = rng_stream(rng_next(&t->rng), h);
			/* No fence is due, so none can be left out as a control. */
			job.y[h].no_control = true;
			test_on_harts(t, &one, rights_job, s);
		}
		stim_report(t, r->access, &t->all, job.y);
	}
	scene_close();
}

#define ROW(what, size, kind, cl, ...)                                                             \
	TEST_ROW(satp, what##_##size##_##kind, #what "." #size "." #kind, rights, .machine = true, \
		 .clause = cl, .arg = &(const struct row){__VA_ARGS__})
#define SUM(size, kind, LEVEL, ACCESS)                                                             \
	ROW(sum, size, kind, CLAUSE_BIT, LEVEL, ACCESS, SSTATUS_SUM,                               \
	    PTE_U | PTE_R | PTE_W | PTE_X, true)
#define USER(size, LEVEL)                                                                          \
	ROW(user, size, fetch, CLAUSE_USER, LEVEL, ACCESS_FETCH, SSTATUS_SUM,                      \
	    PTE_U | PTE_R | PTE_W | PTE_X, false)
#define MXR(size, LEVEL)                                                                           \
	ROW(mxr, size, load, CLAUSE_BIT, LEVEL, ACCESS_LOAD, SSTATUS_MXR, PTE_X, true)

SUM(4k, load, LEVEL_4K, ACCESS_LOAD)
SUM(4k, store, LEVEL_4K, ACCESS_STORE)
SUM(2m, load, LEVEL_2M, ACCESS_LOAD)
SUM(2m, store, LEVEL_2M, ACCESS_STORE)
USER(4k, LEVEL_4K)
USER(2m, LEVEL_2M)
MXR(4k, LEVEL_4K)
MXR(2m, LEVEL_2M)
