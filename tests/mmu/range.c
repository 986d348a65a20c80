/* SPDX-License-Identifier: BSD-2-Clause */
/* range.*: SBI RFENCE over ranges of every kind, and the same by our own interrupt. */
#include "tests/mmu/rounds.h"

#define CLAUSE                                                                                     \
	"SBI, RFENCE: SFENCE.VMA covering start_addr to start_addr + size; all of it for (0, 0) "  \
	"and (x, -1)"

/* Pages just outside that are looked at for information, on each side. */
#define OUTSIDE 2

struct range {
	const char *what;
	uint64_t size;	/* bytes */
	uint64_t skew;	/* of the start from its page */
	unsigned pages; /* that it names, side by side; 0: all of the address space */
	bool odd;	/* the specification leaves open whether SBI takes it */
	bool zero;	/* start 0 */
};

struct range_case {
	const void *range; /* of the function that runs it */
	enum access access;
};

/*
 * The size is in bytes and need not be a multiple of 4 KiB. A start within a page: every page that
 * the range reaches into is named, with one exception that is for information only. Of up to 4096
 * bytes OpenSBI fences the page of the start and no more, and has always done so.
 */
static const struct range one = {"range of 1 byte", 1, 0, 1, true, false};
static const struct range under = {"range of 4095 bytes", 4095, 0, 1, true, false};
static const struct range page = {"range of 4096 bytes", 4096, 0, 1, false, false};
static const struct range over = {"range of 4097 bytes", 4097, 0, 2, true, false};
static const struct range two = {"range of 8192 bytes", 8192, 0, 2, false, false};
static const struct range eight = {"range of 8 pages", 8 * PAGE_SIZE, 0, 8, false, false};
static const struct range wide = {"range of 64 KiB", UINT64_C(1) << 16, 0, 16, false, false};
static const struct range skewed = {"unaligned range", 4096, 0x800, 1, true, false};
static const struct range skewed_far = {
	"unaligned range of 12 KiB", 3 * 4096, 0x800, 4, true, false};
static const struct range zero = {"range (0, 0)", 0, 0, 0, false, true};
static const struct range all = {"range (0, -1)", UINT64_MAX, 0, 0, false, true};
static const struct range any_all = {"range (start, -1)", UINT64_MAX, 0, 0, false, false};

/* One call by whoever; every hart of the test is named. */
static void make(struct rounds *r, struct call c, uint64_t pages, bool odd)
{
	struct round n = {rounds_pick(r), c, pages, r->harts};

	n.call.harts = r->harts;
	rounds_make(r, &n, odd);
}

static uint64_t bits(unsigned first, unsigned nr)
{
	return (nr >= 64 ? UINT64_MAX : (UINT64_C(1) << nr) - 1) << first;
}

static void run_range(struct test_run *t)
{
	const struct range_case *c = t->test->arg;
	const struct range *g = c->range;
	unsigned pages = g->pages != 0 ? g->pages : 8;
	bool full = g->pages == 0;

	struct rounds *r = rounds_open(t, g->what, c->access);
	uint16_t asid = r->scene->asid;
	/* All in one table of 4 KiB leaves that nobody else uses. */
	vaddr_t va = scene_va(r->scene, (enum half)rng_below(&t->rng, NR_HALVES), 1) +
		     (OUTSIDE + rng_below(&t->rng, 400)) * PAGE_SIZE;
	vaddr_t start = g->zero ? 0 : va + g->skew;
	enum fence fence = full ? RFENCE_ALL : RFENCE_LEAF;
	enum fence fence_asid = full ? RFENCE_ALL_ASID : RFENCE_LEAF_ASID;
	uint64_t named = full ? UINT64_MAX : bits(OUTSIDE, pages);

	rounds_add_pages(r, va - OUTSIDE * PAGE_SIZE, pages + 2 * OUTSIDE);
	rounds_controls(r);
	for (unsigned i = 0; i < rounds_repeat(r) && (i == 0 || rounds_time(r)); i++) {
		make(r, call_range(fence, start, g->size, asid), named, g->odd);
		make(r, call_range(fence_asid, start, g->size, asid), named, g->odd);
		if (full || g->skew != 0)
			continue;
		make(r, call_range(IPI_VA, start, g->size, asid), named, false);
		make(r, call_range(IPI_VA_ASID, start, g->size, asid), named, false);
	}
	rounds_close(r);
}

