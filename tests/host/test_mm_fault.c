/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each seeded fault is seen by the check that should see it, and by a hart that holds on to what it
 * may; without the fault the same steps leave nothing to see.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "mm/audit.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define BIT(kind) (UINT64_C(1) << (kind))

#define NO_FENCE BIT(VIOLATION_NO_FENCE)
#define TABLE_FREED BIT(VIOLATION_TABLE_FREED)
#define FRAME_FREED BIT(VIOLATION_FRAME_FREED)
#define FRAME_MAPPED BIT(VIOLATION_FRAME_MAPPED)
#define FRAME_UNPLUGGED BIT(VIOLATION_FRAME_UNPLUGGED)

static const struct region memory = {UINT64_C(0x180000000) - 3 * SZ_2M, SZ_2M};
static const struct region neighbour = {UINT64_C(0x180000000) - 2 * SZ_2M, SZ_2M};

enum op { ADD, REMOVE, UNPLUG_FIRST, UNMAP_PAGE, PROTECT, UNMAP_TABLE };

struct scenario {
	const char *fault;
	enum op op;
	unsigned min_harts;
	uint32_t kinds; /* all of these are reported */
	bool stale;	/* behind the operation some hart may use the old entry */
	bool canary;	/* before its fences some hart may walk a dead table */
};

static const struct scenario scenarios[] = {
	{"no-shootdown", ADD, 2, NO_FENCE, true, false},
	{"no-shootdown", REMOVE, 2, NO_FENCE | TABLE_FREED | FRAME_FREED | FRAME_UNPLUGGED, true,
	 false},
	{"no-shootdown", UNMAP_PAGE, 2, NO_FENCE | FRAME_FREED, true, false},
	{"no-shootdown", PROTECT, 2, NO_FENCE, true, false},
	{"no-shootdown", UNMAP_TABLE, 2, NO_FENCE | TABLE_FREED | FRAME_FREED, true, false},
	{"no-fence", ADD, 1, NO_FENCE, true, false},
	{"no-fence", REMOVE, 1, NO_FENCE | TABLE_FREED | FRAME_FREED | FRAME_UNPLUGGED, true,
	 false},
	{"no-fence", UNMAP_PAGE, 1, NO_FENCE | FRAME_FREED, true, false},
	{"no-fence", PROTECT, 1, NO_FENCE, true, false},
	{"no-map-fence", ADD, 1, NO_FENCE, true, false},
	{"free-early", REMOVE, 1, TABLE_FREED, false, true},
	{"free-early", UNMAP_TABLE, 1, TABLE_FREED, false, true},
	{"records-early", REMOVE, 1, FRAME_FREED, false, false},
	{"addressed-fence", REMOVE, 1, NO_FENCE | TABLE_FREED, true, false},
	{"addressed-fence", UNMAP_TABLE, 1, NO_FENCE | TABLE_FREED, true, false},
	{"unplug-early", UNPLUG_FIRST, 1, FRAME_MAPPED, false, false},
};

struct params {
	struct rig rig;
	const struct scenario *s;
	bool armed;
};

/* What is there before the operation, and what it takes away. */
static struct {
	struct hot_region *r;
	vaddr_t va;    /* where an access shows the operation */
	vaddr_t table; /* below a table that goes away with it, 0: none */
	paddr_t pa;
	bool canary, stale;
} scene;

static void change(enum err (*fn)(struct pt_batch *))
{
	struct pt_batch b;

	spin_lock(&kernel_table_lock);
	pt_begin(&b, kernel_table());
	CHECK_ERR(fn(&b), OK);
	CHECK_ERR(pt_commit(&b), OK);
	spin_unlock(&kernel_table_lock);
}

static enum err map_pages(struct pt_batch *b)
{
	return pt_map(b, scene.va, scene.pa, 16 * PAGE_SIZE, PROT_RW, 0);
}

static enum err unmap_page(struct pt_batch *b)
{
	return pt_unmap(b, scene.va, PAGE_SIZE, 0);
}

