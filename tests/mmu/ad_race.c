/* SPDX-License-Identifier: BSD-2-Clause */
/* ad.race, ad.order: one hart changes or reads an entry while another stores through it. */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "tests/mmu/ad_scheme.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/remote.h"

#define CLAUSE_RACE                                                                                \
	"Privileged ISA, page tables, A and D: the update is atomic with other accesses to the "   \
	"entry and checks that it has not changed"
#define CLAUSE_ORDER                                                                               \
	"Privileged ISA, page tables, A and D: the hart must not store before D is globally "      \
	"visible"

/*
 * Rounds, times stim_repeat(); both harts sleep between them where they share a processor. An
 * exchange takes less than a store that walks: they pause in between.
 */
#define ROUNDS 8
#define EXCHANGES_A_ROUND 15 /* odd: rounds do not end where they began */
#define STORES_A_ROUND 256
#define MAX_LINGER 256
/* Looks at a word that another hart is about to store; it may have no processor now. */
#define MAX_LOOKS 2000
#define WAIT_MS 4000

static struct race_job {
	struct scene *scene;
	enum scheme scheme;
	unsigned storer; /* hart; the other one is hart 0 */
	struct page page[2];
	vaddr_t va;
	uint64_t *slot;
	uint64_t leaf[2]; /* with A, without D */
	struct rng rng;
	unsigned rounds;
	/* Of the storer */
	uint32_t over;	/* set by hart 0: the round whose exchanges are made */
	uint32_t start; /* set by hart 0: the round that it is awake for */
	uint32_t begun; /* the round in which something was stored */
	struct turn go, ready, done;
	unsigned stores, traps;
	bool nowhere; /* a store that is in neither page */
	struct probe seen;
	/* Of hart 0 */
	unsigned now;	/* which page the entry leads to */
	unsigned dirty; /* exchanges that found D set by hardware */
	bool lost;
	uint64_t expected, found;
	unsigned in_time; /* ad.order: stores that were seen as they came */
} job;

#define OFFSET PAGE_WORDS

static uint64_t load_entry(void)
{
	return __atomic_load_n(job.slot, __ATOMIC_RELAXED);
}

static uint64_t load_word(unsigned page)
{
	return __atomic_load_n(page_ptr(&job.page[page], OFFSET), __ATOMIC_ACQUIRE);
}

/* A seeded fault: D is written as by a machine that does not compare. */
static void write_late(uint64_t entry)
{
	for (unsigned n = 0; n < MAX_LOOKS; n++)
		hart_pause();
	scene_store(job.slot, entry | PTE_D);
}

static void store_once(uint64_t value)
{
	uint64_t before = load_entry();
	struct probe p;

	/* Every other time by an entry that is held already, without D. */
	if (value % 2 != 0)
		(void)probe_load(job.va + OFFSET);
	p = probe_store(job.va + OFFSET, value);
	if (fault_armed(FAULT_AD_LOST))
		write_late(before);
	job.stores++;
	if (p.trapped) {
		job.traps++;
		job.seen = p;
	} else if (load_word(0) != value && load_word(1) != value && !job.nowhere) {
		job.nowhere = true;
	}
	/* The next one has to walk again. */
	raw_sfence_va(job.va);
}

/* Awake, so that both go on at the same moment; not for ever, since it may have no processor. */
static void look_until(const uint32_t *word, uint32_t round)
{
	for (unsigned n = 0; n < MAX_LOOKS; n++) {
		if (__atomic_load_n(word, __ATOMIC_RELAXED) == round)
			break;
		hart_pause();
	}
}

/* Some stores, until the other hart's exchanges of this round are over. */
static void store_on(uint32_t round, const struct hartset *zero)
{
	uint64_t value = UINT64_C(0xace0000) + (uint64_t)round * STORES_A_ROUND;

	if (!turn_wait(&job.go, round, WAIT_MS))
		return;
	turn_set(&job.ready, round, zero);
	look_until(&job.start, round);
	for (unsigned i = 0; i < STORES_A_ROUND; i++) {
		store_once(value + i);
		__atomic_store_n(&job.begun, round, __ATOMIC_RELAXED);
		if (__atomic_load_n(&job.over, __ATOMIC_ACQUIRE) == round)
			break;
	}
	turn_set(&job.done, round, zero);
}

