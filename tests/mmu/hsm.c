/* SPDX-License-Identifier: BSD-2-Clause */
/* hsm.*: fences around harts that stop, start, suspend and resume. */
#include "firmware/hart_life.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "tests/mmu/remote.h"
#include "tests/mmu/rounds.h"
#include "tests/mmu/storm.h"

#define CLAUSE_START                                                                               \
	"Privileged ISA, SFENCE.VMA, made with translation off on the way in (SBI HSM hart start " \
	"promises satp = 0, and nothing of what is cached)"
#define CLAUSE_ASLEEP                                                                              \
	"SBI, RFENCE: a suspended hart of the mask executes SFENCE.VMA too, at the latest before " \
	"it goes on"

#define CLAUSE_MASK                                                                                \
	"SBI, RFENCE: success means that it was sent to all harts of the mask, whatever state "    \
	"others of the mask are in"

/* Coming and going, at most. */
#define LIFE_MS 5000
#define PAGES 4

/* When the call is made: while the hart is away, or as it comes back. */
enum when { WHILE_AWAY, ON_THE_WAY };

/*
 * Who a test is about, and whose control counts: the hart that is away, or those that are named
 * beside it. What the others see is judged all the same.
 */
enum about { THE_GUEST, THE_OTHERS };

struct life_case {
	const char *what;
	enum about about;
	enum access access;
	enum hart_away how;
	enum when when;
};

/* The hart that is away, and what it does when it is back. */
static struct {
	struct rounds *r;
	unsigned hart;
	bool away;	   /* hart_off() did it, hart_on_wait() did not yet */
	bool deaf;	   /* it was not told to look in time */
	bool over;	   /* the test was left: there is nothing to look at */
	struct turn go;	   /* 1: look now, then go on */
	struct turn ready; /* 1: asleep soon */
	int64_t rc;	   /* of sbi_hart_suspend() */
} guest;

/* The test was left while a hart was away. */
static void bring_back(void)
{
	const struct hartset one = hartset_of(guest.hart);

	if (guest.away) {
		guest.away = false;
		guest.over = true;
		turn_set(&guest.go, 1, &one);
		if (hart_on(guest.hart) == SBI_OK && hart_on_wait(guest.hart, LIFE_MS) != OK)
			note("hart%u did not come back", guest.hart);
	}
	scene_close();
}

/* Harts beside hart 0, which conducts, and the guest. */
static bool others_here(struct test_run *t, enum about about)
{
	if (about == THE_GUEST || hartset_count(&t->peers) > 1)
		return true;
	test_skip(t, "needs a third hart");
	return false;
}

static struct rounds *open(struct test_run *t, const char *what, enum access a)
{
	struct rounds *r = rounds_open(t, what, a);

	memset(&guest, 0, sizeof(guest));
	guest.r = r;
	t->cleanup = bring_back;
	/*
	 * The upper half: a hart on its way in fetches from where the image lies in RAM, which the
	 * lower half must not map.
	 */
	rounds_add_pages(r, scene_va(r->scene, HALF_HIGH, 1), PAGES);
	return r;
}

static void lost(struct test_run *t)
{
	const struct hartset one = hartset_of(guest.hart);

	guest.away = false;
	test_lost_harts(t, &one);
}

/* Behind its start, before any fence but that of start.S. */
static void look_first(void *arg)
{
	(void)arg;
	if (!turn_wait(&guest.go, 1, LIFE_MS))
		guest.deaf = true;
	else if (!guest.over)
		rounds_look_here(guest.r);
}

/* Let the guest go. False: SBI does not do that here. */
static bool leave(struct test_run *t, enum hart_away how, bool fence)
{
	struct hart_return back = {
		.satp = scene_satp(guest.r->scene, guest.r->scene->asid),
		.fence = fence && !fault_armed(FAULT_HSM_NO_START_FENCE),
		.first = look_first,
	};
	int64_t rc;
	enum err err;

	guest.go.number = 0; /* before it goes: it may be back at any time */
	err = hart_off(guest.hart, how, &back, LIFE_MS, &rc);
	if (err == ERR_TIMEOUT)
		lost(t);
	if (err != OK) {
		test_skip(t, "SBI HSM refused hart_%s: error %lld",
			  how == HART_STOP ? "stop" : "suspend", (long long)rc);
		return false;
	}
	guest.away = true;
	return true;
}

static void come_back(struct test_run *t)
{
	int64_t rc = fault_armed(FAULT_HSM_LOST) ? SBI_OK : hart_on(guest.hart);

	if (rc != SBI_OK) {
		test_fail(t, EVIDENCE_CHECK, "hart%u does not start again: SBI error %lld",
			  guest.hart, (long long)rc);
		lost(t);
	}
}

static void arrive(struct test_run *t)
{
	const struct hartset one = hartset_of(guest.hart);
	enum err err;

	turn_set(&guest.go, 1, &one);
	err = hart_on_wait(guest.hart, LIFE_MS);
	if (err != OK)
		lost(t);
	EXPECT(t, !guest.deaf, "hart%u was not told to look within %u ms", guest.hart, LIFE_MS);
	guest.away = false;
}

