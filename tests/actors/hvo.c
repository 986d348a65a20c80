/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.hvo*: the records of huge pages are optimised and restored, on several harts at once. */
#include "mm/hvo.h"

#include "firmware/arch.h"
#include "mm/kernel.h"
#include "mm/remap.h"
#include "tests/accounts.h"
#include "tests/actors/cast.h"
#include "tests/hotcase.h"

#define HUGE_ORDER HVO_MIN_ORDER
#define ROUNDS 10u

/* Memory whose records fill a leaf of the frame table, where the device has so much. */
static uint64_t whole_leaf(void)
{
	return SZ_2M / frame_record_size() << PAGE_SHIFT;
}

static struct hot_region *add_memory(struct test_run *t, bool leaf_needed)
{
	uint64_t size = hotcase_block_size(t);
	paddr_t start = hotcase_blocks(t, 0, 1).start;
	uint64_t first = (align_up(start, whole_leaf()) - start) / size;
	uint64_t n = whole_leaf() / size;

	if (!is_pow2(frame_record_size())) {
		test_skip(t, "records of %llu bytes do not repeat page by page",
			  (unsigned long long)frame_record_size());
		return NULL;
	}
	if (hotcase_nr_blocks(t) < first + n || size > whole_leaf()) {
		if (leaf_needed) {
			test_skip(t, "the device has no 0x%llx bytes whose records fill a leaf",
				  (unsigned long long)whole_leaf());
			return NULL;
		}
		first = 0;
		n = max_u64(1, 4 * (PAGE_SIZE << HUGE_ORDER) / size);
	}
	return hotcase_need(t, first + n) ? hotcase_add(t, hotcase_blocks(t, first, n), PROT_RW)
					  : NULL;
}

static paddr_t alloc_huge(struct test_run *t, struct hot_region *h)
{
	paddr_t pa = zone_alloc(&h->zone, HUGE_ORDER, OWNER_TEST);

	ASSERT(t, pa != FRAME_NONE, "no huge page in online memory");
	return pa;
}

static vaddr_t tails_va(paddr_t pa)
{
	return frame_record_va(pa) + PAGE_SIZE;
}

static struct spots tail_spots(const struct test_run *t, paddr_t pa)
{
	return (struct spots){tails_va(pa), hvo_pages(HUGE_ORDER) * PAGE_SIZE, t->bench->seed};
}

/*
 * Owner and order of the first record on @page, by one load: the page may be another one from one
 * load to the next.
 */
static uint64_t owner_word(vaddr_t page)
{
	const volatile uint16_t *w = arch_virt_to_ptr(page + offsetof(struct frame, owner));

	return *w;
}
_Static_assert(offsetof(struct frame, order) == offsetof(struct frame, owner) + 1, "one load");

#define HUGE_WORD (OWNER_TEST | (uint64_t)HUGE_ORDER << 8)

/* Each hart loads the first record of each tail page of @pa. */
struct look {
	paddr_t pa;
	uint64_t due;
	unsigned bad[MAX_HARTS];
};

static void look_at_tails(void *arg)
{
	struct look *l = arg;

	for (uint64_t i = 0; i < hvo_pages(HUGE_ORDER); i++) {
		if (owner_word(tails_va(l->pa) + i * PAGE_SIZE) != l->due)
			l->bad[arch_hart()]++;
	}
}

static void expect_tails(struct test_run *t, paddr_t pa, uint64_t due)
{
	static struct look l;

	l = (struct look){.pa = pa, .due = due};
	test_on_harts(t, &t->all, look_at_tails, &l);
	hartset_for_each(h, &t->all)
		if (l.bad[h] != 0)
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u: %u tail pages of 0x%llx do not say 0x%llx", h, l.bad[h],
				  (unsigned long long)pa, (unsigned long long)due);
}

