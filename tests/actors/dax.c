/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.dax*, actor.subsection*: memory of devices, whose records share pages and leaves. */
#include "mm/kernel.h"
#include "tests/accounts.h"
#include "tests/actors/memmap.h"

#define DEVICE_PAGES 2u

static bool find_memory(struct test_run *t, struct region *r)
{
	uint64_t size = hotcase_block_size(t);
	paddr_t start = hotcase_blocks(t, 0, 1).start;
	uint64_t first = (align_up(start, DEVICE_PAGE) - start) / size;
	uint64_t n = DEVICE_PAGES * DEVICE_PAGE / size;

	if (n < 2) {
		test_skip(t, "blocks of the device are too large");
		return false;
	}
	*r = hotcase_blocks(t, first, n);
	return hotcase_need(t, first + n);
}

static paddr_t record_pa(paddr_t frame, uint64_t page)
{
	return pt_lookup(kernel_table(), frame_record_va(frame) + page * PAGE_SIZE).pa;
}

static uint64_t pages_of_records(void)
{
	return (frame_record_size() << DEVICE_ORDER) / PAGE_SIZE;
}

void dax_expect_shared(struct test_run *t, paddr_t device_page)
{
	paddr_t tail = record_pa(device_page, 1);
	uint64_t n = pages_of_records();
	unsigned elsewhere = 0;

	EXPECT(t, record_pa(device_page, 0) != tail, "the first records are shared too");
	for (uint64_t i = 2; i < n; i++)
		elsewhere += record_pa(device_page, i) != tail;
	EXPECT(t, elsewhere == 0, "%u tail pages lead elsewhere", elsewhere);
	EXPECT(t, frame_of(tail)->users == n - 1, "%u users, due %llu", frame_of(tail)->users,
	       (unsigned long long)(n - 1));
}

/*
 * A tail page that is shared goes with the last of its entries: not before, also where the device
 * page is cut in two and one half goes, and not later.
 */
TEST(actor, dax, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct frame_counts before, after;
	struct hot_region *h, *upper, *rest;
	struct region r;
	struct spots s;
	paddr_t tail;

	if (!find_memory(t, &r))
		return;
	before = frame_counts();
	h = memmap_add(t, r, DEVICE_ORDER);
	after = frame_counts();
	if (!is_pow2(frame_record_size())) {
		EXPECT(t,
		       after.owned[OWNER_FRAMETABLE] - before.owned[OWNER_FRAMETABLE] ==
			       records_size(r) / PAGE_SIZE,
		       "records of %llu bytes are shared", (unsigned long long)frame_record_size());
		hotcase_remove(t, h);
		return;
	}
	EXPECT(t,
	       after.owned[OWNER_FRAMETABLE] - before.owned[OWNER_FRAMETABLE] == 2 * DEVICE_PAGES,
	       "%lld pages of records",
	       (long long)(after.owned[OWNER_FRAMETABLE] - before.owned[OWNER_FRAMETABLE]));
	for (unsigned i = 0; i < DEVICE_PAGES; i++)
		dax_expect_shared(t, r.start + i * DEVICE_PAGE);
	tail = record_pa(r.start, 1);
	ASSERT_OK(t, hot_split(h, r.start + DEVICE_PAGE, &rest));
	ASSERT_OK(t, hot_split(h, r.start + DEVICE_PAGE / 2, &upper));
	s = memmap_spots(t, upper->phys);
	probes_load_pages(t, &t->all, s.va, s.size);
	hotcase_remove(t, h);
	EXPECT(t,
	       frame_owner(tail) == OWNER_FRAMETABLE &&
		       frame_of(tail)->users == pages_of_records() / 2,
	       "the tail page is of %s, with %u users", owner_name(frame_owner(tail)),
	       frame_of(tail)->users);
	accounts_model(t, "");
	probes_load_pages(t, &t->all, s.va, s.size);
	accounts_audit(t);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	hotcase_remove(t, upper);
	EXPECT(t, frame_owner(tail) == OWNER_NONE, "the tail page is still of %s",
	       owner_name(frame_owner(tail)));
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	hotcase_remove(t, rest);
}

TEST(actor, dax_nomem, .needs = NEEDS_VMEM)
{
	struct region r;

	if (find_memory(t, &r))
		memmap_nomem(t, r, DEVICE_ORDER);
}

