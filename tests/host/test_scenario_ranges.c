/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of ranges: how many pages are fenced, by which means, and what is refused. */
#include <stdio.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "mm/split.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_log.h"
#include "tests/host/scenario_ops.h"

/* ---- T06, T31, T32: N leaves lose a right; no pointer changes */

struct change {
	vaddr_t va;
	uint64_t pages, stride;
	uint64_t prot;
};

static enum err map_it(struct pt_batch *b, void *arg)
{
	const struct change *c = arg;

	/* No memory behind it: nothing is loaded from there. */
	return pt_map(b, c->va, UINT64_C(0x4000000000), c->pages * c->stride, PROT_RW,
		      c->stride == SZ_2M ? 1 : 0);
}

static enum err protect_it(struct pt_batch *b, void *arg)
{
	const struct change *c = arg;

	return pt_protect(b, c->va, c->pages * c->stride, c->prot, 0);
}

static enum err unmap_it(struct pt_batch *b, void *arg)
{
	const struct change *c = arg;

	return pt_unmap(b, c->va, c->pages * c->stride, 0);
}

/* A change of @n leaves of @stride bytes, logged. */
static struct change change_rights(const struct scenario_run *run, uint64_t n, uint64_t stride)
{
	struct change c = {.pages = n, .stride = stride, .prot = PROT_RO};

	c.va = vmalloc_reserve(n * stride, SZ_2M);
	fault_disarm();
	REQUIRE(c.va != 0, "no room for %llu leaves", (unsigned long long)n);
	REQUIRE_OK(scene_change(map_it, &c));
	rig_check_silent("mapped");
	log_begin(kernel_table());
	scenario_arm(run);
	if (run->control.mistake != 0)
		/* One in the middle of a run, or the only one. */
		sim_mutate_fence(sim_nr_fences() + (n > 1 && n <= SHOOTDOWN_MAX_LEAVES), SIM_DROP,
				 0);
	REQUIRE_OK(scene_change(protect_it, &c));
	log_end();
	return c;
}

/* An address inside the range, and none outside; each leaf once where the fence has no length. */
static void check_operands(const struct change *c, unsigned hart)
{
	uint64_t covered = 0;
	vaddr_t next = c->va;

	for (unsigned i = 0; i < log_nr(); i++) {
		const struct event *e = log_event(i);
		bool addressed = e->kind == EVENT_FENCE && e->hart == hart && e->works;

		if (!addressed)
			continue;
		CHECK(!e->op.all_va && e->op.start == next,
		      "hart%u: a fence for 0x%llx, due 0x%llx", hart,
		      (unsigned long long)e->op.start, (unsigned long long)next);
		covered += max_u64(e->op.size, c->stride);
		next = c->va + covered;
	}
	CHECK(covered == c->pages * c->stride, "hart%u: fences for 0x%llx bytes of 0x%llx", hart,
	      (unsigned long long)covered, (unsigned long long)(c->pages * c->stride));
}

static void check_change(const struct scenario_run *run, uint64_t n, uint64_t stride)
{
	struct change c = change_rights(run, n, stride);
	struct hartset holders = sim_holders();
	char when[48];

	snprintf(when, sizeof(when), "%llu leaves of 0x%llx", (unsigned long long)n,
		 (unsigned long long)stride);
	CHECK(hartset_empty(&holders), "%s: some hart may hold old rights", when);
	log_check_fenced(when);
	rig_check_silent(when);
	for (unsigned h = 0; h < run->rig.harts; h++) {
		if (n <= SHOOTDOWN_MAX_LEAVES)
			check_operands(&c, h);
		else
			CHECK(log_count_fences(h, true) == 1 && log_count_fences(h, false) == 0,
			      "%s: hart%u makes %u full and %u other fences", when, h,
			      log_count_fences(h, true), log_count_fences(h, false));
	}
	fault_disarm();
	REQUIRE_OK(scene_change(unmap_it, &c));
	rig_check_silent(when);
}

static const uint64_t counts[] = {1, 2, 16, 63, 64, 65, 511, 512, 65535, 65536, 65537};

static void page_counts(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	for (unsigned i = 0; i < ARRAY_LEN(counts) && rig_failures() == 0; i++)
		check_change(run, counts[i], PAGE_SIZE);
	/* The stride is the leaf, not the page. */
	for (unsigned i = 0; i < 6 && rig_failures() == 0; i++)
		check_change(run, counts[i], SZ_2M);
}