static enum err unmap_all(struct pt_batch *b)
{
	return pt_unmap(b, scene.va, 16 * PAGE_SIZE, PT_HOLES_OK);
}

static enum err protect(struct pt_batch *b)
{
	return pt_protect(b, scene.va, PAGE_SIZE, PROT_RO, 0);
}

static void prepare(enum op op)
{
	sim_mem_add(memory, false);
	if (op == REMOVE || op == UNPLUG_FIRST)
		REQUIRE_OK(hot_add(memory, PROT_RW, &scene.r, NULL));
	scene.va = direct_va(memory.start);
	if (op == REMOVE)
		scene.table = frame_record_va(memory.start);
	if (op == UNMAP_PAGE || op == PROTECT || op == UNMAP_TABLE) {
		scene.va = vmalloc_reserve(SZ_2M, SZ_2M);
		scene.pa = frame_alloc(4, OWNER_TEST);
		REQUIRE(scene.pa != FRAME_NONE, "no memory");
		change(map_pages);
	}
	if (op == UNMAP_TABLE)
		scene.table = scene.va;
}

static void operate(enum op op)
{
	switch (op) {
	case ADD:
		REQUIRE_OK(hot_add(memory, PROT_RW, &scene.r, NULL));
		break;
	case UNPLUG_FIRST:
		if (fault_armed(FAULT_UNPLUG_EARLY))
			model_frames_unplugged(memory);
		REQUIRE_OK(hot_remove(scene.r, NULL));
		model_frames_unplugged(memory);
		break;
	case REMOVE:
		REQUIRE_OK(hot_remove(scene.r, NULL));
		model_frames_unplugged(memory);
		break;
	case UNMAP_PAGE:
		change(unmap_page);
		frame_free(scene.pa, 0, OWNER_TEST);
		break;
	case UNMAP_TABLE:
		change(unmap_all);
		frame_free(scene.pa, 4, OWNER_TEST);
		break;
	case PROTECT:
		change(protect);
		break;
	}
}

static void before_fences(void *arg)
{
	(void)arg;
	scene.stale = rig_stale_somewhere(scene.va);
	scene.canary = scene.table != 0 && rig_canary_somewhere(scene.table);
}

static void fault_is_seen(const void *arg)
{
	const struct params *p = arg;
	const struct scenario *s = p->s;
	uint32_t kinds;

	rig_boot(&p->rig);
	prepare(s->op);
	rig_check_silent("before");
	CHECK(!rig_stale_somewhere(scene.va), "something old is held before");
	if (p->armed)
		rig_arm(s->fault);
	shootdown_before_next(before_fences, NULL);
	operate(s->op);
	kinds = rig_take_violations();
	if (p->armed) {
		CHECK((kinds & s->kinds) == s->kinds, "reported 0x%x, due 0x%x", kinds, s->kinds);
		CHECK(rig_stale_somewhere(scene.va) == s->stale, "%s behind it",
		      s->stale ? "no hart holds the old entry" : "some hart holds an old entry");
		CHECK(scene.canary == s->canary, "the canary was %sseen",
		      scene.canary ? "" : "not ");
	} else {
		CHECK(kinds == 0, "0x%x is reported without a fault", kinds);
		CHECK(!rig_stale_somewhere(scene.va), "some hart holds an old entry");
		CHECK(!scene.canary, "the canary was seen without a fault");
	}
	CHECK(scene.stale, "the control is blind");
}

/* Wrong frees of tables, wrong leaves: the accounts and the audit see them. */
static void leak_table(const void *arg)
{
	struct rig_accounts before;
	uint64_t tables;

	rig_boot(arg);
	sim_mem_add(memory, false);
	before = rig_accounts();
	rig_arm("leak-table");
	REQUIRE_OK(hot_add(memory, PROT_RW, &scene.r, NULL));
	REQUIRE_OK(hot_remove(scene.r, NULL));
	tables = rig_accounts().tables;
	CHECK(tables > before.tables, "%llu tables, were %llu", (unsigned long long)tables,
	      (unsigned long long)before.tables);
	rig_check_silent("leak-table");
}

