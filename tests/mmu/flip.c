/* SPDX-License-Identifier: BSD-2-Clause */
/* Leaves that lead to one of two pages in turn, and what harts see of them. */
#include "tests/mmu/flip.h"

#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/trap.h"
#include "mm/kernel.h"

static void make_pages(struct scene *s, struct flip *f, vaddr_t va)
{
	*f = (struct flip){.va = va};
	f->page[0] = scene_new_page(s);
	f->page[1] = scene_new_page(s);
}

static uint64_t leaf(const struct flip *f)
{
	return pte_leaf(f->page[f->now].pa, SCENE_RWX).raw;
}

void flip_make(struct scene *s, struct flip *f, vaddr_t va)
{
	make_pages(s, f, va);
	f->slot = scene_slot(s, va, 0);
	scene_store(f->slot, leaf(f));
}

void flip_change(struct flip *f)
{
	f->now = !f->now;
	scene_store(f->slot, leaf(f));
}

uint64_t flip_offset(struct rng *r)
{
	uint64_t words = (PAGE_SIZE - PAGE_WORDS) / sizeof(uint64_t) - MAX_HARTS;

	return PAGE_WORDS + rng_below(r, words) * sizeof(uint64_t);
}

/* Which of the pages @seen belongs to, or neither (2). Stores leave pages as they were. */
static unsigned whose(const struct flip *f, enum access a, uint64_t offset, uint64_t value,
		      struct probe seen)
{
	unsigned found = 2;

	for (unsigned i = 0; i < 2; i++) {
		const struct page *p = &f->page[i];
		uint64_t is = seen.value, due = page_word(p, offset);

		if (a == ACCESS_FETCH)
			due = page_stub_value(p);
		if (a == ACCESS_STORE) {
			is = *page_ptr(p, offset);
			*page_ptr(p, offset) = due;
			due = value;
		}
		if (!seen.trapped && is == due)
			found = i;
	}
	return found;
}

static void record(struct flip_tally *y, const struct flip *f, enum verdict v, struct probe seen,
		   uint64_t offset, uint64_t value, const struct call *c)
{
	if (v == SEEN_OLD && c != NULL)
		y->stale_fences |= FENCE_BIT(c->fence);
	else
		y->other_bad = true;
	if (y->bad++ != 0)
		return;
	y->first.verdict = v;
	y->first.flip = *f;
	y->first.seen = seen;
	y->first.offset = offset;
	y->first.value = value;
	y->first.filling = c == NULL;
	if (c != NULL)
		y->first.call = *c;
}

bool flip_look(const struct flip *f, enum access a, uint64_t offset, enum must must,
	       const struct call *c, struct flip_tally *y)
{
	/* Harts do not store into each other's words. */
	uint64_t at = a == ACCESS_FETCH ? 0 : offset + arch_hart() * sizeof(uint64_t);
	/* No page has this word. */
	uint64_t value = at << 32 | (uint64_t)(arch_hart() + 1);
	struct probe seen = probe_access(a, f->va + at, value);
	unsigned page = whose(f, a, at, value, seen);
	enum verdict v = seen.trapped ? SEEN_TRAP : SEEN_WRONG;

	if (page < 2)
		v = page == f->now ? SEEN_NEW : SEEN_OLD;
	switch (must) {
	case MUST_BE_NEW:
		y->tries++;
		break;
	case MUST_BE_EITHER:
		y->control_tries++;
		y->control_stale += v == SEEN_OLD;
		break;
	case MAY_BE_EITHER:
		y->outside++;
		y->outside_new += v == SEEN_NEW;
		break;
	default:
		break;
	}
	/* A valid leaf became another valid leaf: without a fence either is legal, a third is not.
	 */
	if (v == SEEN_NEW || (v == SEEN_OLD && must != MUST_BE_NEW))
		return true;
	record(y, f, v, seen, at, value, c);
	return false;
}

bool flip_warm(const struct flip *f, enum access a, uint64_t offset, struct flip_tally *y)
{
	return flip_look(f, a, offset, MUST_BE_NEW, NULL, y);
}

struct call call_all(enum fence f, uint16_t asid)
{
	return (struct call){.fence = f, .size = f == RFENCE_ZERO ? 0 : UINT64_MAX, .asid = asid};
}

struct call call_range(enum fence f, vaddr_t start, uint64_t size, uint16_t asid)
{
	return (struct call){.fence = f, .start = start, .size = size, .asid = asid};
}

static bool by_asid(enum fence f)
{
	return f == RFENCE_LEAF_ASID || f == RFENCE_PAGE_ASID || f == RFENCE_ALL_ASID ||
	       f == IPI_VA_ASID;
}

static int64_t make_ipis(const struct call *c)
{
	struct fence_at at = {.start = c->start, .size = c->size, .asid = c->asid};
	int64_t rc = 0;

	for (uint64_t off = 0; off < c->size && rc == 0; off += PAGE_SIZE) {
		at.va = c->start + off;
		rc = fence_remote(c->fence, &at, &c->harts);
	}
	return rc;
}