static bool entry_is(uint64_t entry, uint64_t due)
{
	return (entry | PTE_D) == (due | PTE_D);
}

/* No hart_pause(): emulators hand their processor over then, to the hart that we want to meet. */
static void linger(unsigned loops)
{
	for (volatile unsigned n = loops; n != 0; n--)
		;
}

/*
 * The entry becomes @next, which leads to the other page, with D clear. It was @due: only D may
 * change without us, and an exchange that finds another entry has found a lost one.
 */
static void exchange_once(uint64_t due, uint64_t next)
{
	uint64_t old;

	linger((unsigned)rng_below(&job.rng, MAX_LINGER));
	old = load_entry();
	while (entry_is(old, due) &&
	       !__atomic_compare_exchange_n(job.slot, &old, next, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
	job.dirty += (old & PTE_D) != 0;
	if (!entry_is(old, due)) {
		job.lost = true;
		job.expected = due;
		job.found = old;
	}
}

static void exchange_on(uint32_t round, const struct hartset *storer)
{
	turn_set(&job.go, round, storer);
	if (turn_wait(&job.ready, round, WAIT_MS)) {
		__atomic_store_n(&job.start, round, __ATOMIC_RELAXED);
		look_until(&job.begun, round);
		for (unsigned i = 0; i < EXCHANGES_A_ROUND && !job.lost; i++) {
			uint64_t due = job.leaf[job.now];

			job.now = 1 - job.now;
			exchange_once(due, job.leaf[job.now]);
		}
	}
	__atomic_store_n(&job.over, round, __ATOMIC_RELEASE);
	(void)turn_wait(&job.done, round, WAIT_MS);
}

static void race_job(void *arg)
{
	struct hartset zero = hartset_of(0), storer = hartset_of(job.storer);

	scene_enter(arg);
	for (uint32_t round = 1; round <= job.rounds; round++) {
		if (arch_hart() == 0)
			exchange_on(round, &storer);
		else
			store_on(round, &zero);
	}
	scene_leave();
}

/* The word is new: then D has to be there already. */
static void look_for(uint64_t value)
{
	for (unsigned i = 0; i < MAX_LOOKS; i++) {
		if (load_word(0) != value) {
			hart_pause();
			continue;
		}
		job.in_time++;
		job.found = load_entry(); /* behind an acquire */
		break;
	}
}

static void order_round(unsigned i, const struct hartset *storer)
{
	uint64_t value = UINT64_C(0x0dde0000) + i;

	scene_store(job.slot, job.leaf[0]);
	job.found = job.leaf[0] | PTE_D;
	turn_set(&job.go, i, storer);
	look_for(value);
	if (!turn_wait(&job.done, i, WAIT_MS))
		return;
	/* Seen as it came, or at the latest now. */
	if (load_word(0) == value && job.found == (job.leaf[0] | PTE_D))
		job.found = load_entry();
	if (load_word(0) == value && job.found != (job.leaf[0] | PTE_D)) {
		job.lost = true;
		job.expected = job.leaf[0] | PTE_D;
	}
}

static void order_store(unsigned i, const struct hartset *zero)
{
	uint64_t value = UINT64_C(0x0dde0000) + i;
	struct probe p;

	if (!turn_wait(&job.go, i, WAIT_MS))
		return;
	raw_sfence_all();
	(void)probe_load(job.va + OFFSET);
	if (fault_armed(FAULT_AD_LATE)) {
		*page_ptr(&job.page[0], OFFSET) = value;
		for (unsigned n = 0; n < MAX_LOOKS; n++)
			hart_pause();
	}
	p = probe_store(job.va + OFFSET, value);
	job.stores++;
	job.traps += p.trapped;
	turn_set(&job.done, i, zero);
}

static void order_job(void *arg)
{
	struct hartset zero = hartset_of(0), storer = hartset_of(job.storer);

	scene_enter(arg);
	for (unsigned i = 1; i <= 4 * job.rounds; i++) {
		if (arch_hart() != 0)
			order_store(i, &zero);
		else if (!job.lost)
			order_round(i, &storer);
		else
			turn_set(&job.go, i, &storer);
	}
	scene_leave();
}

static void build(struct scene *s)
{
	job.va = scene_va(s, HALF_LOW, LEVEL_4K);
	job.slot = scene_slot(s, job.va, LEVEL_4K);
	for (unsigned i = 0; i < 2; i++) {
		job.page[i] = scene_new_page(s);
		job.leaf[i] = pte_leaf(job.page[i].pa, PTE_R | PTE_W | PTE_A).raw;
	}
	scene_store(job.slot, job.leaf[0]);
}

static void report(struct test_run *t)
{
	unsigned long long id = hart_get(job.storer)->hartid;

	if (job.lost)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) store at 0x%llx, %s: entry is 0x%llx, expected 0x%llx",
			  job.storer, id, (unsigned long long)job.va, scheme_name(job.scheme),
			  (unsigned long long)job.found, (unsigned long long)job.expected);
	if (job.nowhere)
		test_fail(t, EVIDENCE_PROBE,
			  "hart%u (id %llu) store at 0x%llx, %s: in neither page that the entry "
			  "led to",
			  job.storer, id, (unsigned long long)job.va, scheme_name(job.scheme));
	/* The entry was valid and writable all the time. */
	if (job.traps != 0 && job.scheme == SCHEME_UPDATE)
		test_fail(t, EVIDENCE_PROBE, "hart%u (id %llu) store at 0x%llx, %s: a %s, %u of %u",
			  job.storer, id, (unsigned long long)job.va, scheme_name(job.scheme),
			  trap_cause_name(job.seen.cause), job.traps, job.stores);
	if (job.lost || job.nowhere)
		pt_print_walk(&job.scene->pt, job.va);
}

