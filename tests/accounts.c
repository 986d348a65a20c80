/* SPDX-License-Identifier: BSD-2-Clause */
/* The accounts around every test. */
#include "tests/accounts.h"

#include "firmware/console.h"
#include "firmware/lock_order.h"
#include "mm/areas.h"
#include "mm/audit.h"
#include "mm/exposure.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "platform/builtin.h"

#define MAX_SHOWN 6

struct accounts accounts_take(const struct bench *b)
{
	struct accounts a = {.plugged = {0}};

	/* What is held back is free for this purpose; releasing it checks it too. */
	ptpage_drain();
	a.frames = frame_counts();
	a.tables = ptpage_live();
	a.areas = area_count();
	for (unsigned i = 0; i < b->nr_vmems; i++)
		a.plugged[i] = b->vmems[i]->plugged_bytes;
	return a;
}

static struct exposure_sum exposed; /* in all */

void accounts_exposure(struct test_run *t)
{
	char text[EXPOSURE_TEXT_LEN];
	struct exposure_sum s;

	model_exposures_take(&s);
	if (s.removals == 0)
		return;
	exposure_join(&exposed, &s);
	test_fail(t, EVIDENCE_MODEL, "exposure: %llu removals: %s", (unsigned long long)s.removals,
		  exposure_text(text, sizeof(text), &s));
	note("  clause: %s", violation_clause(VIOLATION_TABLE_FREED));
}

void accounts_print_exposure(void)
{
	char text[EXPOSURE_TEXT_LEN];

	if (exposed.removals != 0)
		note("exposure: whole run: %llu removals: %s", (unsigned long long)exposed.removals,
		     exposure_text(text, sizeof(text), &exposed));
}

static void print_harts(const struct hartset *s)
{
	hartset_for_each(h, s)
		note("  may be held by hart%u (id %llu)", h,
		     (unsigned long long)hart_get(h)->hartid);
}

void accounts_model(struct test_run *t, const char *when)
{
	struct violation v[MAX_SHOWN];
	unsigned kept;
	unsigned n = model_take_violations(v, MAX_SHOWN, &kept);

	for (unsigned i = 0; i < kept; i++) {
		test_fail(t, EVIDENCE_MODEL,
			  "%s%s: pa 0x%llx, va 0x%llx l%u, old entry 0x%llx, by hart%u", when,
			  violation_name(v[i].kind), (unsigned long long)v[i].pa,
			  (unsigned long long)v[i].va, v[i].level, (unsigned long long)v[i].old.raw,
			  v[i].writer);
		if (v[i].full != NULL)
			note("  there is no room for more %s", v[i].full);
		if (v[i].op != NULL)
			note("  by store %llu, of %s; %s", (unsigned long long)v[i].store, v[i].op,
			     fence_gap_text(v[i].gap));
		print_harts(&v[i].holders);
		note("  clause: %s", violation_clause(v[i].kind));
	}
	if (n > kept)
		test_fail(t, EVIDENCE_MODEL, "and %u more", n - kept);
}

/* A table that was left broken is one test's fault, not also that of all that follow. */
static bool reported_before(const struct audit *a)
{
	static struct audit last;
	bool same = a->problem == last.problem && a->va == last.va && a->level == last.level &&
		    a->seen.raw == last.seen.raw && a->expected == last.expected;

	last = *a;
	return same;
}

void accounts_audit(struct test_run *t)
{
	struct audit a = audit_table(kernel_table());

	if (reported_before(&a) || a.problem == AUDIT_OK)
		return;
	if (a.problem == AUDIT_SHADOW_LOST) {
		/* A limit of this firmware, not a fault of what is tested. */
		test_skip(t, "%s", audit_problem_name(a.problem));
		return;
	}
	test_fail(t, EVIDENCE_ACCOUNTS,
		  "kernel table: %s: va 0x%llx l%u, entry 0x%llx, expected 0x%llx",
		  audit_problem_name(a.problem), (unsigned long long)a.va, a.level,
		  (unsigned long long)a.seen.raw, (unsigned long long)a.expected);
	if (a.va != 0)
		pt_print_walk(kernel_table(), a.va);
}