/*
 * The guest goes, hart 0 changes all pages and fences all harts, the guest too; those that are
 * there look, then the guest does, first thing when it is back.
 */
static bool one_trip(struct test_run *t, const struct life_case *c, bool control)
{
	struct rounds *r = guest.r;
	struct hartset others = r->harts, here, none = {{0}};
	struct round n = {.caller = 0, .pages = UINT64_MAX, .must = r->harts};

	n.call = rng_below(&t->rng, 2) == 0
			 ? call_range(RFENCE_LEAF, r->flip[0].va, PAGES * PAGE_SIZE, 0)
			 : call_all(RFENCE_ALL, 0);
	n.call.harts = r->harts;
	if (control) {
		n.call.fence = FENCE_NONE;
		n.must = none;
	}
	rounds_warm(r, &r->harts);
	if (!leave(t, c->how, !control))
		return false;
	if (c->when == ON_THE_WAY)
		come_back(t);
	rounds_change(r, &n);
	/* It will fence by itself, whatever SBI says of the call. */
	if (!control && c->how == HART_STOP && c->when == WHILE_AWAY)
		rounds_must_see(guest.hart);
	rounds_judge_rc(r, &n.call, true);
	hartset_del(&others, guest.hart);
	here = others;
	hartset_del(&here, 0);
	if (!hartset_empty(&here))
		rounds_look(r, &here);
	if (c->when == WHILE_AWAY) {
		/* Both are set before the guest can look. */
		turn_set(&guest.go, 1, &none);
		come_back(t);
	}
	arrive(t);
	return true;
}

static void close(struct rounds *r, enum about about)
{
	hartset_for_each(h, &r->harts) {
		if ((h == guest.hart) != (about == THE_GUEST))
			r->y[h].control_tries = r->y[h].control_stale = 0;
	}
	rounds_close(r);
}

static unsigned pick_guest(struct test_run *t)
{
	unsigned pick = (unsigned)rng_below(&t->rng, hartset_count(&t->peers));

	hartset_for_each(h, &t->peers) {
		if (pick-- == 0)
			return h;
	}
	return 0;
}

static void run_trips(struct test_run *t)
{
	const struct life_case *c = t->test->arg;
	struct rounds *r;
	unsigned trips;
	bool good = true;

	if (!others_here(t, c->about))
		return;
	r = open(t, c->what, c->access);
	trips = 2 + rounds_repeat(r);
	for (unsigned i = 0; good && i < trips && (i < 3 || rounds_time(r)); i++) {
		/* The controls first, and with the same hart. */
		if (i == 0)
			guest.hart = pick_guest(t);
		good = one_trip(t, c, i < 2);
	}
	if (!good) {
		scene_close();
		return;
	}
	close(r, c->about);
}

/* Asleep with all that it knows; whatever wakes it before it is told to look is slept over. */
static void sleep_job(void *arg)
{
	const struct hartset first = hartset_of(0);
	bool irq = arch_irq_save();

	(void)arg;
	turn_set(&guest.ready, 1, &first);
	do {
		guest.rc = sbi_hart_suspend();
		/* Cleared before the look: what comes in between ends the next sleep. */
		csr_read_clear_sip(UINT64_C(1) << IRQ_SOFT);
	} while (guest.rc == SBI_OK && __atomic_load_n(&guest.go.number, __ATOMIC_ACQUIRE) == 0);
	look_first(NULL);
	arch_irq_restore(irq);
}

static bool is_asleep(void *arg)
{
	(void)arg;
	return sbi_hart_state(hart_get(guest.hart)->hartid) == SBI_HART_SUSPENDED;
}

/* Until it sleeps; if it never stays asleep, that is how SBI does it. */
#define ASLEEP_MS 20

static bool one_sleep(struct test_run *t, bool control, unsigned *asleep)
{
	const struct hartset one = hartset_of(guest.hart);
	struct rounds *r = guest.r;
	struct hartset here = r->harts;
	struct round n = {.caller = 0, .pages = UINT64_MAX, .must = r->harts};

	n.call = call_range(RFENCE_LEAF, r->flip[0].va, PAGES * PAGE_SIZE, 0);
	n.call.harts = r->harts;
	if (control)
		n.call.fence = FENCE_NONE;
	guest.go.number = 0;
	guest.ready.number = 0;
	rounds_warm(r, &r->harts);
	hart_post(&one, sleep_job, NULL);
	if (!turn_wait(&guest.ready, 1, LIFE_MS))
		lost(t);
	*asleep += hart_poll_until(is_asleep, NULL, ASLEEP_MS);
	rounds_change(r, &n);
	rounds_judge_rc(r, &n.call, true);
	hartset_del(&here, guest.hart);
	hartset_del(&here, 0);
	if (!hartset_empty(&here))
		rounds_look(r, &here);
	turn_set(&guest.go, 1, &one);
	sbi_send_ipi(1, hart_get(guest.hart)->hartid);
	test_wait_harts(t, &one);
	return guest.rc == SBI_OK;
}

