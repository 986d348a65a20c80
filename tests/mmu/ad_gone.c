/* SPDX-License-Identifier: BSD-2-Clause */
/* ad.gone: an entry is changed under a warm page, without a fence; then a store wants to set D. */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "tests/mmu/ad_scheme.h"
#include "tests/mmu/ops.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, page tables, A and D: set atomically, if the entry in memory is the one " \
	"that was read"

enum to { TO_ZERO, TO_SWAP, TO_OTHER };

struct row {
	unsigned level;
	enum to to;
	bool remote; /* another hart changes the entry */
};

/* What one hart saw that was wrong. */
struct sight {
	bool bad;
	struct probe seen;
	uint64_t old, new, after; /* of the entry */
	const char *what;
};

static struct gone_job {
	const struct row *row;
	enum scheme scheme;
	struct scene *scene;
	struct page was, is; /* behind the entry before and after; the second with TO_OTHER only */
	vaddr_t va;
	uint64_t *slot;
	uint64_t old, new; /* entries */
	struct rng rng;
	unsigned rounds, round;
	struct sight sight[MAX_HARTS];
	unsigned stale[MAX_HARTS], tries[MAX_HARTS];
} job;

static uint64_t load_entry(void)
{
	return __atomic_load_n(job.slot, __ATOMIC_RELAXED);
}

static uint64_t offset(void)
{
	return PAGE_WORDS + 8 * (job.round % 64);
}

/* The page is warm, by an entry that allows loads and wants D for stores. */
static void warm(void *arg)
{
	scene_enter(arg);
	(void)probe_load(job.va + offset());
}

static void change(void)
{
	scene_store(job.slot, job.new);
}

static void record(struct sight *y, struct probe seen, const char *what)
{
	if (y->bad)
		return;
	y->bad = true;
	y->seen = seen;
	y->old = job.old;
	y->new = job.new;
	y->after = load_entry();
	y->what = what;
}

/* Does this machine hold such an entry at all? */
static void look(void *arg)
{
	struct probe p = probe_load(job.va + offset());
	unsigned h = arch_hart();

	(void)arg;
	job.tries[h]++;
	job.stale[h] += !p.trapped && p.value == page_word(&job.was, offset());
}

static void store(void *arg)
{
	struct sight *y = &job.sight[arch_hart()];
	uint64_t value = UINT64_C(0x90e0000) + job.round;
	struct probe p = probe_store(job.va + offset(), value);
	uint64_t after;

	(void)arg;
	if (fault_armed(FAULT_AD_RESURRECT))
		scene_store(job.slot, job.old | PTE_A | PTE_D);
	after = load_entry();
	if (after != job.new &&
	    (job.row->to != TO_OTHER || after != (job.new | PTE_D) || p.trapped))
		record(y, p, "the entry changed");
	if (p.trapped) {
		if (p.cause != probe_page_fault(ACCESS_STORE))
			record(y, p, "not that fault");
		return;
	}
	if (job.scheme == SCHEME_FAULT)
		record(y, p, "no trap");
	if (job.row->to == TO_OTHER && *page_ptr(&job.is, offset()) == value) {
		if ((after & PTE_D) == 0)
			record(y, p, "stored where D is still clear");
	} else if (*page_ptr(&job.was, offset()) != value) {
		record(y, p, "stored in neither page");
	}
}

static void set_up(void)
{
	*page_ptr(&job.was, offset()) = page_word(&job.was, offset());
	*page_ptr(&job.is, offset()) = page_word(&job.is, offset());
	if (job.row->to == TO_SWAP)
		job.new = rng_next(&job.rng) & ~PTE_V;
	scene_store(job.slot, job.old);
}

static void local_job(void *arg)
{
	unsigned h = arch_hart();

	for (job.round = 0; job.round < job.rounds && !job.sight[h].bad; job.round++) {
		set_up();
		warm(arg);
		change();
		if (job.round % 2 == 0)
			look(arg);
		else
			store(arg);
	}
	scene_leave();
}

static void leave_job(void *arg)
{
	(void)arg;
	scene_leave();
}

