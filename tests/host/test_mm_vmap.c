/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vmalloc area under harts that hold on to whatever they may: areas, shared tables, promotion,
 * deferred fences, and every allocation failing.
 */
#include <stdlib.h>
#include <string.h>

#include "firmware/trap.h"
#include "mm/areas.h"
#include "mm/deferred.h"
#include "mm/kernel.h"
#include "mm/link.h"
#include "mm/vmap.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define SLOTS 12u
#define STEPS 300u
#define HARTS 4u

/* Each has an area and a block of frames, and maps all of it, or nothing. */
struct slot {
	unsigned order;
	paddr_t pa;
	vaddr_t va; /* 0: no area */
	bool mapped;
	bool deferred; /* not every hart knows it yet */
};

static struct slot slots[SLOTS];

static uint64_t size_of(const struct slot *s)
{
	return PAGE_SIZE << s->order;
}

/* Every hart takes a page fault, as it would where it lacks something. */
static void repair_all(void)
{
	struct hartset online = arch_harts_online();
	unsigned before = arch_hart();

	hartset_for_each(h, &online) {
		sim_run_on(h);
		(void)deferred_repair(CAUSE_LOAD_PAGE);
	}
	sim_run_on(before);
}

static void check_slot(const struct slot *s, const char *when)
{
	const uint64_t at[] = {0, size_of(s) - PAGE_SIZE, size_of(s)};

	for (unsigned i = 0; i < ARRAY_LEN(at) && s->va != 0; i++) {
		bool in = s->mapped && at[i] < size_of(s);

		rig_check_everywhere(s->va + at[i], in ? s->pa + at[i] : FRAME_NONE, when);
	}
}

static void step_map(struct slot *s, unsigned flags)
{
	enum err err;

	/* A table in the way of a large leaf, now and then. */
	if (s->order == 9 && !s->mapped && sim_below(2) != 0) {
		REQUIRE_OK(vmap_range(s->va, s->pa, PAGE_SIZE, PROT_RW, 0, 0));
		REQUIRE_OK(vmap_unmap(s->va, PAGE_SIZE));
	}
	err = vmap_range(s->va, s->pa, size_of(s), PROT_RW, (unsigned)sim_below(2), flags);
	CHECK_ERR(err, s->mapped ? ERR_EXIST : OK);
	s->mapped = true;
	if (flags != 0)
		repair_all();
}

static void step(struct slot *s)
{
	sim_run_on((unsigned)sim_below(HARTS));
	if (s->va == 0) {
		s->va = area_take(size_of(s), sim_below(2) != 0 ? PAGE_SIZE : size_of(s));
		REQUIRE(s->va != 0, "no address space");
		return;
	}
	switch (sim_below(4)) {
	case 0:
		step_map(s, 0);
		break;
	case 1:
		step_map(s, VMAP_DEFERRED);
		break;
	case 2:
		CHECK_ERR(vmap_unmap(s->va, size_of(s)), OK);
		s->mapped = false;
		break;
	default:
		CHECK_ERR(vmap_free(s->va), OK);
		s->mapped = false;
		check_slot(s, "freed");
		s->va = 0;
	}
}

static void take_frames(void)
{
	static const unsigned orders[] = {0, 0, 1, 3, 9};

	for (unsigned i = 0; i < SLOTS; i++) {
		slots[i] = (struct slot){.order = orders[i % ARRAY_LEN(orders)]};
		slots[i].pa = frame_alloc(slots[i].order, OWNER_TEST);
		REQUIRE(slots[i].pa != FRAME_NONE, "no memory");
	}
}

static void random_steps(const void *arg)
{
	struct rig_accounts before;

	rig_boot(arg);
	before = rig_accounts();
	take_frames();
	for (unsigned n = 0; n < STEPS && rig_failures() == 0; n++) {
		struct slot *s = &slots[sim_below(SLOTS)];

		step(s);
		check_slot(s, "stepped");
		check_slot(&slots[sim_below(SLOTS)], "another one stepped");
		rig_check_silent("stepped");
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		if (slots[i].va != 0)
			CHECK_ERR(vmap_free(slots[i].va), OK);
		frame_free(slots[i].pa, slots[i].order, OWNER_TEST);
	}
	CHECK(area_count() == 0, "%u areas are left", area_count());
	rig_check_accounts(&before, "all is free");
	rig_check_kernel("all is free");
	rig_check_silent("all is free");
}

/* ---- two harts beside each other */

static struct slot mine, others;

