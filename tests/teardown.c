/* SPDX-License-Identifier: BSD-2-Clause */
/* hotplug.teardown, reused: the safe order of removal and Linux's, side by side. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/exposure.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/ptpage.h"
#include "mm/shootdown.h"
#include "mm/teardown_linux.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"
#include "tests/test.h"

static const struct args *boot_args;

/* As the boot arguments want it; what a test exposed on purpose is not the run's. */
static void restore(void)
{
	bool wanted = boot_args->order == ORDER_ARG_LINUX;
	struct exposure_sum mine;

	shootdown_before_next(NULL, NULL);
	model_exposures_take(&mine);
	model_expose(wanted);
	hotplug_use_order(wanted ? TEARDOWN_LINUX : TEARDOWN_SAFE);
}

static void measure(struct test_run *t)
{
	boot_args = t->bench->args;
	t->cleanup = restore;
	model_expose(true);
}

static const char *order_name(enum teardown_order o)
{
	return o == TEARDOWN_SAFE ? "safe" : "linux";
}

/* ---- what the model sees */

/* @r is taken out of @added, beside @beside, which stays. */
struct shape {
	const char *name;
	struct region added, r, beside;
};

static struct hot_report remove_in(struct test_run *t, enum teardown_order order, struct region r)
{
	struct hot_report rep = {.us = 0};
	struct evacuation e;

	hotplug_use_order(order);
	ASSERT_OK(t, plug_remove_range(t->bench->vmem, r, &e, &rep));
	hot_report_print("remove", r, &rep);
	hotcase_check_shootdowns(t, r, &rep);
	hotplug_use_order(TEARDOWN_SAFE);
	return rep;
}

static struct hot_report one_way(struct test_run *t, enum teardown_order order,
				 const struct shape *s)
{
	struct accounts before = accounts_take(t->bench);
	struct hot_report rep;

	note("order=%s: %s", order_name(order), s->name);
	if (s->beside.size != 0)
		(void)hotcase_add(t, s->beside, PROT_RW);
	(void)hotcase_add(t, s->added, PROT_RW);
	rep = remove_in(t, order, s->r);
	accounts_audit(t);
	while (hot_first() != NULL)
		hotcase_remove(t, hot_first());
	accounts_compare(t, &before);
	return rep;
}

/* Pages of records of @r: 64 bytes for each 4 KiB. */
static uint64_t record_pages(struct region r)
{
	return (r.size >> PAGE_SHIFT) * frame_record_size() >> PAGE_SHIFT;
}

static void expect_none(struct test_run *t, const struct exposure_sum *s)
{
	EXPECT(t, s->measured && s->tables == 0 && s->frames == 0 && hartset_empty(&s->harts),
	       "order=safe exposes %llu table pages, %llu record pages",
	       (unsigned long long)s->tables, (unsigned long long)s->frames);
}

/* What Linux's algorithm implies: every table that goes, while it is linked, and every record. */
static void expect_all(struct test_run *t, const struct shape *s, const struct hot_report *rep,
		       const struct hot_report *safe)
{
	const struct exposure_sum *x = &rep->exposed;
	struct hartset online = arch_harts_online();

	EXPECT(t, x->tables == safe->counts.tables_unlinked && x->linked == x->tables,
	       "%llu table pages exposed, %llu of them linked; %llu were freed in order=safe",
	       (unsigned long long)x->tables, (unsigned long long)x->linked,
	       (unsigned long long)safe->counts.tables_unlinked);
	EXPECT(t, x->frames == record_pages(s->r), "%llu record pages exposed, there were %llu",
	       (unsigned long long)x->frames, (unsigned long long)record_pages(s->r));
	EXPECT(t, hartset_eq(&x->harts, &online), "exposed to %u harts of %u",
	       hartset_count(&x->harts), hartset_count(&online));
	EXPECT(t, x->open == 0, "%llu pages are exposed still", (unsigned long long)x->open);
	EXPECT(t, x->reused == 0, "%llu pages were allocated by nobody",
	       (unsigned long long)x->reused);
}

