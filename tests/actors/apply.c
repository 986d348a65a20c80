/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.apply*: callbacks for pages that several harts want at once, and for those that are there.
 */
#include "mm/apply.h"

#include "mm/areas.h"
#include "mm/kernel.h"
#include "mm/link.h"
#include "mm/vmap.h"
#include "tests/actors/cast.h"
#include "tests/actors/views.h"
#include "tests/probes.h"

#define PAGES 16u
#define ROUNDS 8u

static vaddr_t base; /* of an area of PAGES pages, which all harts fill and empty */

/* One operation's frames, page by page. */
struct work {
	paddr_t frame[PAGES]; /* that it put there, or took out; FRAME_NONE: none */
	paddr_t spare;	      /* meant for a page that another hart was faster with */
	unsigned calls;
	bool meet; /* nobody answers for his first page before all have seen it empty */
};

static void work_begin(struct work *w)
{
	for (unsigned i = 0; i < PAGES; i++)
		w->frame[i] = FRAME_NONE;
	w->spare = FRAME_NONE;
	w->calls = 0;
	w->meet = false;
}

/* A frame for each page that has none. Source: Linux kasan_populate_vmalloc_pte(). */
static enum err populate(vaddr_t va, pte_t *entry, void *arg)
{
	struct work *w = arg;
	paddr_t *mine = &w->frame[(va - base) / PAGE_SIZE];

	if (w->calls++ == 0 && w->meet)
		cast_meet();
	if (*mine != FRAME_NONE)
		w->spare = *mine; /* asked again: it was not taken */
	*mine = FRAME_NONE;
	if (!pte_is_none(*entry))
		return OK;
	if (w->spare == FRAME_NONE)
		w->spare = frame_alloc(0, OWNER_TEST);
	if (w->spare == FRAME_NONE)
		return ERR_NOMEM;
	*mine = w->spare;
	w->spare = FRAME_NONE;
	*entry = pte_leaf(*mine, PROT_RW);
	return OK;
}

/* Source: Linux kasan_depopulate_vmalloc_pte(), which frees the frame before the flush. */
static enum err depopulate(vaddr_t va, pte_t *entry, void *arg)
{
	struct work *w = arg;

	w->calls++;
	w->frame[(va - base) / PAGE_SIZE] = pte_is_none(*entry) ? FRAME_NONE : pte_pa(*entry);
	*entry = PTE_NONE;
	return OK;
}

static enum err empty_pages(unsigned first, unsigned n, unsigned *calls)
{
	struct work w;
	enum err err;

	work_begin(&w);
	err = apply_to_existing(base + first * PAGE_SIZE, n * PAGE_SIZE, depopulate, &w);
	for (unsigned i = 0; i < PAGES && err == OK; i++) {
		if (w.frame[i] != FRAME_NONE)
			frame_free(w.frame[i], 0, OWNER_TEST);
	}
	*calls = w.calls;
	return err;
}

static enum err fill(unsigned first, unsigned n, bool meet, unsigned *put)
{
	struct work w;
	enum err err;

	work_begin(&w);
	w.meet = meet;
	err = apply_to_range(base + first * PAGE_SIZE, n * PAGE_SIZE, populate, &w);
	if (w.spare != FRAME_NONE)
		frame_free(w.spare, 0, OWNER_TEST);
	*put = 0;
	for (unsigned i = 0; i < PAGES; i++)
		*put += w.frame[i] != FRAME_NONE;
	return err;
}

static enum err fill_pages(unsigned first, unsigned n, unsigned *put)
{
	return fill(first, n, false, put);
}

static unsigned filled_at_once; /* by how many harts, the first page */

/*
 * All pages are empty, and all harts fill the first one at once, each after all have seen it so: it
 * is one of them who does. Then they go their own ways.
 */
static void apply_round(struct actor *a)
{
	unsigned first = (unsigned)rng_below(&a->rng, PAGES);
	unsigned n = 1 + (unsigned)rng_below(&a->rng, PAGES - first);
	bool leads = a->hart == 0;
	enum err err = OK;
	unsigned count;

	cast_meet();
	if (leads) {
		err = empty_pages(0, PAGES, &count);
		filled_at_once = 0;
	}
	cast_meet();
	if (err == OK)
		err = fill(0, 1, true, &count);
	else
		cast_meet();
	__atomic_add_fetch(&filled_at_once, count, __ATOMIC_RELAXED);
	if (cast_meet() && leads && filled_at_once != 1)
		actor_fail(a, EVIDENCE_CHECK, "%u harts filled one page", filled_at_once);
	if (err == OK)
		err = rng_below(&a->rng, 2) != 0 ? fill_pages(first, n, &count)
						 : empty_pages(first, n, &count);
	if (err != OK)
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
}

static void begin(struct test_run *t)
{
	base = area_take(PAGES * PAGE_SIZE, PAGE_SIZE);
	ASSERT(t, base != 0, "no address space");
}

/* Every frame that was put there was taken out once: the accounts are the proof. */
TEST(actor, apply_storm, .needs = NEEDS_SMP, .timeout_ms = 8000)
{
	unsigned calls;

	begin(t);
	cast_begin(t);
	for (unsigned i = 0; i < hartset_count(&t->all) && i < 4; i++)
		cast_add("apply", apply_round, NULL);
	cast_play(ROUNDS);
	EXPECT_OK(t, empty_pages(0, PAGES, &calls));
	EXPECT_OK(t, vmap_free(base));
}