static void take_two(const void *arg)
{
	rig_boot(arg);
	mine = (struct slot){.pa = frame_alloc(0, OWNER_TEST)};
	others = (struct slot){.pa = frame_alloc(0, OWNER_TEST)};
	mine.va = area_take(PAGE_SIZE, PAGE_SIZE);
	others.va = area_take(PAGE_SIZE, PAGE_SIZE);
}

static void other_maps(void *arg)
{
	(void)arg;
	sim_run_on(1);
	CHECK_ERR(vmap_range(others.va, others.pa, PAGE_SIZE, PROT_RW, 0, 0), OK);
	others.mapped = true;
	check_slot(&others, "mapped by the other hart");
	sim_run_on(0);
}

static void both_map(const void *arg, void (*before)(void (*fn)(void *), void *))
{
	take_two(arg);
	before(other_maps, NULL);
	CHECK_ERR(vmap_range(mine.va, mine.pa, PAGE_SIZE, PROT_RW, 0, 0), OK);
	mine.mapped = true;
	CHECK(others.mapped, "the other hart never came");
	check_slot(&mine, "both are mapped");
	check_slot(&others, "both are mapped");
	rig_check_kernel("both are mapped");
}

static void both_link(const void *arg)
{
	both_map(arg, link_before_next);
	CHECK(link_stats().lost == 1, "%llu tables came too late, due 1",
	      (unsigned long long)link_stats().lost);
}

/* Not in its own area but in the first one's, which is at work there. */
static void other_intrudes(void *arg)
{
	(void)arg;
	sim_run_on(1);
	CHECK_ERR(vmap_range(mine.va + PAGE_SIZE, mine.pa, PAGE_SIZE, PROT_RW, 0, 0), ERR_BUSY);
	CHECK_ERR(vmap_unmap(mine.va, PAGE_SIZE), ERR_BUSY);
	CHECK_ERR(vmap_free(mine.va), ERR_BUSY);
	others.mapped = true;
	sim_run_on(0);
}

static void two_in_one_area(const void *arg)
{
	rig_boot(arg);
	mine = (struct slot){.order = 1, .pa = frame_alloc(1, OWNER_TEST)};
	mine.va = area_take(2 * PAGE_SIZE, PAGE_SIZE);
	others.mapped = false;
	link_before_next(other_intrudes, NULL);
	CHECK_ERR(vmap_range(mine.va, mine.pa, 2 * PAGE_SIZE, PROT_RW, 0, 0), OK);
	CHECK(others.mapped, "the other hart never came");
	mine.mapped = true;
	check_slot(&mine, "one is mapped");
	others.mapped = false;
	shootdown_before_next(other_intrudes, NULL);
	CHECK_ERR(vmap_unmap(mine.va, 2 * PAGE_SIZE), OK);
	CHECK(others.mapped, "the other hart never came");
	CHECK_ERR(vmap_free(mine.va), OK);
	rig_check_kernel("two in one area");
	CHECK(area_count() == 0, "%u areas", area_count());
}

/* The table that came too late is nobody's afterwards. */
static void both_link_and_free(const void *arg)
{
	struct rig_accounts before;

	both_map(arg, link_before_next);
	CHECK_ERR(vmap_free(mine.va), OK);
	CHECK_ERR(vmap_free(others.va), OK);
	before = rig_accounts();
	CHECK(before.tables == kernel_table()->nr_tables, "%llu table pages, %llu are linked",
	      (unsigned long long)before.tables, (unsigned long long)kernel_table()->nr_tables);
}

static void finds_unfenced_table(const void *arg)
{
	both_map(arg, shootdown_before_next);
}

/* A leaf where a table lies, empty or, for a dumper, as it was. */
static void promotes(const void *arg)
{
	struct slot s = {.order = 9};

	rig_boot(arg);
	s.pa = frame_alloc(s.order, OWNER_TEST);
	s.va = area_take(SZ_2M, SZ_2M);
	for (unsigned dumper = 0; dumper < 2; dumper++) {
		REQUIRE_OK(vmap_range(s.va, s.pa, PAGE_SIZE, PROT_RW, 0, 0));
		REQUIRE_OK(vmap_unmap(s.va, PAGE_SIZE));
		if (dumper != 0)
			rw_write_lock(&mmap_lock);
		CHECK_ERR(vmap_range(s.va, s.pa, SZ_2M, PROT_RW, 1, 0), OK);
		if (dumper != 0)
			rw_write_unlock(&mmap_lock);
		s.mapped = true;
		CHECK(pt_lookup(kernel_table(), s.va).level == 1 - dumper, "level %u",
		      pt_lookup(kernel_table(), s.va).level);
		check_slot(&s, "promoted");
		CHECK_ERR(vmap_unmap(s.va, SZ_2M), OK);
		rig_check_silent("promoted");
	}
	CHECK(vmap_stats().promoted == 1 && vmap_stats().refused == 1, "%llu promoted, %llu not",
	      (unsigned long long)vmap_stats().promoted, (unsigned long long)vmap_stats().refused);
	CHECK_ERR(vmap_free(s.va), OK);
	rig_check_kernel("promoted");
}

