/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenario T45: random operations, with all compared against a flat reference behind each. */
#include <stdio.h>
#include <sys/mman.h>

#include "mm/kernel.h"
#include "mm/split.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_flat.h"
#include "tests/host/scenario_ops.h"

#define STEPS 500u

/* What was done, so that a run in which nothing happens is no pass. */
static struct {
	unsigned maps, unmaps, protects, adds, removes, cuts, refused, nomem, aliases, large;
} done;

static unsigned next_region;

/* ---- operations */

struct op {
	unsigned first, n;
	paddr_t pa;
	uint64_t prot;
	unsigned flags;
};

static enum err do_map(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_map(b, flat.stretch + o->first * PAGE_SIZE, o->pa, o->n * PAGE_SIZE, o->prot, 1);
}

static enum err do_unmap(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_unmap(b, flat.stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, o->flags);
}

static enum err do_protect(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_protect(b, flat.stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, o->prot,
			  o->flags);
}

static enum err do_merge(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	pt_merge(b, flat.stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, 1);
	return OK;
}

static const char *step_block(unsigned i)
{
	if (flat.block[i].pa == FRAME_NONE) {
		flat.block[i].hot = sim_below(4) == 0;
		flat.block[i].order = (unsigned)(sim_below(3) == 0 ? 9 : sim_below(9));
		flat.block[i].pa = flat.block[i].hot
					   ? frame_alloc_hot(flat.block[i].order, OWNER_TEST)
					   : frame_alloc(flat.block[i].order, OWNER_TEST);
		flat.block[i].refs = 0;
		return "a block is allocated";
	}
	/* Who has references stays: that they are counted right is what the model sees else. */
	if (flat.block[i].refs == 0) {
		frame_free(flat.block[i].pa, flat.block[i].order, OWNER_TEST);
		flat.block[i].pa = FRAME_NONE;
	}
	return "a block is freed";
}

static const char *step_map(unsigned i)
{
	static const uint64_t prots[] = {PROT_RW, PROT_RO, PROT_RX};
	struct op o = {.n = 1u << flat.block[i].order, .prot = prots[sim_below(3)]};
	enum err err, due;

	if (flat.block[i].pa == FRAME_NONE)
		return step_block(i);
	/* A block may be mapped more than once, anywhere. */
	o.pa = flat.block[i].pa;
	o.first = (unsigned)sim_below(FLAT_PAGES - o.n + 1);
	if (sim_below(4) != 0)
		o.first = (unsigned)align_down(o.first, o.n);
	due = flat_count_mapped(o.first, o.n) != 0 ? ERR_EXIST : OK;
	err = scene_change(do_map, &o);
	CHECK(err == due || (err == ERR_NOMEM && due == OK), "map: %s", err_name(err));
	done.maps += err == OK;
	done.large +=
		err == OK && pt_lookup(kernel_table(), flat.stretch + o.first * PAGE_SIZE).level;
	done.aliases += err == OK && flat.block[i].refs != 0;
	done.refused += err == ERR_EXIST;
	done.nomem += err == ERR_NOMEM;
	for (unsigned k = 0; k < o.n && err == OK; k++) {
		flat.page[o.first + k].pa = o.pa + k * PAGE_SIZE;
		flat.page[o.first + k].prot = o.prot;
		flat_refer(o.pa + k * PAGE_SIZE, 1);
	}
	flat_probe(o.first, "mapped");
	flat_mix(err != OK);
	return "map";
}

static const char *step_unmap(bool protect)
{
	struct op o = {.n = 1 + (unsigned)sim_below(sim_below(3) != 0 ? 4 : 1200),
		       .prot = sim_below(2) == 0 ? PROT_RO : PROT_RW,
		       .flags = PT_SPLIT | (sim_below(2) == 0 ? PT_HOLES_OK : 0)};
	enum err err, due;

	/* Room for large leaves, now and then. */
	if (!protect && sim_below(3) == 0) {
		o.n = 512 * (1 + (unsigned)sim_below(2));
		o.flags |= PT_HOLES_OK;
	}
	o.first = (unsigned)sim_below(FLAT_PAGES - o.n + 1);
	if (o.n % 512 == 0)
		o.first = (unsigned)align_down(o.first, 512);
	due = (o.flags & PT_HOLES_OK) == 0 && flat_count_mapped(o.first, o.n) != o.n ? ERR_NOENT
										     : OK;
	err = scene_change(protect ? do_protect : do_unmap, &o);
	CHECK(err == due || (err == ERR_NOMEM && due == OK), "%s: %s",
	      protect ? "protect" : "unmap", err_name(err));
	*(protect ? &done.protects : &done.unmaps) += err == OK;
	done.nomem += err == ERR_NOMEM;
	for (unsigned k = 0; k < o.n && err == OK; k++) {
		if (flat.page[o.first + k].pa == FRAME_NONE)
			continue;
		if (protect) {
			flat.page[o.first + k].prot = o.prot;
		} else {
			flat_refer(flat.page[o.first + k].pa, -1);
			flat.page[o.first + k].pa = FRAME_NONE;
		}
	}
	flat_probe(o.first, "behind it");
	flat_probe(o.first + o.n - 1, "behind it");
	flat_probe((unsigned)sim_below(FLAT_PAGES), "behind it");
	flat_mix(err != OK);
	return protect ? "protect" : "unmap";
}

