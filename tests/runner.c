/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses, shuffles and runs the tests, and ends those that do not. */
#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/lock.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "firmware/timer.h"
#include "firmware/trap.h"
#include "mm/areas.h"
#include "mm/fault.h"
#include "mm/hotplug.h"
#include "mm/link.h"
#include "mm/model.h"
#include "mm/shootdown.h"
#include "mm/vmap.h"
#include "platform/exitdev.h"
#include "platform/plug.h"
#include "tests/accounts.h"
#include "tests/glob.h"
#include "tests/memdev.h"
#include "tests/results.h"
#include "tests/lookout.h"
#include "tests/missing.h"
#include "tests/rtl.h"

#define MAX_TESTS 1024

/* linker/hotwalk.ld */
extern const struct test __tests_start[], __tests_end[];

static struct context leave_to;
static struct test_run *running;
static unsigned running_number, planned;
static const struct bench *bench;
static enum outcome how; /* why the test was left: PASSED, TIMED_OUT, TRAPPED */
static uint64_t deadline = UINT64_MAX;

static bool bailed_out;

static void fail(struct test_run *t, enum evidence e, const char *fmt, va_list ap)
{
	char prefix[24];

	t->evidence |= UINT32_C(1) << e;
	if (t->fails++ >= TEST_MAX_FAIL_LINES)
		return;
	snprintf(prefix, sizeof(prefix), "# %s: ", evidence_name(e));
	vsay(prefix, fmt, ap);
}

void test_fail(struct test_run *t, enum evidence e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(t, e, fmt, ap);
	va_end(ap);
}

void test_expect_failed(struct test_run *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(t, EVIDENCE_CHECK, fmt, ap);
	va_end(ap);
}

void test_assert_failed(struct test_run *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(t, EVIDENCE_CHECK, fmt, ap);
	va_end(ap);
	test_leave();
}

void test_expect_not_ok(struct test_run *t, const char *expr, enum err err)
{
	test_fail(t, EVIDENCE_CHECK, "%s: %s", expr, err_name(err));
}

void test_assert_not_ok(struct test_run *t, const char *expr, enum err err)
{
	test_expect_not_ok(t, expr, err);
	test_leave();
}

void test_skip(struct test_run *t, const char *fmt, ...)
{
	va_list ap;

	t->skipped = true;
	va_start(ap, fmt);
	vsnprintf(t->skip_reason, sizeof(t->skip_reason), fmt, ap);
	va_end(ap);
}

void test_leave(void)
{
	context_resume(&leave_to);
}

void test_control(struct test_run *t, enum access a, unsigned hart, unsigned stale, unsigned tries)
{
	t->control_kinds |= UINT32_C(1) << a;
	t->control_stale += stale;
	t->control_tries += tries;
	if (stale != 0)
		hartset_add(&t->control_saw[a], hart);
}

unsigned test_timeout_ms(const struct test_run *t)
{
	unsigned ms = t->test->timeout_ms != 0 ? t->test->timeout_ms : TEST_TIMEOUT_MS;

	/* Tests of the machine go through the harts one by one. */
	return t->test->machine ? ms * (1 + hart_count() / 4) : ms;
}

void test_lost_harts(struct test_run *t, const struct hartset *lost)
{
	how = TIMED_OUT;
	hartset_for_each(h, lost) {
		bool trapped = hart_get(h)->job_state == JOB_TRAPPED;

		if (trapped)
			how = TRAPPED;
		test_fail(t, EVIDENCE_CHECK, "hart%u (id %llu) %s", h,
			  (unsigned long long)hart_get(h)->hartid,
			  trapped ? "trapped" : "did not come back");
	}
	test_leave();
}

void test_on_harts(struct test_run *t, const struct hartset *harts, void (*fn)(void *), void *arg)
{
	struct hartset asked = *harts;
	struct hartset lost;

	if (fault_armed(FAULT_JOB_LOST) && hartset_count(&asked) > 1)
		hartset_del(&asked, hart_count() - 1);
	if (missing_run(&asked, fn, arg, test_timeout_ms(t) / 2, &lost) != OK)
		test_lost_harts(t, &lost);
}

void test_wait_harts(struct test_run *t, const struct hartset *harts)
{
	struct hartset lost;

	if (hart_wait(harts, test_timeout_ms(t) / 2, &lost) != OK)
		test_lost_harts(t, &lost);
}

/*
 * Continues a hart's interrupted work somewhere else: the test or the job is given up. Locks that
 * it held stay locked, so the run ends behind this test's result.
 */
static void leave_from_trap(struct trap_frame *f)
{
	if (spin_held() != 0) {
		note("%u locks are held: nothing can be run after this", spin_held());
		bailed_out = true;
	}
	/* Whatever was being probed is over: the next trap is not its. */
	hart_self()->probe_resume = 0;
	f->sepc = (uintptr_t)context_resume;
	f->x[10] = (uintptr_t)hart_self()->recover;
}