/* Far ranges: leaves at both ends and in between, with tables of their own. */
struct far {
	const char *what;
	uint64_t size;
};

static const struct far far_4g = {"range of 4 GiB", UINT64_C(1) << 32};
static const struct far far_1t = {"range of 1 TiB", UINT64_C(1) << 40};

static void run_far(struct test_run *t)
{
	const struct range_case *c = t->test->arg;
	const struct far *g = c->range;
	struct rounds *r = rounds_open(t, g->what, c->access);
	uint64_t half = UINT64_C(1) << (r->scene->pt.mode->va_bits - 1);
	/* The low half, where the kernel has nothing; what lies beyond it is not looked at. */
	uint64_t reach = g->size < half ? g->size : half - SZ_1G;
	vaddr_t va = SZ_2M + align_down(rng_below(&t->rng, half - reach - SZ_2M), SZ_2M);
	const uint64_t at[] = {0,
			       PAGE_SIZE,
			       SZ_2M,
			       UINT64_C(3) * SZ_1G,
			       align_down(reach / 2, PAGE_SIZE),
			       reach - PAGE_SIZE};

	for (unsigned i = 0; i < ARRAY_LEN(at); i++)
		flip_make(r->scene, &r->flip[r->nr++], va + at[i]);
	rounds_controls(r);
	for (unsigned i = 0; i < rounds_repeat(r) && (i == 0 || rounds_time(r)); i++) {
		make(r, call_range(RFENCE_LEAF, va, g->size, r->scene->asid), UINT64_MAX, true);
		make(r, call_range(RFENCE_LEAF_ASID, va, g->size, r->scene->asid), UINT64_MAX,
		     true);
	}
	rounds_close(r);
}

/* The last page of all: start + size is 2^64, or beyond it. */
static void run_top(struct test_run *t)
{
	const struct range_case *c = t->test->arg;
	struct rounds *r = rounds_open(t, "range at the end of the address space", c->access);
	uint16_t asid = r->scene->asid;
	vaddr_t va = -UINT64_C(2) * PAGE_SIZE;

	scene_take_over(r->scene, va);
	for (unsigned i = 0; i < 2; i++)
		flip_make(r->scene, &r->flip[r->nr++], va + i * PAGE_SIZE);
	rounds_controls(r);
	for (unsigned i = 0; i < rounds_repeat(r) && (i == 0 || rounds_time(r)); i++) {
		make(r, call_range(RFENCE_LEAF, -PAGE_SIZE, PAGE_SIZE, asid), bits(1, 1), true);
		make(r, call_range(RFENCE_LEAF_ASID, -PAGE_SIZE, PAGE_SIZE, asid), bits(1, 1),
		     true);
		make(r, call_range(RFENCE_LEAF, va, 2 * PAGE_SIZE, asid), bits(0, 2), true);
		/* Beyond the end nothing says what that is: it has to come back, no more. */
		make(r, call_range(RFENCE_LEAF, va, 3 * PAGE_SIZE, asid), 0, true);
		make(r, call_range(IPI_VA, va, 2 * PAGE_SIZE, asid), bits(0, 2), false);
	}
	rounds_close(r);
}

#define ROW(id, kind, f, r, a)                                                                     \
	TEST_ROW(range, id##_##kind, #id ".4k." #kind, f, .needs = NEEDS_SMP | NEEDS_RFENCE,       \
		 .timeout_ms = 60000, .machine = true, .clause = CLAUSE,                           \
		 .arg = &(const struct range_case){r, a})
#define ROWS(id, f, r)                                                                             \
	ROW(id, load, f, r, ACCESS_LOAD)                                                           \
	ROW(id, store, f, r, ACCESS_STORE)                                                         \
	ROW(id, fetch, f, r, ACCESS_FETCH)

ROWS(one_byte, run_range, &one)
ROWS(under_page, run_range, &under)
ROWS(page, run_range, &page)
ROWS(over_page, run_range, &over)
ROWS(two_pages, run_range, &two)
ROWS(eight_pages, run_range, &eight)
ROWS(16_pages, run_range, &wide)
ROWS(unaligned, run_range, &skewed)
ROWS(unaligned_far, run_range, &skewed_far)
ROWS(zero, run_range, &zero)
ROWS(all, run_range, &all)
ROWS(all_from, run_range, &any_all)
ROWS(top, run_top, NULL)
ROWS(4g, run_far, &far_4g)
ROWS(1t, run_far, &far_1t)
