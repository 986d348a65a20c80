/* SPDX-License-Identifier: BSD-2-Clause */
/* Chooses, shuffles, runs and judges the tests, and prints KTAP. */
#include "tests/runner.h"

#include <stdio.h>
#include <string.h>

#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/lock.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "firmware/trap.h"
#include "mm/hotplug.h"
#include "mm/model.h"
#include "mm/shootdown.h"
#include "platform/plug.h"
#include "tests/accounts.h"
#include "tests/glob.h"
#include "tests/memdev.h"

#define MAX_TESTS 512
#define MAX_FAIL_LINES 12

/* linker/hotwalk.ld */
extern const struct test *const __tests_start[], *const __tests_end[];

enum outcome { PASSED, FAILED, SKIPPED, BLIND, TIMED_OUT, TRAPPED };

static struct context leave_to;
static struct test_run *running;
static enum outcome how; /* why the test was left: PASSED, TIMED_OUT, TRAPPED */
static uint64_t deadline = UINT64_MAX;
static char skip_reason[128];

static unsigned totals[TRAPPED + 1];
static unsigned found_by[NR_EVIDENCE];
static bool bailed_out;

static const char *const evidence_names[NR_EVIDENCE] = {"probe", "model", "accounts", "check"};

void test_fail(struct test_run *t, enum evidence e, const char *fmt, ...)
{
	char prefix[24];
	va_list ap;

	t->evidence |= UINT32_C(1) << e;
	if (t->fails++ >= MAX_FAIL_LINES)
		return;
	snprintf(prefix, sizeof(prefix), "# %s: ", evidence_names[e]);
	va_start(ap, fmt);
	vsay(prefix, fmt, ap);
	va_end(ap);
}

