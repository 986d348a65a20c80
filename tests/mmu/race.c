/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * race.cold.*, race.double.*: a walk is under way, through an entry that is cold, when the entry
 * changes and the fence retires. What the walk brings back must not outlive the fence, and must
 * not be taken for the answer of another walk. Each try is a matter of luck: the numbers are said.
 */
#include <stddef.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/time.h"
#include "tests/mmu/look.h"
#include "tests/mmu/many.h"
#include "tests/mmu/race_offsets.h"
#include "tests/mmu/seq.h"
#include "tests/mmu/seq_offsets.h"
#include "tests/mmu/stim.h"

#define CLAUSE "Privileged ISA, SFENCE.VMA: implicit reads behind it see the stores before it"

/* race_insns.S */
struct race {
	const void *bait_op;
	vaddr_t bait_va;
	const uint64_t *line;
	uint64_t value;
	struct race_edit {
		uint64_t *slot;
		uint64_t pte;
		const void *fence_op;
		uint64_t rs1, rs2;
		const void *delay_op;
	} edit[2];
	const void *probe_op;
	vaddr_t probe_va[3];
	uint64_t stage;
	uint64_t seen[3];
};

#define AT(field, number) _Static_assert(offsetof(struct race, field) == (number), "race_insns.S")
AT(bait_op, RACE_BAIT_OP);
AT(line, RACE_LINE);
AT(edit[0].slot, RACE_SLOT(0));
AT(edit[1].slot, RACE_SLOT(1));
AT(edit[1].delay_op, RACE_DELAY_OP(1));
AT(probe_op, RACE_PROBE_OP);
AT(probe_va, RACE_PROBE_VA(0));
AT(stage, RACE_STAGE);
AT(seen, RACE_SEEN(0));

void race_insns(struct race *r);
extern const char race_late_load[], race_late_store[], race_late_fetch[];
extern const char race_maybe_load[], race_maybe_store[], race_maybe_fetch[];

/* Words of which each is touched once in a long while: 2 MiB, more than most caches' ways. */
#define LINES_ORDER 9u
#define LINE_BYTES 64u
#define NR_LINES ((PAGE_SIZE << LINES_ORDER) / LINE_BYTES)

/* However large repeat= is: well before the test's deadline. What was made is printed. */
#define BUDGET_US 8000000

/* The three addresses: a neighbour that stays, and two whose entries change. */
enum { STAYS, FIRST, SECOND, NR_ADDRESSES };

enum bait { BAIT_LATE, BAIT_MAYBE, BAIT_NEIGHBOUR, NR_BAITS };

static struct race_job {
	struct scene *s;
	enum access a;
	bool both; /* two entries change, each with its fence */
	vaddr_t va[NR_ADDRESSES];
	uint64_t *slot[NR_ADDRESSES];
	struct page was[NR_ADDRESSES], is[NR_ADDRESSES];
	paddr_t lines;
	unsigned next_line;
	unsigned repeat;
	uint64_t budget_us; /* of each hart */
	struct rng rng;
	struct look *look; /* by hart */
	unsigned cells, cells_blind;
} race;

static const uint64_t *next_line(uint64_t holds)
{
	uint64_t *line;

	/* A large odd step: no prefetcher follows. */
	race.next_line = (race.next_line + 12347) % NR_LINES;
	line = phys_to_ptr(race.lines + race.next_line * LINE_BYTES);
	if (*line != holds)
		*line = holds;
	return line;
}

static uint64_t offset(void)
{
	return race.a == ACCESS_FETCH ? 0 : PAGE_WORDS;
}

static const void *bait_op(enum bait b)
{
	static const char *const ops[2][NR_ACCESSES] = {
		{race_late_load, race_late_store, race_late_fetch},
		{race_maybe_load, race_maybe_store, race_maybe_fetch},
	};

	return ops[b == BAIT_MAYBE][race.a];
}

/* What is seen at address @i: the page that the access reached, as stored or loaded. */
static struct probe reached(const struct race *r, unsigned i, struct probe trap)
{
	/* In the order of probing: probe_va[i] is address i. */
	if (r->stage == RACE_PROBING + i)
		return trap;
	return look_value(r->seen[i]);
}