static unsigned put_by_other;

static void fill_all(void *arg)
{
	enum err *err = arg;

	*err = fill_pages(0, PAGES, &put_by_other);
}

/* Two harts populate the same pages, the second one while the first is about to link a table. */
TEST(actor, apply_race)
{
	enum err other = ERR_NOENT;
	unsigned put, calls;

	begin(t);
	link_before_next(fill_all, &other);
	EXPECT_OK(t, fill_pages(0, PAGES, &put));
	EXPECT(t, other == OK, "the other one: %s", err_name(other));
	EXPECT(t, put == 0 && put_by_other == PAGES, "%u and %u frames, due 0 and %u", put,
	       put_by_other, PAGES);
	EXPECT_OK(t, empty_pages(0, PAGES, &calls));
	EXPECT(t, calls == PAGES, "%u of %u pages were there", calls, PAGES);
	EXPECT_OK(t, vmap_free(base));
}

/* Another hart's whole operation, between the look at an entry and the answer to it. */
struct late {
	struct work own;
	unsigned put_meanwhile, asked;
	enum err err;
};

static enum err populate_late(vaddr_t va, pte_t *entry, void *arg)
{
	struct late *l = arg;
	enum err err = populate(va, entry, &l->own);

	if (l->asked++ == 0)
		l->err = fill_pages(0, PAGES, &l->put_meanwhile);
	return err;
}

/* What was put there meanwhile stays: who comes late is asked again, and gives his frame back. */
TEST(actor, apply_again)
{
	struct late l = {.put_meanwhile = 0};
	unsigned calls;

	begin(t);
	work_begin(&l.own);
	EXPECT_OK(t, apply_to_range(base, PAGE_SIZE, populate_late, &l));
	EXPECT_OK(t, l.err);
	EXPECT(t, l.put_meanwhile == PAGES, "%u frames meanwhile", l.put_meanwhile);
	EXPECT(t, l.asked == 2 && l.own.frame[0] == FRAME_NONE,
	       "asked %u times, and it is his own frame: %d", l.asked,
	       l.own.frame[0] != FRAME_NONE);
	if (l.own.spare != FRAME_NONE)
		frame_free(l.own.spare, 0, OWNER_TEST);
	EXPECT_OK(t, empty_pages(0, PAGES, &calls));
	EXPECT_OK(t, vmap_free(base));
}

/* Holes are passed over, small ones and large ones, and no table is made for them. */
TEST(actor, apply_holes)
{
	unsigned put, calls;
	uint64_t tables;
	vaddr_t far;

	begin(t);
	EXPECT_OK(t, fill_pages(3, 2, &put));
	EXPECT_OK(t, fill_pages(9, 1, &put));
	tables = kernel_table()->nr_tables;
	EXPECT_OK(t, empty_pages(0, PAGES, &calls));
	EXPECT(t, calls == 3, "%u calls for 3 pages", calls);
	far = area_take(4 * SZ_2M, SZ_2M);
	EXPECT_OK(t, apply_to_existing(far, 4 * SZ_2M, depopulate, NULL));
	EXPECT(t, kernel_table()->nr_tables == tables, "%llu tables, were %llu",
	       (unsigned long long)kernel_table()->nr_tables, (unsigned long long)tables);
	EXPECT(t, apply_to_existing(far, 4 * SZ_2M + PAGE_SIZE, depopulate, NULL) == ERR_RANGE,
	       "what is nobody's area was walked");
	EXPECT_OK(t, vmap_free(far));
	EXPECT_OK(t, vmap_free(base));
}

/* Seen through a leaf that is taken for a table, the frame's words are entries. */
static enum err spoil(vaddr_t va, pte_t *entry, void *arg)
{
	(void)va;
	++*(unsigned *)arg;
	*entry = PTE_NONE;
	return OK;
}

/* A leaf higher up is somebody's memory, not a table. (Linux: WARN_ON_ONCE(pmd_leaf()), -EINVAL.)
 */
TEST(actor, apply_leaf)
{
	paddr_t pa = frame_alloc(9, OWNER_TEST);
	volatile uint64_t *words;
	unsigned calls = 0;
	vaddr_t va;

	if (pa == FRAME_NONE) {
		test_skip(t, "no 2 MiB of memory in one piece");
		return;
	}
	words = phys_to_ptr(pa);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		words[i] = pte_leaf(pa, PROT_RO).raw;
	ASSERT_OK(t, vmap_new(pa, SZ_2M, PROT_RW, 1, 0, &va));
	EXPECT(t, apply_to_existing(va, 4 * PAGE_SIZE, spoil, &calls) == ERR_INVAL,
	       "a 2 MiB leaf was not refused");
	EXPECT(t, apply_to_range(va, 4 * PAGE_SIZE, spoil, &calls) == ERR_INVAL,
	       "a 2 MiB leaf was not refused");
	EXPECT(t, calls == 0, "%u calls", calls);
	for (unsigned i = 0; i < PT_ENTRIES; i++)
		EXPECT(t, words[i] == pte_leaf(pa, PROT_RO).raw, "word %u of the frame is 0x%llx",
		       i, (unsigned long long)words[i]);
	EXPECT_OK(t, vmap_free(va));
	frame_free(pa, 9, OWNER_TEST);
}