void test_skip(struct test_run *t, const char *fmt, ...)
{
	va_list ap;

	t->skipped = true;
	va_start(ap, fmt);
	vsnprintf(skip_reason, sizeof(skip_reason), fmt, ap);
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

/* Whether each kind of access was seen to go stale here, and on another hart if there is one. */
static bool control_sees(const struct test_run *t, enum access *blind, bool *remote)
{
	for (unsigned a = 0; a < NR_ACCESSES; a++) {
		struct hartset others = t->control_saw[a];

		if ((t->control_kinds >> a & 1) == 0)
			continue;
		hartset_del(&others, 0);
		*blind = (enum access)a;
		*remote = hartset_has(&t->control_saw[a], 0);
		if (hartset_empty(&t->control_saw[a]) ||
		    (!hartset_empty(&t->peers) && hartset_empty(&others)))
			return false;
	}
	return true;
}

void test_on_harts(struct test_run *t, const struct hartset *harts, void (*fn)(void *), void *arg)
{
	struct hartset lost;
	enum err err = hart_run(harts, fn, arg, TEST_TIMEOUT_MS / 2, &lost);

	if (err == OK)
		return;
	how = TIMED_OUT;
	hartset_for_each(h, &lost) {
		bool trapped = hart_get(h)->job_state == JOB_TRAPPED;

		if (trapped)
			how = TRAPPED;
		test_fail(t, EVIDENCE_CHECK, "hart%u (id %llu) %s", h,
			  (unsigned long long)hart_get(h)->hartid,
			  trapped ? "trapped" : "did not come back");
	}
	test_leave();
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
	sbi_set_timer(time_ticks() + time_ms_to_ticks(TICK_MS));
}

static void timer_irq(struct trap_frame *f)
{
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
	unsigned ms = t->test->timeout_ms != 0 ? t->test->timeout_ms : TEST_TIMEOUT_MS;

	deadline = time_deadline_ms(ms);
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

static const char *unmet_need(const struct test_run *t)
{
	if ((t->test->needs & NEEDS_SMP) != 0 && hartset_empty(&t->peers))
		return "needs a second hart";
	if ((t->test->needs & NEEDS_VMEM) != 0 && t->bench->vmem == NULL && !t->bench->vmem_due)
		return t->bench->vmem_why;
	return NULL;
}

/* A failed test may leave memory behind: the next one starts with none. */
static void clean_up(const struct bench *b)
{
	/* A device that was given up gives nothing back: start it again, with its memory in use. */
	if (b->vmem != NULL && !memdev_recover(b)) {
		bailed_out = true;
		return;
	}
	while (hot_first() != NULL) {
		struct evacuation e;

		if (plug_remove(b->vmem, hot_first(), &e, NULL) != OK) {
			note("cannot clean up hot-added memory: the run ends here");
			bailed_out = true;
			return;
		}
	}
	if (b->vmem != NULL && b->vmem->plugged_bytes != 0 &&
	    virtio_mem_unplug_all(b->vmem) != OK) {
		note("cannot unplug what is left: the run ends here");
		bailed_out = true;
	}
}

static enum outcome judge(const struct test_run *t)
{
	enum access blind;
	bool only_remote;

	if (how == TIMED_OUT || how == TRAPPED)
		return how;
	if (t->fails != 0)
		return FAILED;
	if (t->skipped)
		return SKIPPED;
	if (!control_sees(t, &blind, &only_remote)) {
		snprintf(skip_reason, sizeof(skip_reason), "blind: no %s of %s used an old entry",
			 access_name(blind), only_remote ? "another hart" : "any hart");
		return BLIND;
	}
	return PASSED;
}

static void print_found_by(const struct test_run *t, char *buf, size_t len)
{
	size_t n = 0;

	buf[0] = '\0';
	for (unsigned e = 0; e < NR_EVIDENCE && n < len; e++) {
		if ((t->evidence >> e & 1) == 0)
			continue;
		found_by[e]++;
		n += (size_t)snprintf(buf + n, len - n, "%s%s", n == 0 ? "" : ",",
				      evidence_names[e]);
	}
}

static void report(const struct test_run *t, unsigned number, enum outcome o)
{
	static const char *const words[] = {"PASS", "FAIL", "SKIP", "SKIP", "TIMEOUT", "ERROR"};
	const struct test *d = t->test;
	char by[64];

	totals[o]++;
	if (t->fails > MAX_FAIL_LINES)
		note("and %u more failures", t->fails - MAX_FAIL_LINES);
	if (t->control_kinds != 0)
		note("control: stale %u/%u", t->control_stale, t->control_tries);
	print_found_by(t, by, sizeof(by));
	if (o == FAILED && (t->evidence & 1 << EVIDENCE_PROBE) != 0 && d->clause != NULL)
		note("clause: %s", d->clause);
	if (o != PASSED && o != SKIPPED && o != BLIND)
		note("repeat with: test=%s.%s seed=0x%llx", d->suite, d->name,
		     (unsigned long long)t->bench->seed);
	note("%s.%s: %s", d->suite, d->name, words[o]);
	switch (o) {
	case PASSED:
		say("ok %u %s.%s", number, d->suite, d->name);
		break;
	case SKIPPED:
	case BLIND:
		say("ok %u %s.%s # SKIP %s", number, d->suite, d->name, skip_reason);
		break;
	case FAILED:
		say("not ok %u %s.%s # found by %s", number, d->suite, d->name, by);
		break;
	case TIMED_OUT:
		say("not ok %u %s.%s # TIMEOUT", number, d->suite, d->name);
		break;
	case TRAPPED:
		say("not ok %u %s.%s # ERROR unexpected trap", number, d->suite, d->name);
		break;
	}
}

static void run_guarded(struct test_run *t)
{
	hart_self()->recover = &leave_to;
	how = PASSED;
	if (context_save(&leave_to) == 0) {
		start_timer(t);
		if ((t->test->needs & NEEDS_VMEM) != 0 && t->bench->vmem == NULL)
			test_fail(t, EVIDENCE_CHECK, "%s", t->bench->vmem_why);
		else
			t->test->fn(t);
	}
	stop_timer();
	/* An operation that never came leaves nothing behind for the next test. */
	shootdown_before_next(NULL, NULL);
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
	unmet = unmet_need(&t);
	if (unmet != NULL) {
		test_skip(&t, "%s", unmet);
		how = PASSED;
		report(&t, number, SKIPPED);
		return;
	}
	/* Start-up and cleaning up are watched too; the test that comes next has to say it. */
	accounts_model(&t, "before this test: ");
	before = accounts_take(b);
	running = &t;
	run_guarded(&t);
	running = NULL;
	if (!bailed_out)
		accounts_check(&t, &before);
	report(&t, number, judge(&t));
	if (!bailed_out && (t.fails != 0 || how != PASSED))
		clean_up(b);
}

static unsigned choose(const struct bench *b, const struct test **chosen)
{
	unsigned n = 0;

	for (const struct test *const *p = __tests_start; p < __tests_end; p++) {
		char name[80];

		snprintf(name, sizeof(name), "%s.%s", (*p)->suite, (*p)->name);
		if (n < MAX_TESTS && glob_list_matches(b->args->test, name))
			chosen[n++] = *p;
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
	for (const struct test *const *p = __tests_start; p < __tests_end; p++)
		note("%s.%s", (*p)->suite, (*p)->name);
}

static unsigned conclude(unsigned planned, unsigned ran)
{
	unsigned failed = totals[FAILED] + totals[TIMED_OUT] + totals[TRAPPED];
	unsigned judged = totals[PASSED] + failed;
	struct model_stats m = model_stats();

	if (failed != 0)
		note("found by: probe %u, model %u, accounts %u, check %u",
		     found_by[EVIDENCE_PROBE], found_by[EVIDENCE_MODEL],
		     found_by[EVIDENCE_ACCOUNTS], found_by[EVIDENCE_CHECK]);
	if (model_enabled())
		note("model: %llu stores, %llu fences, at most %llu old entries and %llu tables at "
		     "once",
		     (unsigned long long)m.stores, (unsigned long long)m.fences,
		     (unsigned long long)m.records_peak, (unsigned long long)m.tables_peak);
	note("time: %llu ms since start", (unsigned long long)time_us() / 1000);
	note("Totals: pass:%u fail:%u xfail:0 xpass:0 skip:%u error:%u", totals[PASSED],
	     totals[FAILED] + totals[TIMED_OUT], totals[SKIPPED] + totals[BLIND], totals[TRAPPED]);
	if (ran < planned) {
		say("Bail out! %u of %u tests did not run", planned - ran, planned);
		say("hotwalk: DONE FAIL %u/%u", judged == 0 ? 1 : failed, planned);
		return 1;
	}
	if (judged == 0) {
		say("hotwalk: DONE NOTHING 0/%u skipped %u", planned,
		    totals[SKIPPED] + totals[BLIND]);
		return 2;
	}
	say("hotwalk: DONE %s %u/%u blind %u skipped %u", failed == 0 ? "PASS" : "FAIL",
	    failed == 0 ? totals[PASSED] : failed, judged, totals[BLIND], totals[SKIPPED]);
	return failed == 0 ? 0 : 1;
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
	for (; ran < n && !bailed_out; ran++)
		run_one(b, chosen[ran], ran + 1);
	return conclude(n, ran);
}