static const char *step_merge(void)
{
	struct op o = {.n = 512 * (1 + (unsigned)sim_below(3))};

	o.first = (unsigned)sim_below((FLAT_PAGES - o.n) / 512 + 1) * 512;
	CHECK_ERR(scene_change(do_merge, &o), OK);
	flat_probe(o.first + (unsigned)sim_below(o.n), "merged");
	return "merge";
}

static const char *step_add(void)
{
	unsigned n = 1 + (unsigned)sim_below(sim_below(4) == 0 ? 64 : 6);
	unsigned first = (unsigned)sim_below(FLAT_HOT_BLOCKS - n + 1);
	struct region r = {FLAT_HOT_AT + first * SZ_2M, n * SZ_2M};
	struct hot_region *q;
	bool taken = false;
	enum err err;

	for (unsigned i = first; i < first + n; i++)
		taken |= flat.hot[i].region != 0;
	err = hot_add(r, PROT_RW, &q, NULL);
	CHECK(err == (taken ? ERR_EXIST : OK) || (err == ERR_NOMEM && !taken), "add: %s",
	      err_name(err));
	done.nomem += err == ERR_NOMEM;
	if (err != OK)
		return "a failed add";
	next_region++;
	done.adds++;
	for (unsigned i = first; i < first + n; i++) {
		flat.hot[i].region = next_region;
		flat.hot[i].r = q;
	}
	if (sim_below(2) == 0)
		CHECK_ERR(hot_online(q), OK);
	return "add";
}

static bool hot_used(struct region r)
{
	for (unsigned i = 0; i < FLAT_BLOCKS; i++) {
		if (flat.block[i].pa != FRAME_NONE && flat.block[i].pa - r.start < r.size)
			return true;
	}
	return false;
}

static struct hot_region *some_region(void)
{
	unsigned nth = (unsigned)sim_below(6);
	struct hot_region *r = hot_first();

	while (nth-- > 0 && r != NULL && r->next != NULL)
		r = r->next;
	return r;
}

static const char *step_remove(void)
{
	struct hot_region *r = some_region();
	struct region phys;
	struct evacuation e;
	enum err err;

	if (r == NULL)
		return step_add();
	phys = r->phys;
	if (r->state == HOT_ONLINE) {
		err = hot_offline(r, &e);
		CHECK(err == (hot_used(phys) ? ERR_BUSY : OK), "offline: %s", err_name(err));
		if (err != OK)
			return "a region that is used";
	}
	err = hot_remove(r, NULL);
	done.nomem += err == ERR_NOMEM;
	CHECK(err == OK || err == ERR_NOMEM, "remove: %s", err_name(err));
	if (err != OK)
		return "a failed removal";
	done.removes++;
	model_frames_unplugged(phys);
	for (uint64_t i = 0; i < phys.size / SZ_2M; i++) {
		flat.hot[(phys.start - FLAT_HOT_AT) / SZ_2M + i].region = 0;
		flat.hot[(phys.start - FLAT_HOT_AT) / SZ_2M + i].r = NULL;
	}
	rig_check_everywhere(direct_va(phys.start), FRAME_NONE, "removed");
	return "remove";
}

static const char *step_cut(void)
{
	struct hot_region *r = some_region(), *upper;
	enum err err;

	if (r == NULL)
		return step_add();
	if (sim_below(2) == 0) {
		struct hot_region *next = r->next;
		struct region gone = next != NULL ? next->phys : (struct region){0, 0};

		err = hot_merge(r, NULL);
		CHECK(err == OK || err == ERR_NOENT, "merge of regions: %s", err_name(err));
		for (uint64_t k = 0; k < gone.size / SZ_2M && err == OK; k++)
			flat.hot[(gone.start - FLAT_HOT_AT) / SZ_2M + k].r = r;
		return "regions are joined";
	}
	err = hot_split(r, r->phys.start + sim_below(r->phys.size / SZ_2M) * SZ_2M, &upper);
	done.cuts += err == OK;
	for (uint64_t k = 0; err == OK && k < upper->phys.size / SZ_2M; k++)
		flat.hot[(upper->phys.start - FLAT_HOT_AT) / SZ_2M + k].r = upper;
	return "a region is cut";
}

static const char *step(void)
{
	unsigned i = (unsigned)sim_below(FLAT_BLOCKS);

	switch (sim_below(10)) {
	case 0:
		return step_block(i);
	case 1:
	case 2:
	case 3:
		return step_map(i);
	case 4:
	case 5:
		return step_unmap(true);
	case 6:
		return step_unmap(false);
	case 7:
		return step_merge();
	case 8:
		return sim_below(2) == 0 ? step_cut() : step_add();
	default:
		return step_remove();
	}
}

