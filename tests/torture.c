/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torture.*: seeded operations from all harts against a reference, one at a time or all at once.
 * A round begins and ends with nothing plugged and nothing mapped, and has a seed of its own.
 */
#include "tests/torture.h"

#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/args.h"
#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/kernel.h"
#include "mm/shootdown.h"
#include "tests/accounts.h"
#include "tests/glob.h"

/* A scene needs more than the image has room for: frames of boot memory. */
#define SCENE_ORDER 4u
_Static_assert(sizeof(struct torture) <= PAGE_SIZE << SCENE_ORDER, "a scene fits its frames");

/* Of a round; fewer, and it says so, where the machine is slow. */
#define OPS_STEPS 80u
#define STORM_PHASES 3u
#define STORM_STEPS 40u /* of all parts in a phase */
#define PART_STEPS 4u	/* of each at least */
#define ROUND_TIMEOUT_MS 60000
#define ROUND_BUDGET_US (ROUND_TIMEOUT_MS / 4 * 1000)
/* All harts look at everything this often, and at the end. */
#define ALL_EVERY 40u
#define SAY_US 5000000

/* The one that is under way; what is left of it when its test is left. */
static struct torture *scene;
static enum shootdown_backend flush_before;
static bool told;

static void clean_up(void)
{
	struct torture *s = scene;

	scene = NULL;
	frame_fail_at(0);
	shootdown_use(flush_before);
	if (!told)
		torture_tell(s);
	torture_all_back(s);
}

/*
 * Address space is never given back: reserved once. An edge of 1 GiB lies behind its first piece,
 * and nobody else is near, so that tables of two levels come and go.
 */
static vaddr_t reserve_area(void)
{
	static vaddr_t area;
	vaddr_t va;

	if (area != 0)
		return area;
	va = vmalloc_reserve(SZ_1G + TORTURE_PAGES * PAGE_SIZE, SZ_1G);
	area = va == 0 ? 0 : va + SZ_1G - PIECE_PAGES * PAGE_SIZE;
	return area;
}

static struct torture *open_scene(struct test_run *t, const struct torture_kind *kind)
{
	paddr_t pa = frame_alloc(SCENE_ORDER, OWNER_TEST);
	struct torture *s;

	ASSERT(t, pa != FRAME_NONE, "no memory for the scene");
	s = phys_to_ptr(pa);
	memset(s, 0, sizeof(*s));
	s->t = t;
	s->kind = kind;
	s->storm = kind->storm;
	s->here = t->all;
	s->v = kind->device ? t->bench->vmem : NULL;
	s->nr_parts = kind->storm ? (unsigned)min_u64(hartset_count(&t->all), TORTURE_PARTS) : 1;
	s->nr_pages = (SHARED_PIECES + s->nr_parts) * PIECE_PAGES;
	s->area = reserve_area();
	ASSERT(t, s->area != 0, "no address space left");
	/* All of a piece can be one leaf; without such a block the leaves stay small. */
	s->pool_frames = PIECE_PAGES;
	s->pool = frame_alloc(PT_BITS, OWNER_TEST);
	if (s->pool == FRAME_NONE) {
		s->pool_frames = 1u << SCENE_ORDER;
		s->pool = frame_alloc(SCENE_ORDER, OWNER_TEST);
	}
	ASSERT(t, s->pool != FRAME_NONE, "no memory for pages");
	torture_fill_pool(s);
	flush_before = shootdown_backend();
	scene = s;
	told = false;
	t->cleanup = clean_up;
	return s;
}

static void close_scene(struct torture *s)
{
	unsigned order = s->pool_frames == PIECE_PAGES ? PT_BITS : SCENE_ORDER;

	s->t->cleanup = NULL;
	scene = NULL;
	shootdown_use(flush_before);
	frame_free(s->pool, order, OWNER_TEST);
	frame_free(ptr_to_phys(s), SCENE_ORDER, OWNER_TEST);
}

/* False: there is no room for it on this machine, and the test is skipped. */
static bool begin_round(struct torture *s, uint64_t seed)
{
	struct rng r = rng_stream(seed, hash_name("torture", s->kind->name));

	test_renew(s->t);
	s->seed = seed;
	s->stop = 0;
	s->until_us = time_us() + ROUND_BUDGET_US;
	torture_share_out(s, &r);
	if (s->v == NULL || s->nr_units != 0) {
		torture_begin(s);
		return true;
	}
	test_skip(s->t,
		  "needs a block of the device for each of %u harts, and boot memory for records",
		  s->nr_parts);
	return false;
}