/* The SBI flushes the pages that it is asked to, not one more; what it answers is looked at. */
static void sbi_exactly(const struct scenario_run *run)
{
	static const enum err answers[] = {ERR_INVAL, ERR_RANGE, ERR_IO, ERR_TIMEOUT};
	struct frame_counts before;

	rig_boot(&run->rig);
	for (unsigned i = 0; i < 4 && rig_failures() == 0; i++)
		check_change(run, counts[i], PAGE_SIZE);
	for (unsigned i = 0; i < ARRAY_LEN(answers); i++) {
		scene_prepare(OP_UNMAP_TABLE);
		ptpage_drain();
		before = frame_counts();
		log_begin(kernel_table());
		sim_fail_shootdown(answers[i], 1);
		CHECK_ERR(scene_operate(OP_UNMAP_TABLE), answers[i]);
		/* Some hart may walk the table for ever: it is never used again. */
		ptpage_drain();
		CHECK(log_check_tables("no answer") == 0, "a table was given back");
		CHECK(frame_counts().free == before.free, "frames came free without an answer");
		rig_check_silent("no answer");
		log_end();
		sim_mem_drop(scene.phys);
	}
}

/* Steps of Svinval on one hart, in order. */
static void check_bracket(const struct change *c, unsigned hart)
{
	unsigned state = 0;
	uint64_t n = 0;

	for (unsigned i = 0; i < log_nr(); i++) {
		const struct event *e = log_event(i);

		if (e->kind == EVENT_STORE)
			CHECK(state == 0, "hart%u: a store inside the bracket", hart);
		if (e->kind != EVENT_FENCE || e->hart != hart)
			continue;
		CHECK(e->step == (state == 0	  ? SIM_INVAL_BEGIN
				  : n == c->pages ? SIM_INVAL_END
						  : SIM_INVAL),
		      "hart%u: step %u comes behind %llu addresses", hart, (unsigned)e->step,
		      (unsigned long long)n);
		state++;
		n += e->step == SIM_INVAL;
	}
	CHECK(state == c->pages + 2, "hart%u: %u steps for %llu pages", hart, state,
	      (unsigned long long)c->pages);
}

static void svinval_order(const struct scenario_run *run)
{
	struct rig rig = run->rig;

	rig.backend = SHOOTDOWN_SVINVAL;
	rig_boot(&rig);
	for (unsigned i = 0; counts[i] <= SHOOTDOWN_MAX_LEAVES; i++) {
		struct change c = change_rights(run, counts[i], PAGE_SIZE);

		for (unsigned h = 0; h < rig.harts; h++) {
			check_bracket(&c, h);
			check_operands(&c, h);
		}
		rig_check_silent("Svinval");
	}
	check_change(run, SHOOTDOWN_MAX_LEAVES + 1, PAGE_SIZE);
}

/* ---- T07: arguments */

static enum err map_args(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_map(b, r->start, SZ_2M, r->size, PROT_RW, 1);
}

static enum err unmap_args(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_unmap(b, r->start, r->size, PT_HOLES_OK);
}

static enum err protect_args(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_protect(b, r->start, r->size, PROT_RO, PT_HOLES_OK);
}

static enum err split_args(struct pt_batch *b, void *arg)
{
	const struct region *r = arg;

	return pt_split(b, r->start, r->size);
}

static void arguments(const struct scenario_run *run)
{
	enum err (*const ops[])(struct pt_batch *, void *) = {map_args, unmap_args, protect_args,
							      split_args};
	vaddr_t va;
	struct rig_accounts before;

	rig_boot(&run->rig);
	va = vmalloc_reserve(SZ_2M, SZ_2M);
	before = rig_accounts();
	struct region rows[] = {
		{va + 0xf00, 0x200},
		{va + 8, PAGE_SIZE},
		{va, PAGE_SIZE + 1},
		{va, 0},
		{va, UINT64_MAX},
		/* The end where the size belongs. */
		{va, va + PAGE_SIZE},
		{0 - PAGE_SIZE, 2 * PAGE_SIZE},
		{UINT64_C(1) << 62, PAGE_SIZE},
	};
	log_begin(kernel_table());
	scenario_arm(run);
	for (unsigned o = 0; o < ARRAY_LEN(ops); o++) {
		for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
			enum err err = scene_change(ops[o], &rows[i]);

			CHECK(err == (i < 5 ? ERR_INVAL : ERR_RANGE), "operation %u, row %u: %s", o,
			      i, err_name(err));
		}
	}
	CHECK(log_nr() == 0, "an operation that is refused did something");
	rig_check_accounts(&before, "refused");
	/* And where they are right: the size is not taken for an end by the fence. */
	check_change(run, 3, PAGE_SIZE);
}