static void finish(void)
{
	struct op all = {.n = FLAT_PAGES, .flags = PT_HOLES_OK};

	sim_run_on(0);
	REQUIRE_OK(scene_change(do_unmap, &all));
	for (unsigned i = 0; i < FLAT_PAGES; i++)
		flat.page[i].pa = FRAME_NONE;
	for (unsigned i = 0; i < FLAT_BLOCKS; i++) {
		flat.block[i].refs = 0;
		if (flat.block[i].pa != FRAME_NONE)
			(void)step_block(i);
	}
	for (unsigned i = 0; i < FLAT_HOT_BLOCKS; i++) {
		struct evacuation e;

		if (flat.hot[i].r == NULL)
			continue;
		if (flat.hot[i].r->state == HOT_ONLINE)
			CHECK_ERR(hot_offline(flat.hot[i].r, &e), OK);
		CHECK_ERR(hot_remove(flat.hot[i].r, NULL), OK);
		for (unsigned k = FLAT_HOT_BLOCKS; k-- > i;)
			if (flat.hot[k].r == flat.hot[i].r)
				flat.hot[k].region = 0, flat.hot[k].r = NULL;
	}
	flat_audit("at the end");
}

static uint64_t *shared_digest;

static void random_ops(const struct scenario_run *run)
{
	struct rig_accounts before;

	rig_boot(&run->rig);
	sim_mem_add((struct region){FLAT_HOT_AT, FLAT_HOT_BLOCKS * SZ_2M}, false);
	flat_begin(vmalloc_reserve(FLAT_PAGES * PAGE_SIZE, SZ_2M));
	before = rig_accounts();
	flat_audit("at the start");
	scenario_arm(run);
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		char when[64];
		const char *what;

		sim_run_on((unsigned)sim_below(run->rig.harts));
		frame_fail_at(sim_below(3) == 0 ? 1 + sim_below(4) : 0);
		what = step();
		frame_fail_at(0);
		snprintf(when, sizeof(when), "step %u, %s", s, what);
		flat_audit(when);
		if (s % 16 == 0)
			rig_check_kernel(when);
	}
	if (rig_failures() != 0)
		return;
	CHECK(done.maps >= 5 && done.aliases != 0 && done.unmaps >= 5 && done.protects >= 5 &&
		      done.adds >= 2 && done.removes >= 2 && done.cuts != 0 && done.refused != 0,
	      "%u maps (%u large, %u aliases), %u unmaps, %u protects, %u adds, %u removals, %u "
	      "cuts, %u refused, %u without memory",
	      done.maps, done.large, done.aliases, done.unmaps, done.protects, done.adds,
	      done.removes, done.cuts, done.refused, done.nomem);
	finish();
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	if (shared_digest != NULL)
		*shared_digest = flat.digest;
}

static void once(const void *arg)
{
	random_ops(arg);
}

/* The same seed: the same operations, results, tables, counts; another seed: others. */
static void replay(const struct scenario_run *run)
{
	struct scenario_run other = *run;
	uint64_t first, again, differs;

	shared_digest =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared_digest != MAP_FAILED, "no memory");
	other.rig.seed += run->control.mistake == 1 ? 1 : 0;
	REQUIRE(rig_run(once, run), "the first run");
	first = *shared_digest;
	REQUIRE(rig_run(once, &other), "the second run");
	again = *shared_digest;
	other.rig.seed = run->rig.seed + 1000;
	REQUIRE(rig_run(once, &other), "a run with another seed");
	differs = *shared_digest;
	CHECK(first == again, "seed 0x%llx, and another run of it",
	      (unsigned long long)run->rig.seed);
	CHECK(first != differs && first != 0, "the seed does not matter");
}

static const struct scenario scenarios[] = {
	{.name = "T45 random: every page, right, frame and reference, behind each of 500 steps",
	 .fn = random_ops,
	 .shape = &rig_roomy,
	 .view = SIM_RANDOM,
	 .backends = true,
	 .controls = {{.fault = "one-page-short", .says = "due"},
		      {.fault = "protect-whole", .says = "protect"},
		      {.fault = "neighbour-leaf", .says = "due"},
		      {.fault = "leak-table", .says = "tables, "},
		      {.fault = "leak-records", .says = "frames of records, due"},
		      {.fault = "double-free", .says = "tables, "},
		      {.fault = "no-shootdown", .says = "hart"},
		      {.fault = "wrong-owner", .says = "wrong frees"}}},
	{.name = "T45 random: the same seed is the same run",
	 .fn = replay,
	 .shape = &rig_roomy,
	 .once = true,
	 .controls = {{.mistake = 1, .name = "another seed", .says = "and another run of it"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