static void both_ways(struct test_run *t, const struct shape *s)
{
	struct hot_report safe = one_way(t, TEARDOWN_SAFE, s);
	struct hot_report linux_ = one_way(t, TEARDOWN_LINUX, s);

	expect_none(t, &safe.exposed);
	expect_all(t, s, &linux_, &safe);
}

/*
 * Each shape is removed twice, in the safe order and in Linux's; the model measures both. It has to
 * find nothing in the first and, page by page, what is wrong with the second.
 */
TEST(hotplug, teardown, .needs = NEEDS_VMEM, .timeout_ms = 120000)
{
	uint64_t n = hotcase_nr_blocks(t);
	struct region none = {0, 0};
	const struct shape shapes[] = {
		{"all of it", hotcase_blocks(t, 0, n), hotcase_blocks(t, 0, n), none},
		{"ends that are no multiple of a section", hotcase_blocks(t, 1, n - 2),
		 hotcase_blocks(t, 1, n - 2), none},
		{"one block", hotcase_blocks(t, 3, 1), hotcase_blocks(t, 3, 1), none},
		{"one block, its records' table shared with the next", hotcase_blocks(t, 3, 1),
		 hotcase_blocks(t, 3, 1), hotcase_blocks(t, 4, 1)},
		{"an eighth out of the middle", hotcase_blocks(t, 0, n),
		 hotcase_blocks(t, n / 8 * 3, n / 8), none},
	};

	if (!model_enabled()) {
		test_skip(t, "needs model=on");
		return;
	}
	if (!hotcase_need(t, max_u64(n, 8)))
		return;
	hotplug_use_order(TEARDOWN_SAFE);
	measure(t);
	for (unsigned i = 0; i < ARRAY_LEN(shapes); i++)
		both_ways(t, &shapes[i]);
}

/* ---- what harts see */

#define MAX_TAKEN 64u
#define TAKEN_WORD(i) (UINT64_C(0x7a6b656e00000000) | (i))

/* Record pages that are followed one by one: those of 128 MiB. */
#define MAX_FOLLOWED 512u

/*
 * The records of one block, in a table of their own where it is small. Each hart has read the first
 * page, so it may hold that translation and the pointer to the table, and not the others.
 */
static struct {
	struct test_run *t;
	vaddr_t va;		  /* of the records */
	unsigned n;		  /* pages of them */
	paddr_t pa[MAX_FOLLOWED]; /* where they were */
	paddr_t taken[MAX_TAKEN];
	unsigned nr_taken;
	unsigned hits; /* of them that were records */
	struct hartset dead_table;
	struct hartset others_page;
} scene;

static struct {
	struct probe first, other;
} seen[MAX_HARTS];

static void read_first(void *arg)
{
	(void)arg;
	(void)probe_load(scene.va);
}

/* The last hart takes what is free and writes to it, as its new owner may. */
static void take(void *arg)
{
	(void)arg;
	while (scene.nr_taken < MAX_TAKEN) {
		unsigned i = scene.nr_taken;
		paddr_t pa = frame_alloc(0, OWNER_TEST);

		if (pa == FRAME_NONE)
			return;
		for (uint64_t off = 0; off < PAGE_SIZE; off += sizeof(uint64_t))
			*(volatile uint64_t *)((char *)phys_to_ptr(pa) + off) = TAKEN_WORD(i);
		for (unsigned k = 0; k < scene.n; k++)
			scene.hits += scene.pa[k] == pa;
		scene.taken[scene.nr_taken++] = pa;
	}
}

static void look(void *arg)
{
	(void)arg;
	seen[arch_hart()].other = probe_load(scene.va + (scene.n - 1) * PAGE_SIZE);
	seen[arch_hart()].first = probe_load(scene.va);
}

/* Inside the operation, with its locks held: recorded, not left. */
static bool run_inside(const struct hartset *harts, void (*fn)(void *))
{
	struct hartset lost;
	enum err err = hart_run(harts, fn, NULL, TEST_TIMEOUT_MS / 2, &lost);

	EXPECT(scene.t, err == OK, "harts between the change and its fence: %s", err_name(err));
	return err == OK;
}