/* ---- T33: the group of a NAPOT leaf goes as a whole */

#define GROUP PTE_NAPOT_PAGES

static void store_group(vaddr_t va, unsigned n, pte_t e)
{
	for (unsigned i = 0; i < n; i++)
		pte_store(pt_walk(kernel_table(), va + i * PAGE_SIZE, 0).slot, e);
}

static pte_t napot_entry(paddr_t pa, uint64_t prot)
{
	pte_t e = pte_leaf(pa, prot | PTE_N);

	e.raw |= UINT64_C(8) << PTE_PPN_SHIFT;
	return e;
}

static void napot_group(const struct scenario_run *run)
{
	unsigned cleared = run->control.mistake == 1 ? GROUP - 1 : GROUP;
	unsigned fenced = run->control.mistake == 2 ? GROUP - 1 : GROUP;
	uint64_t token;
	paddr_t pa;
	vaddr_t va;

	rig_boot(&run->rig);
	va = vmalloc_reserve(SZ_2M, SZ_2M);
	pa = frame_alloc(9, OWNER_TEST);
	REQUIRE_OK(pt_populate(kernel_table(), va, 0));
	store_group(va, GROUP, napot_entry(pa, PROT_RW));
	fence_local_all();
	for (unsigned round = 0; round < 2; round++) {
		struct hartset all = arch_harts_online();

		REQUIRE_OK(arch_rfence(&all, 0, UINT64_MAX));
		token = model_begin();
		/* 1. clear all; 2. each page of it fenced on each hart; 3. only then the new one.
		 */
		store_group(va, cleared, PTE_NONE);
		REQUIRE_OK(arch_rfence(&all, va, fenced * PAGE_SIZE));
		if (run->control.mistake == 3)
			store_group(va, 1, napot_entry(pa + (GROUP * PAGE_SIZE), PROT_RO));
		model_complete(token);
		rig_check_silent("cleared");
		store_group(va, GROUP, napot_entry(pa + round * (GROUP * PAGE_SIZE), PROT_RO));
	}
}

static const struct scenario scenarios[] = {
	{.name = "T06 ranges: 1 to 65537 leaves, each covered, on each hart",
	 .fn = page_counts,
	 .once = true,
	 .backends = true,
	 .controls = {{.fault = "fence-u16", .says = "16 leaves"},
		      {.fault = "no-fence", .says = "1 leaves"},
		      {.mistake = 1, .name = "one fence that is lost", .says = "1 leaves"}}},
	{.name = "T06 ranges: the same on one hart",
	 .fn = page_counts,
	 .harts = 1,
	 .once = true,
	 .controls = {{.fault = "fence-u16", .says = "16 leaves"}}},
	{.name = "T07 arguments: unaligned, empty, endless, an end for a size",
	 .fn = arguments,
	 .controls = {{.fault = "canonical-unchecked", .says = "operation"},
		      {.fault = "size-as-end", .says = "3 leaves"}}},
	{.name = "T31 SBI: exactly the pages asked for; its errors are looked at",
	 .fn = sbi_exactly,
	 .controls = {{.fault = "no-shootdown", .says = "1 leaves"},
		      {.fault = "fence-u16", .says = "16 leaves"}}},
	{.name = "T32 Svinval: order of its steps, and their operands",
	 .fn = svinval_order,
	 .controls = {{.mistake = 1, .name = "a step that is lost", .says = "hart0"}}},
	{.name = "T33 NAPOT: cleared as a group, each page fenced, then written",
	 .fn = napot_group,
	 .controls = {{.mistake = 1, .name = "an entry that stays", .says = "cleared"},
		      {.mistake = 2, .name = "a page that is not fenced", .says = "cleared"},
		      {.mistake = 3,
		       .name = "an entry written before the end",
		       .says = "cleared"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