int64_t call_make(struct call *c)
{
	int64_t asid = by_asid(c->fence) ? c->asid : -1;

	c->caller = arch_hart();
	if (c->fence == FENCE_NONE)
		c->rc = 0;
	else if ((FENCE_BIT(c->fence) & FENCES_IPI) != 0)
		c->rc = make_ipis(c);
	else if (c->raw)
		c->rc = fence_rfence_mask(c->m, c->start, c->size, asid);
	else
		c->rc = fence_rfence(&c->harts, c->start, c->size, asid);
	return c->rc;
}

void call_print(char *buf, size_t len, const struct call *c)
{
	char what[72], asid[16] = "";
	struct hartset left = c->harts;
	struct hart_mask m = c->m;

	if (c->fence == FENCE_NONE) {
		snprintf(buf, len, "no fence");
		return;
	}
	if ((FENCE_BIT(c->fence) & FENCES_IPI) != 0)
		snprintf(what, sizeof(what), "%s for each page of", fence_name(c->fence));
	else
		snprintf(what, sizeof(what), "SBI remote_sfence_vma%s",
			 by_asid(c->fence) ? "_asid" : "");
	if (by_asid(c->fence))
		snprintf(asid, sizeof(asid), ", asid 0x%x", (unsigned)c->asid);
	if (!c->raw && !hart_mask_next(&left, &m))
		m = (struct hart_mask){0, 0};
	snprintf(buf, len, "%s(0x%llx, 0x%llx%s) to mask 0x%llx base 0x%llx%s by hart%u: %lld",
		 what, (unsigned long long)c->start, (unsigned long long)c->size, asid,
		 (unsigned long long)m.mask, (unsigned long long)m.base,
		 hartset_empty(&left) ? "" : " and more", c->caller, (long long)c->rc);
}

static void describe(char *buf, size_t len, enum access a, const struct flip *f, unsigned page,
		     uint64_t offset, uint64_t value)
{
	uint64_t word = page_word(&f->page[page], offset);

	if (a == ACCESS_FETCH)
		word = page_stub_value(&f->page[page]);
	else if (a == ACCESS_STORE)
		word = value;
	snprintf(buf, len, "0x%llx %s page %u", (unsigned long long)word,
		 a == ACCESS_STORE ? "in" : "of", f->page[page].id);
}

static void report_bad(struct test_run *t, const char *what, enum access a, unsigned hart,
		       const struct flip_tally *y)
{
	static const char *const names[] = {"NEW", "STALE", "WRONG ENTRY", "TRAP"};
	const struct flip *f = &y->first.flip;
	const struct probe *p = &y->first.seen;
	const struct scene *s = scene_current();
	char expected[64], seen[64], call[200];
	uint64_t now = *f->slot;

	describe(expected, sizeof(expected), a, f, f->now, y->first.offset, y->first.value);
	if (p->trapped)
		snprintf(seen, sizeof(seen), "a %s, stval 0x%llx", trap_cause_name(p->cause),
			 (unsigned long long)p->tval);
	else if (y->first.verdict == SEEN_OLD)
		describe(seen, sizeof(seen), a, f, !f->now, y->first.offset, y->first.value);
	else
		snprintf(seen, sizeof(seen), "0x%llx of page %u", (unsigned long long)p->value,
			 scene_whose(s, p->value));
	test_fail(t, EVIDENCE_PROBE,
		  "hart%u (id %llu) %s, %s at 0x%llx: %s: saw %s, expected %s; %u of %u", hart,
		  (unsigned long long)hart_get(hart)->hartid, what, access_name(a),
		  (unsigned long long)(f->va + y->first.offset),
		  y->first.filling ? "not as it was before the change" : names[y->first.verdict],
		  seen, expected, y->bad, y->tries + y->control_tries);
	if (y->first.filling)
		snprintf(call, sizeof(call), "sfence.vma x0, x0 of its own");
	else
		call_print(call, sizeof(call), &y->first.call);
	note("behind: %s", call);
	/* The table as it was when that was seen. */
	scene_store(f->slot, leaf(f));
	pt_print_walk(&s->pt, f->va);
	scene_store(f->slot, now);
}

void flip_report(struct test_run *t, const char *what, enum access a, const struct hartset *harts,
		 const struct flip_tally *y)
{
	unsigned outside = 0, outside_new = 0;

	hartset_for_each(h, harts) {
		test_control(t, a, h, y[h].control_stale, y[h].control_tries);
		if (y[h].control_tries != 0) {
			t->cells++;
			t->cells_blind += y[h].control_stale == 0;
		}
		t->stale_fences |= y[h].stale_fences;
		t->other_bad |= y[h].other_bad;
		outside += y[h].outside;
		outside_new += y[h].outside_new;
		if (y[h].bad != 0)
			report_bad(t, what, a, h, &y[h]);
	}
	/* More than was asked for is legal: it costs time. */
	if (outside_new != 0)
		note("over-fence: %u of %u looks at what no fence named saw it fenced", outside_new,
		     outside);
}