/* Whatever reads as the start of a block there, each frame is of the block that was allocated. */
static void expect_block(struct test_run *t, paddr_t pa)
{
	for (uint64_t i = 0; i < UINT64_C(1) << HUGE_ORDER; i += 32) {
		struct zone_block b = frame_block(pa + i * PAGE_SIZE);

		EXPECT(t, b.pa == pa && b.order == HUGE_ORDER && b.owner == OWNER_TEST,
		       "frame %llu of the huge page: in a block at 0x%llx, order %u, of %s",
		       (unsigned long long)i, (unsigned long long)b.pa, b.order,
		       owner_name(b.owner));
	}
}

static void expect_refusals(struct test_run *t, struct hot_region *h, paddr_t pa)
{
	struct evacuation e;
	const char *first;
	unsigned n;

	ASSERT(t, plug_remove(t->bench->vmem, h, &e, NULL) == ERR_BUSY,
	       "memory went whose records are remapped");
	frame_free(pa, HUGE_ORDER, OWNER_TEST);
	n = frame_errors(&first);
	ASSERT(t, n == 1, "a block was freed whose records are remapped");
	EXPECT(t, hvo_optimize(pa) == ERR_EXIST, "optimised twice");
	EXPECT(t, hvo_optimize(pa + PAGE_SIZE) == ERR_INVAL, "optimised from its middle on");
}

/* Its records are its own again, and say nothing: frames inside of a block. */
static void restore(struct test_run *t, paddr_t pa)
{
	unsigned left = 0;

	EXPECT_OK(t, hvo_restore(pa));
	for (uint64_t i = 1; i < UINT64_C(1) << HUGE_ORDER; i++)
		left += frame_of(pa + i * PAGE_SIZE)->owner != OWNER_NONE;
	EXPECT(t, left == 0, "%u restored records name an owner", left);
	expect_tails(t, pa, 0);
}

/*
 * Optimised: every hart reads the first page of records wherever it reads the tails, and cannot
 * store there; restored, it can. The pages go to their allocator, and the memory stays.
 */
TEST(actor, hvo, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct hot_region *h = add_memory(t, false);
	struct frame_counts before, after;
	struct spots s;
	paddr_t a, b;

	if (h == NULL)
		return;
	a = alloc_huge(t, h);
	b = alloc_huge(t, h);
	s = tail_spots(t, b);
	ASSERT_OK(t, hvo_optimize(a)); /* splits the leaf, if there is one */
	probes_write_and_read(t, &t->all, &s);
	before = frame_counts();
	probes_control_next(t, &t->all, &s, ACCESS_STORE);
	ASSERT_OK(t, hvo_optimize(b));
	after = frame_counts();
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	expect_tails(t, b, HUGE_WORD);
	EXPECT(t,
	       after.free - before.free == hvo_pages(HUGE_ORDER) &&
		       before.owned[OWNER_FRAMETABLE] - after.owned[OWNER_FRAMETABLE] ==
			       hvo_pages(HUGE_ORDER),
	       "%lld pages were freed", (long long)(after.free - before.free));
	expect_block(t, a);
	expect_block(t, b);
	accounts_audit(t);
	expect_refusals(t, h, b);
	restore(t, a);
	restore(t, b);
	accounts_audit(t);
	probes_write_and_read(t, &t->all, &s);
	for (unsigned i = 0; i < spots_count(&s); i++)
		*(volatile uint64_t *)arch_virt_to_ptr(spots_at(&s, i)) = 0;
	frame_free(a, HUGE_ORDER, OWNER_TEST);
	frame_free(b, HUGE_ORDER, OWNER_TEST);
	hotcase_remove(t, h);
}

static void finish(struct test_run *t, struct leaf_split *s)
{
	struct pt_batch b;

	kernel_begin(&b);
	leaf_split_finish(s, &b);
	EXPECT_OK(t, pt_commit(&b));
	kernel_end();
	leaf_split_end(s);
}

