/* SPDX-License-Identifier: BSD-2-Clause */
/* Rounds of change, call and look, led by hart 0. */
#include "tests/mmu/rounds.h"

#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/time.h"

#define REPEAT 2
#define CONTROLS 2
#define MAX_CONTROLS 32
/* SBI on few processors may need 100 ms a fence. */
#define BUDGET_US 1500000

static struct rounds rounds NOINIT;

/* What the steps are about; written by hart 0 between them. */
static struct {
	const struct round *n;
	struct hartset must;
	uint64_t offset;
	unsigned first; /* page that is looked at first */
} step;

static void enter(void *arg)
{
	scene_enter(arg);
}

struct rounds *rounds_open(struct test_run *t, const char *what, enum access a)
{
	struct rounds *r = &rounds;

	memset(r, 0, sizeof(*r));
	memset(&step, 0, sizeof(step));
	r->t = t;
	r->what = what;
	r->access = a;
	r->harts = t->all;
	r->scene = scene_open(t);
	r->until_us = time_us() + BUDGET_US * t->bench->args->repeat;
	return r;
}

void rounds_close(struct rounds *r)
{
	char text[200];

	flip_report(r->t, r->what, r->access, &r->t->all, r->y);
	if (r->refused != 0) {
		call_print(text, sizeof(text), &r->first_refused);
		note("SBI refused %u of %u calls that it may refuse, first %s", r->refused, r->odd,
		     text);
	}
	scene_close();
}

void rounds_add_pages(struct rounds *r, vaddr_t va, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		flip_make(r->scene, &r->flip[r->nr++], va + i * PAGE_SIZE);
}

static void warm_job(void *arg)
{
	struct rounds *r = arg;

	/* New pages are there, in data and in code, and nothing old is. */
	if (csr_read_satp() != scene_satp(r->scene, r->scene->asid))
		enter(r->scene);
	else
		raw_sfence_all();
	/* What is looked at first is touched last. */
	for (unsigned i = 1; i <= r->nr; i++)
		flip_warm(&r->flip[(step.first + i) % r->nr], r->access, step.offset,
			  &r->y[arch_hart()]);
}

void rounds_warm(struct rounds *r, const struct hartset *harts)
{
	step.offset = flip_offset(&r->t->rng);
	step.first = (unsigned)rng_below(&r->t->rng, r->nr);
	test_on_harts(r->t, harts, warm_job, r);
}

void rounds_look_here(struct rounds *r)
{
	const struct round *n = step.n;
	bool named = hartset_has(&step.must, arch_hart());

	for (unsigned i = 0; i < r->nr; i++) {
		unsigned k = (step.first + i) % r->nr;
		enum must must = n->call.fence == FENCE_NONE ? MUST_BE_EITHER : MAY_BE_EITHER;

		if (named && (n->pages >> k & 1) != 0)
			must = MUST_BE_NEW;
		flip_look(&r->flip[k], r->access, step.offset, must, &n->call, &r->y[arch_hart()]);
	}
}

static void look_job(void *arg)
{
	rounds_look_here(arg);
}

void rounds_look(struct rounds *r, const struct hartset *harts)
{
	test_on_harts(r->t, harts, look_job, r);
}

struct change {
	struct rounds *r;
	struct round *n;
};

static void change_job(void *arg)
{
	const struct change *c = arg;

	for (unsigned i = 0; i < c->r->nr; i++)
		flip_change(&c->r->flip[i]);
	if (call_make(&c->n->call) == 0 && c->n->call.fence != FENCE_NONE)
		step.must = c->n->must;
	if (hartset_has(&c->r->harts, arch_hart()))
		rounds_look_here(c->r);
}

void rounds_change(struct rounds *r, struct round *n)
{
	struct hartset one = hartset_of(n->caller);
	struct change c = {r, n};

	step.n = n;
	step.must = (struct hartset){{0}};
	test_on_harts(r->t, &one, change_job, &c);
}

void rounds_judge_rc(struct rounds *r, const struct call *c, bool odd)
{
	char text[200];

	r->odd += odd;
	if (c->rc == 0)
		return;
	if (odd) {
		if (r->refused++ == 0)
			r->first_refused = *c;
		return;
	}
	call_print(text, sizeof(text), c);
	test_fail(r->t, EVIDENCE_CHECK, "SBI refused %s", text);
}

void rounds_must_see(unsigned hart)
{
	hartset_add(&step.must, hart);
}

void rounds_make(struct rounds *r, struct round *n, bool odd)
{
	struct hartset others = r->harts;

	hartset_del(&others, n->caller);
	rounds_warm(r, &r->harts);
	rounds_change(r, n);
	if (!hartset_empty(&others))
		rounds_look(r, &others);
	rounds_judge_rc(r, &n->call, odd);
}

unsigned rounds_pick(struct rounds *r)
{
	unsigned pick = (unsigned)rng_below(&r->t->rng, hartset_count(&r->harts));

	hartset_for_each(h, &r->harts) {
		if (pick-- == 0)
			return h;
	}
	return 0;
}

bool rounds_time(const struct rounds *r)
{
	return time_us() < r->until_us;
}

unsigned rounds_repeat(const struct rounds *r)
{
	uint64_t n = REPEAT * r->t->bench->args->repeat;

	return n > UINT32_MAX ? UINT32_MAX : (unsigned)n;
}

static bool all_saw_old(const struct rounds *r)
{
	hartset_for_each(h, &r->harts) {
		if (r->y[h].control_stale == 0)
			return false;
	}
	return true;
}

void rounds_controls(struct rounds *r)
{
	/* They end by what they saw: what is drawn behind them must not depend on it. */
	struct rng rest = rng_stream(rng_next(&r->t->rng), 1);

	for (unsigned i = 0; i < MAX_CONTROLS; i++) {
		struct round n = {.caller = rounds_pick(r), .call = {.fence = FENCE_NONE}};

		if (i >= CONTROLS && (all_saw_old(r) || !rounds_time(r)))
			break;
		rounds_make(r, &n, false);
	}
	r->t->rng = rest;
}
