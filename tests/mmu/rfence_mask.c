/* SPDX-License-Identifier: BSD-2-Clause */
/* rfence.mask_*: hart masks of every form. */
#include "tests/mmu/rounds.h"

#define CLAUSE                                                                                     \
	"SBI, hart list parameter: bit i of hart_mask is hart id hart_mask_base + i; base -1: "    \
	"all available harts"

struct mask_case {
	void (*rounds)(struct rounds *r);
	const char *what;
	enum access access;
};

static uint64_t id(unsigned hart)
{
	return hart_get(hart)->hartid;
}

/*
 * One call with @m, which names @must. @odd: SBI may refuse the mask. Fences of one page and of all
 * take turns.
 */
static void make(struct rounds *r, unsigned caller, struct hart_mask m, const struct hartset *must,
		 bool odd)
{
	struct round n = {.caller = caller, .pages = UINT64_MAX, .must = *must};

	if (rng_below(&r->t->rng, 2) == 0)
		n.call = call_range(RFENCE_PAGE, r->flip[0].va, PAGE_SIZE, 0);
	else
		n.call = call_all(RFENCE_ALL, 0);
	n.call.raw = true;
	n.call.m = m;
	rounds_make(r, &n, odd);
}

/* Each hart alone, by whoever. */
static void each(struct rounds *r)
{
	hartset_for_each(h, &r->harts) {
		struct hartset one = hartset_of(h);

		make(r, rounds_pick(r), (struct hart_mask){1, id(h)}, &one, false);
	}
}

/* Each hart alone, at every distance from the base that its id allows: low, high, at random. */
static void base(struct rounds *r)
{
	hartset_for_each(h, &r->harts) {
		struct hartset one = hartset_of(h);
		uint64_t most = id(h) < 63 ? id(h) : 63;
		uint64_t at[] = {0, most, rng_below(&r->t->rng, most + 1)};

		for (unsigned i = 0; i < ARRAY_LEN(at); i++)
			make(r, rounds_pick(r),
			     (struct hart_mask){UINT64_C(1) << at[i], id(h) - at[i]}, &one, false);
	}
}

/* Several harts in one mask, others between them left out. */
static void some(struct rounds *r)
{
	for (unsigned i = 0; i < 6; i++) {
		uint64_t from = id(rounds_pick(r));
		struct hart_mask m = {0, from - rng_below(&r->t->rng, from < 63 ? from + 1 : 64)};
		struct hartset must = {{0}};

		hartset_for_each(h, &r->harts) {
			if (id(h) < m.base || id(h) - m.base > 63 || rng_below(&r->t->rng, 2) == 0)
				continue;
			m.mask |= UINT64_C(1) << (id(h) - m.base);
			hartset_add(&must, h);
		}
		if (m.mask != 0)
			make(r, rounds_pick(r), m, &must, false);
	}
}

/* All of them by base -1: the mask is ignored, whatever it says. */
static void all(struct rounds *r)
{
	uint64_t masks[] = {0, 1, UINT64_MAX, rng_next(&r->t->rng)};

	for (unsigned i = 0; i < ARRAY_LEN(masks); i++)
		make(r, rounds_pick(r), (struct hart_mask){masks[i], UINT64_MAX}, &r->harts, false);
}

/* The caller in its own mask: alone, and among all that one mask reaches. */
static void self(struct rounds *r)
{
	hartset_for_each(h, &r->harts) {
		struct hartset one = hartset_of(h), must = {{0}};
		struct hart_mask m = {0, id(h)};

		make(r, h, (struct hart_mask){1, id(h)}, &one, false);
		hartset_for_each(o, &r->harts) {
			if (id(o) < m.base || id(o) - m.base > 63)
				continue;
			m.mask |= UINT64_C(1) << (id(o) - m.base);
			hartset_add(&must, o);
		}
		make(r, h, m, &must, false);
	}
}

/*
 * Harts that do not exist beside one that does: SBI may refuse. If it takes the call, the one that
 * exists is fenced. And nobody at all, which has to come back.
 */
static void beyond(struct rounds *r)
{
	const struct hartset none = {{0}};
	uint64_t last = 0;

	for (unsigned i = 0; i < r->t->bench->machine->nr_cpus; i++) {
		if (r->t->bench->machine->cpus[i].hartid > last)
			last = r->t->bench->machine->cpus[i].hartid;
	}
	hartset_for_each(h, &r->harts) {
		uint64_t far = last + 1 - id(h);
		struct hartset one = hartset_of(h);

		if (far > 63)
			continue;
		make(r, rounds_pick(r), (struct hart_mask){1 | UINT64_C(1) << far, id(h)}, &one,
		     true);
		make(r, rounds_pick(r), (struct hart_mask){1 | UINT64_C(1) << 63, id(h)}, &one,
		     true);
	}
	make(r, rounds_pick(r), (struct hart_mask){0, 0}, &none, true);
	make(r, rounds_pick(r), (struct hart_mask){0, id(0)}, &none, true);
	make(r, rounds_pick(r), (struct hart_mask){1, last + 1}, &none, true);
}

static void run(struct test_run *t)
{
	const struct mask_case *c = t->test->arg;
	struct rounds *r = rounds_open(t, c->what, c->access);

	rounds_add_pages(r, scene_va(r->scene, (enum half)rng_below(&t->rng, NR_HALVES), 1), 1);
	rounds_controls(r);
	for (unsigned i = 0; i < rounds_repeat(r) && (i == 0 || rounds_time(r)); i++)
		c->rounds(r);
	rounds_close(r);
}

#define ROW(id, kind, a, text, n)                                                                  \
	TEST_ROW(rfence, mask_##id##_##kind, "mask_" #id ".4k." #kind, run, .needs = n,            \
		 .timeout_ms = 60000, .machine = true, .clause = CLAUSE,                           \
		 .arg = &(const struct mask_case){id, text, a})
#define ROWS(id, text, n)                                                                          \
	ROW(id, load, ACCESS_LOAD, text, n)                                                        \
	ROW(id, fetch, ACCESS_FETCH, text, n)

ROWS(each, "one hart in the mask", NEEDS_SMP | NEEDS_RFENCE)
ROWS(base, "one hart at a base", NEEDS_SMP | NEEDS_RFENCE)
ROWS(some, "some harts in the mask", NEEDS_SMP | NEEDS_RFENCE)
ROWS(all, "all harts by base -1", NEEDS_RFENCE)
ROWS(self, "the caller in its mask", NEEDS_RFENCE)
ROWS(beyond, "harts that do not exist in the mask", NEEDS_SMP | NEEDS_RFENCE)