/* Hart 0 and each other hart, where hardware sets D. */
static void run(struct test_run *t, void (*fn)(void *))
{
	unsigned dirty = 0, in_time = 0, stores = 0, traps = 0;
	const char *why;

	memset(&job, 0, sizeof(job));
	job.scene = scene_open(t);
	job.rounds = ROUNDS * (unsigned)min_u64(stim_repeat(t), 65536);
	job.rng = rng_stream(rng_next(&t->rng), 0);
	job.scheme = scheme_switch(t, SCHEME_UPDATE, &why) ? SCHEME_UPDATE : scheme_claimed(t);
	build(job.scene);
	hartset_for_each(h, &t->peers) {
		struct hartset two = hartset_of(0);

		hartset_add(&two, h);
		job.storer = h;
		job.now = job.start = job.begun = job.over = job.stores = job.traps = job.dirty =
			job.in_time = 0;
		job.go.number = job.ready.number = job.done.number = 0;
		scene_store(job.slot, job.leaf[0]);
		test_on_harts(t, &two, fn, job.scene);
		report(t);
		dirty += job.dirty;
		in_time += job.in_time;
		stores += job.stores - job.traps;
		traps += job.traps;
		if (t->fails != 0)
			break;
	}
	note("%u stores, %u traps, D found set %u times, %u stores seen as they came", stores,
	     traps, dirty, in_time);
	if (stores == 0)
		test_skip(t, "D is not set by hardware here: stores that need it trap");
	else if (dirty == 0 && in_time == 0)
		test_skip(t, "blind: the harts never met");
	scheme_restore();
	scene_close();
}

static void race(struct test_run *t)
{
	run(t, race_job);
}

static void order(struct test_run *t)
{
	run(t, order_job);
}

TEST_ROW(ad, race_4k_store, "race.4k.store", race, .needs = NEEDS_SMP, .machine = true,
	 .clause = CLAUSE_RACE)
TEST_ROW(ad, order_4k_store, "order.4k.store", order, .needs = NEEDS_SMP, .machine = true,
	 .clause = CLAUSE_ORDER)
