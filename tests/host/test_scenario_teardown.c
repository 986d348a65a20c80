/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of taking down: in which order, what is reused when, and what stays: the root. */
#include <string.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_log.h"
#include "tests/host/scenario_ops.h"

/* ---- T02: clear the leaf, clear the parent, fence all harts, give back */

static unsigned canaries;

static void look_for_canary(void *arg)
{
	(void)arg;
	canaries += rig_canary_somewhere(scene.va);
	if (scene.phys.size != 0)
		canaries += rig_canary_somewhere(frame_record_va(scene.phys.start));
}

static void order_of(const struct scenario_run *run, enum scene_op op, bool table)
{
	struct area direct = run->rig.mode->direct;
	unsigned tables, frames;

	scene_prepare(op);
	scenario_arm(run);
	log_begin(kernel_table());
	shootdown_before_next(look_for_canary, NULL);
	REQUIRE_OK(scene_operate(op));
	tables = log_check_tables(scene_op_name(op));
	frames = log_check_frames(direct, scene_op_name(op));
	log_check_fenced(scene_op_name(op));
	/* Not vacuous: there was something to judge. */
	CHECK(!table || tables != 0, "%s: no table was given back", scene_op_name(op));
	CHECK(frames != 0 || op == OP_MERGE, "%s: no frame was given back", scene_op_name(op));
	CHECK(canaries == 0, "%s: a hart came through a dead table", scene_op_name(op));
	rig_check_silent(scene_op_name(op));
	log_end();
	fault_disarm();
	sim_mem_drop(scene.phys);
}

static void order(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	order_of(run, OP_REMOVE, true);
	order_of(run, OP_UNMAP, false);
	order_of(run, OP_UNMAP_MANY, false);
	order_of(run, OP_UNMAP_TABLE, true);
	order_of(run, OP_MERGE, true);
}

/* ---- T03: what comes free is used at once, for what looks like entries */

#define SECRET UINT64_C(0x5ec2e7ba5eba11)
#define MAX_TAKEN 32768u

static struct {
	paddr_t secret;
	unsigned taken;
	bool reached;
} thief;

static bool reaches_secret(vaddr_t va)
{
	struct hartset online = arch_harts_online();

	hartset_for_each(h, &online) {
		struct sim_result r[16];
		unsigned n = sim_outcomes(h, va, SIM_LOAD, r, ARRAY_LEN(r));

		for (unsigned i = 0; i < n; i++) {
			if (r[i].outcome == SIM_OK && r[i].value == SECRET)
				return true;
		}
	}
	return false;
}

/* Another hart takes every page that there is and fills it with leaves that lead to the secret. */
static void take_all(void *arg)
{
	paddr_t pa;

	(void)arg;
	ptpage_drain();
	while (thief.taken < MAX_TAKEN && (pa = frame_alloc(0, OWNER_TEST)) != FRAME_NONE) {
		uint64_t *words = sim_word(pa);

		for (unsigned i = 0; i < PT_ENTRIES; i++)
			words[i] = pte_leaf(thief.secret, PROT_RWX).raw;
		thief.taken++;
	}
	thief.reached |= reaches_secret(scene.va);
}

static void reused_at_once(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	thief.secret = frame_alloc(0, OWNER_TEST);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		sim_word(thief.secret)[i] = SECRET;
	scene_prepare(OP_UNMAP_TABLE);
	CHECK(!reaches_secret(scene.va), "the secret is mapped");
	scenario_arm(run);
	/* The moment that is worst: unlinked, and no hart has fenced. */
	shootdown_before_next(take_all, NULL);
	REQUIRE_OK(scene_operate(OP_UNMAP_TABLE));
	CHECK(thief.taken > 100, "%u pages were free", thief.taken);
	CHECK(!thief.reached, "a hart walks a page that was given to somebody else");
	/* And behind it. */
	ptpage_drain();
	take_all(NULL);
	CHECK(!thief.reached, "a hart walks a page that was given to somebody else, later");
	rig_check_silent("reused");
}

/* ---- T04: nothing is written to a dead table until every hart has fenced */

static struct {
	bool watching;
	paddr_t table;
	uint64_t words[PT_ENTRIES];
	unsigned looks, changes;
	bool by_hand;
} dead;

static void remember_dead(pte_slot_t slot, pte_t old, pte_t new)
{
	(void)slot;
	if (!dead.watching || !pte_is_table(old) || pte_is_table(new))
		return;
	dead.table = pte_pa(old);
	memcpy(dead.words, sim_word(dead.table), PAGE_SIZE);
}

static void look_at_dead(unsigned hart, enum sim_step step, const struct fence_op *op)
{
	(void)hart;
	(void)step;
	(void)op;
	if (dead.table == 0)
		return;
	/* What a list that is kept in the page itself would do: a link, with V by chance. */
	if (dead.by_hand)
		sim_word(dead.table)[0] = UINT64_C(0x80401001);
	dead.looks++;
	dead.changes += memcmp(dead.words, sim_word(dead.table), PAGE_SIZE) != 0;
}