static void check_frames(struct test_run *t, const struct frame_counts *before,
			 const struct frame_counts *after)
{
	const char *first;
	unsigned errors = frame_errors(&first);

	if (errors != 0)
		test_fail(t, EVIDENCE_ACCOUNTS, "%u wrong frees, the first: %s", errors, first);
	if (before->free != after->free)
		test_fail(t, EVIDENCE_ACCOUNTS, "free frames: %llu before, %llu after",
			  (unsigned long long)before->free, (unsigned long long)after->free);
	for (unsigned o = 0; o < NR_OWNERS; o++) {
		if (before->owned[o] != after->owned[o])
			test_fail(t, EVIDENCE_ACCOUNTS,
				  "frames owned by %s: %llu before, %llu after",
				  owner_name((enum owner)o), (unsigned long long)before->owned[o],
				  (unsigned long long)after->owned[o]);
	}
}

static void check_device(struct test_run *t, struct virtio_mem *v, uint64_t before)
{
	if (v->plugged_bytes != before)
		test_fail(t, EVIDENCE_ACCOUNTS, "%s: plugged: 0x%llx bytes before, 0x%llx after",
			  v->dev.name, (unsigned long long)before,
			  (unsigned long long)v->plugged_bytes);
	if (virtio_mem_check(v) != OK)
		test_fail(t, EVIDENCE_ACCOUNTS, "%s: device and driver disagree on what is plugged",
			  v->dev.name);
}

static void check_devices(struct test_run *t, const struct accounts *before)
{
	const struct bench *b = t->bench;
	paddr_t first;
	static uint64_t seen;

	for (unsigned i = 0; i < b->nr_vmems; i++)
		check_device(t, b->vmems[i], before->plugged[i]);
	if (b->builtin && builtin_violations(&first) != seen) {
		seen = builtin_violations(&first);
		test_fail(t, EVIDENCE_ACCOUNTS, "unplugged memory was written, first at 0x%llx",
			  (unsigned long long)first);
	}
}

static void check_locks(struct test_run *t)
{
	struct lock_order_error e;
	unsigned n = lock_order_errors(&e);

	if (n != 0 && e.missing)
		test_fail(t, EVIDENCE_ACCOUNTS,
			  "%u locks missing or in the wrong order, the first by hart%u: %s is not "
			  "held where something under it goes",
			  n, e.hart, lock_rank_name(e.wanted));
	else if (n != 0)
		test_fail(t, EVIDENCE_ACCOUNTS,
			  "%u locks taken in the wrong order, the first by hart%u: %s inside %s", n,
			  e.hart, lock_rank_name(e.wanted), lock_rank_name(e.held));
}

void accounts_compare(struct test_run *t, const struct accounts *before)
{
	struct accounts now = accounts_take(t->bench);
	unsigned n;
	paddr_t at;

	accounts_model(t, "");
	n = ptpage_errors(&at);
	if (n != 0)
		test_fail(t, EVIDENCE_ACCOUNTS,
			  "%u dead tables were written to, the first at 0x%llx", n,
			  (unsigned long long)at);
	if (now.tables != before->tables)
		test_fail(t, EVIDENCE_ACCOUNTS, "table pages: %llu before, %llu after",
			  (unsigned long long)before->tables, (unsigned long long)now.tables);
	if (now.areas != before->areas)
		test_fail(t, EVIDENCE_ACCOUNTS, "areas of address space: %u before, %u after",
			  before->areas, now.areas);
	check_frames(t, &before->frames, &now.frames);
	check_locks(t);
	accounts_audit(t);
	check_devices(t, before);
}

void accounts_check(struct test_run *t, const struct accounts *before)
{
	accounts_compare(t, before);
	accounts_exposure(t);
	if (hot_first() != NULL)
		test_fail(t, EVIDENCE_ACCOUNTS, "hot-added memory was left behind at 0x%llx",
			  (unsigned long long)hot_first()->phys.start);
}
