/* SPDX-License-Identifier: BSD-2-Clause */
/* satp.bare, satp.mode: translation goes off and on at once; modes that there are not change
 * nothing. */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "tests/mmu/bare.h"
#include "tests/mmu/ops.h"

#define CLAUSE_BARE                                                                                \
	"Privileged ISA, SFENCE.VMA: changing satp.MODE from Bare to other modes and vice versa "  \
	"takes effect immediately"
#define CLAUSE_MODE                                                                                \
	"Privileged ISA, satp: a write with an unsupported MODE has no effect, no field changes"

struct row {
	unsigned level;
	enum access access;
	bool mapped; /* the address leads to another page where translation is on; else nowhere */
};

/* What one hart saw that was wrong. */
struct sight {
	bool bad;
	unsigned step;
	uint64_t mode; /* that was written */
	struct probe seen;
	struct page expected; /* PAGE_FAULT's number: a page fault */
	uint64_t readback;
	bool satp_changed;
};

static struct bare_job {
	const struct row *row;
	struct scene *scene;
	struct space home, other;
	struct page real, shown, hidden; /* at the address: physically; in home; in other */
	unsigned rounds;
	uint32_t modes; /* satp.mode: bit MODE, those to try */
	struct sight sight[MAX_HARTS];
} job;

#define FAULTS ((struct page){0, 0})

static uint64_t word_of(const struct page *p, uint64_t off)
{
	return job.row->access == ACCESS_FETCH ? page_stub_value(p) : page_word(p, off);
}

/* A store shows where it went, the others what they found. */
static bool is_as(const struct bare *b, unsigned step, const struct page *p, uint64_t off)
{
	struct probe seen = bare_probe(b, step);

	if (p->id == 0 || seen.trapped)
		return p->id == 0 && seen.trapped &&
		       seen.cause == probe_page_fault(job.row->access);
	if (job.row->access != ACCESS_STORE)
		return seen.value == word_of(p, off);
	return true;
}

/* Whether the stores that went through are where the last of each page belongs. */
static bool stores_are(const struct bare *b, const struct page *expect, uint64_t off)
{
	uint64_t value = b->value;
	uint64_t last[BARE_STEPS] = {0};

	if (job.row->access != ACCESS_STORE)
		return true;
	for (unsigned i = 0; i < BARE_STEPS; i++) {
		if (expect[i].id == 0)
			continue;
		for (unsigned k = 0; k < BARE_STEPS; k++) {
			if (k == i || expect[k].id == expect[i].id)
				last[k] = value;
		}
		value++;
	}
	for (unsigned i = 0; i < BARE_STEPS; i++) {
		if (expect[i].id != 0 && *page_ptr(&expect[i], off) != last[i])
			return false;
	}
	return true;
}

static void mend(const struct page *p, uint64_t off)
{
	if (job.row->access == ACCESS_STORE && p->id != 0)
		*page_ptr(p, off) = page_word(p, off);
}

static void go_home(void)
{
	space_switch(&job.home);
	raw_sfence_all();
	raw_fence_i();
}

/* One run: @satp in the middle, where @middle has to be seen. */
static void run(struct sight *y, uint64_t satp, struct page middle, unsigned round)
{
	uint64_t home = space_satp(&job.home);
	uint64_t off = job.row->access == ACCESS_FETCH ? 0 : PAGE_WORDS + 8 * (round % 64);
	struct page around = job.row->mapped ? job.shown : FAULTS;
	struct page expect[BARE_STEPS] = {around, middle, around};
	struct bare b = {
		.satp = {home, satp, home},
		.va = job.real.pa + off,
		.value = UINT64_C(0xbae0000) + round * 16,
		.op = job.row->access,
	};

	if (fault_armed(FAULT_BARE_NEVER))
		b.satp[1] = home;
	go_home();
	bare_run(&b);
	y->readback = b.readback;
	for (unsigned i = 0; i < BARE_STEPS && !y->bad; i++) {
		if (is_as(&b, i, &expect[i], off))
			continue;
		y->bad = true;
		y->step = i;
		y->seen = bare_probe(&b, i);
		y->expected = expect[i];
	}
	if (!y->bad && !stores_are(&b, expect, off)) {
		y->bad = true;
		y->step = BARE_STEPS;
	}
	mend(&job.real, off);
	mend(&job.shown, off);
	mend(&job.hidden, off);
}

static void bare_job(void *arg)
{
	struct sight *y = &job.sight[arch_hart()];

	(void)arg;
	for (unsigned i = 0; i < job.rounds && !y->bad; i++)
		run(y, 0, job.real, i);
	scene_leave();
}

static void mode_job(void *arg)
{
	struct sight *y = &job.sight[arch_hart()];
	uint64_t unchanged = space_satp(&job.home);

	(void)arg;
	for (unsigned m = 1; m < 16 && !y->bad; m++) {
		uint64_t satp = space_satp(&job.other);

		if ((job.modes >> m & 1) == 0)
			continue;
		satp = (satp & ~(UINT64_C(15) << SATP_MODE_SHIFT)) | (uint64_t)m << SATP_MODE_SHIFT;
		run(y, satp, job.row->mapped ? job.shown : FAULTS, m);
		y->mode = m;
		y->satp_changed = y->readback != unchanged;
		y->bad |= y->satp_changed;
	}
	scene_leave();
}

static void map(struct scene *s, const struct space *sp, paddr_t to)
{
	unsigned level = job.row->level;

	scene_store(space_slot(s, sp, job.real.pa, level),
		    pte_leaf(align_down(to, level_size(level)), SCENE_RWX).raw);
}