/* The hart changes nothing itself: jobs are handed over with release and acquire. */
static void remote_rounds(struct test_run *t, unsigned h)
{
	struct hartset one = hartset_of(h);

	for (job.round = 0; job.round < job.rounds && !job.sight[h].bad; job.round++) {
		set_up();
		test_on_harts(t, &one, warm, job.scene);
		change();
		test_on_harts(t, &one, job.round % 2 == 0 ? look : store, job.scene);
	}
	test_on_harts(t, &one, leave_job, NULL);
}

static void report(struct test_run *t, unsigned hart, const struct sight *y)
{
	char seen[48] = "no trap";

	if (y->seen.trapped)
		snprintf(seen, sizeof(seen), "a %s", trap_cause_name(y->seen.cause));
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) store at 0x%llx, %s: %s; %s: was 0x%llx, set to 0x%llx, is "
		  "0x%llx",
		  hart, (unsigned long long)hart_get(hart)->hartid, (unsigned long long)job.va,
		  scheme_name(job.scheme), seen, y->what, (unsigned long long)y->old,
		  (unsigned long long)y->new, (unsigned long long)y->after);
	note("behind: no fence; the page was warm by a load");
	scene_store(job.slot, y->after);
	pt_print_walk(&job.scene->pt, job.va);
}

/* False: the test was told to skip. */
static bool build(struct scene *s)
{
	unsigned order = job.row->level == LEVEL_4K ? 0 : 9;
	paddr_t was = scene_try_block(s, order), is = scene_try_block(s, order);
	uint64_t off = rng_below(&s->t->rng, UINT64_C(1) << order) * PAGE_SIZE;

	if (was == FRAME_NONE || is == FRAME_NONE) {
		test_skip(s->t, "no two free blocks of %s", level_name(job.row->level));
		return false;
	}

	job.was = scene_page(s, was + off);
	job.is = scene_page(s, is + off);
	job.va = scene_va(s, HALF_LOW, job.row->level) + off;
	job.slot = scene_slot(s, job.va, job.row->level);
	job.old = pte_leaf(was, PTE_R | PTE_W | PTE_A).raw;
	job.new = job.row->to == TO_OTHER ? pte_leaf(is, PTE_R | PTE_W | PTE_A).raw : 0;
	return true;
}

static void under(struct test_run *t, enum scheme scheme)
{
	if (!build(job.scene))
		return;
	job.scheme = scheme;
	memset(job.sight, 0, sizeof(job.sight));
	hartset_for_each(h, job.row->remote ? &t->peers : &t->all) {
		struct hartset one = hartset_of(h);

		if (job.row->remote)
			remote_rounds(t, h);
		else
			test_on_harts(t, &one, local_job, job.scene);
		if (job.sight[h].bad)
			report(t, h, &job.sight[h]);
	}
}

static void gone(struct test_run *t)
{
	memset(&job, 0, sizeof(job));
	job.row = t->test->arg;
	job.scene = scene_open(t);
	job.rounds = 2 * stim_repeat(t);
	job.rng = rng_stream(rng_next(&t->rng), 0);
	scheme_each(t, under);
	hartset_for_each(h, &t->all) {
		if (job.tries[h] != 0)
			test_control(t, ACCESS_LOAD, h, job.stale[h], job.tries[h]);
	}
	scene_close();
}

#define ROW(what, size, LEVEL, TO)                                                                 \
	TEST_ROW(ad, gone_##what##_##size, "gone." #what "." #size ".store", gone,                 \
		 .machine = true, .clause = CLAUSE, .arg = &(const struct row){LEVEL, TO, false})
#define REMOTE_ROW(what, size, LEVEL, TO)                                                          \
	TEST_ROW(ad, gone_##what##_remote_##size, "gone." #what "_remote." #size ".store", gone,   \
		 .machine = true, .needs = NEEDS_SMP, .clause = CLAUSE,                            \
		 .arg = &(const struct row){LEVEL, TO, true})

ROW(zero, 4k, LEVEL_4K, TO_ZERO)
ROW(zero, 2m, LEVEL_2M, TO_ZERO)
ROW(swap, 4k, LEVEL_4K, TO_SWAP)
ROW(other, 4k, LEVEL_4K, TO_OTHER)
ROW(other, 2m, LEVEL_2M, TO_OTHER)
REMOTE_ROW(zero, 4k, LEVEL_4K, TO_ZERO)
REMOTE_ROW(other, 4k, LEVEL_4K, TO_OTHER)
