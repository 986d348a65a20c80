/* SPDX-License-Identifier: BSD-2-Clause */
/* Findings outside stimuli: recorded by each hart, told by the conductor. */
#include "tests/mmu/look.h"

#include <stdio.h>
#include <string.h>

#include "firmware/console.h"
#include "firmware/trap.h"

struct probe look_value(uint64_t value)
{
	return (struct probe){.value = value};
}

struct probe look_fault(enum access a)
{
	return (struct probe){.trapped = true, .cause = probe_page_fault(a)};
}

bool look_same(struct probe seen, struct probe expected)
{
	if (seen.trapped || expected.trapped)
		return seen.trapped && expected.trapped && seen.cause == expected.cause;
	return seen.value == expected.value;
}

struct look *look_pool(void)
{
	static struct look pool[MAX_HARTS];

	memset(pool, 0, sizeof(pool));
	return pool;
}

void look_bad(struct look *l, const struct glance *g)
{
	if (g->old)
		l->stale_fences |= FENCE_BIT(g->fence);
	else
		l->other_bad = true;
	if (l->bad++ == 0)
		l->first = *g;
}

unsigned look_tries(const struct hartset *harts, const struct look *l)
{
	unsigned n = 0;

	hartset_for_each(h, harts)
		n += l[h].tries;
	return n;
}

void look_note_rate(const char *what, unsigned tries)
{
	if (tries != 0)
		note("%s: %u tries, so a failure in more than one of %u would have been seen "
		     "(95 %%)",
		     what, tries, (tries + 2) / 3);
}

static void describe(char *buf, size_t len, const struct scene *s, struct probe p)
{
	if (p.trapped)
		snprintf(buf, len, "a %s, stval 0x%llx", trap_cause_name(p.cause),
			 (unsigned long long)p.tval);
	else
		snprintf(buf, len, "0x%llx of page %u", (unsigned long long)p.value,
			 scene_whose(s, p.value));
}

static const char *verdict(const struct glance *g)
{
	if (g->old)
		return "STALE";
	if (g->seen.trapped)
		return "TRAP";
	return g->expected.trapped ? "NO TRAP" : "WRONG ENTRY";
}

static void report(struct test_run *t, const struct scene *s, unsigned hart, const struct look *l)
{
	const struct glance *g = &l->first;
	char seen[64], expected[64];
	uint64_t now = 0;

	describe(seen, sizeof(seen), s, g->seen);
	if (g->expected.trapped)
		snprintf(expected, sizeof(expected), "a %s", trap_cause_name(g->expected.cause));
	else
		describe(expected, sizeof(expected), s, g->expected);
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) %s, %s at 0x%llx: %s: saw %s, expected %s; %u of %u", hart,
		  (unsigned long long)hart_get(hart)->hartid, g->what, access_name(g->access),
		  (unsigned long long)g->va, verdict(g), seen, expected, l->bad, l->tries);
	if (g->fence != FENCE_NONE)
		note("behind: %s, va 0x%llx asid 0x%x, %u instructions later", fence_name(g->fence),
		     (unsigned long long)g->named, (unsigned)s->asid, g->delay);
	/* The table as it was when that was seen. */
	if (g->slot != NULL) {
		now = *g->slot;
		scene_store(g->slot, g->pte);
	}
	pt_print_walk(&s->pt, g->va);
	if (g->slot != NULL)
		scene_store(g->slot, now);
}

void look_report(struct test_run *t, enum access a, const struct scene *s,
		 const struct hartset *harts, const struct look *l)
{
	hartset_for_each(h, harts) {
		if (l[h].control_tries != 0)
			test_control(t, a, h, l[h].control_stale, l[h].control_tries);
		t->stale_fences |= l[h].stale_fences;
		t->other_bad |= l[h].other_bad;
		if (l[h].bad != 0)
			report(t, s, h, &l[h]);
	}
}