/* The last handler of the chain: an unexpected trap ends the test or the job. */
static bool unexpected_trap(struct trap_frame *f)
{
	struct hart *h = hart_self();

	if (h->recover == NULL)
		return false;
	trap_print(f);
	if (h->index == 0)
		how = TRAPPED;
	leave_from_trap(f);
	return true;
}

static void stop_timer(void)
{
	deadline = UINT64_MAX;
}

/* Ticks, so that nobody who sleeps sleeps through a deadline of his own. */
#define TICK_MS 50

static void next_tick(void)
{
	timer_set(time_ticks() + time_ms_to_ticks(TICK_MS));
}

static void timer_irq(struct trap_frame *f)
{
	timer_arrived();
	lookout_tick();
	if (arch_hart() != 0)
		return;
	next_tick();
	if (running == NULL || !time_past(deadline))
		return;
	stop_timer();
	note("deadline of %s.%s is past, at sepc=0x%llx", running->test->suite, running->test->name,
	     (unsigned long long)f->sepc);
	if (hart_self()->recover == NULL)
		panic("%s.%s hangs outside its guard", running->test->suite, running->test->name);
	how = TIMED_OUT;
	leave_from_trap(f);
}

static void start_timer(const struct test_run *t)
{
	deadline = time_deadline_ms(test_timeout_ms(t));
}

void test_renew(struct test_run *t)
{
	start_timer(t);
	/* The hart that watched the boot hart may have been stopped meanwhile. */
	lookout_renew();
}

void runner_init(void)
{
	trap_register(TRAP_ORDER_LAST, unexpected_trap);
	irq_register(IRQ_TIMER, timer_irq);
	/* Always, also outside tests: who sleeps until another hart is done has deadlines of his
	 * own. */
	next_tick();
	irq_enable_local(IRQ_TIMER);
}

/* On another hart: the boot hart will not come back, so this one says how it ended. */
static void boot_hart_hangs(uint64_t ms)
{
	struct test_run *t = running;
	const struct bench *b = bench;

	note("hart0 (id %llu) has taken no interrupt for %llu ms: it hangs with its interrupts "
	     "off, "
	     "or inside the SBI firmware",
	     (unsigned long long)hart_get(0)->hartid, (unsigned long long)ms);
	if (t != NULL)
		results_report(t, running_number, TIMED_OUT);
	machine_exit_run(b->machine, results_conclude(b, planned, t != NULL ? running_number : 0));
}

static const char *unmet_need(const struct test_run *t)
{
	if ((t->test->needs & NEEDS_SMP) != 0 && hartset_empty(&t->peers))
		return "needs a second hart";
	if ((t->test->needs & NEEDS_RFENCE) != 0 && !sbi()->rfence)
		return "this SBI has no RFENCE";
	if ((t->test->needs & NEEDS_HSM) != 0 && !sbi()->hsm)
		return "this SBI has no HSM";
	if ((t->test->needs & NEEDS_VMEM) != 0 && t->bench->vmem == NULL && !t->bench->vmem_due)
		return t->bench->vmem_why;
	return NULL;
}

static uint64_t areas_before; /* the test that runs: area_moment() */

/* What it took and has still: a test that was left gives nothing back itself. */
static void give_back_areas(void)
{
	struct area a;

	while ((a = area_left(areas_before)).size != 0) {
		enum err err = vmap_free(a.start);

		note("clean-up: area 0x%llx+0x%llx given back: %s", (unsigned long long)a.start,
		     (unsigned long long)a.size, err_name(err));
		/* Shot down by nobody: lost, and nobody gets it again. */
		if (err != OK)
			return;
	}
}

/* A failed test may leave memory behind: the next one starts with none. */
static void clean_up(const struct bench *b)
{
	give_back_areas();
	/* A device that was given up gives nothing back: start it again, with its memory in use. */
	if (b->vmem != NULL && !memdev_recover(b)) {
		bailed_out = true;
		return;
	}
	while (hot_first() != NULL) {
		struct virtio_mem *v = memdev_of(b, hot_first()->phys.start);
		struct evacuation e;

		if (v == NULL || plug_remove(v, hot_first(), &e, NULL) != OK) {
			note("cannot clean up hot-added memory: the run ends here");
			bailed_out = true;
			return;
		}
	}
	for (unsigned i = 0; i < b->nr_vmems; i++) {
		if (b->vmems[i]->plugged_bytes == 0 || virtio_mem_unplug_all(b->vmems[i]) == OK)
			continue;
		note("cannot unplug what is left: the run ends here");
		bailed_out = true;
	}
}

/* What a test did to the map may make cleaning up trap: the result stands, and the run ends. */
static void clean_up_guarded(const struct bench *b)
{
	hart_self()->recover = &leave_to;
	if (context_save(&leave_to) == 0) {
		clean_up(b);
	} else {
		note("cleaning up trapped: the run ends here");
		bailed_out = true;
	}
	hart_self()->recover = NULL;
	arch_irq_restore(true);
}

