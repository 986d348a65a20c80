/* SPDX-License-Identifier: BSD-2-Clause */
/* What stimuli found, in words. */
#include "tests/mmu/stim_priv.h"

#include <stdio.h>

#include "firmware/console.h"
#include "firmware/trap.h"

static const char *verdict_name(const struct finding *f)
{
	static const char *const names[] = {"NEW", "STALE", "WRONG ENTRY", "TRAP"};

	if (f->filling)
		return "not as it was before the change";
	if (f->verdict == SEEN_TRAP && !f->seen.trapped)
		return "NO TRAP";
	return names[f->verdict];
}

/* What a page or a fault looks like to an access, in words. */
static void describe(char *buf, size_t len, const struct finding *f, const struct page *p)
{
	uint64_t word;

	if (p->id == 0) {
		snprintf(buf, len, "a %s", trap_cause_name(probe_page_fault(f->stim->access)));
		return;
	}
	if (f->stim->access == ACCESS_FETCH)
		word = page_stub_value(p);
	else
		word = f->stim->access == ACCESS_STORE ? f->value : page_word(p, f->offset);
	snprintf(buf, len, "0x%llx %s page %u", (unsigned long long)word,
		 f->stim->access == ACCESS_STORE ? "in" : "of", p->id);
}

static void describe_seen(char *buf, size_t len, const struct finding *f)
{
	const struct target *at = &f->stim->at[f->target];

	if (f->seen.trapped)
		snprintf(buf, len, "a %s, stval 0x%llx", trap_cause_name(f->seen.cause),
			 (unsigned long long)f->seen.tval);
	else if (f->verdict == SEEN_OLD)
		describe(buf, len, f, &at->was);
	else if (f->stim->access == ACCESS_STORE)
		snprintf(buf, len, "a store that is in neither page");
	else
		snprintf(buf, len, "0x%llx of page %u", (unsigned long long)f->seen.value,
			 scene_whose(f->stim->scene, f->seen.value));
}

/* Every fence behind which something old was seen: the pattern tells more than one of them. */
static void note_stale_fences(uint32_t fences)
{
	char line[200];
	size_t n = 0;

	for (unsigned f = FENCE_NONE + 1; f < NR_FENCES && n < sizeof(line); f++) {
		if ((fences & FENCE_BIT(f)) != 0)
			n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
					      n == 0 ? "" : "; ", fence_name((enum fence)f));
	}
	if (n != 0)
		note("stale behind: %s", line);
}

static void report_finding(struct test_run *t, unsigned hart, const struct tally *y)
{
	const struct finding *f = &y->first;
	const struct stim *st = f->stim;
	const struct target *at = &st->at[f->target];
	struct trial tr = {.stim = st};
	char seen[64], expected[64];

	describe_seen(seen, sizeof(seen), f);
	describe(expected, sizeof(expected), f, f->filling ? &at->was : &at->is);
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) %s %s half, %s at 0x%llx: %s: saw %s, expected %s; %u of %u",
		  hart, (unsigned long long)hart_get(hart)->hartid, st->what, half_name(st->half),
		  access_name(st->access), (unsigned long long)(at->va + f->offset),
		  verdict_name(f), seen, expected, y->bad, y->tries);
	if (f->filling)
		note("behind: sfence.vma x0, x0 at the end of the trial before");
	else
		note("behind: %s, va 0x%llx asid 0x%x, %u instructions later", fence_name(f->fence),
		     (unsigned long long)f->named, (unsigned)stim_asid(st), f->delay);
	if (st->away != NULL)
		note("changed and fenced in asid 0x%x, root 0x%llx, probed in asid 0x%x",
		     (unsigned)stim_asid(st->away), (unsigned long long)stim_table(st->away)->root,
		     (unsigned)stim_asid(st));
	note_stale_fences(y->stale_fences);
	/* The table as it was when that was seen. */
	if (!f->filling)
		trial_change(&tr);
	pt_print_walk(st->behind != NULL ? &st->behind->pt : stim_table(st), at->va);
	trial_restore(&tr);
}

static void note_unnamed(const struct hartset *harts, const struct tally *y)
{
	unsigned tries = 0, fresh = 0;

	hartset_for_each(h, harts) {
		tries += y[h].unnamed_tries;
		fresh += y[h].unnamed_new;
	}
	if (tries != 0)
		note("pages that the fence did not name: %u of %u new all the same", fresh, tries);
}

void stim_report(struct test_run *t, enum access a, const struct hartset *harts,
		 const struct tally *y)
{
	unsigned weak_tries = 0, weak_stale = 0;

	note_unnamed(harts, y);
	hartset_for_each(h, harts) {
		const struct tally *one = &y[h];

		if (!one->no_control)
			test_control(t, a, h, one->control_stale, one->control_tries);
		t->cells += one->cells;
		t->cells_blind += one->cells_blind;
		t->stale_fences |= one->stale_fences;
		weak_tries += one->weak_tries;
		weak_stale += one->weak_stale;
		t->other_bad |= one->other_bad;
		if (one->bad != 0)
			report_finding(t, h, one);
		if (one->unreachable && one->bad == 0 && one->tries == 0)
			test_skip(t,
				  "hart%u gets a %s through this leaf: protection is checked over "
				  "all of it",
				  h, trap_cause_name(one->unreachable_seen.cause));
	}
	if (weak_tries != 0)
		note("fences that need not reach this: old %u/%u", weak_stale, weak_tries);
}