/* ---- errors */

static void every_allocation_fails(const void *arg)
{
	struct rig_accounts before;
	enum err err = ERR_NOMEM;
	paddr_t pa;

	rig_boot(arg);
	pa = frame_alloc(10, OWNER_TEST);
	before = rig_accounts();
	for (unsigned k = 1; err == ERR_NOMEM; k++) {
		vaddr_t va;

		REQUIRE(k < 20, "it never succeeds");
		frame_fail_at(k);
		err = vmap_new(pa + PAGE_SIZE, SZ_2M * 2 - PAGE_SIZE, PROT_RW, 1, 0, &va);
		frame_fail_at(0);
		CHECK(err == OK || err == ERR_NOMEM, "%s", err_name(err));
		if (err == OK)
			CHECK_ERR(vmap_free(va), OK);
		rig_check_accounts(&before, "an allocation failed");
		rig_check_kernel("an allocation failed");
		rig_check_silent("an allocation failed");
	}
}

static void wrong_ranges(const void *arg)
{
	const struct area *a;
	vaddr_t va;

	rig_boot(arg);
	va = area_take(2 * PAGE_SIZE, PAGE_SIZE);
	a = &kernel_table()->mode->vmalloc;
	CHECK_ERR(vmap_range(va, SZ_1G, 3 * PAGE_SIZE, PROT_RW, 0, 0), ERR_RANGE);
	CHECK_ERR(vmap_range(va - PAGE_SIZE, SZ_1G, PAGE_SIZE, PROT_RW, 0, 0), ERR_RANGE);
	CHECK_ERR(vmap_range(va + 1, SZ_1G, PAGE_SIZE, PROT_RW, 0, 0), ERR_INVAL);
	CHECK_ERR(vmap_range(va, SZ_1G, 0, PROT_RW, 0, 0), ERR_INVAL);
	CHECK_ERR(vmap_range(va, SZ_1G, PAGE_SIZE, PTE_W, 0, 0), ERR_INVAL);
	CHECK_ERR(vmap_range(va, UINT64_C(1) << PA_BITS, PAGE_SIZE, PROT_RW, 0, 0), ERR_RANGE);
	CHECK_ERR(vmap_unmap(va + 2 * PAGE_SIZE, PAGE_SIZE), ERR_RANGE);
	CHECK(area_take(a->size, PAGE_SIZE) == 0, "more than there is");
	CHECK(area_take(UINT64_MAX - 100, PAGE_SIZE) == 0, "more than there is");
	CHECK(area_take(0, PAGE_SIZE) == 0, "an area of no size");
	CHECK_ERR(vmap_free(va + PAGE_SIZE), OK);
	CHECK_ERR(vmap_free(va), ERR_NOENT);
}

/* First fit, with an unmapped page behind each, and all of it again when it is given back. */
static void areas(const void *arg)
{
	vaddr_t va[6];

	rig_boot(arg);
	for (unsigned i = 0; i < 4; i++)
		va[i] = area_take(PAGE_SIZE * (1 + i), PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++)
		CHECK(va[i + 1] == va[i] + PAGE_SIZE * (2 + i), "area %u is at 0x%llx", i + 1,
		      (unsigned long long)va[i + 1]);
	area_give_back(va[1]);
	CHECK(area_take(3 * PAGE_SIZE, PAGE_SIZE) > va[3], "it does not fit there");
	CHECK(area_take(2 * PAGE_SIZE, PAGE_SIZE) == va[1], "it fits there");
	va[4] = area_take(SZ_2M, SZ_1G);
	CHECK(is_aligned(va[4], SZ_1G), "it is aligned");
	va[5] = area_take(PAGE_SIZE, PAGE_SIZE);
	CHECK(va[5] > va[3] && va[5] < va[4], "below what is aligned there is room");
	CHECK(area_begin(va[0], PAGE_SIZE, true) == OK &&
		      area_begin(va[0], 2 * PAGE_SIZE, true) == ERR_RANGE &&
		      area_begin(va[0] + PAGE_SIZE, 1, true) == ERR_RANGE,
	      "its page behind it is not its");
}