static void hang(void)
{
	arch_irq_save();
	for (;;)
		arch_yield();
}

static void run_guarded(struct test_run *t)
{
	hart_self()->recover = &leave_to;
	how = PASSED;
	if (context_save(&leave_to) == 0) {
		start_timer(t);
		if (fault_armed(FAULT_BOOT_HART_HANGS))
			hang();
		if ((t->test->needs & NEEDS_VMEM) != 0 && t->bench->vmem == NULL)
			test_fail(t, EVIDENCE_CHECK, "%s", t->bench->vmem_why);
		else
			t->test->fn(t);
	} else {
		context_left();
	}
	stop_timer();
	/* What never came leaves nothing behind for the next test. */
	shootdown_before_next(NULL, NULL);
	link_before_next(NULL, NULL);
	link_before_each(NULL, NULL);
	frame_fail_at(0);
	if (spin_held() != 0 && !bailed_out) {
		note("%u locks are held behind the test: nothing can be run after this",
		     spin_held());
		bailed_out = true;
	}
	hart_self()->recover = NULL;
	arch_irq_restore(true);
}

static void run_one(const struct bench *b, const struct test *d, unsigned number)
{
	struct test_run t = {
		.test = d,
		.bench = b,
		.peers = hart_peers(),
		.rng = rng_stream(b->seed, hash_name(d->suite, d->name)),
	};
	struct accounts before;
	const char *unmet;

	t.all = t.peers;
	hartset_add(&t.all, 0);
	/* Start-up and cleaning up are watched too; the test that comes next has to say it. */
	missing_check(&t, "before this test: ");
	unmet = unmet_need(&t);
	if (unmet != NULL) {
		test_skip(&t, "%s", unmet);
		how = PASSED;
		results_report(&t, number, t.fails != 0 ? FAILED : SKIPPED);
		return;
	}
	accounts_model(&t, "before this test: ");
	before = accounts_take(b);
	areas_before = area_moment();
	running = &t;
	running_number = number;
	lookout_renew();
	run_guarded(&t);
	running = NULL;
	if (t.cleanup != NULL && !bailed_out)
		t.cleanup();
	if (!bailed_out)
		accounts_check(&t, &before);
	if (how == PASSED && t.fails == 0)
		missing_check(&t, "");
	else
		missing_told();
	if (!bailed_out && model_enabled() && !model_claims()) {
		note("the TLB model is full: what came behind would be green without it");
		bailed_out = true;
	}
	results_report(&t, number, how != PASSED ? how : results_judge(&t));
	if (!bailed_out && (t.fails != 0 || how != PASSED))
		clean_up_guarded(b);
}

static bool matches(const char *globs, const struct test *t)
{
	char name[80];

	snprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
	return glob_list_matches(globs, name);
}

static unsigned choose_rtl(const struct test **chosen)
{
	unsigned n = 0;

	for (const struct test *p = __tests_start; p < __tests_end; p++) {
		int place = rtl_place(p);
		unsigned at = n;

		if (place < 0 || n == MAX_TESTS)
			continue;
		for (; at > 0 && rtl_place(chosen[at - 1]) > place; at--)
			chosen[at] = chosen[at - 1];
		chosen[at] = p;
		n++;
	}
	return n;
}

static unsigned choose(const struct bench *b, const struct test **chosen)
{
	unsigned n = 0;

	if (strcmp(b->args->test, RTL_SET) == 0)
		return choose_rtl(chosen);
	for (const struct test *p = __tests_start; p < __tests_end; p++) {
		if (n < MAX_TESTS && matches(b->args->test, p))
			chosen[n++] = p;
	}
	return n;
}

/* Fisher and Yates. */
static void shuffle(const struct test **tests, unsigned n, uint64_t seed)
{
	struct rng r = rng_stream(seed, 0);

	for (unsigned i = n; i > 1; i--) {
		unsigned j = (unsigned)rng_below(&r, i);
		const struct test *tmp = tests[i - 1];

		tests[i - 1] = tests[j];
		tests[j] = tmp;
	}
}

void runner_list(void)
{
	for (const struct test *p = __tests_start; p < __tests_end; p++)
		note("%s.%s", p->suite, p->name);
}

unsigned runner_run(const struct bench *b)
{
	static const struct test *chosen[MAX_TESTS];
	unsigned n = choose(b, chosen);
	unsigned ran = 0;

	if (b->args->shuffle)
		shuffle(chosen, n, b->seed);
	say("KTAP version 1");
	say("1..%u", n);
	if (n == 0) {
		note("test=%s matches nothing; the tests are:", b->args->test);
		runner_list();
	}
	planned = n;
	bench = b;
	missing_seed();
	lookout_start(boot_hart_hangs);
	for (; ran < n && !bailed_out; ran++) {
		run_one(b, chosen[ran], ran + 1);
		if (ran == 0 && b->args->brief)
			rtl_print_first(b);
	}
	return results_conclude(b, n, ran);
}