static void leak_records(const void *arg)
{
	struct rig_accounts before, after;

	rig_boot(arg);
	sim_mem_add(memory, false);
	before = rig_accounts();
	rig_arm("leak-records");
	REQUIRE_OK(hot_add(memory, PROT_RW, &scene.r, NULL));
	REQUIRE_OK(hot_remove(scene.r, NULL));
	after = rig_accounts();
	CHECK(after.frames.owned[OWNER_FRAMETABLE] > before.frames.owned[OWNER_FRAMETABLE],
	      "the accounts see nothing");
}

/* The add fails where its records need memory; its direct map is forgotten. */
static void undo_forgotten(const void *arg)
{
	rig_boot(arg);
	sim_mem_add(memory, false);
	rig_arm("undo-forgotten");
	frame_fail_at(4);
	CHECK_ERR(hot_add(memory, PROT_RW, &scene.r, NULL), ERR_NOMEM);
	frame_fail_at(0);
	CHECK(pt_lookup(kernel_table(), direct_va(memory.start)).mapped, "the fault does nothing");
	model_frames_unplugged(memory);
	CHECK(rig_take_violations() == FRAME_MAPPED, "the model sees nothing");
}

static void neighbour_leaf(const void *arg)
{
	struct hot_region *n;

	rig_boot(arg);
	sim_mem_add(memory, false);
	sim_mem_add(neighbour, false);
	REQUIRE_OK(hot_add(memory, PROT_RW, &scene.r, NULL));
	REQUIRE_OK(hot_add(neighbour, PROT_RW, &n, NULL));
	rig_check_kernel("before");
	rig_arm("neighbour-leaf");
	REQUIRE_OK(hot_remove(scene.r, NULL));
	CHECK(audit_table(kernel_table()).problem == AUDIT_MISSING, "the audit sees nothing");
}

static void small_leaf(const void *arg)
{
	const struct region r = {UINT64_C(0x180000000), SZ_1G};
	const struct rig *rig = arg;
	enum audit_problem seen;

	rig_boot(rig);
	sim_mem_add(r, false);
	rig_arm("small-leaf");
	REQUIRE_OK(hot_add(r, PROT_RW, &scene.r, NULL));
	seen = audit_table(kernel_table()).problem;
	/* Sv39 has no leaf above 2 MiB that is not in the root. */
	CHECK(seen == (mode_max_leaf(rig->mode) > 1 ? AUDIT_LEAF_SIZE : AUDIT_OK),
	      "the audit says: %s", audit_problem_name(seen));
}