static void end_round(struct torture *s)
{
	torture_all_back(s);
	torture_look_all(s, &s->here, 1);
	torture_put_away(s);
	torture_unmap_all(s);
	torture_report(s);
	torture_look_all(s, &s->here, 4);
}

struct step_job {
	struct torture *s;
	unsigned op;
};

static void step_job(void *arg)
{
	const struct step_job *j = arg;

	torture_step(j->s, &j->s->parts[0], j->op);
}

/* The one that fails is among the first so many of an operation. */
#define MOST_ALLOCATIONS 12u

/* One step, by a hart that is drawn; then what all and some harts see, and the accounts. */
static void one_step(struct torture *s, struct rng *r)
{
	struct part *p = &s->parts[0];
	struct step_job j = {s, torture_draw(s, r, false)};
	const struct torture_op *op = &torture_ops[j.op];
	struct hartset one = hartset_of(torture_draw_hart(&s->here, r));
	char when[80];

	/* Controls are the boot hart's: it is who can have other harts look inside an operation. */
	s->control = op->takes && rng_below(r, 2) == 0;
	if (op->conductor || s->control)
		one = hartset_of(0);
	if (op->starves && rng_below(r, 4) == 0)
		frame_fail_at(1 + rng_below(r, 1 + rng_below(r, MOST_ALLOCATIONS)));
	test_on_harts(s->t, &one, step_job, &j);
	frame_fail_at(0);
	shootdown_before_next(NULL, NULL);
	torture_report(s);
	torture_look_some(s, p, r);
	snprintf(when, sizeof(when), "step %u, %s: ", (unsigned)p->steps, op->name);
	accounts_model(s->t, when);
	accounts_audit(s->t);
	torture_check_regions(s);
	if (p->steps % ALL_EVERY == 0)
		torture_look_all(s, &s->here, 1);
}

static void ops_round(struct torture *s)
{
	struct rng r = rng_stream(s->seed, 0);
	unsigned i = 0;

	for (; i < OPS_STEPS && s->t->fails == 0 && time_us() < s->until_us; i++)
		one_step(s, &r);
	if (i < OPS_STEPS && s->t->fails == 0)
		note("torture: %u of %u steps: this machine is slow", i, OPS_STEPS);
}

static bool over(struct torture *s, const struct part *p)
{
	if (p->failed || p->sight.bad != 0 || time_us() > s->until_us)
		__atomic_store_n(&s->stop, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&s->stop, __ATOMIC_RELAXED) != 0;
}

/* The n-th of the harts that are there has the n-th part. */
static struct part *part_of(struct torture *s, unsigned hart)
{
	unsigned n = 0;

	hartset_for_each(h, &s->here) {
		if (h == hart)
			break;
		n++;
	}
	return n < s->nr_parts ? &s->parts[n] : NULL;
}

static void storm_job(void *arg)
{
	struct torture *s = arg;
	struct part *p = part_of(s, arch_hart());
	/* Where harts outnumber processors each step takes the longer the more of them wait. */
	unsigned steps = (unsigned)max_u64(STORM_STEPS / s->nr_parts, PART_STEPS);

	for (unsigned i = 0; p != NULL && i < steps && !over(s, p); i++) {
		unsigned op = torture_draw(s, &p->rng, false);

		torture_step(s, p, s->walker == p ? torture_op_walk() : op);
		torture_look_changed(s, p, &p->eyes, true, &p->sight);
		torture_look_across(s, p);
	}
}

/* Between phases nobody operates: harts come and go, and everything is compared. */
static void at_barrier(struct torture *s, struct rng *r)
{
	torture_report(s);
	accounts_model(s->t, "storm: ");
	accounts_audit(s->t);
	torture_check_regions(s);
	if (s->t->fails != 0)
		return;
	torture_step(s, &s->parts[0], torture_draw(s, r, true));
	torture_report(s);
	torture_look_all(s, &s->here, 4);
}

