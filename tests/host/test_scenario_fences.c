/* SPDX-License-Identifier: BSD-2-Clause */
/* Scenarios of fences: each is made, reaches what it must, and would be missed. */
#include <sys/mman.h>

#include "mm/kernel.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_log.h"
#include "tests/host/scenario_ops.h"

/* ---- T01: each fence left out or weakened */

struct mutant {
	const struct scenario_run *run;
	enum scene_op op;
	unsigned nth;
	enum sim_mutation how;
};

/* Shared with the processes of the mutants. */
static struct tally {
	unsigned mutants, not_seen;
} * tally;

/* The fences that the operation makes; one of them mutated when @m says so. */
static unsigned operate(const struct mutant *m, bool mutated)
{
	struct rig rig = m->run->rig;
	unsigned before;

	rig.no_model = m->run->control.mistake != 0;
	rig_boot(&rig);
	scene_prepare(m->op);
	rig_check_silent("prepared");
	before = sim_nr_fences();
	if (mutated)
		sim_mutate_fence(before + m->nth, m->how, scene.va);
	REQUIRE_OK(scene_operate(m->op));
	return sim_nr_fences() - before;
}

/* Seen by the firmware's model, and by harts that keep all they may: two judges, no shared code. */
static void mutant(const void *arg)
{
	const struct mutant *m = arg;
	struct hartset holders;
	uint32_t kinds;

	(void)operate(m, true);
	if (!sim_mutated())
		return;
	tally->mutants++;
	kinds = rig_take_violations();
	holders = sim_holders();
	if (kinds != 0 && !hartset_empty(&holders))
		return;
	tally->not_seen++;
	CHECK(false, "%s: fence %u %s: model 0x%x, harts that may hold something old: %u",
	      scene_op_name(m->op), m->nth, sim_mutation_name(m->how), kinds,
	      hartset_count(&holders));
}

static void count_fences(const void *arg)
{
	const struct mutant *m = arg;

	tally->mutants = operate(m, false);
	rig_check_silent("not mutated");
}

static void every_fence(const struct scenario_run *run)
{
	unsigned mutants = 0;

	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	REQUIRE(tally != MAP_FAILED, "no memory");
	for (enum scene_op op = 0; op < NR_SCENE_OPS; op++) {
		struct mutant m = {.run = run, .op = op};
		unsigned fences;

		REQUIRE(rig_run(count_fences, &m), "%s", scene_op_name(op));
		fences = tally->mutants;
		/* One of this hart, at the least, and one of each other, or one for all of them. */
		CHECK(fences >= 2, "%s: %u fences", scene_op_name(op), fences);
		tally->mutants = 0;
		for (m.nth = 0; m.nth < fences; m.nth++) {
			for (m.how = 0; m.how < NR_SIM_MUTATIONS; m.how++)
				CHECK(rig_run(mutant, &m), "%s: fence %u %s: not seen",
				      scene_op_name(op), m.nth, sim_mutation_name(m.how));
		}
		mutants += tally->mutants;
	}
	CHECK(mutants > 40, "%u mutants", mutants);
}

/* ---- T05: an address does not reach a pointer */

static void addressed_pointer(const struct scenario_run *run)
{
	static const enum scene_op ops[] = {OP_UNMAP_TABLE, OP_SPLIT, OP_MERGE};

	rig_boot(&run->rig);
	for (unsigned i = 0; i < ARRAY_LEN(ops); i++) {
		const char *name = scene_op_name(ops[i]);

		scene_prepare(ops[i]);
		scenario_arm(run);
		log_begin(kernel_table());
		REQUIRE_OK(scene_operate(ops[i]));
		log_check_fenced(name);
		log_check_tables(name);
		CHECK(!rig_stale_somewhere(scene.va), "%s: some hart may still walk it", name);
		rig_check_silent(name);
		log_end();
		fault_disarm();
		sim_mem_drop(scene.phys);
	}
}

/* ---- T08: kernel entries are global */

static void never_an_asid(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	/* One operation's scene spoils none of the others'. */
	for (enum scene_op op = OP_REMOVE; op < NR_SCENE_OPS; op++) {
		struct hartset holders;

		scene_prepare(op);
		log_begin(kernel_table());
		if (run->control.mistake != 0)
			sim_mutate_fence(sim_nr_fences(), SIM_ASID, scene.va);
		REQUIRE_OK(scene_operate(op));
		holders = sim_holders();
		if (run->control.mistake < 2)
			log_check_asids(scene_op_name(op));
		CHECK(hartset_empty(&holders), "%s: some hart may hold a global entry",
		      scene_op_name(op));
		rig_check_silent(scene_op_name(op));
		log_end();
		sim_mem_drop(scene.phys);
	}
}

/* ---- T09, T12: a new mapping, and harts that hold that there was none */

static void new_mapping(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	scene_prepare(OP_ADD);
	scenario_arm(run);
	log_begin(kernel_table());
	REQUIRE_OK(scene_operate(OP_ADD));
	for (unsigned h = 0; h < run->rig.harts; h++) {
		struct sim_result r = sim_access(h, scene.va, SIM_STORE, SIM_OLDEST);

		CHECK(r.outcome == SIM_OK && r.pa == scene.phys.start,
		      "hart%u faults where memory was added", h);
	}
	rig_check_everywhere(scene.va, scene.phys.start, "added");
	rig_check_everywhere(scene.va + SZ_2M - PAGE_SIZE, region_end(scene.phys) - PAGE_SIZE,
			     "added");
	log_check_fenced("added");
	rig_check_silent("added");
}