static void untouched(const struct scenario_run *run)
{
	static const struct sim_watch watch = {remember_dead, look_at_dead};
	static const enum scene_op ops[] = {OP_REMOVE, OP_UNMAP_TABLE, OP_MERGE};

	rig_boot(&run->rig);
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
		scene_prepare(ops[i]);
		scenario_arm(run);
		dead.table = 0;
		dead.looks = 0;
		dead.watching = true;
		dead.by_hand = run->control.mistake != 0;
		sim_watch(&watch);
		REQUIRE_OK(scene_operate(ops[i]));
		dead.watching = false;
		sim_watch(NULL);
		fault_disarm();
		CHECK(dead.looks >= run->rig.harts, "%s: looked %u times", scene_op_name(ops[i]),
		      dead.looks);
		CHECK(dead.changes == 0, "%s: a dead table was written to before the last fence",
		      scene_op_name(ops[i]));
		sim_mem_drop(scene.phys);
	}
}

/* ---- T21, T34: the root */

static void check_populated(const struct area *a, const struct mmu_mode *mode)
{
	const uint64_t *root = sim_word(kernel_table()->root);
	uint64_t step = level_size(mode->levels - 1);
	vaddr_t last = a->start + (a->size - 1);

	/* To the last one, and not round the top of the space. */
	for (unsigned i = level_index(a->start, mode->levels - 1);
	     i <= level_index(last, mode->levels - 1); i++)
		CHECK(pte_is_table((pte_t){root[i]}), "root entry %u of 0x%llx is empty", i,
		      (unsigned long long)(a->start + i * step));
}

static void root_is_full(const struct scenario_run *run)
{
	const struct mmu_mode *mode = run->rig.mode;
	const struct area *areas[] = {&mode->vmemmap, &mode->vmalloc, &mode->direct, &mode->kasan};
	const uint64_t *root;
	unsigned low = 0;
	struct rig rig = run->rig;

	/* The fault is one of start-up. */
	rig.faults = run->control.fault;
	rig_boot(&rig);
	for (unsigned i = 0; i < ARRAY_LEN(areas); i++)
		check_populated(areas[i], mode);
	root = sim_word(kernel_table()->root);
	for (unsigned i = 0; i < PT_ENTRIES / 2; i++)
		low += root[i] != 0;
	CHECK(low == 0, "%u root entries of the lower half", low);
}

static void destroy_live(void *arg)
{
	pt_destroy(arg);
}

static void root_stays(const struct scenario_run *run)
{
	struct rig rig = run->rig;

	rig.faults = run->control.fault;
	rig_boot(&rig);
	for (enum scene_op op = OP_ADD; op < NR_SCENE_OPS; op++) {
		log_begin(kernel_table());
		scene_prepare(op);
		/* Of an area where nothing is mapped, so that nothing else comes of it. */
		if (run->control.mistake == 1)
			pte_store((pte_slot_t){kernel_table()->root +
					       level_index(rig.mode->kasan.start,
							   rig.mode->levels - 1) *
						       sizeof(pte_t)},
				  PTE_NONE);
		REQUIRE_OK(scene_operate(op));
		log_check_root(scene_op_name(op));
		log_end();
		if (op == OP_ADD)
			REQUIRE_OK(hot_remove(scene.r, NULL));
		sim_mem_drop(scene.phys);
	}
	CHECK(sim_panics(destroy_live, kernel_table()), "the root in use was given back");
	CHECK(frame_owner(kernel_table()->root) == OWNER_BOOT, "the root is nobody's");
	/* A copy that some hart runs is no different. */
	{
		paddr_t copy = frame_alloc(0, OWNER_TEST);

		memcpy(sim_word(copy), sim_word(kernel_table()->root), PAGE_SIZE);
		sim_set_root(1, copy);
		if (run->control.mistake == 2)
			sim_set_root(1, kernel_table()->root);
		model_root_dropped(copy);
		CHECK(rig_take_violations() == UINT32_C(1) << VIOLATION_ROOT_HELD,
		      "a root that a hart runs was dropped unseen");
	}
}

static const struct scenario scenarios[] = {
	{.name = "T02 remove: leaf, parent, fence on all harts, and only then given back",
	 .fn = order,
	 .backends = true,
	 .controls = {{.fault = "free-early", .says = "was given back before hart0"},
		      {.fault = "table-freed-first", .says = "was given back linked"},
		      {.fault = "no-shootdown", .says = "was given back before hart1"},
		      {.fault = "no-fence", .says = "was given back before hart0"},
		      {.fault = "addressed-fence", .says = "was given back before hart0"},
		      {.fault = "records-early", .says = "frame"},
		      {.fault = "records-first", .says = "maps it"}}},
	{.name = "T03 reuse: a table page that comes free is taken at once",
	 .fn = reused_at_once,
	 .backends = true,
	 .controls = {{.fault = "free-early", .says = "given to somebody else"},
		      {.fault = "no-shootdown", .says = "given to somebody else, later"},
		      {.fault = "addressed-fence", .says = "given to somebody else, later"}}},
	{.name = "T04 dead tables: nothing is written to one before the last fence",
	 .fn = untouched,
	 .backends = true,
	 .controls = {{.fault = "free-early", .says = "was written to"},
		      {.mistake = 1,
		       .name = "a link with V in the page",
		       .says = "was written to"}}},
	{.name = "T21 root: every entry of every area is there from the start",
	 .fn = root_is_full,
	 .controls = {{.fault = "pgd-late", .says = "is empty"}}},
	{.name = "T34 root: never changed, never given back while it is used",
	 .fn = root_stays,
	 .controls = {{.fault = "pgd-late", .says = "root entry"},
		      {.mistake = 1, .name = "a store of zero", .says = "root entry of"},
		      {.mistake = 2, .name = "a root that was left", .says = "dropped unseen"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