static void storm_round(struct torture *s)
{
	struct rng r = rng_stream(s->seed, 0);
	unsigned i = 0;

	for (; i < STORM_PHASES && s->t->fails == 0 && time_us() < s->until_us; i++) {
		/*
		 * In every second phase one part does nothing but walk the table, under its lock:
		 * whoever changes it meanwhile without the lock is in the middle of that.
		 */
		s->walker = i % 2 == 0 ? &s->parts[rng_below(&r, s->nr_parts)] : NULL;
		test_on_harts(s->t, &s->here, storm_job, s);
		at_barrier(s, &r);
	}
	if (i < STORM_PHASES && s->t->fails == 0)
		note("torture: %u of %u phases: this machine is slow", i, STORM_PHASES);
}

struct tally {
	uint64_t rounds, steps, made, refused, no_room, moved;
};

static void add_up(struct tally *sum, const struct part *p)
{
	sum->steps += p->steps;
	sum->made += p->made;
	sum->refused += p->refused;
	sum->no_room += p->no_room;
	sum->moved += p->moved;
}

static void say_tally(const struct tally *sum, uint64_t start)
{
	note("torture: %llu rounds, %llu steps: %llu made, %llu refused as due, %llu without room; "
	     "%llu frames moved; %llu s",
	     (unsigned long long)sum->rounds, (unsigned long long)sum->steps,
	     (unsigned long long)sum->made, (unsigned long long)sum->refused,
	     (unsigned long long)sum->no_room, (unsigned long long)sum->moved,
	     (unsigned long long)(time_us() - start) / 1000000);
}

/* False: there is no room for it on this machine. */
static bool one_round(struct test_run *t, const struct torture_kind *kind, uint64_t seed,
		      struct tally *sum)
{
	struct accounts before = accounts_take(t->bench);
	struct torture *s = open_scene(t, kind);
	bool room = begin_round(s, seed);

	if (room) {
		if (s->storm)
			storm_round(s);
		else
			ops_round(s);
		end_round(s);
	}
	for (unsigned k = 0; k < s->nr_parts; k++)
		add_up(sum, &s->parts[k]);
	told = t->fails == 0;
	if (t->fails != 0)
		torture_tell(s);
	close_scene(s);
	accounts_check(t, &before);
	return room;
}

static const struct torture_kind kinds[] = {
	{"maps", false, false},
	{"ops", false, true},
	{"maps_storm", true, false},
	{"storm", true, true},
};

/* The kind behind @k that was asked for and can be made here; @k itself at last. */
static const struct torture_kind *next_kind(const struct test_run *t, const struct torture_kind *k)
{
	for (unsigned i = 1; i < ARRAY_LEN(kinds); i++) {
		const struct torture_kind *n =
			&kinds[((unsigned)(k - kinds) + i) % ARRAY_LEN(kinds)];
		char name[32];

		snprintf(name, sizeof(name), "torture.%s", n->name);
		if (glob_list_matches(t->bench->args->test, name) &&
		    (!n->device || t->bench->vmem != NULL) &&
		    (!n->storm || !hartset_empty(&t->peers)))
			return n;
	}
	return k;
}

/*
 * repeat= rounds. Without end: of all kinds that were asked for, in turn, since no other test would
 * ever get its own.
 */
static void run(struct test_run *t)
{
	const struct torture_kind *kind = t->test->arg;
	const struct args *args = t->bench->args;
	uint64_t start = time_us(), said = start, seed = t->bench->seed;
	struct tally sum = {0};

	while (args->endless || sum.rounds < args->repeat) {
		if (!one_round(t, kind, seed, &sum) || t->fails != 0)
			return;
		sum.rounds++;
		seed = rng_next(&t->rng);
		if (args->endless)
			kind = next_kind(t, kind);
		if (time_us() - said < SAY_US)
			continue;
		said = time_us();
		say_tally(&sum, start);
	}
	say_tally(&sum, start);
	EXPECT(t, sum.made != 0, "no operation was made");
}

#define CLAUSE "Privileged ISA, SFENCE.VMA: after the shootdown no hart uses the old entry"

#define ROW(i, id, n)                                                                              \
	TEST_ROW(torture, id, #id, run, .needs = n, .timeout_ms = ROUND_TIMEOUT_MS,                \
		 .clause = CLAUSE, .arg = &kinds[i])

ROW(0, maps, 0)
ROW(1, ops, NEEDS_VMEM)
ROW(2, maps_storm, NEEDS_SMP)
ROW(3, storm, NEEDS_SMP | NEEDS_VMEM)