/* The records are written by the next step of the same hart. */
static void new_records(const struct scenario_run *run)
{
	rig_boot(&run->rig);
	scene_prepare(OP_ADD);
	sim_kernel_view(SIM_OLDEST);
	scenario_arm(run);
	REQUIRE_OK(scene_operate(OP_ADD));
	CHECK_ERR(hot_online(scene.r), OK);
	CHECK(zone_alloc(&scene.r->zone, 9, OWNER_TEST) == scene.phys.start, "no frames");
	rig_check_silent("online");
}

/* ---- T30: shootdowns end, and reach who is online */

static struct hartset fenced_harts(void)
{
	struct hartset harts = {{0}};

	for (unsigned i = 0; i < log_nr(); i++) {
		if (log_event(i)->kind == EVENT_FENCE && log_event(i)->works)
			hartset_add(&harts, log_event(i)->hart);
	}
	return harts;
}

static void shoot_and_look(enum scene_op op, const char *when)
{
	struct hartset online = arch_harts_online();
	struct hartset harts;

	scene_prepare(op);
	log_begin(kernel_table());
	REQUIRE_OK(scene_operate(op));
	harts = fenced_harts();
	for (unsigned h = 0; h < SIM_MAX_HARTS; h++)
		CHECK(hartset_has(&harts, h) == hartset_has(&online, h), "%s: hart%u %s", when, h,
		      hartset_has(&harts, h) ? "is fenced and offline" : "is not fenced");
	log_end();
	sim_mem_drop(scene.phys);
	rig_check_silent(when);
}

static void commit(void *b)
{
	(void)!pt_commit(b);
}

/* Two harts that wait for each other with interrupts off would wait for ever. */
static void masked(void)
{
	struct pt_batch b;
	bool irq;

	scene_prepare(OP_UNMAP_TABLE);
	spin_lock(&kernel_table_lock);
	pt_begin(&b, kernel_table());
	REQUIRE_OK(pt_unmap(&b, scene.va, SZ_2M, 0));
	irq = arch_irq_save();
	CHECK(sim_panics(commit, &b), "a shootdown with interrupts off goes unseen");
	arch_irq_restore(irq);
	spin_unlock(&kernel_table_lock);
}

static void liveness(const struct scenario_run *run)
{
	struct hartset holders;

	rig_boot(&run->rig);
	scenario_arm(run);
	shoot_and_look(OP_UNMAP_TABLE, "three harts");
	/* By turns, from each of them: no target is left over from the shootdown before. */
	sim_hart_stop(2);
	shoot_and_look(OP_UNMAP_TABLE, "hart2 is gone");
	sim_run_on(1);
	shoot_and_look(OP_UNMAP_TABLE, "from hart1");
	/* A hart that translates and is not online yet gets no fence, so it makes one itself. */
	sim_hart_starting(3);
	shoot_and_look(OP_PROTECT, "hart3 is coming");
	sim_hart_online(3, run->control.mistake != 1);
	holders = sim_holders();
	CHECK(hartset_empty(&holders), "hart3 came online with something old");
	shoot_and_look(OP_UNMAP_TABLE, "hart3 is there");
	masked();
}

static const struct scenario scenarios[] = {
	{.name = "T01 fences: each one left out or weakened is seen",
	 .fn = every_fence,
	 .once = true,
	 .backends = true,
	 /* Blind judges: without the model half of the evidence is missing. */
	 .controls = {{.fault = NULL,
		       .mistake = 1,
		       .name = "a model that is off",
		       .says = "model 0x0"}}},
	{.name = "T05 fences: an address does not reach a pointer",
	 .fn = addressed_pointer,
	 .backends = true,
	 .controls = {{.fault = "addressed-fence", .says = "unmap table: hart0 was not fenced for"},
		      {.fault = "split-no-fence", .says = "split: hart0 was not fenced for"},
		      {.fault = "stale-merge", .says = "merge: hart0 was not fenced for"},
		      {.fault = "no-fence", .says = "unmap table: hart0 was not fenced"}}},
	{.name = "T08 fences: kernel entries are global, no fence names an ASID",
	 .fn = never_an_asid,
	 .backends = true,
	 .controls = {{.mistake = 1, .name = "a fence for ASID 0", .says = "fences ASID 0 alone"},
		      {.mistake = 2,
		       .name = "a fence for ASID 0, judged by harts",
		       .says = "may hold a global entry"}}},
	{.name = "T09 new mapping: each hart uses it, whatever it held before",
	 .fn = new_mapping,
	 .backends = true,
	 .controls = {{.fault = "no-map-fence", .says = "hart0 faults"},
		      {.fault = "no-fence", .says = "hart0 faults"},
		      {.fault = "no-shootdown", .says = "hart1 faults"}}},
	{.name = "T12 new records: the hart that adds writes them behind its own fence",
	 .fn = new_records,
	 .backends = true,
	 .controls = {{.fault = "no-map-fence", .says = "is used and faults"},
		      {.fault = "no-fence", .says = "is used and faults"}}},
	{.name = "T30 shootdowns: who is online, no more and no less, and never masked",
	 .fn = liveness,
	 .backends = true,
	 .controls = {{.fault = "no-shootdown", .says = "hart1 is not fenced"},
		      {.mistake = 1,
		       .name = "a hart that comes without a fence",
		       .says = "hart3 came online with something old"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