/*
 * Two are about to split one leaf, each with a table page in hand: the second finds it split, and
 * what the first has changed since stays changed.
 */
TEST(actor, hvo_split, .needs = NEEDS_VMEM)
{
	struct hot_region *h = add_memory(t, true);
	uint64_t tables = kernel_table()->nr_tables;
	struct leaf_split one, other;
	paddr_t a, b, head;

	if (h == NULL)
		return;
	a = alloc_huge(t, h);
	b = alloc_huge(t, h);
	tables = kernel_table()->nr_tables;
	rw_read_lock(&mmap_lock);
	ASSERT_OK(t, leaf_split_prepare(&one, tails_va(a)));
	ASSERT_OK(t, leaf_split_prepare(&other, tails_va(b)));
	finish(t, &one);
	rw_read_unlock(&mmap_lock);
	ASSERT_OK(t, hvo_optimize(a));
	rw_read_lock(&mmap_lock);
	finish(t, &other);
	rw_read_unlock(&mmap_lock);
	head = pt_lookup(kernel_table(), frame_record_va(a)).pa;
	for (uint64_t i = 0; i < hvo_pages(HUGE_ORDER); i++)
		EXPECT(t, pt_lookup(kernel_table(), tails_va(a) + i * PAGE_SIZE).pa == head,
		       "tail page %llu leads elsewhere", (unsigned long long)i);
	EXPECT(t, kernel_table()->nr_tables == tables + 1, "%lld tables more",
	       (long long)(kernel_table()->nr_tables - tables));
	restore(t, a);
	EXPECT(t, kernel_table()->nr_tables == tables, "the leaf did not come back");
	frame_free(a, HUGE_ORDER, OWNER_TEST);
	frame_free(b, HUGE_ORDER, OWNER_TEST);
	hotcase_remove(t, h);
}

/* Of one hart: its huge page is optimised and restored, with a look after each. */
static void hvo_round(struct actor *a)
{
	const paddr_t *pa = a->arg;
	enum err err = hvo_optimize(*pa);

	if (err == OK && owner_word(tails_va(*pa)) != HUGE_WORD)
		actor_fail(a, EVIDENCE_PROBE, "0x%llx: its tail records are not shared",
			   (unsigned long long)*pa);
	if (err == OK)
		err = hvo_restore(*pa);
	if (err == OK && owner_word(tails_va(*pa)) != 0)
		actor_fail(a, EVIDENCE_PROBE, "0x%llx: its tail records are not its own",
			   (unsigned long long)*pa);
	if (err != OK)
		actor_fail(a, EVIDENCE_CHECK, "0x%llx: %s", (unsigned long long)*pa, err_name(err));
}

/* No instant without a record: the old page or the new one, here and on both sides of it. */
static void read_round(struct actor *a)
{
	const paddr_t *pa = a->arg;

	for (unsigned i = 0; i < 3; i++) {
		for (uint64_t p = 0; p <= hvo_pages(HUGE_ORDER); p++) {
			uint64_t w = owner_word(frame_record_va(pa[i]) + p * PAGE_SIZE);

			if (w != HUGE_WORD && (w != 0 || p == 0))
				actor_fail(a, EVIDENCE_PROBE,
					   "0x%llx: page %llu of its records says 0x%llx",
					   (unsigned long long)pa[i], (unsigned long long)p,
					   (unsigned long long)w);
		}
	}
}

/* Harts split, remap and merge in one leaf at once, while another one reads all of it. */
TEST(actor, hvo_race, .needs = NEEDS_VMEM | NEEDS_SMP)
{
	static paddr_t pa[3];
	struct hot_region *h = add_memory(t, true);

	if (h == NULL)
		return;
	for (unsigned i = 0; i < 3; i++)
		pa[i] = alloc_huge(t, h);
	cast_begin(t);
	cast_add("one", hvo_round, &pa[0]);
	cast_add("other", hvo_round, &pa[1]);
	cast_add("reader", read_round, pa);
	cast_play(ROUNDS);
	for (unsigned i = 0; i < 3; i++) {
		expect_block(t, pa[i]);
		frame_free(pa[i], HUGE_ORDER, OWNER_TEST);
	}
	accounts_audit(t);
	hotcase_remove(t, h);
}

