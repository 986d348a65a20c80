/* SPDX-License-Identifier: BSD-2-Clause */
/* hotplug.*: two devices whose regions are neighbours, and share table pages. */
#include "firmware/console.h"
#include "mm/kernel.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"
#include "tests/test.h"

/* Each side's memory near the edge comes and goes in that many pieces, that many times. */
#define PIECES 4
#define ROUNDS 6
/* So much of a side lies near enough to have tables of all levels in common with the other. */
#define NEAR_BYTES (UINT64_C(128) << 20)

struct side {
	struct virtio_mem *v;
	struct region r[PIECES];
	struct spots s[PIECES];
	struct hot_region *h[PIECES]; /* NULL: not added */
};

/*
 * Two devices side by side. The table page that holds leaves of 2 MiB covers 1 GiB in each mode;
 * an edge that is no multiple of it lies inside one that both sides have entries in.
 */
static bool find_neighbours(const struct bench *b, struct virtio_mem **lower,
			    struct virtio_mem **upper)
{
	for (unsigned i = 0; i + 1 < b->nr_vmems; i++) {
		const struct virtio_mem_geometry *g = &b->vmems[i]->geo;
		paddr_t edge = g->addr + g->region_size;

		if (b->vmems[i + 1]->geo.addr != edge || is_aligned(edge, SZ_1G))
			continue;
		*lower = b->vmems[i];
		*upper = b->vmems[i + 1];
		return true;
	}
	return false;
}

static uint64_t near_blocks(const struct virtio_mem *v)
{
	uint64_t n = max_u64(NEAR_BYTES / hotcase_block_size_of(v), PIECES);

	return min_u64(n, hotcase_nr_blocks_of(v));
}

/* Pieces of random length with random gaps; the one at the edge reaches it. */
static void cut(struct test_run *t, struct side *side, bool lower)
{
	uint64_t each = near_blocks(side->v) / PIECES;
	uint64_t first = lower ? hotcase_nr_blocks_of(side->v) - each * PIECES : 0;
	unsigned at_edge = lower ? PIECES - 1 : 0;

	for (unsigned i = 0; i < PIECES; i++) {
		uint64_t len = 1 + rng_below(&t->rng, each);
		uint64_t gap = i == at_edge ? (lower ? each - len : 0)
					    : rng_below(&t->rng, each - len + 1);

		side->r[i] = hotcase_blocks_of(side->v, first + i * each + gap, len);
		side->s[i] = hotcase_spots(t, side->r[i]);
		side->h[i] = NULL;
	}
}

static void add_piece(struct test_run *t, struct side *side, unsigned i)
{
	side->h[i] = hotcase_add(t, side->r[i], PROT_RW);
	probes_write_and_read(t, &t->all, &side->s[i]);
}

/* @sides are NULL where nothing is to be added; by turns as chance has it. */
static void add_sides(struct test_run *t, struct side *const sides[2])
{
	unsigned order[2 * PIECES];

	hotcase_shuffle(t, order, ARRAY_LEN(order));
	for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
		if (sides[order[i] / PIECES] != NULL)
			add_piece(t, sides[order[i] / PIECES], order[i] % PIECES);
	}
}

/*
 * Content and access of what is still there, on every hart. Where that fails the map is damaged,
 * and with it the frame table, by which the next step would find its way: the test ends.
 */
static void check_side(struct test_run *t, const struct side *side)
{
	unsigned fails = t->fails;

	for (unsigned i = 0; i < PIECES; i++) {
		if (side->h[i] != NULL)
			probes_read(t, &t->all, &t->all, &side->s[i]);
	}
	if (t->fails != fails)
		test_leave();
}

/* All harts use the other side while a piece goes. No control then: nobody is free to make it. */
static bool remove_beside(struct test_run *t, struct hot_region *h, const struct side *other)
{
	bool done;

	probes_use_begin(&t->peers, &t->all, other->s, PIECES);
	done = hotcase_try_remove(t, h);
	probes_use_end(t);
	return done;
}

