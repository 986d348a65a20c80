/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.vmap*: harts map and unmap in the vmalloc area, in tables that they share. */
#include "mm/vmap.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/apply.h"
#include "mm/areas.h"
#include "mm/kernel.h"
#include "mm/link.h"
#include "mm/shootdown.h"
#include "tests/actors/cast.h"
#include "tests/actors/views.h"
#include "tests/probes.h"

#define ROUNDS 8u

/* Found a table missing: nobody links one before all have found it missing. */
static void all_find_none(void *arg)
{
	(void)arg;
	cast_meet();
}

/* What this hart alone has mapped is there, in the table and behind it. */
static void use_pages(struct actor *a, vaddr_t va, paddr_t pa, uint64_t size)
{
	uint64_t word = rng_next(&a->rng);

	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		volatile uint64_t *direct = phys_to_ptr(pa + off);
		volatile uint64_t *view = arch_virt_to_ptr(va + off);
		struct pt_lookup l = pt_lookup(kernel_table(), va + off);

		if (!l.mapped || l.pa != pa + off) {
			actor_fail(a, EVIDENCE_ACCOUNTS, "va 0x%llx is mapped no more",
				   (unsigned long long)(va + off));
			return;
		}
		*view = word + off;
		if (*direct != word + off || *view != word + off)
			actor_fail(a, EVIDENCE_PROBE, "va 0x%llx is not the frame 0x%llx",
				   (unsigned long long)(va + off), (unsigned long long)(pa + off));
	}
}

static void map_round(struct actor *a)
{
	unsigned order = (unsigned)rng_below(&a->rng, 3);
	unsigned flags = rng_below(&a->rng, 2) != 0 ? VMAP_DEFERRED : 0;
	uint64_t size = PAGE_SIZE << order;
	paddr_t pa = frame_alloc(order, OWNER_TEST);
	vaddr_t va;
	enum err err = ERR_NOMEM;

	/* Nobody has an area, so there is no table. */
	cast_meet();
	if (pa != FRAME_NONE)
		err = vmap_new(pa, size, PROT_RW, 0, flags, &va);
	/* Who links over another's table has done it. */
	cast_meet();
	if (pa == FRAME_NONE)
		return; /* somebody else's turn to have memory */
	if (err == OK) {
		use_pages(a, va, pa, size);
		err = vmap_free(va);
	}
	if (err != OK)
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
	frame_free(pa, order, OWNER_TEST);
}

/*
 * Areas side by side, so that all need the same tables: all find one missing at once, and one of
 * them links it; who leaves last takes it away, and nobody's entry is lost. So every round is the
 * race, whatever the machine's timing.
 */
TEST(actor, vmap_storm, .needs = NEEDS_SMP, .timeout_ms = 8000)
{
	struct link_stats before = link_stats();
	struct link_stats after;

	cast_begin(t);
	for (unsigned i = 0; i < hartset_count(&t->all) && i < 4; i++)
		cast_add("map", map_round, NULL);
	link_before_each(all_find_none, NULL);
	cast_play(ROUNDS);
	link_before_each(NULL, NULL);
	after = link_stats();
	EXPECT(t, after.linked != before.linked, "no table was ever linked");
	EXPECT(t, after.lost != before.lost, "nobody ever came too late: there was no race");
	note("vmap: %llu tables linked, %llu came too late",
	     (unsigned long long)(after.linked - before.linked),
	     (unsigned long long)(after.lost - before.lost));
}

static struct view first, other; /* what this hart maps, and what the other one maps meanwhile */

static void map_other(void *arg)
{
	view_map(arg, &other, 0);
}

/* One hart has found a table missing; before it links its own another one does. */
TEST(actor, vmap_link, .clause = VIEW_CLAUSE)
{
	struct link_stats before = link_stats();

	first = view_new(t, 0);
	other = view_new(t, 0);
	link_before_next(map_other, t);
	view_map(t, &first, 0);
	EXPECT(t, link_stats().lost != before.lost, "nobody came too late");
	view_read(t, &t->all, &first);
	view_read(t, &t->all, &other);
	view_free(t, &first);
	view_free(t, &other);
}

/* The first one's table is linked, and not fenced: who traps there knows of none. */
static void map_other_beside(void *arg)
{
	struct test_run *t = arg;

	view_control(t, &first);
	view_map(t, &other, 0);
	view_read(t, &t->all, &other);
}

/*
 * A table is linked and not shot down yet, and the other hart finds it: its own fence has to reach
 * the pointer too.
 */
TEST(actor, vmap_pointer, .clause = VIEW_CLAUSE)
{
	first = view_new(t, 0);
	other = view_new(t, 0);
	/* All have looked, in vain: they may know that there is no table. */
	view_must_trap(t, &other);
	view_must_trap(t, &first);
	shootdown_before_next(map_other_beside, t);
	view_map(t, &first, 0);
	view_read(t, &t->all, &first);
	view_free(t, &first);
	view_free(t, &other);
}

static enum err never(vaddr_t va, pte_t *entry, void *arg)
{
	(void)va;
	(void)entry;
	(void)arg;
	return ERR_IO;
}