/* Between the change and its fences. */
static void in_the_window(void *arg)
{
	struct hartset taker = hartset_of(0);

	(void)arg;
	hartset_for_each(h, &scene.t->all)
		taker = hartset_of(h);
	if (!run_inside(&taker, take) || !run_inside(&scene.t->all, look))
		return;
	hartset_for_each(h, &scene.t->all) {
		const struct probe *first = &seen[h].first;
		const struct probe *other = &seen[h].other;

		if (!other->trapped && other->value == CANARY_WORD)
			hartset_add(&scene.dead_table, h);
		if (!first->trapped && first->value >> 32 == TAKEN_WORD(0) >> 32)
			hartset_add(&scene.others_page, h);
	}
}

static void free_taken(void)
{
	while (scene.nr_taken > 0)
		frame_free(scene.taken[--scene.nr_taken], 0, OWNER_TEST);
}

static void restore_all(void)
{
	free_taken();
	restore();
}

static void set_scene(struct test_run *t, struct region r)
{
	scene.t = t;
	scene.va = frame_record_va(r.start);
	scene.n = (unsigned)min_u64(record_pages(r), ARRAY_LEN(scene.pa));
	scene.nr_taken = 0;
	scene.hits = 0;
	scene.dead_table = (struct hartset){{0}};
	scene.others_page = (struct hartset){{0}};
	for (unsigned i = 0; i < scene.n; i++)
		scene.pa[i] = pt_lookup(kernel_table(), scene.va + i * PAGE_SIZE).pa;
}

static struct exposure_sum watched_removal(struct test_run *t, enum teardown_order order,
					   struct region r)
{
	struct hot_report rep;

	(void)hotcase_add(t, r, PROT_RW);
	set_scene(t, r);
	test_on_harts(t, &t->all, read_first, NULL);
	shootdown_before_next(in_the_window, NULL);
	rep = remove_in(t, order, r);
	note("order=%s: of %u record pages %u had a new owner before the flush; %u of %u harts "
	     "read the new owner's words through the frame table, %u walked a dead table",
	     order_name(order), scene.n, scene.hits, hartset_count(&scene.others_page),
	     hartset_count(&t->all), hartset_count(&scene.dead_table));
	free_taken();
	return rep.exposed;
}

/*
 * Frames that come free are taken at once by another hart, between the change and its flush. In the
 * safe order none of them was a record, and no hart can get to a table that is dead. Linux's order
 * is the control: there harts read what the new owner wrote, or walk the dead table.
 */
TEST(hotplug, reused, .needs = NEEDS_VMEM,
     .clause = "Privileged ISA, SFENCE.VMA: old entries and pointers may be used until fenced")
{
	struct region r = hotcase_blocks(t, 1, 1);
	struct exposure_sum x;

	if (!hotcase_need_room(t, r.size + MAX_TAKEN * (PAGE_SIZE << 12)))
		return;
	hotplug_use_order(TEARDOWN_SAFE);
	measure(t);
	t->cleanup = restore_all;
	x = watched_removal(t, TEARDOWN_SAFE, r);
	if (!hartset_empty(&scene.others_page) || !hartset_empty(&scene.dead_table))
		test_fail(t, EVIDENCE_PROBE,
			  "order=safe: %u harts read another's page, %u walked "
			  "a dead table",
			  hartset_count(&scene.others_page), hartset_count(&scene.dead_table));
	EXPECT(t, scene.hits == 0 && x.reused == 0, "%u record pages were free before the flush",
	       scene.hits);
	x = watched_removal(t, TEARDOWN_LINUX, r);
	/* The model follows all of them. */
	EXPECT(t,
	       !x.measured || (x.reused + x.unsure >= scene.hits &&
			       (x.reused <= scene.hits || record_pages(r) > MAX_FOLLOWED)),
	       "the model saw %llu pages allocated again, there were %u",
	       (unsigned long long)x.reused, scene.hits);
	hartset_for_each(h, &t->all)
		test_control(
			t, ACCESS_LOAD, h,
			hartset_has(&scene.others_page, h) || hartset_has(&scene.dead_table, h), 1);
}