/* Every allocation fails once, of the split and of the pages to restore: nothing has changed. */
TEST(actor, hvo_nomem, .needs = NEEDS_VMEM)
{
	struct hot_region *h = add_memory(t, false);
	struct frame_counts before, after;
	bool leaf;
	unsigned k;
	paddr_t pa;

	if (h == NULL)
		return;
	pa = alloc_huge(t, h);
	leaf = pt_lookup(kernel_table(), frame_record_va(pa)).level != 0;
	if (leaf) {
		frame_fail_at(1);
		EXPECT(t, hvo_optimize(pa) == ERR_NOMEM, "split without memory for the table");
		frame_fail_at(0);
		EXPECT(t, frame_of(pa)->remapped == 0, "not optimised, and marked as such");
		expect_tails(t, pa, 0);
		accounts_audit(t);
	}
	ASSERT_OK(t, hvo_optimize(pa));
	before = frame_counts();
	for (k = 1; k <= hvo_pages(HUGE_ORDER) && t->fails == 0; k++) {
		frame_fail_at(k);
		EXPECT(t, hvo_restore(pa) == ERR_NOMEM, "k=%u: restored", k);
		frame_fail_at(0);
		after = frame_counts();
		EXPECT(t, after.free == before.free, "k=%u: %lld frames less are free", k,
		       (long long)(before.free - after.free));
		expect_tails(t, pa, HUGE_WORD);
	}
	accounts_audit(t);
	restore(t, pa);
	frame_free(pa, HUGE_ORDER, OWNER_TEST);
	hotcase_remove(t, h);
}

/* Of boot memory: its frame table is boot memory's, and its pages go back there, one by one. */
TEST(actor, hvo_boot)
{
	struct frame_counts before, during;
	paddr_t pa = frame_alloc(HUGE_ORDER, OWNER_TEST);
	paddr_t tail;
	enum err err;

	if (pa == FRAME_NONE) {
		test_skip(t, "boot memory has no free huge page");
		return;
	}
	/* Pages of records do not begin with one then: what is read there would be halves of two.
	 */
	if (!is_pow2(frame_record_size())) {
		err = hvo_optimize(pa);
		EXPECT(t, err == ERR_INVAL, "records of %llu bytes were shared: %s",
		       (unsigned long long)frame_record_size(), err_name(err));
		if (err == OK)
			EXPECT_OK(t, hvo_restore(pa));
		frame_free(pa, HUGE_ORDER, OWNER_TEST);
		return;
	}
	tail = pt_lookup(kernel_table(), tails_va(pa)).pa;
	before = frame_counts();
	err = hvo_optimize(pa);
	if (err != OK)
		frame_free(pa, HUGE_ORDER, OWNER_TEST);
	ASSERT_OK(t, err);
	during = frame_counts();
	EXPECT(t, before.owned[OWNER_BOOT] - during.owned[OWNER_BOOT] == hvo_pages(HUGE_ORDER),
	       "%lld boot pages were freed",
	       (long long)(before.owned[OWNER_BOOT] - during.owned[OWNER_BOOT]));
	EXPECT(t, frame_owner(tail) == OWNER_NONE, "0x%llx is still owned by %s",
	       (unsigned long long)tail, owner_name(frame_owner(tail)));
	expect_tails(t, pa, HUGE_WORD);
	restore(t, pa);
	EXPECT(t, pt_lookup(kernel_table(), tails_va(pa)).pa == tail, "not restored in place");
	frame_free(pa, HUGE_ORDER, OWNER_TEST);
}
