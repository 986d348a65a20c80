/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.memmap*: memory that holds its own records (Linux memmap on memory). */
#include "tests/actors/memmap.h"

#include "mm/hvo.h"
#include "mm/kernel.h"
#include "platform/plug.h"
#include "tests/accounts.h"

/* As much as there is of @size, in whole blocks, at least one. */
static struct region some_memory(const struct test_run *t, uint64_t size)
{
	uint64_t n = max_u64(1, size / hotcase_block_size(t));

	return hotcase_blocks(t, 1, n);
}

enum err memmap_try_add(struct test_run *t, struct region r, unsigned kind, struct hot_region **out)
{
	struct virtio_mem *v = t->bench->vmem;
	struct hot_report rep;
	enum err err;

	ASSERT_OK(t, virtio_mem_plug(v, r.start, r.size));
	err = kind == KIND_CARVED ? hot_add_carved(r, PROT_RW, out, &rep)
				  : hot_add_device(r, PROT_RW, kind, out, &rep);
	if (err != OK) {
		ASSERT_OK(t, plug_give_back(v, r));
		return err;
	}
	EXPECT(t, rep.shootdowns == 1, "add took %llu shootdowns",
	       (unsigned long long)rep.shootdowns);
	return OK;
}

struct hot_region *memmap_add(struct test_run *t, struct region r, unsigned kind)
{
	struct hot_region *h;

	ASSERT_OK(t, memmap_try_add(t, r, kind, &h));
	return h;
}

struct spots memmap_spots(const struct test_run *t, struct region r)
{
	return (struct spots){frame_record_va(r.start), records_size(r), t->bench->seed};
}

void memmap_nomem(struct test_run *t, struct region r, unsigned kind)
{
	struct accounts before = accounts_take(t->bench);
	unsigned k = 1;

	for (; k < 200 && t->fails == 0; k++) {
		struct hot_region *h;
		enum err err;

		frame_fail_at(k);
		err = memmap_try_add(t, r, kind, &h);
		frame_fail_at(0);
		if (err == OK) {
			hotcase_remove(t, h);
			break;
		}
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		accounts_check(t, &before);
	}
	/* A small device shares its records' tables with boot RAM: then carving asks for nothing.
	 */
	if (kind == KIND_CARVED && t->fails == 0 && k == 1)
		test_skip(t, "the tables of these records are there: nothing is allocated");
	EXPECT(t, t->fails != 0 || t->skipped || k > 1, "no allocation was made to fail");
}

/* What can be allocated, in the largest blocks first; all of it is given back. */
static void allocate_all(struct test_run *t, struct hot_region *h, struct region rest)
{
	struct block {
		paddr_t pa;
		unsigned order;
	} blocks[64];
	unsigned nr = 0;
	uint64_t sum = 0;

	for (unsigned order = 10; order-- > 0;) {
		paddr_t pa;

		while (nr < ARRAY_LEN(blocks) &&
		       (pa = zone_alloc(&h->zone, order, OWNER_TEST)) != FRAME_NONE) {
			blocks[nr++] = (struct block){pa, order};
			sum += PAGE_SIZE << order;
			EXPECT(t, pa >= rest.start && pa + (PAGE_SIZE << order) <= region_end(rest),
			       "0x%llx of order %u is not of the rest", (unsigned long long)pa,
			       order);
		}
	}
	EXPECT(t, sum == rest.size, "0x%llx bytes could be allocated of 0x%llx",
	       (unsigned long long)sum, (unsigned long long)rest.size);
	while (nr-- > 0)
		frame_free(blocks[nr].pa, blocks[nr].order, OWNER_TEST);
}

static void expect_zero(struct test_run *t, struct region r)
{
	const volatile uint64_t *w = arch_virt_to_ptr(frame_record_va(r.start));
	uint64_t n = records_size(r) / sizeof(*w);
	uint64_t bad = 0;

	for (uint64_t i = 0; i < n; i++)
		bad += w[i] != 0;
	ASSERT(t, bad == 0, "%llu of %llu words of records are not zero", (unsigned long long)bad,
	       (unsigned long long)n);
}

/*
 * The records of a block lie at its start: nothing is asked of the page allocator, nothing of them
 * is given to anybody, and when the block goes they go behind the same shootdown.
 */
TEST(actor, memmap, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region r = some_memory(t, 4 * SZ_2M);
	uint64_t own = records_size(r);
	struct region rest = {r.start + own, r.size - own};
	struct frame_counts before, after;
	struct hot_region *h;
	struct spots s = memmap_spots(t, r);

	if (!hotcase_need(t, 1 + r.size / hotcase_block_size(t)))
		return;
	/* The device has had it in its hands: what it leaves in memory is nobody's zeros. */
	hotcase_remove(t, hotcase_add(t, r, PROT_RW));
	before = frame_counts();
	h = memmap_add(t, r, KIND_CARVED);
	after = frame_counts();
	EXPECT(t, after.owned[OWNER_CARVED] - before.owned[OWNER_CARVED] == own / PAGE_SIZE,
	       "%lld pages are carved", (long long)after.owned[OWNER_CARVED]);
	EXPECT(t, after.owned[OWNER_FRAMETABLE] == before.owned[OWNER_FRAMETABLE],
	       "%lld pages of records came from the page allocator",
	       (long long)(after.owned[OWNER_FRAMETABLE] - before.owned[OWNER_FRAMETABLE]));
	EXPECT(t, pt_lookup(kernel_table(), frame_record_va(r.start)).pa == r.start,
	       "the records are not at the start of the memory");
	expect_zero(t, r);
	probes_load_pages(t, &t->all, s.va, s.size);
	ASSERT_OK(t, hot_online(h));
	allocate_all(t, h, rest);
	accounts_audit(t);
	EXPECT(t, hot_split(h, r.start + r.size / 2, &(struct hot_region *){NULL}) == ERR_INVAL,
	       "memory was cut off from its records");
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	hotcase_remove(t, h);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
}

/* Of records that lie in the memory itself nothing is freed. */
TEST(actor, memmap_hvo, .needs = NEEDS_VMEM)
{
	struct region r = some_memory(t, 2 * (PAGE_SIZE << HVO_MIN_ORDER));
	struct hot_region *h;
	paddr_t pa;

	if (!hotcase_need(t, 1 + r.size / hotcase_block_size(t)))
		return;
	h = memmap_add(t, r, KIND_CARVED);
	ASSERT_OK(t, hot_online(h));
	pa = zone_alloc(&h->zone, HVO_MIN_ORDER, OWNER_TEST);
	if (pa != FRAME_NONE) {
		EXPECT(t, hvo_optimize(pa) == ERR_INVAL, "carved records were optimised");
		frame_free(pa, HVO_MIN_ORDER, OWNER_TEST);
	}
	hotcase_remove(t, h);
}

/*
 * Two blocks whose records are in two tables: the second one may fail when some are mapped. Where
 * the device has none, its first two.
 */
static struct region across_tables(const struct test_run *t)
{
	for (uint64_t i = 0; i + 2 <= hotcase_nr_blocks(t); i++) {
		struct region r = hotcase_blocks(t, i, 2);
		vaddr_t va = frame_record_va(r.start);

		if (align_down(va, SZ_2M) != align_down(va + records_size(r) - 1, SZ_2M))
			return r;
	}
	return hotcase_blocks(t, 0, 2);
}

TEST(actor, memmap_nomem, .needs = NEEDS_VMEM)
{
	if (hotcase_need(t, 2))
		memmap_nomem(t, across_tables(t), KIND_CARVED);
}
