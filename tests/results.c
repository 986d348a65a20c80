/* SPDX-License-Identifier: BSD-2-Clause */
/* Judges a test that has ended, prints KTAP, keeps the totals. */
#include "tests/results.h"

#include <stdio.h>
#include <string.h>

#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/model.h"
#include "tests/accounts.h"
#include "tests/mmu/quirks.h"

static unsigned totals[NR_OUTCOMES];
static unsigned found_by[NR_EVIDENCE];

/* Tests of the machine, suite by suite. */
#define MAX_SUITES 24
static struct {
	const char *name;
	unsigned saw, blind;
} suites[MAX_SUITES];

const char *evidence_name(enum evidence e)
{
	static const char *const names[NR_EVIDENCE] = {"probe", "model", "accounts", "check"};

	return names[e];
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

enum outcome results_judge(struct test_run *t)
{
	enum access blind;
	bool only_remote;

	if (t->fails != 0)
		return quirk_explains(t) ? XFAILED : FAILED;
	if (t->skipped)
		return SKIPPED;
	if (!control_sees(t, &blind, &only_remote)) {
		test_skip(t, "blind: no %s of %s used an old entry", access_name(blind),
			  only_remote ? "another hart" : "any hart");
		return BLIND;
	}
	return PASSED;
}

static void count_machine(const struct test_run *t, enum outcome o)
{
	unsigned i = 0;

	if (!t->test->machine || o == SKIPPED)
		return;
	while (i < MAX_SUITES - 1 && suites[i].name != NULL &&
	       strcmp(suites[i].name, t->test->suite) != 0)
		i++;
	suites[i].name = t->test->suite;
	if (o == BLIND)
		suites[i].blind++;
	else
		suites[i].saw++;
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
				      evidence_name((enum evidence)e));
	}
}

static void explain(const struct test_run *t, enum outcome o)
{
	const struct test *d = t->test;

	if (t->fails > TEST_MAX_FAIL_LINES)
		note("and %u more failures", t->fails - TEST_MAX_FAIL_LINES);
	if (t->control_kinds != 0)
		note("control: stale %u/%u", t->control_stale, t->control_tries);
	if (t->cells_blind != 0 && o != BLIND && o != SKIPPED)
		note("cells: %u of %u could have failed", t->cells - t->cells_blind, t->cells);
	if (o == FAILED && (t->evidence & 1 << EVIDENCE_PROBE) != 0 && d->clause != NULL)
		note("clause: %s", d->clause);
	if (o == FAILED || o == TIMED_OUT || o == TRAPPED)
		note("repeat with: test=%s.%s seed=0x%llx", d->suite, d->name,
		     (unsigned long long)t->bench->seed);
}

void results_report(struct test_run *t, unsigned number, enum outcome o)
{
	static const char *const words[NR_OUTCOMES] = {"PASS", "FAIL",	  "XFAIL", "SKIP",
						       "SKIP", "TIMEOUT", "ERROR"};
	const struct test *d = t->test;
	char by[64];

	totals[o]++;
	count_machine(t, o);
	explain(t, o);
	print_found_by(t, by, sizeof(by));
	if (!t->bench->args->brief)
		note("%s.%s: %s", d->suite, d->name, words[o]);
	switch (o) {
	case SKIPPED:
	case BLIND:
		say("ok %u %s.%s # SKIP %s", number, d->suite, d->name, t->skip_reason);
		break;
	case XFAILED:
		say("ok %u %s.%s # XFAIL %s", number, d->suite, d->name, quirk_name(t));
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
	default:
		say("ok %u %s.%s", number, d->suite, d->name);
		break;
	}
}

static void print_sensitivity(void)
{
	unsigned saw = 0, blind = 0;
	char list[200] = "";
	size_t n = 0;

	for (unsigned i = 0; i < MAX_SUITES && suites[i].name != NULL; i++) {
		saw += suites[i].saw;
		blind += suites[i].blind;
		if (suites[i].blind != 0 && n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s.* (%u)",
					      n == 0 ? "; blind: " : ", ", suites[i].name,
					      suites[i].blind);
	}
	if (saw + blind != 0)
		note("sensitivity: %u of %u platform checks could have failed here%s", saw,
		     saw + blind, list);
}

static void print_run(void)
{
	struct model_stats m = model_stats();

	if (model_enabled())
		note("model: %llu stores, %llu fences, at most %llu old entries and %llu tables at "
		     "once",
		     (unsigned long long)m.stores, (unsigned long long)m.fences,
		     (unsigned long long)m.records_peak, (unsigned long long)m.tables_peak);
	note("time: %llu ms since start", (unsigned long long)time_us() / 1000);
}

unsigned results_conclude(const struct bench *b, unsigned planned, unsigned ran)
{
	unsigned failed = totals[FAILED] + totals[TIMED_OUT] + totals[TRAPPED];
	unsigned judged = totals[PASSED] + totals[XFAILED] + failed;
	char xfail[24];

	if (failed != 0)
		note("found by: probe %u, model %u, accounts %u, check %u",
		     found_by[EVIDENCE_PROBE], found_by[EVIDENCE_MODEL],
		     found_by[EVIDENCE_ACCOUNTS], found_by[EVIDENCE_CHECK]);
	accounts_print_exposure();
	if (!b->args->brief)
		print_run();
	note("Totals: pass:%u fail:%u xfail:%u xpass:0 skip:%u error:%u", totals[PASSED],
	     totals[FAILED] + totals[TIMED_OUT], totals[XFAILED], totals[SKIPPED] + totals[BLIND],
	     totals[TRAPPED]);
	print_sensitivity();
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
	snprintf(xfail, sizeof(xfail), totals[XFAILED] != 0 ? " xfail %u" : "", totals[XFAILED]);
	say("hotwalk: DONE %s %u/%u blind %u skipped %u%s", failed == 0 ? "PASS" : "FAIL",
	    failed == 0 ? totals[PASSED] : failed, judged, totals[BLIND], totals[SKIPPED], xfail);
	return failed == 0 ? 0 : 1;
}
