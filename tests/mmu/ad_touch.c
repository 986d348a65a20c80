/* SPDX-License-Identifier: BSD-2-Clause */
/* ad.touch, ad.warm, ad.denied: what one access does to the table that translates it. */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "tests/mmu/ad_scheme.h"
#include "mm/frame.h"
#include "tests/mmu/ops.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, page tables, A and D: the access traps and nothing changes, or exactly "  \
	"these bits of this entry are set"

struct row {
	unsigned level;
	enum access access;
	bool warm;   /* a load before, wherever the entry allows it */
	bool denied; /* the leaf has every right but the one that is needed */
};

/* What one hart saw that was wrong. */
struct sight {
	bool bad;
	unsigned index; /* of the entry */
	uint64_t before, after;
	struct probe seen;
	bool elsewhere; /* no trap, and not the page's word */
};

static struct touch_job {
	const struct row *row;
	enum scheme scheme;
	struct scene *scene;
	struct page page;
	vaddr_t va;
	uint64_t *table; /* of 512 entries, one of which translates va */
	uint64_t leaf;	 /* without A and D */
	unsigned index;
	unsigned rounds;
	struct sight sight[MAX_HARTS];
	unsigned speculative[MAX_HARTS]; /* A of entries that nobody touched */
} job;

/* Entries look valid, lead to the same leaf, and differ in what software may write into them. */
static uint64_t neighbour(unsigned i)
{
	return job.leaf | (uint64_t)(i % 4) << 8;
}

static uint64_t bits_needed(uint64_t state)
{
	uint64_t need = job.row->access == ACCESS_STORE ? PTE_A | PTE_D : PTE_A;

	return need & ~state;
}

static bool entry_right(uint64_t before, uint64_t after, bool trapped)
{
	uint64_t need = bits_needed(before);

	/* A may be set by a walk that nobody asked for, D may not. */
	if (job.row->denied)
		return trapped && (after | PTE_A) == (before | PTE_A);
	if (need == 0)
		return !trapped && after == before;
	if (job.scheme == SCHEME_FAULT)
		return trapped && after == before;
	if (job.scheme == SCHEME_UPDATE)
		return !trapped && after == (before | need);
	return after == (trapped ? before : before | need);
}

static bool value_right(struct probe seen, uint64_t off, uint64_t value)
{
	if (seen.trapped)
		return seen.cause == probe_page_fault(job.row->access);
	switch (job.row->access) {
	case ACCESS_LOAD:
		return seen.value == page_word(&job.page, off);
	case ACCESS_STORE:
		return *page_ptr(&job.page, off) == value;
	default:
		return seen.value == page_stub_value(&job.page);
	}
}

static void record(struct sight *y, unsigned index, uint64_t before, struct probe seen)
{
	if (y->bad)
		return;
	y->bad = true;
	y->index = index;
	y->before = before;
	y->after = job.table[index];
	y->seen = seen;
}

/* All of the table behind one access. */
static void check_table(struct sight *y, uint64_t before, struct probe seen)
{
	for (unsigned i = 0; i < PT_ENTRIES; i++) {
		uint64_t e = __atomic_load_n(&job.table[i], __ATOMIC_RELAXED);

		if (i == job.index) {
			if (!entry_right(before, e, seen.trapped))
				record(y, i, before, seen);
		} else if ((e & ~PTE_A) != neighbour(i)) {
			record(y, i, neighbour(i), seen);
		} else if (e != neighbour(i)) {
			job.speculative[arch_hart()]++;
		}
	}
}

static void touch(struct sight *y, uint64_t state, unsigned round)
{
	uint64_t off = job.row->access == ACCESS_FETCH ? 0 : PAGE_WORDS + 8 * (round % 64);
	uint64_t before = job.leaf | state, value = UINT64_C(0xad000000) + round;
	struct probe seen;

	for (unsigned i = 0; i < PT_ENTRIES; i++)
		job.table[i] = neighbour(i);
	job.table[job.index] = before;
	raw_sfence_all();
	if (job.row->warm && (state & PTE_A) != 0)
		(void)probe_load(job.va + PAGE_WORDS);
	seen = probe_access(job.row->access, job.va + off, value);
	if (fault_armed(FAULT_AD_NEIGHBOUR) && !seen.trapped)
		job.table[(job.index + 1) % PT_ENTRIES] |= PTE_A | PTE_D;
	/* A is not in program order with our loads of the entry, only D is (A and D bits). */
	raw_fence_rw_rw();
	check_table(y, before, seen);
	if (!y->bad && !value_right(seen, off, value)) {
		record(y, job.index, before, seen);
		y->elsewhere = true;
	}
	if (job.row->access == ACCESS_STORE)
		*page_ptr(&job.page, off) = page_word(&job.page, off);
}

static void touch_job(void *arg)
{
	static const uint64_t states[4] = {0, PTE_A, PTE_D, PTE_A | PTE_D};
	struct sight *y = &job.sight[arch_hart()];

	scene_enter(arg);
	for (unsigned i = 0; i < job.rounds && !y->bad; i++) {
		for (unsigned k = 0; k < 4 && !y->bad; k++)
			touch(y, states[k], i * 4 + k);
	}
	scene_leave();
}