static void remove_piece(struct test_run *t, struct side *side, unsigned i,
			 const struct side *other, bool beside)
{
	struct hot_region *h = side->h[i];
	bool done;

	/* What each hart touched last is what it holds most likely. */
	probes_read(t, &t->all, &t->all, &side->s[i]);
	if (!beside)
		probes_control_next(t, &t->all, &side->s[i], ACCESS_LOAD);
	done = beside ? remove_beside(t, h, other) : hotcase_try_remove(t, h);
	if (done)
		side->h[i] = NULL;
	probes_must_trap(t, &t->all, &side->s[i], ACCESS_LOAD);
	check_side(t, side);
	check_side(t, other);
	accounts_audit(t);
}

/* Piece by piece in a random order; every other time all harts use @other meanwhile. */
static void remove_side(struct test_run *t, struct side *side, const struct side *other)
{
	unsigned order[PIECES];

	hotcase_shuffle(t, order, PIECES);
	for (unsigned i = 0; i < PIECES; i++)
		remove_piece(t, side, order[i], other, other->h[0] != NULL && i % 2 != 0);
}

/* Whether one table page holds the entries of both sides of @va. */
static bool table_in_common(vaddr_t va)
{
	struct pt_cursor below = pt_walk(kernel_table(), va - 1, 0);
	struct pt_cursor above = pt_walk(kernel_table(), va, 0);

	return align_down(below.slot.pa, PAGE_SIZE) == align_down(above.slot.pa, PAGE_SIZE);
}

/* That is what the test is about; the frame table's depends on where the regions meet. */
static void check_tables(struct test_run *t, paddr_t edge)
{
	EXPECT(t, table_in_common(direct_va(edge)), "no table page is shared at 0x%llx",
	       (unsigned long long)edge);
	note("regions meet at 0x%llx, with table pages in common: direct map%s",
	     (unsigned long long)edge,
	     table_in_common(frame_record_va(edge)) ? ", frame table" : "");
}

/* Both sides come; one goes beside the other and comes back, and the same for the other. */
static void round_of(struct test_run *t, struct side *one, struct side *other, bool first)
{
	add_sides(t, (struct side *[2]){one, other});
	if (first)
		check_tables(t, max_u64(one->v->geo.addr, other->v->geo.addr));
	remove_side(t, one, other);
	add_sides(t, (struct side *[2]){one, NULL});
	remove_side(t, other, one);
	remove_side(t, one, other);
}

/*
 * Memory of two devices in one table page: what one of them takes away is gone on every hart, and
 * not an entry of its neighbour's with it, nor the table page.
 */
TEST(hotplug, neighbours, .needs = NEEDS_VMEM, .timeout_ms = 60000, .clause = TRAP_CLAUSE)
{
	struct side sides[2] = {{0}};

	if (!find_neighbours(t->bench, &sides[0].v, &sides[1].v)) {
		test_skip(t, "needs two devices whose regions meet inside a GiB (devices: %u)",
			  t->bench->nr_vmems);
		return;
	}
	if (near_blocks(sides[0].v) < PIECES || near_blocks(sides[1].v) < PIECES) {
		test_skip(t, "needs %u blocks of each device", PIECES);
		return;
	}
	if (!hotcase_need_room(t,
			       near_blocks(sides[0].v) * hotcase_block_size_of(sides[0].v) +
				       near_blocks(sides[1].v) * hotcase_block_size_of(sides[1].v)))
		return;
	for (unsigned i = 0; i < ROUNDS && (i == 0 || t->fails == 0); i++) {
		struct accounts before = accounts_take(t->bench);

		cut(t, &sides[0], true);
		cut(t, &sides[1], false);
		round_of(t, &sides[i % 2], &sides[1 - i % 2], i == 0);
		accounts_check(t, &before);
	}
}