/* Whoever comes while one is at work in an area, without having it, is sent away. */
static void come_too(void *arg)
{
	struct test_run *t = arg;
	vaddr_t second = first.va + PAGE_SIZE;

	EXPECT(t, vmap_range(second, first.pa, PAGE_SIZE, PROT_RW, 0, 0) == ERR_BUSY,
	       "a second one maps in an area beside the first");
	EXPECT(t, vmap_unmap(second, PAGE_SIZE) == ERR_BUSY,
	       "a second one unmaps in an area that is being mapped");
	EXPECT(t, apply_to_range(second, PAGE_SIZE, never, NULL) == ERR_BUSY,
	       "a callback is asked for a page that is being mapped");
	EXPECT(t, vmap_free(first.va) == ERR_BUSY, "an area is freed while it is being mapped");
}

/* And the other way round: who stores without a look, where others look first. */
static enum err map_beside(vaddr_t va, pte_t *entry, void *arg)
{
	struct test_run *t = arg;

	(void)entry;
	EXPECT(t, vmap_range(va, first.pa, PAGE_SIZE, PROT_RW, 0, 0) == ERR_BUSY,
	       "one maps where a callback is asked");
	EXPECT(t, apply_to_existing(va, PAGE_SIZE, never, NULL) == OK,
	       "two cannot ask callbacks at once");
	return OK;
}

/*
 * Two in one area: its entries are stored without a lock, so only who has it may. The second one
 * comes when the first has found a table missing, and is about to link it.
 */
TEST(actor, vmap_busy)
{
	first = view_new(t, 1);
	link_before_next(come_too, t);
	view_map(t, &first, 0);
	view_read(t, &t->all, &first);
	EXPECT_OK(t, vmap_unmap(first.va, 2 * PAGE_SIZE));
	EXPECT_OK(t, apply_to_range(first.va, PAGE_SIZE, map_beside, t));
	view_map(t, &first, 0);
	view_read(t, &t->all, &first);
	view_free(t, &first);
}

struct reuse {
	struct test_run *t;
	vaddr_t again;
};

/* What was there is unlinked, and every hart may still use it: nobody else may get the address. */
static void take_again(void *arg)
{
	struct reuse *r = arg;
	struct test_run *t = r->t;

	r->again = area_take(PAGE_SIZE, PAGE_SIZE);
	EXPECT(t, r->again != first.va, "va 0x%llx was given away before the shootdown",
	       (unsigned long long)r->again);
	if (r->again != first.va)
		return;
	/* The old frame shows where the new one should be. */
	other.va = r->again;
	view_map(t, &other, VMAP_DEFERRED);
	view_read(t, &t->all, &other);
}

TEST(actor, vmap_reuse, .clause = VIEW_CLAUSE)
{
	struct reuse r = {t, 0};

	first = view_new(t, 0);
	other = view_new(t, 0);
	EXPECT_OK(t, vmap_free(other.va)); /* it takes what is free, see take_again() */
	view_map(t, &first, 0);
	view_read(t, &t->all, &first);
	shootdown_before_next(take_again, &r);
	EXPECT_OK(t, vmap_free(first.va));
	view_must_trap(t, &first);
	EXPECT_OK(t, vmap_free(r.again));
	frame_free(first.pa, first.order, OWNER_TEST);
	frame_free(other.pa, other.order, OWNER_TEST);
}

/* Every leaf as large as it may be, and none beyond its end. (Linux: ioremap_page_range().) */
TEST(actor, vmap_sizes, .clause = VIEW_CLAUSE)
{
	const unsigned order = 10; /* 4 MiB */
	paddr_t block = frame_alloc(order, OWNER_TEST);
	uint64_t size = (PAGE_SIZE << order) - 2 * PAGE_SIZE;
	vaddr_t va;

	if (block == FRAME_NONE) {
		test_skip(t, "no 4 MiB of memory in one piece");
		return;
	}
	for (unsigned max = 0; max < 2; max++) {
		unsigned leaves[2] = {0, 0};

		/* All but its first page and its last. */
		ASSERT_OK(t, vmap_new(block + PAGE_SIZE, size, PROT_RW, max, 0, &va));
		for (vaddr_t at = va; at - va < size;) {
			struct pt_lookup l = pt_lookup(kernel_table(), at);

			EXPECT(t, l.mapped && l.pa - block == at - va + PAGE_SIZE && l.level < 2,
			       "va 0x%llx is at 0x%llx", (unsigned long long)at,
			       (unsigned long long)l.pa);
			leaves[l.level % 2]++;
			at += level_size(l.level);
		}
		/* 4 MiB aligned: no whole 2 MiB are left in it once both ends are gone. */
		EXPECT(t, leaves[1] == 0, "%u large leaves", leaves[1]);
		EXPECT_OK(t, vmap_free(va));
		ASSERT_OK(t, vmap_new(block + PAGE_SIZE, size + PAGE_SIZE, PROT_RW, max, 0, &va));
		EXPECT(t, pt_lookup(kernel_table(), va + SZ_2M).level == max,
		       "level %u where level %u fits", pt_lookup(kernel_table(), va + SZ_2M).level,
		       max);
		EXPECT_OK(t, vmap_free(va));
	}
	frame_free(block, order, OWNER_TEST);
}