static void report(struct test_run *t, unsigned hart, const struct sight *y)
{
	char seen[48] = "no trap";

	if (y->seen.trapped)
		snprintf(seen, sizeof(seen), "a %s", trap_cause_name(y->seen.cause));
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) %s at 0x%llx, %s: %s%s; entry %u was 0x%llx, is 0x%llx%s", hart,
		  (unsigned long long)hart_get(hart)->hartid, access_name(job.row->access),
		  (unsigned long long)job.va, scheme_name(job.scheme), seen,
		  y->elsewhere ? ", but not this page" : "", y->index,
		  (unsigned long long)y->before, (unsigned long long)y->after,
		  y->index != job.index ? ", which does not translate it" : "");
	note("the leaf is%s; behind: sfence.vma x0, x0%s",
	     job.row->denied ? " not for this access" : " for any access",
	     job.row->warm ? ", and a load" : "");
	/* The table as it was then. */
	job.table[y->index] = y->after;
	pt_print_walk(&job.scene->pt, job.va);
}

static bool build(struct scene *s, const struct row *r, enum half h)
{
	static const uint64_t without[] = {PTE_X, PTE_R | PTE_X, PTE_R | PTE_W};
	unsigned order = r->level == LEVEL_4K ? 0 : 9;
	paddr_t block = scene_try_block(s, order);
	uint64_t off;

	if (block == FRAME_NONE) {
		test_skip(s->t, "no free block of %s", level_name(r->level));
		return false;
	}
	off = rng_below(&s->t->rng, UINT64_C(1) << order) * PAGE_SIZE;
	job.page = scene_page(s, block + off);
	job.va = scene_va(s, h, r->level) + off;
	job.index = level_index(job.va, r->level);
	job.table = scene_slot(s, job.va, r->level) - job.index;
	job.leaf = pte_leaf(block, r->denied ? without[r->access] : PTE_R | PTE_W | PTE_X).raw;
	return true;
}

static void under(struct test_run *t, enum scheme scheme)
{
	struct scene *s = job.scene;
	unsigned speculative = 0;

	for (enum half half = HALF_LOW; half < NR_HALVES; half++) {
		if (!build(s, job.row, half))
			return;
		job.scheme = scheme;
		memset(job.sight, 0, sizeof(job.sight));
		hartset_for_each(h, &t->all) {
			struct hartset one = hartset_of(h);

			test_on_harts(t, &one, touch_job, s);
			if (job.sight[h].bad)
				report(t, h, &job.sight[h]);
			speculative += job.speculative[h];
		}
	}
	if (speculative != 0)
		note("%u A bits of entries that nobody touched were set: walks may be speculative",
		     speculative);
}

static void touched(struct test_run *t)
{
	memset(&job, 0, sizeof(job));
	job.row = t->test->arg;
	job.scene = scene_open(t);
	job.rounds = (stim_repeat(t) + 3) / 4;
	scheme_each(t, under);
	scene_close();
}

/* Both ways, several times: each set is in force when the call has returned and a fence was made.
 */
static void toggled(struct test_run *t)
{
	const char *why = NULL;

	memset(&job, 0, sizeof(job));
	job.row = t->test->arg;
	job.scene = scene_open(t);
	job.rounds = 1;
	for (unsigned i = 0; i < 4; i++) {
		enum scheme s = i % 2 == 0 ? SCHEME_FAULT : SCHEME_UPDATE;

		if (!scheme_switch(t, s, &why)) {
			test_skip(t, "%s", why);
			break;
		}
		under(t, s);
	}
	if (!t->skipped)
		note("fwft: PTE_AD_HW_UPDATING was %llu on hart0; set to 0 and 1 on %u harts, and "
		     "back",
		     (unsigned long long)scheme_found(0), hartset_count(&t->all));
	scheme_restore();
	scene_close();
}

#define CLAUSE_FWFT                                                                                \
	"SBI, FWFT: behind a successful set PTE_AD_HW_UPDATING is what was set; Privileged ISA, "  \
	"menvcfg.ADUE: 0 traps, 1 updates"

TEST_ROW(ad, fwft_4k_load, "fwft.4k.load", toggled, .machine = true, .clause = CLAUSE_FWFT,
	 .arg = &(const struct row){LEVEL_4K, ACCESS_LOAD, false, false})
TEST_ROW(ad, fwft_4k_store, "fwft.4k.store", toggled, .machine = true, .clause = CLAUSE_FWFT,
	 .arg = &(const struct row){LEVEL_4K, ACCESS_STORE, true, false})

#define ROW(what, size, kind, LEVEL, ACCESS, is_warm, is_denied)                                   \
	TEST_ROW(ad, what##_##size##_##kind, #what "." #size "." #kind, touched, .machine = true,  \
		 .clause = CLAUSE, .arg = &(const struct row){LEVEL, ACCESS, is_warm, is_denied})
#define ROWS(what, size, LEVEL, is_warm, is_denied)                                                \
	ROW(what, size, load, LEVEL, ACCESS_LOAD, is_warm, is_denied)                              \
	ROW(what, size, store, LEVEL, ACCESS_STORE, is_warm, is_denied)                            \
	ROW(what, size, fetch, LEVEL, ACCESS_FETCH, is_warm, is_denied)

ROWS(touch, 4k, LEVEL_4K, false, false)
ROWS(touch, 2m, LEVEL_2M, false, false)
ROW(warm, 4k, store, LEVEL_4K, ACCESS_STORE, true, false)
ROW(warm, 2m, store, LEVEL_2M, ACCESS_STORE, true, false)
ROWS(denied, 4k, LEVEL_4K, true, true)