/* False: the test was told to skip. */
static bool build(struct scene *s, const struct row *r)
{
	unsigned order = r->level == LEVEL_4K ? 0 : 9;
	paddr_t real = scene_try_block(s, order), shown = scene_try_block(s, order);
	paddr_t hidden = scene_try_block(s, order);
	uint64_t off = rng_below(&s->t->rng, UINT64_C(1) << order) * PAGE_SIZE;

	if (real == FRAME_NONE || shown == FRAME_NONE || hidden == FRAME_NONE) {
		test_skip(s->t, "no three free blocks of %s", level_name(r->level));
		return false;
	}
	memset(&job, 0, sizeof(job));
	job.row = r;
	job.scene = s;
	job.rounds = 8;
	job.home = scene_space(s, s->asid);
	job.other = scene_new_space(s, s->asid_bits != 0 ? s->asid ^ 1 : 0);
	job.real = scene_page(s, real + off);
	job.shown = scene_page(s, shown + off);
	job.hidden = scene_page(s, hidden + off);
	if (!bare_map_code(s, &job.home) || !bare_map_code(s, &job.other)) {
		test_skip(s->t, "code at 0x%llx cannot be mapped where it is",
			  (unsigned long long)bare_code_page());
		return false;
	}
	if (job.real.pa >> (s->pt.mode->va_bits - 1) != 0 ||
	    align_down(job.real.pa, level_size(r->level)) ==
		    align_down(bare_code_page(), level_size(r->level))) {
		test_skip(s->t, "RAM at 0x%llx is no address of %s",
			  (unsigned long long)job.real.pa, s->pt.mode->name);
		return false;
	}
	if (r->mapped)
		map(s, &job.home, job.shown.pa);
	map(s, &job.other, job.hidden.pa);
	return true;
}

static void describe(char *buf, size_t len, struct probe seen)
{
	if (seen.trapped)
		snprintf(buf, len, "a %s", trap_cause_name(seen.cause));
	else if (job.row->access == ACCESS_STORE)
		snprintf(buf, len, "no trap");
	else
		snprintf(buf, len, "0x%llx of page %u", (unsigned long long)seen.value,
			 scene_whose(job.scene, seen.value));
}

static void report(struct test_run *t, unsigned hart, const struct sight *y, const char *middle)
{
	static const char *const when[] = {"with translation, before", "behind the write of",
					   "with translation, behind", "stores, around"};
	char seen[64];

	describe(seen, sizeof(seen), y->seen);
	if (y->satp_changed)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) satp is 0x%llx behind a write of MODE %llu, expected "
			  "0x%llx",
			  hart, (unsigned long long)hart_get(hart)->hartid,
			  (unsigned long long)y->readback, (unsigned long long)y->mode,
			  (unsigned long long)space_satp(&job.home));
	else if (y->step == BARE_STEPS)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) stores at 0x%llx around %s %llu: not in the pages that "
			  "they belong to",
			  hart, (unsigned long long)hart_get(hart)->hartid,
			  (unsigned long long)job.real.pa, middle, (unsigned long long)y->mode);
	else
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) %s at 0x%llx, %s %s %llu: saw %s, expected %s%u", hart,
			  (unsigned long long)hart_get(hart)->hartid, access_name(job.row->access),
			  (unsigned long long)job.real.pa, when[y->step], middle,
			  (unsigned long long)y->mode, seen,
			  y->expected.id == 0 ? "a page fault, page " : "page ", y->expected.id);
	note("page %u lies there, page %u is mapped there in satp 0x%llx", job.real.id,
	     job.row->mapped ? job.shown.id : 0, (unsigned long long)space_satp(&job.home));
	pt_print_walk(&job.home.pt, job.real.pa);
}

static void on_each(struct test_run *t, void (*fn)(void *), const char *middle)
{
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, fn, NULL);
		if (job.sight[h].bad)
			report(t, h, &job.sight[h], middle);
	}
}

static void bare(struct test_run *t)
{
	struct scene *s = scene_open(t);

	if (build(s, t->test->arg))
		on_each(t, bare_job, "satp = 0, MODE");
	scene_close();
}

/* Reserved modes, and the ones that were measured as missing. 11, 14 and 15 may come to mean
 * something. */
#define RESERVED_MODES UINT32_C(0x30fe)
#define PAGED_MODES UINT32_C(0x600)

static void mode(struct test_run *t)
{
	struct scene *s = scene_open(t);

	if (build(s, t->test->arg)) {
		job.modes = RESERVED_MODES;
		/* mode=sv39 is for cores that hang on the attempt. */
		if (t->bench->args->mode != MODE_ARG_SV39)
			job.modes |= PAGED_MODES & ~t->bench->modes;
		on_each(t, mode_job, "MODE");
	}
	scene_close();
}

#define ROW(fn, what, size, kind, cl, ...)                                                         \
	TEST_ROW(satp, fn##_##what##_##size##_##kind, #fn "." #what "." #size "." #kind, fn,       \
		 .machine = true, .clause = cl, .arg = &(const struct row){__VA_ARGS__})
#define ROWS(fn, what, size, cl, LEVEL, is_mapped)                                                 \
	ROW(fn, what, size, load, cl, LEVEL, ACCESS_LOAD, is_mapped)                               \
	ROW(fn, what, size, store, cl, LEVEL, ACCESS_STORE, is_mapped)                             \
	ROW(fn, what, size, fetch, cl, LEVEL, ACCESS_FETCH, is_mapped)

ROWS(bare, mapped, 4k, CLAUSE_BARE, LEVEL_4K, true)
ROWS(bare, mapped, 2m, CLAUSE_BARE, LEVEL_2M, true)
ROWS(bare, unmapped, 4k, CLAUSE_BARE, LEVEL_4K, false)
ROWS(mode, mapped, 4k, CLAUSE_MODE, LEVEL_4K, true)