/* A copy of the root, made at boot, must show what is mapped later. */
static bool copy_shows(const struct rig *rig, const char *fault)
{
	struct rig mine = *rig;
	struct region r = {UINT64_C(0x80000000) + (UINT64_C(1) << 39), SZ_2M};
	struct sim_result seen;
	paddr_t copy;

	/* An entry of the root that boot RAM does not need. */
	if (rig->mode->levels == 3)
		r.start = UINT64_C(0x400000000);
	if (rig->mode->levels == 5)
		r.start = UINT64_C(0x80000000) + (UINT64_C(1) << 48);
	mine.faults = fault;
	rig_boot(&mine);
	copy = frame_alloc(0, OWNER_TEST);
	REQUIRE(copy != FRAME_NONE, "no memory");
	memcpy(phys_to_ptr(copy), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
	sim_mem_add(r, false);
	REQUIRE_OK(hot_add(r, PROT_RW, &scene.r, NULL));
	rig_check_silent("added");
	sim_hart_start(1, true);
	sim_set_root(1, copy);
	seen = sim_access(1, direct_va(r.start), SIM_LOAD, SIM_NEWEST);
	return seen.outcome == SIM_OK && seen.pa == r.start;
}

static void pgd_late(const void *arg)
{
	CHECK(!copy_shows(arg, "pgd-late"), "the copied root shows it");
}

static void pgd_at_boot(const void *arg)
{
	CHECK(copy_shows(arg, NULL), "the copied root does not show it");
}

static unsigned nr_armed(void)
{
	unsigned n = 0;

	for (unsigned f = 0; f < NR_FAULTS; f++)
		n += fault_armed((enum fault)f);
	return n;
}

/* Names on the command line. */
static void names(const void *arg)
{
	char unknown[8];

	(void)arg;
	CHECK_ERR(fault_arm("", unknown, sizeof(unknown)), OK);
	CHECK(!fault_any && nr_armed() == 0, "something is armed");
	CHECK_ERR(fault_arm("no-fence,,small-leaf,", unknown, sizeof(unknown)), OK);
	CHECK(fault_armed(FAULT_NO_FENCE) && fault_armed(FAULT_SMALL_LEAF) && nr_armed() == 2,
	      "%u are armed", nr_armed());
	CHECK_ERR(fault_arm("no-fenc", unknown, sizeof(unknown)), ERR_INVAL);
	CHECK(strcmp(unknown, "no-fenc") == 0, "%s", unknown);
	CHECK_ERR(fault_arm("leak-table,no-such-fault-at-all", unknown, sizeof(unknown)),
		  ERR_INVAL);
	CHECK(strcmp(unknown, "no-such") == 0, "%s", unknown);
	for (unsigned f = 0; f < NR_FAULTS; f++) {
		fault_disarm();
		CHECK_ERR(fault_arm(fault_info((enum fault)f)->name, unknown, sizeof(unknown)), OK);
		CHECK(fault_armed((enum fault)f) && nr_armed() == 1, "%s arms %u",
		      fault_info((enum fault)f)->name, nr_armed());
	}
}

static const char *const op_names[] = {"add",	     "remove",	"unplug",
				       "unmap page", "protect", "unmap table"};

static void run_scenarios(struct params p)
{
	for (unsigned i = 0; i < ARRAY_LEN(scenarios); i++) {
		p.s = &scenarios[i];
		for (p.rig.harts = p.s->min_harts; p.rig.harts <= 3; p.rig.harts++) {
			for (unsigned b = 0; b < 2; b++) {
				p.rig.backend = b == 0 ? SHOOTDOWN_SBI : SHOOTDOWN_IPI;
				p.armed = true;
				tap_ok(rig_run(fault_is_seen, &p), "%s, %u harts, %s: %s in %s",
				       p.rig.mode->name, p.rig.harts,
				       shootdown_backend_name(p.rig.backend), p.s->fault,
				       op_names[p.s->op]);
				p.armed = false;
				tap_ok(rig_run(fault_is_seen, &p), "%s, %u harts, %s: none in %s",
				       p.rig.mode->name, p.rig.harts,
				       shootdown_backend_name(p.rig.backend), op_names[p.s->op]);
			}
		}
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	tap_ok(rig_run(names, NULL), "names");
	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct params p = {.rig = {.mode = &mmu_modes[m], .seed = seed, .harts = 1}};
		const char *name = p.rig.mode->name;

		tap_ok(rig_run(leak_table, &p.rig), "%s: leak-table", name);
		tap_ok(rig_run(leak_records, &p.rig), "%s: leak-records", name);
		tap_ok(rig_run(undo_forgotten, &p.rig), "%s: undo-forgotten", name);
		tap_ok(rig_run(neighbour_leaf, &p.rig), "%s: neighbour-leaf", name);
		tap_ok(rig_run(small_leaf, &p.rig), "%s: small-leaf", name);
		tap_ok(rig_run(pgd_late, &p.rig), "%s: pgd-late", name);
		tap_ok(rig_run(pgd_at_boot, &p.rig), "%s: root entries at boot", name);
		run_scenarios(p);
	}
	return tap_done();
}