/* ---- what the model says of deferred fences */

static uint32_t deferred_kinds(const void *arg, const char *fault)
{
	take_two(arg);
	if (fault != NULL)
		rig_arm(fault);
	CHECK_ERR(vmap_range(mine.va, mine.pa, PAGE_SIZE, PROT_RW, 0, VMAP_DEFERRED), OK);
	CHECK(rig_stale_somewhere(mine.va), "nobody lacks it");
	repair_all();
	return rig_take_violations();
}

static void deferred_well(const void *arg)
{
	CHECK(deferred_kinds(arg, NULL) == 0, "the model reports something");
	mine.mapped = true;
	check_slot(&mine, "repaired");
}

static void deferred_without_fence(const void *arg)
{
	CHECK(deferred_kinds(arg, "deferred-no-fence") == 1u << VIOLATION_NO_FENCE,
	      "the model does not report it");
}

static void deferred_to_few(const void *arg)
{
	take_two(arg);
	rig_arm("deferred-few");
	CHECK_ERR(vmap_range(mine.va, mine.pa, PAGE_SIZE, PROT_RW, 0, VMAP_DEFERRED), OK);
	CHECK(rig_take_violations() == 1u << VIOLATION_NO_FENCE, "the model does not report it");
}

/* Not all that may lack it were marked; or it was no lack. */
static void deferred_wrongly(const void *arg)
{
	struct hartset some = hartset_of(0);
	struct pt_batch b;

	take_two(arg);
	kernel_begin(&b);
	REQUIRE_OK(pt_map(&b, mine.va, mine.pa, PAGE_SIZE, PROT_RW, 0));
	model_deferred(b.model_token, &some);
	CHECK(rig_take_violations() == 1u << VIOLATION_NO_FENCE, "a hart is not marked");
	REQUIRE_OK(pt_commit(&b));
	pt_begin(&b, kernel_table());
	REQUIRE_OK(pt_protect(&b, mine.va, PAGE_SIZE, PROT_RO, 0));
	for (unsigned h = 0; h < MAX_HARTS; h++)
		hartset_add(&some, h);
	model_deferred(b.model_token, &some);
	CHECK(rig_take_violations() == 1u << VIOLATION_NO_FENCE, "old rights are no lack");
	REQUIRE_OK(pt_commit(&b));
	kernel_end();
}

/* ---- controls: with the fault the scenario fails */

static bool fails_with(void (*scenario)(const void *), const struct rig *rig, const char *fault)
{
	struct rig armed = *rig;

	armed.faults = fault;
	return !rig_run(scenario, &armed);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *fault;
		void (*scenario)(const void *);
	} controls[] = {
		{"vmap-no-recheck", both_link},
		{"vmap-leaf-fence", finds_unfenced_table},
		{"vmap-loser-leaked", both_link_and_free},
		{"promotion-early", promotes},
		{"promotion-unlocked", promotes},
		{"free-unlocked", random_steps},
		{"vmap-area-shared", two_in_one_area},
	};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {
			.mode = &mmu_modes[m], .harts = HARTS, .seed = seed, .view = SIM_RANDOM};
		const char *name = rig.mode->name;

		tap_ok(rig_run(random_steps, &rig), "%s: areas come and go", name);
		tap_ok(rig_run(both_link, &rig), "%s: two harts, one table", name);
		tap_ok(rig_run(both_link_and_free, &rig), "%s: both leave", name);
		tap_ok(rig_run(two_in_one_area, &rig), "%s: two harts, one area", name);
		tap_ok(rig_run(finds_unfenced_table, &rig), "%s: a table nobody fenced", name);
		tap_ok(rig_run(promotes, &rig), "%s: promotion", name);
		tap_ok(rig_run(every_allocation_fails, &rig), "%s: no memory", name);
		tap_ok(rig_run(wrong_ranges, &rig), "%s: wrong ranges", name);
		tap_ok(rig_run(areas, &rig), "%s: address space", name);
		tap_ok(rig_run(deferred_well, &rig), "%s: deferred fences", name);
		tap_ok(rig_run(deferred_without_fence, &rig), "%s: a mark without fence", name);
		tap_ok(rig_run(deferred_to_few, &rig), "%s: harts without a mark", name);
		tap_ok(rig_run(deferred_wrongly, &rig), "%s: deferred, and wrong", name);
		for (unsigned i = 0; i < ARRAY_LEN(controls); i++)
			tap_ok(fails_with(controls[i].scenario, &rig, controls[i].fault),
			       "%s: control: %s is seen", name, controls[i].fault);
	}
	return tap_done();
}