static bool is_page(const struct page *p, struct probe seen, uint64_t value)
{
	if (seen.trapped)
		return false;
	if (race.a == ACCESS_STORE)
		return *page_ptr(p, offset()) == value;
	return seen.value == (race.a == ACCESS_FETCH ? page_stub_value(p) : page_word(p, offset()));
}

static struct probe page_seen(const struct page *p, uint64_t value)
{
	if (race.a == ACCESS_STORE)
		return look_value(value);
	return look_value(race.a == ACCESS_FETCH ? page_stub_value(p) : page_word(p, offset()));
}

static void put_back(void)
{
	for (unsigned i = 0; i < NR_ADDRESSES; i++) {
		scene_store(race.slot[i], pte_leaf(race.was[i].pa, SCENE_RWX).raw);
		if (race.a == ACCESS_STORE) {
			*page_ptr(&race.was[i], offset()) = page_word(&race.was[i], offset());
			*page_ptr(&race.is[i], offset()) = page_word(&race.is[i], offset());
		}
	}
}

static void judge(const struct race *r, enum fence f, struct probe trap, unsigned delay)
{
	struct look *l = &race.look[arch_hart()];

	for (unsigned i = 0; i < NR_ADDRESSES && r->stage >= RACE_PROBING + i; i++) {
		bool changed = i == FIRST || (i == SECOND && race.both);
		const struct page *now = changed ? &race.is[i] : &race.was[i];
		struct probe seen = reached(r, i, trap);
		bool fresh = is_page(now, seen, r->value);
		bool old = changed && !fresh && is_page(&race.was[i], seen, r->value);

		if (f == FENCE_NONE && changed) {
			l->control_tries++;
			l->control_stale += old;
		}
		l->tries += f != FENCE_NONE && i == FIRST;
		if (fresh || (f == FENCE_NONE && old))
			continue;
		look_bad(l, &(struct glance){.what = i == STAYS ? "a page beside the raced one"
								: "a walk across the fence",
					     .access = race.a,
					     .va = race.va[i] + offset(),
					     .seen = seen,
					     .expected = page_seen(now, r->value),
					     .old = old,
					     .fence = f,
					     .named = race.va[i],
					     .delay = delay,
					     .slot = race.slot[i],
					     .pte = pte_leaf(now->pa, SCENE_RWX).raw});
	}
}

/* Let the guess be right a few times, at an address that nobody judges. */
static void train(const struct race *like)
{
	static uint64_t nowhere[MAX_HARTS];
	struct race r = *like;

	r.bait_va = race.va[STAYS] + offset();
	for (unsigned e = 0; e < ARRAY_LEN(r.edit); e++)
		r.edit[e] = (struct race_edit){.slot = &nowhere[arch_hart()],
					       .fence_op = seq_fence_none,
					       .delay_op = seq_delay(0)};
	r.probe_op = seq_op_none;
	for (unsigned i = 0; i < 4; i++) {
		r.line = next_line(0);
		race_insns(&r);
	}
}

static void one_try(enum bait b, enum fence f, unsigned delay, unsigned apart)
{
	static uint64_t nowhere[MAX_HARTS];
	struct hart *h = hart_self();
	struct race r = {
		.bait_op = bait_op(b),
		.bait_va = race.va[b == BAIT_NEIGHBOUR ? STAYS : FIRST] + offset(),
		.value = (uint64_t)delay << 16 | (arch_hart() + 1),
		.probe_op = seq_op(race.a),
	};
	struct probe trap = {.trapped = true};

	for (unsigned i = 0; i < NR_ADDRESSES; i++)
		r.probe_va[i] = race.va[i] + offset();
	for (unsigned e = 0; e < 2; e++) {
		unsigned i = FIRST + e;
		struct fence_at at = {.va = race.va[i] + offset(), .asid = race.s->asid};
		struct fence_insn insn = fence_insn(f, &at);

		r.edit[e] = (struct race_edit){
			.slot = race.slot[i],
			.pte = pte_leaf(race.is[i].pa, SCENE_RWX).raw,
			.fence_op = insn.op,
			.rs1 = insn.rs1,
			.rs2 = insn.rs2,
			.delay_op = seq_delay(e == 0 && race.both ? apart : delay),
		};
	}
	if (!race.both)
		r.edit[1] = (struct race_edit){.slot = &nowhere[arch_hart()],
					       .fence_op = seq_fence_none,
					       .delay_op = seq_delay(0)};
	if (b == BAIT_MAYBE)
		train(&r);
	/* A bait that is not taken: only the guess may have begun a walk. */
	r.line = next_line(b == BAIT_MAYBE);
	raw_sfence_all();
	/* The second is warm, so that its own fence is needed. */
	if (race.both)
		(void)probe_access(race.a, race.va[SECOND] + offset(), r.value);
	h->probe_trapped = false;
	race_insns(&r);
	trap.trapped = h->probe_trapped;
	trap.cause = h->probe_cause;
	trap.tval = h->probe_tval;
	trap.epc = h->probe_epc;
	if (r.stage == RACE_BAITING)
		look_bad(&race.look[arch_hart()], &(struct glance){.what = "before the race",
								   .access = race.a,
								   .va = r.bait_va,
								   .seen = trap,
								   .expected = look_value(0)});
	judge(&r, f, trap, delay);
	put_back();
}