/* What a device can be added as, and no more. */
TEST(actor, dax_errors, .needs = NEEDS_VMEM)
{
	struct hot_region *h;
	struct region r;

	if (!find_memory(t, &r))
		return;
	EXPECT(t,
	       memmap_try_add(t, (struct region){r.start + DEVICE_PAGE / 2, DEVICE_PAGE},
			      DEVICE_ORDER, &h) == ERR_INVAL,
	       "half of a device page was taken for a whole one");
	EXPECT(t, memmap_try_add(t, r, 6, &h) == ERR_INVAL, "a page of records has no tail pages");
	EXPECT(t, memmap_try_add(t, r, FRAME_MAX_ORDER + 1, &h) == ERR_INVAL,
	       "device pages beyond the largest order");
}

/* Harts store into the records of all of @r, so that what is taken along is missed. */
static void use(struct test_run *t, const struct region *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct spots s = memmap_spots(t, r[i]);

		probes_write_and_read(t, &t->all, &s);
	}
}

static void expect_used(struct test_run *t, struct region r)
{
	struct spots s = memmap_spots(t, r);

	probes_read(t, &t->all, &t->all, &s);
}

/* Zero again: an empty record, before anybody else looks at it. */
static void expect_gone(struct test_run *t, struct region r)
{
	struct spots s = memmap_spots(t, r);

	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
}

/*
 * Sub-sections: devices side by side, of less memory than the records of a leaf are for. Each goes
 * with its own records and leaves those of its neighbours, whether they were mapped apart or are
 * parts of what came as one.
 */
static void one_of_three(struct test_run *t, bool apart)
{
	struct region r = hotcase_blocks(t, 1, 3);
	struct region part[3];
	struct hot_region *h[3];
	unsigned first = (unsigned)rng_below(&t->rng, 3);

	if (!hotcase_need(t, 4))
		return;
	for (unsigned i = 0; i < 3; i++) {
		part[i] = hotcase_blocks(t, 1 + i, 1);
		if (apart || i == 0)
			h[i] = memmap_add(t, apart ? part[i] : r, 0);
		else
			ASSERT_OK(t, hot_split(h[i - 1], part[i].start, &h[i]));
	}
	use(t, part, 3);
	for (unsigned i = 0; i < 3; i++) {
		unsigned gone = (first + i) % 3;

		hotcase_remove(t, h[gone]);
		expect_gone(t, part[gone]);
		for (unsigned left = i + 1; left < 3; left++)
			expect_used(t, part[(first + left) % 3]);
		accounts_audit(t);
		if (t->fails != 0)
			test_leave();
	}
}

TEST(actor, subsection, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	one_of_three(t, true);
}

TEST(actor, subsection_cut, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	one_of_three(t, false);
}

/* The records of 128 MiB are one leaf, where they are 64 bytes each: a piece goes out of it. */
TEST(actor, subsection_leaf, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	uint64_t whole = align_up(SZ_2M * PAGE_SIZE / frame_record_size(), 2 * SZ_2M);
	uint64_t size = hotcase_block_size(t);
	paddr_t start = hotcase_blocks(t, 0, 1).start;
	uint64_t first = (align_up(start, whole) - start) / size;
	uint64_t n = whole / size;
	struct hot_region *h, *middle, *upper;
	struct region kept[2];

	if (n < 4) {
		test_skip(t, "blocks of the device are too large");
		return;
	}
	if (!hotcase_need(t, first + n))
		return;
	h = memmap_add(t, hotcase_blocks(t, first, n), 0);
	ASSERT_OK(t, hot_split(h, hotcase_blocks(t, first + n / 2, 1).start, &middle));
	ASSERT_OK(t, hot_split(middle, hotcase_blocks(t, first + n / 2 + 1, 1).start, &upper));
	kept[0] = h->phys;
	kept[1] = upper->phys;
	use(t, kept, 2);
	hotcase_remove(t, middle);
	for (unsigned i = 0; i < 2; i++)
		expect_used(t, kept[i]);
	accounts_audit(t);
	if (t->fails != 0)
		test_leave();
	hotcase_remove(t, upper);
	hotcase_remove(t, h);
}
