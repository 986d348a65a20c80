/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: what harts see, against what should be there. */
#include "tests/torture.h"

#include <stdio.h>

#include "firmware/arch.h"
#include "firmware/trap.h"
#include "mm/kernel.h"
#include "tests/probes.h"

struct region torture_units(const struct torture *s, unsigned first, unsigned n)
{
	return (struct region){s->base + first * s->unit_bytes, n * s->unit_bytes};
}

vaddr_t torture_page_va(const struct torture *s, unsigned page)
{
	return s->area + page * PAGE_SIZE;
}

/* Words of a frame that say which it is; what the other words hold is nobody's business. */
#define FRAME_WORDS 8u

static uint64_t frame_offset(unsigned word)
{
	return word * (PAGE_SIZE / FRAME_WORDS) + word * sizeof(uint64_t);
}

/* Never changes: whoever stores, by whatever mapping, stores what is there already. */
static uint64_t frame_word(unsigned frame, unsigned word)
{
	return (frame * FRAME_WORDS + word + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

void torture_fill_pool(const struct torture *s)
{
	for (unsigned f = 0; f < s->pool_frames; f++) {
		for (unsigned w = 0; w < FRAME_WORDS; w++) {
			paddr_t pa = s->pool + f * PAGE_SIZE + frame_offset(w);

			*(volatile uint64_t *)phys_to_ptr(pa) = frame_word(f, w);
		}
	}
}

/* Both ends of a unit and a word in between. */
#define UNIT_SPOTS 3u

static uint64_t unit_offset(const struct torture *s, unsigned unit, unsigned spot)
{
	struct rng r = rng_stream(s->seed, unit);

	if (spot == 0)
		return 0;
	if (spot == 1)
		return s->unit_bytes - sizeof(uint64_t);
	return align_down(rng_below(&r, s->unit_bytes), sizeof(uint64_t));
}

static uint64_t unit_word(uint32_t stamp, uint64_t offset)
{
	return (offset << 32 | stamp) * UINT64_C(0x9e3779b97f4a7c15);
}

void torture_stamp_unit(struct torture *s, unsigned unit, uint32_t stamp)
{
	paddr_t pa = torture_units(s, unit, 1).start;

	for (unsigned i = 0; i < UNIT_SPOTS; i++) {
		uint64_t offset = unit_offset(s, unit, i);

		*(volatile uint64_t *)arch_virt_to_ptr(direct_va(pa + offset)) =
			unit_word(stamp, offset);
	}
	__atomic_store_n(&s->units[unit].stamp, stamp, __ATOMIC_RELAXED);
}

static void saw(struct sight *f, struct sight now)
{
	unsigned bad = f->bad;

	if (bad == 0)
		*f = now;
	f->bad = bad + 1;
}

static void expect_fault(struct sight *f, enum access a, vaddr_t va, uint64_t value)
{
	struct probe p = probe_access(a, va, value);

	if (!probe_faulted(&p, a, va))
		saw(f, (struct sight){.access = a, .due_fault = true, .va = va, .seen = p});
}

static void expect_load(struct sight *f, vaddr_t va, bool any, uint64_t due)
{
	struct probe p = probe_load(va);

	if (p.trapped || (!any && p.value != due))
		saw(f, (struct sight){.access = ACCESS_LOAD,
				      .due_any = any,
				      .va = va,
				      .due = due,
				      .seen = p});
}

static void expect_store(struct sight *f, vaddr_t va, uint64_t value)
{
	struct probe p = probe_store(va, value);

	if (p.trapped)
		saw(f,
		    (struct sight){.access = ACCESS_STORE, .due_any = true, .va = va, .seen = p});
	else
		expect_load(f, va, false, value);
}

void torture_look_page(const struct torture *s, unsigned page, struct rng *r, bool store,
		       struct sight *f)
{
	uint16_t is = __atomic_load_n(&s->pages[page], __ATOMIC_RELAXED);
	unsigned word = (unsigned)rng_below(r, FRAME_WORDS);
	vaddr_t va = torture_page_va(s, page) + frame_offset(word);
	uint64_t due = frame_word(is & PAGE_FRAME, word);

	if ((is & PAGE_MAPPED) == 0)
		expect_fault(f, ACCESS_LOAD, va, 0);
	else
		expect_load(f, va, false, due);
	if (!store)
		return;
	if ((is & PAGE_WRITABLE) == 0)
		expect_fault(f, ACCESS_STORE, va, 0);
	else
		expect_store(f, va, due);
}

void torture_look_unit(const struct torture *s, unsigned unit, struct rng *r, bool store,
		       struct sight *f)
{
	const struct unit *u = &s->units[unit];
	uint8_t state = __atomic_load_n(&u->state, __ATOMIC_RELAXED);
	uint32_t stamp = __atomic_load_n(&u->stamp, __ATOMIC_RELAXED);
	uint64_t offset = unit_offset(s, unit, (unsigned)rng_below(r, UNIT_SPOTS));
	paddr_t pa = torture_units(s, unit, 1).start + offset;
	vaddr_t va = direct_va(pa);

	if (state < UNIT_MAPPED) {
		expect_fault(f, ACCESS_LOAD, va, 0);
		if (store)
			expect_fault(f, ACCESS_STORE, va, 0);
		/* Its records are whole pages. */
		expect_fault(f, ACCESS_LOAD, frame_record_va(pa), 0);
		return;
	}
	expect_load(f, frame_record_va(pa), true, 0);
	/* Online: it may be anybody's who allocates. */
	expect_load(f, va, state == UNIT_ONLINE, unit_word(stamp, offset));
	if (store && state == UNIT_MAPPED)
		expect_store(f, va, unit_word(stamp, offset));
}

typedef void (*look_fn)(const struct torture *, unsigned, struct rng *, bool, struct sight *);

/* Both ends of @range of @total, what is right beside them, and some in between. */
#define LOOKS_INSIDE 6u

static void look_range(const struct torture *s, look_fn look, struct range range, unsigned total,
		       struct rng *r, bool store, struct sight *f)
{
	if (range.n == 0)
		return;
	look(s, range.first, r, store, f);
	look(s, range.first + range.n - 1, r, store, f);
	for (unsigned i = 0; i < LOOKS_INSIDE && i + 2 < range.n; i++)
		look(s, range.first + (unsigned)rng_below(r, range.n), r, store, f);
	/* In a storm they may be another part's, and changing. */
	if (s->storm)
		return;
	if (range.first > 0)
		look(s, range.first - 1, r, store, f);
	if (range.first + range.n < total)
		look(s, range.first + range.n, r, store, f);
}

void torture_look_changed(const struct torture *s, const struct part *p, struct rng *r, bool store,
			  struct sight *f)
{
	look_range(s, torture_look_page, p->pages, s->nr_pages, r, store, f);
	look_range(s, torture_look_unit, p->units, s->nr_units, r, store, f);
}

struct look_job {
	struct torture *s;
	const struct part *p; /* NULL: everything */
	uint64_t seed;
	unsigned one_in; /* of everything: one of so many, drawn */
};

static void look_job(void *arg)
{
	const struct look_job *j = arg;
	struct rng r = rng_stream(j->seed, arch_hart());
	struct sight *f = &j->s->sights[arch_hart()];

	*f = (struct sight){0};
	if (j->p != NULL) {
		torture_look_changed(j->s, j->p, &r, true, f);
		return;
	}
	for (unsigned i = 0; i < j->s->nr_pages; i++) {
		if (rng_below(&r, j->one_in) == 0)
			torture_look_page(j->s, i, &r, rng_below(&r, 4) == 0, f);
	}
	for (unsigned i = 0; i < j->s->nr_units; i++)
		torture_look_unit(j->s, i, &r, true, f);
}

void torture_report_sight(struct test_run *t, unsigned hart, const struct sight *f)
{
	char seen[64], due[32];

	if (f->bad == 0)
		return;
	if (f->seen.trapped)
		snprintf(seen, sizeof(seen), "%s", trap_cause_name(f->seen.cause));
	else
		snprintf(seen, sizeof(seen), "0x%llx", (unsigned long long)f->seen.value);
	if (f->due_fault)
		snprintf(due, sizeof(due), "a page fault");
	else if (f->due_any)
		snprintf(due, sizeof(due), "no trap");
	else
		snprintf(due, sizeof(due), "0x%llx", (unsigned long long)f->due);
	test_fail(t, EVIDENCE_PROBE, "hart%u (id %llu) %s: %u, first at 0x%llx: %s, expected %s",
		  hart, (unsigned long long)hart_get(hart)->hartid, access_name(f->access), f->bad,
		  (unsigned long long)f->va, seen, due);
	pt_print_walk(kernel_table(), f->va);
}

static void look(const struct hartset *harts, struct look_job j)
{
	test_on_harts(j.s->t, harts, look_job, &j);
	hartset_for_each(h, harts)
		torture_report_sight(j.s->t, h, &j.s->sights[h]);
}

void torture_look_all(struct torture *s, const struct hartset *harts, unsigned one_in)
{
	look(harts, (struct look_job){s, NULL, rng_next(&s->t->rng), one_in});
}

void torture_look_some(struct torture *s, const struct part *p, struct rng *r)
{
	struct hartset some = {{0}};
	unsigned n = hartset_count(&s->here);

	hartset_for_each(h, &s->here) {
		/* Two of them, as chance has it; all of them every fourth time. */
		if (rng_below(r, n) < 2 || p->steps % 4 == 0)
			hartset_add(&some, h);
	}
	look(&some, (struct look_job){s, p, rng_next(r), 1});
}

void torture_look_across(struct torture *s, struct part *p)
{
	unsigned k = (unsigned)rng_below(&p->eyes, s->nr_parts);
	const struct part *q = &s->parts[k];
	struct rng r = rng_stream(rng_next(&p->eyes), k);
	uint32_t before = __atomic_load_n(&q->sequence, __ATOMIC_ACQUIRE);
	struct range pages = torture_own_pages(s, k, &r);
	struct sight f = {0};

	if ((before & 1) != 0)
		return;
	torture_look_page(s, pages.first + (unsigned)rng_below(&r, pages.n), &r, false, &f);
	if (q->mine.n != 0)
		torture_look_unit(s, q->mine.first + (unsigned)rng_below(&r, q->mine.n), &r, false,
				  &f);
	/* What was seen, before the look at whether it was still being changed. */
	arch_mb();
	if (f.bad != 0 && __atomic_load_n(&q->sequence, __ATOMIC_RELAXED) == before)
		p->sight = f;
}

static void touch_job(void *arg)
{
	const struct spots *p = arg;

	for (unsigned i = 0; i < spots_count(p); i++)
		(void)probe_load(spots_at(p, i));
}

void torture_control(struct torture *s, vaddr_t va, uint64_t size)
{
	struct spots spots = {va, min_u64(size, SZ_2M), s->seed};

	if (!s->control)
		return;
	test_on_harts(s->t, &s->here, touch_job, &spots);
	probes_control_next(s->t, &s->here, &spots, ACCESS_LOAD);
}
