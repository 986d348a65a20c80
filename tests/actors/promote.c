/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.promote*: a large leaf takes the place of an empty table that others may walk. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/areas.h"
#include "mm/dump.h"
#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "mm/shootdown.h"
#include "mm/vmap.h"
#include "tests/actors/cast.h"
#include "tests/actors/views.h"
#include "tests/probes.h"

#define LEAF_ORDER 9u
#define ROUNDS 8u

static struct view view;

static paddr_t table_at(vaddr_t va)
{
	pte_t e = pte_load(pt_walk(kernel_table(), va, 1).slot);

	return pte_is_table(e) ? pte_pa(e) : FRAME_NONE;
}

/* Map a page and unmap it again: what is left is an empty table in the place of a 2 MiB leaf. */
static enum err leave_table(const struct view *v)
{
	enum err err = vmap_range(v->va, v->pa, PAGE_SIZE, PROT_RW, 0, 0);

	return err != OK ? err : vmap_unmap(v->va, PAGE_SIZE);
}

/* False: the machine has no such memory; the test is skipped. */
static bool begin(struct test_run *t)
{
	paddr_t pa = frame_alloc(LEAF_ORDER, OWNER_TEST);

	if (pa == FRAME_NONE) {
		test_skip(t, "no 2 MiB of memory in one piece");
		return false;
	}
	frame_free(pa, LEAF_ORDER, OWNER_TEST);
	view = view_new(t, LEAF_ORDER);
	ASSERT_OK(t, leave_table(&view));
	ASSERT(t, table_at(view.va) != FRAME_NONE, "no empty table is left");
	return true;
}

static void expect_leaf(struct test_run *t, unsigned level)
{
	struct pt_lookup l = pt_lookup(kernel_table(), view.va);

	EXPECT(t, l.mapped && l.level == level && l.pa == view.pa,
	       "va 0x%llx: level %u, due %u; 0x%llx, due 0x%llx", (unsigned long long)view.va,
	       l.level, level, (unsigned long long)l.pa, (unsigned long long)view.pa);
	view_read(t, &t->all, &view);
}

/*
 * Unlinked, and not fenced: a hart that still has the table must find it as it was, empty. At a
 * page of it that nobody has looked at, so that the walk is made.
 */
static void look_before_fence(void *arg)
{
	struct view far = view;

	far.va += SZ_2M - PAGE_SIZE;
	view_must_trap(arg, &far);
}

TEST(actor, promote, .clause = VIEW_CLAUSE)
{
	uint64_t before = vmap_stats().promoted;

	if (!begin(t))
		return;
	view_must_trap(t, &view);
	shootdown_before_next(look_before_fence, t);
	view_map(t, &view, 0);
	EXPECT(t, vmap_stats().promoted == before + 1, "nothing was promoted");
	expect_leaf(t, 1);
	view_free(t, &view);
}

/* A dumper is at work, and stands in the table: small pages do as well. */
TEST(actor, promote_dumper, .clause = VIEW_CLAUSE)
{
	paddr_t table;

	if (!begin(t))
		return;
	table = table_at(view.va);
	rw_write_lock(&mmap_lock);
	view_map(t, &view, 0);
	EXPECT(t, table_at(view.va) == table, "the table 0x%llx is gone under a dumper",
	       (unsigned long long)table);
	EXPECT(t, pte_load((pte_slot_t){table}).raw == pte_leaf(view.pa, PROT_RW).raw,
	       "the table 0x%llx has 0x%llx in it", (unsigned long long)table,
	       (unsigned long long)pte_load((pte_slot_t){table}).raw);
	rw_write_unlock(&mmap_lock);
	if (t->fails == 0)
		expect_leaf(t, 0);
	view_free(t, &view);
}

/* Who reads mmap_lock already, and maps: a second reading would wait behind a writer that waits. */
TEST(actor, promote_reader, .clause = VIEW_CLAUSE)
{
	if (!begin(t))
		return;
	rw_read_lock(&mmap_lock);
	view_map(t, &view, 0);
	rw_read_unlock(&mmap_lock);
	expect_leaf(t, 1);
	view_free(t, &view);
}

/*
 * One round of both: an empty table is there; then, in every second round, the dump stands in it
 * while the other one wants it gone, and else they go their own ways.
 */
static bool stands_in(const struct actor *a)
{
	return a->rounds % 2 == 0;
}

static void promote_round(struct actor *a)
{
	enum err err = leave_table(&view);

	if (!cast_meet() && err == OK)
		return;
	if (stands_in(a))
		cast_meet(); /* the dump is in the table */
	if (err == OK)
		err = vmap_range(view.va, view.pa, SZ_2M, PROT_RW, 1, 0);
	if (stands_in(a))
		cast_meet(); /* and goes on */
	if (err == OK)
		err = vmap_unmap(view.va, SZ_2M);
	if (err != OK)
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
}

static void stand_in_table(void *arg, vaddr_t va, unsigned level)
{
	bool *stood = arg;

	if (level != 0 || va != view.va || *stood)
		return;
	*stood = true;
	cast_meet();
	cast_meet();
}

static void dump_round(struct actor *a)
{
	struct dump d = {.run = NULL};
	bool stood = false;

	if (stands_in(a)) {
		d.table = stand_in_table;
		d.arg = &stood;
	}
	if (!cast_meet())
		return;
	/* Between two dumps there has to be room for a promotion. */
	for (volatile uint64_t i = stands_in(a) ? 0 : rng_below(&a->rng, 100000); i > 0; i--)
		;
	dump_walk(&d);
	if (stands_in(a) && !stood) {
		actor_fail(a, EVIDENCE_CHECK, "no table was there to stand in");
		cast_meet();
		cast_meet();
	}
	if (d.dead != 0)
		actor_fail(a, EVIDENCE_PROBE, "walked into a dead table at va 0x%llx",
			   (unsigned long long)d.first_dead);
}

TEST(actor, promote_storm, .needs = NEEDS_SMP, .timeout_ms = 8000, .clause = VIEW_CLAUSE)
{
	struct vmap_stats before = vmap_stats();

	if (!begin(t))
		return;
	cast_begin(t);
	cast_add("promote", promote_round, NULL);
	cast_add("dump", dump_round, NULL);
	cast_play(ROUNDS);
	view_free(t, &view);
	EXPECT(t, vmap_stats().refused != before.refused, "no dump was ever in the way");
	note("vmap: %llu tables gave way to a leaf, %llu leaves to a dumper",
	     (unsigned long long)(vmap_stats().promoted - before.promoted),
	     (unsigned long long)(vmap_stats().refused - before.refused));
}