static void race_job(void *arg)
{
	struct look *l = &race.look[arch_hart()];
	uint64_t start = time_us();

	(void)arg;
	scene_enter(race.s);
	for (unsigned b = 0; b < NR_BAITS; b++) {
		unsigned before = l->control_stale;

		for (unsigned i = 0; i < STIM_CONTROLS; i++)
			one_try((enum bait)b, FENCE_NONE, 0, 1);
		race.cells++;
		race.cells_blind += l->control_stale == before;
	}
	for (unsigned n = 0; n < race.repeat; n++) {
		if (n != 0 && time_us() - start > race.budget_us)
			break;
		for (unsigned delay = 0; delay <= SEQ_MAX_DELAY; delay++) {
			for (unsigned b = 0; b < NR_BAITS; b++) {
				enum fence f = (enum fence)(FENCE_VA + (n + delay + b) % 4);

				one_try((enum bait)b, f, delay, 1 + delay % 8);
			}
		}
	}
	scene_leave();
}

static void run(struct test_run *t, enum access a, bool both)
{
	struct scene *s = scene_open(t);
	vaddr_t table = scene_va(s, HALF_HIGH, 1);

	memset(&race, 0, sizeof(race));
	race.s = s;
	race.look = look_pool();
	race.a = a;
	race.both = both;
	race.lines = scene_block(s, LINES_ORDER);
	memset(phys_to_ptr(race.lines), 0, PAGE_SIZE << LINES_ORDER);
	for (unsigned i = 0; i < NR_ADDRESSES; i++) {
		/* Entries in different lines of the table, pages that follow each other. */
		race.va[i] = table + (8 * i + rng_below(&t->rng, 8)) * PAGE_SIZE;
		race.slot[i] = scene_slot(s, race.va[i], 0);
		race.was[i] = scene_new_page(s);
		race.is[i] = scene_new_page(s);
	}
	put_back();
	race.budget_us = BUDGET_US / hartset_count(&t->all);
	race.repeat = (unsigned)min_u64(t->bench->args->repeat, UINT32_MAX);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, race_job, NULL);
	}
	t->cells += race.cells;
	t->cells_blind += race.cells_blind;
	look_note_rate("walks across a fence", look_tries(&t->all, race.look));
	look_report(t, a, s, &t->all, race.look);
	scene_close();
}

static void cold(struct test_run *t)
{
	run(t, *(const enum access *)t->test->arg, false);
}

static void twice(struct test_run *t)
{
	run(t, *(const enum access *)t->test->arg, true);
}

/* n = 1..64 SFENCE.VMA with nothing in between but the loop. */
static void back_to_back(struct test_run *t)
{
	many_run(t, *(const enum access *)t->test->arg, FENCE_BIT(FENCE_EACH_VA));
}

#define ROW(what, fn, kind, a)                                                                     \
	TEST_ROW(race, what##_##kind, #what ".4k." #kind, fn, .machine = true, .clause = CLAUSE,   \
		 .arg = &(const enum access){a})
#define ROWS(what, fn)                                                                             \
	ROW(what, fn, load, ACCESS_LOAD)                                                           \
	ROW(what, fn, store, ACCESS_STORE)                                                         \
	ROW(what, fn, fetch, ACCESS_FETCH)

ROWS(cold, cold)
ROWS(double, twice)
ROWS(back_to_back, back_to_back)