static void run_sleeps(struct test_run *t)
{
	const struct life_case *c = t->test->arg;
	struct rounds *r;
	unsigned sleeps, asleep = 0;

	if (!others_here(t, c->about))
		return;
	r = open(t, c->what, c->access);
	sleeps = 2 + 2 * rounds_repeat(r);
	guest.hart = pick_guest(t);
	for (unsigned i = 0; i < sleeps && (i < 3 || rounds_time(r)); i++) {
		if (!one_sleep(t, i < 2, &asleep)) {
			test_skip(t, "SBI HSM refused hart_suspend: error %lld",
				  (long long)guest.rc);
			break;
		}
	}
	if (!t->skipped && asleep == 0)
		note("hart%u was never seen suspended", guest.hart);
	close(r, c->about);
}

/* Rounds of each sender, and the time they take at most. */
#define CHURN_ROUNDS 48
#define CHURN_US 150000

static void end_storm_and_lose(struct test_run *t)
{
	storm_stop();
	storm_end();
	lost(t);
}

/* Away, in all masks, back, out of them: the guest while others fence each other and it. */
static bool one_churn(struct test_run *t)
{
	const struct hart_return back = {.satp = kernel_satp(), .fence = true};
	int64_t rc;
	enum err err = hart_off(guest.hart, HART_STOP, &back, LIFE_MS, &rc);

	if (err == ERR_TIMEOUT)
		end_storm_and_lose(t);
	if (err != OK)
		return false;
	guest.away = true;
	/* Not while it stops: no SBI promises what becomes of a fence that meets it then. */
	storm_guest(true);
	if (hart_on(guest.hart) != SBI_OK || hart_on_wait(guest.hart, LIFE_MS) != OK)
		end_storm_and_lose(t);
	guest.away = false;
	EXPECT(t, storm_guest(false), "an SBI RFENCE did not come back");
	return true;
}

static void run_churn(struct test_run *t)
{
	const struct life_case *c = t->test->arg;
	uint64_t repeat = min_u64(t->bench->args->repeat, 1000);
	struct storm s = {
		.t = t,
		.what = c->what,
		.access = c->access,
		.senders = t->peers,
		.mixed = true,
		.rounds = (unsigned)(CHURN_ROUNDS * repeat),
		.budget_us = (uint32_t)(CHURN_US * repeat),
		.has_guest = true,
	};
	unsigned trips = 0;

	if (!others_here(t, THE_OTHERS))
		return;
	memset(&guest, 0, sizeof(guest));
	guest.hart = s.guest = pick_guest(t);
	hartset_del(&s.senders, guest.hart);
	s.targets = s.senders;
	storm_prepare(t, scene_open(t));
	t->cleanup = bring_back;
	storm_control(&s);
	storm_begin(&s);
	while (!storm_over() && one_churn(t))
		trips++;
	storm_end();
	note("hart%u stopped and started %u times meanwhile", guest.hart, trips);
	storm_report(&s);
	scene_close();
}

#define ROW(id, kind, f, a, cl, ...)                                                               \
	TEST_ROW(hsm, id##_##kind, #id ".4k." #kind, f,                                            \
		 .needs = NEEDS_SMP | NEEDS_RFENCE | NEEDS_HSM, .timeout_ms = 60000,               \
		 .machine = true, .clause = cl,                                                    \
		 .arg = &(const struct life_case){.access = a, __VA_ARGS__})
#define ROWS(id, f, cl, ...)                                                                       \
	ROW(id, load, f, ACCESS_LOAD, cl, __VA_ARGS__)                                             \
	ROW(id, fetch, f, ACCESS_FETCH, cl, __VA_ARGS__)

ROWS(stop, run_trips, CLAUSE_START, .what = "that was stopped", .how = HART_STOP)
ROWS(stop_mask, run_trips, CLAUSE_MASK, .what = "beside one that was stopped", .how = HART_STOP,
     .about = THE_OTHERS)
ROWS(start_mask, run_trips, CLAUSE_MASK, .what = "beside one that was starting", .how = HART_STOP,
     .when = ON_THE_WAY, .about = THE_OTHERS)
ROWS(suspend, run_sleeps, CLAUSE_ASLEEP, .what = "that was suspended")
ROWS(suspend_mask, run_sleeps, CLAUSE_MASK, .what = "beside one that was suspended",
     .about = THE_OTHERS)
ROWS(suspend_off, run_trips, CLAUSE_START, .what = "that was suspended without its state",
     .how = HART_SUSPEND)
ROWS(suspend_off_mask, run_trips, CLAUSE_MASK,
     .what = "beside one that was suspended without its state", .how = HART_SUSPEND,
     .about = THE_OTHERS)
ROWS(churn, run_churn, CLAUSE_MASK, .what = "beside one that stops and starts")
