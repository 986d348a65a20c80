/* SPDX-License-Identifier: BSD-2-Clause */
/* table.*: map, unmap, protect and split against a flat reference, and what errors leave behind. */
#include "firmware/arch.h"
#include "mm/audit.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"
#include "tests/accounts.h"
#include "tests/probes.h"
#include "tests/test.h"

/* The reference: what each page of a stretch of addresses should translate to. */
#define REF_PAGES 2048u
#define REF_NONE UINT64_MAX

struct reference {
	vaddr_t va;
	paddr_t pa[REF_PAGES]; /* REF_NONE: not mapped */
	uint64_t prot[REF_PAGES];
};

static struct reference ref;
static struct extent ref_extents[REF_PAGES] NOINIT;

static void ref_set(unsigned first, unsigned n, paddr_t pa, uint64_t prot)
{
	for (unsigned i = 0; i < n; i++) {
		ref.pa[first + i] = pa == REF_NONE ? REF_NONE : pa + i * PAGE_SIZE;
		ref.prot[first + i] = prot;
	}
}

static bool ref_any(unsigned first, unsigned n, bool mapped)
{
	for (unsigned i = 0; i < n; i++) {
		if ((ref.pa[first + i] != REF_NONE) == mapped)
			return true;
	}
	return false;
}

static void compare(struct test_run *t, const struct ptable *pt)
{
	struct audit a = audit_table(pt);

	if (a.problem != AUDIT_OK)
		test_fail(t, EVIDENCE_ACCOUNTS, "%s: %s at 0x%llx l%u", pt->name,
			  audit_problem_name(a.problem), (unsigned long long)a.va, a.level);
	for (unsigned i = 0; i < REF_PAGES; i++) {
		struct pt_lookup l = pt_lookup(pt, ref.va + i * PAGE_SIZE);

		if (l.mapped != (ref.pa[i] != REF_NONE) ||
		    (l.mapped && (l.pa != ref.pa[i] || pte_prot(l.leaf) != ref.prot[i]))) {
			test_fail(t, EVIDENCE_CHECK, "%s: page %u: pa 0x%llx, reference 0x%llx",
				  pt->name, i, (unsigned long long)(l.mapped ? l.pa : REF_NONE),
				  (unsigned long long)ref.pa[i]);
			return;
		}
	}
}

/* One random operation on @pt and on the reference; its error must be the one that is due. */
static void random_step(struct test_run *t, struct ptable *pt)
{
	static const uint64_t prots[] = {PROT_RW, PROT_RO, PROT_RX};
	uint64_t align = rng_below(&t->rng, 3) == 0 ? SZ_2M / PAGE_SIZE : 1;
	unsigned first = (unsigned)align_down(rng_below(&t->rng, REF_PAGES), align);
	unsigned n = (unsigned)(align * (1 + rng_below(&t->rng, align > 1 ? 2 : 40)));
	uint64_t prot = prots[rng_below(&t->rng, ARRAY_LEN(prots))];
	vaddr_t va;
	uint64_t size;
	struct pt_batch b;
	enum err err, due = OK;

	if (n > REF_PAGES - first)
		n = REF_PAGES - first;
	va = ref.va + first * PAGE_SIZE;
	size = n * PAGE_SIZE;
	pt_begin(&b, pt);
	switch (rng_below(&t->rng, 3)) {
	case 0: {
		paddr_t pa = SZ_1G + rng_below(&t->rng, 64) * SZ_2M +
			     (align > 1 ? 0 : rng_below(&t->rng, 512) * PAGE_SIZE);

		if (ref_any(first, n, true))
			due = ERR_EXIST;
		err = pt_map(&b, va, pa, size, prot, mode_max_leaf(pt->mode));
		if (err == OK)
			ref_set(first, n, pa, prot);
		break;
	}
	case 1:
		if (ref_any(first, n, false))
			due = ERR_NOENT;
		err = pt_unmap(&b, va, size, PT_SPLIT);
		if (err == OK)
			ref_set(first, n, REF_NONE, 0);
		break;
	default:
		if (ref_any(first, n, false))
			due = ERR_NOENT;
		err = pt_protect(&b, va, size, prot, PT_SPLIT);
		for (unsigned i = 0; err == OK && i < n; i++)
			ref.prot[first + i] = prot;
		break;
	}
	EXPECT(t, err == due, "0x%llx+0x%llx: %s, due %s", (unsigned long long)va,
	       (unsigned long long)size, err_name(err), err_name(due));
	EXPECT_OK(t, pt_commit(&b));
}

static void clear_all(struct test_run *t, struct ptable *pt)
{
	struct pt_batch b;

	pt_begin(&b, pt);
	ASSERT_OK(t, pt_unmap(&b, ref.va, REF_PAGES * PAGE_SIZE, PT_HOLES_OK));
	ASSERT_OK(t, pt_commit(&b));
}

/* A table of each mode: 400 random operations, compared in full after each. */
TEST(table, random)
{
	for (unsigned i = 0; i < ARRAY_LEN(mmu_modes); i++) {
		struct ptable pt;
		struct shadow shadow;

		ASSERT_OK(t, pt_create(&pt, mmu_modes[i].name, &mmu_modes[i]));
		shadow_init(&shadow, ref_extents, ARRAY_LEN(ref_extents));
		pt.shadow = &shadow;
		/* Across an edge of 1 GiB, so that upper levels take part. */
		ref.va = mmu_modes[i].direct.start + SZ_1G - REF_PAGES / 2 * PAGE_SIZE;
		ref_set(0, REF_PAGES, REF_NONE, 0);
		for (unsigned step = 0; step < 400 && t->fails == 0; step++) {
			random_step(t, &pt);
			compare(t, &pt);
		}
		clear_all(t, &pt);
		EXPECT(t, pt.nr_tables == 1, "%s: %llu tables left", pt.name,
		       (unsigned long long)pt.nr_tables);
		pt_destroy(&pt);
	}
}

/* One page of a large leaf is taken out: all others stay where they were. */
static void cut_page(struct test_run *t, struct ptable *pt, unsigned level, uint64_t cut)
{
	unsigned max = mode_max_leaf(pt->mode);
	vaddr_t va = pt->mode->direct.start;
	uint64_t size = level_size(level);
	struct pt_batch b;

	pt_begin(&b, pt);
	ASSERT_OK(t, pt_map(&b, va, 0, size, PROT_RW, max));
	EXPECT(t, pt_unmap(&b, va + cut, PAGE_SIZE, 0) == ERR_SPLIT,
	       "level %u was split without being asked", level);
	ASSERT_OK(t, pt_unmap(&b, va + cut, PAGE_SIZE, PT_SPLIT));
	EXPECT(t, !pt_lookup(pt, va + cut).mapped, "hole is mapped");
	for (uint64_t off = 0; off < size; off += max_u64(size / 512, PAGE_SIZE)) {
		struct pt_lookup l = pt_lookup(pt, va + off);
		bool hole = off == cut;

		EXPECT(t, l.mapped == !hole && (hole || l.pa == off),
		       "level %u cut at 0x%llx: offset 0x%llx", level, (unsigned long long)cut,
		       (unsigned long long)off);
	}
	ASSERT_OK(t, pt_unmap(&b, va, size, PT_HOLES_OK));
	ASSERT_OK(t, pt_commit(&b));
}

/* One page of a large leaf becomes read-only: all others keep their rights. */
static void protect_page(struct test_run *t, struct ptable *pt, unsigned level, uint64_t cut)
{
	unsigned max = mode_max_leaf(pt->mode);
	vaddr_t va = pt->mode->direct.start;
	uint64_t size = level_size(level);
	struct pt_batch b;

	pt_begin(&b, pt);
	ASSERT_OK(t, pt_map(&b, va, 0, size, PROT_RW, max));
	ASSERT_OK(t, pt_protect(&b, va + cut, PAGE_SIZE, PROT_RO, PT_SPLIT));
	for (uint64_t off = 0; off < size; off += max_u64(size / 512, PAGE_SIZE)) {
		struct pt_lookup l = pt_lookup(pt, va + off);
		uint64_t due = off == cut ? PROT_RO : PROT_RW;

		EXPECT(t, l.mapped && l.pa == off && pte_prot(l.leaf) == due,
		       "level %u, page at 0x%llx read-only: offset 0x%llx has rights 0x%llx", level,
		       (unsigned long long)cut, (unsigned long long)off,
		       (unsigned long long)pte_prot(l.leaf));
	}
	ASSERT_OK(t, pt_unmap(&b, va, size, 0));
	ASSERT_OK(t, pt_commit(&b));
}

/* Splits keep every neighbour as it was, at each level and at both ends of a leaf. */
TEST(table, split)
{
	const struct mmu_mode *mode = kernel_table()->mode;
	unsigned max = mode_max_leaf(mode);
	struct ptable pt;

	ASSERT_OK(t, pt_create(&pt, "split", mode));
	for (unsigned level = 1; level <= max; level++) {
		uint64_t size = level_size(level);
		uint64_t cuts[] = {0, PAGE_SIZE, size / 2, size - PAGE_SIZE};

		for (unsigned i = 0; i < ARRAY_LEN(cuts); i++) {
			cut_page(t, &pt, level, cuts[i]);
			protect_page(t, &pt, level, cuts[i]);
			EXPECT(t, pt.nr_tables == 1, "%llu tables left",
			       (unsigned long long)pt.nr_tables);
		}
	}
	pt_destroy(&pt);
}

/* Arguments that cannot be: refused with the right error, and nothing changed. */
TEST(table, errors)
{
	const struct mmu_mode *mode = kernel_table()->mode;
	vaddr_t va = mode->direct.start;
	const struct {
		vaddr_t va;
		paddr_t pa;
		uint64_t size;
		enum err due;
	} rows[] = {
		{va, 0, 0, ERR_INVAL},
		{va + 1, 0, PAGE_SIZE, ERR_INVAL},
		{va, 1, PAGE_SIZE, ERR_INVAL},
		{va, 0, PAGE_SIZE + 1, ERR_INVAL},
		{va, UINT64_C(1) << PA_BITS, PAGE_SIZE, ERR_RANGE},
		{va, (UINT64_C(1) << PA_BITS) - PAGE_SIZE, 2 * PAGE_SIZE, ERR_RANGE},
		{UINT64_C(1) << mode->va_bits, 0, PAGE_SIZE, ERR_RANGE},
		{(UINT64_C(1) << (mode->va_bits - 1)) - PAGE_SIZE, 0, 2 * PAGE_SIZE, ERR_RANGE},
		{-PAGE_SIZE, 0, 2 * PAGE_SIZE, ERR_RANGE},
		{-PAGE_SIZE, 0, PAGE_SIZE, OK},
		{va, (UINT64_C(1) << PA_BITS) - PAGE_SIZE, PAGE_SIZE, OK},
	};
	struct ptable pt;

	ASSERT_OK(t, pt_create(&pt, "errors", mode));
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct pt_batch b;
		enum err err;

		pt_begin(&b, &pt);
		err = pt_map(&b, rows[i].va, rows[i].pa, rows[i].size, PROT_RW, 1);
		EXPECT(t, err == rows[i].due, "row %u: %s, due %s", i, err_name(err),
		       err_name(rows[i].due));
		EXPECT(t, err == OK || pt.nr_tables == 1, "row %u left tables", i);
		if (err == OK)
			EXPECT_OK(t, pt_unmap(&b, rows[i].va, rows[i].size, 0));
		EXPECT_OK(t, pt_commit(&b));
	}
	pt_destroy(&pt);
}

/* The k-th allocation fails, for every k until none does: undone, and all pages given back. */
TEST(table, nomem)
{
	const struct mmu_mode *mode = kernel_table()->mode;
	vaddr_t va = mode->direct.start + SZ_1G - 3 * PAGE_SIZE;
	struct ptable pt;
	unsigned k = 1;

	ASSERT_OK(t, pt_create(&pt, "nomem", mode));
	for (; k < 64; k++) {
		struct pt_batch b;
		enum err err;

		pt_begin(&b, &pt);
		frame_fail_at(k);
		/* Ends in a table of its own on both sides of a 1 GiB edge. */
		err = pt_map(&b, va, 0, 6 * PAGE_SIZE, PROT_RW, 0);
		frame_fail_at(0);
		EXPECT_OK(t, pt_commit(&b));
		if (err == OK)
			break;
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		EXPECT(t, pt.nr_tables == 1, "k=%u: %llu tables left", k,
		       (unsigned long long)pt.nr_tables);
	}
	EXPECT(t, k > 2 && k < 64, "%u allocations were made to fail", k - 1);
	{
		struct pt_batch b;

		pt_begin(&b, &pt);
		ASSERT_OK(t, pt_unmap(&b, va, 6 * PAGE_SIZE, 0));
		ASSERT_OK(t, pt_map(&b, mode->direct.start, 0, SZ_2M, PROT_RW, 1));
		frame_fail_at(1);
		EXPECT(t,
		       pt_protect(&b, mode->direct.start, PAGE_SIZE, PROT_RO, PT_SPLIT) ==
			       ERR_NOMEM,
		       "a split without memory succeeded");
		frame_fail_at(0);
		EXPECT(t, pt_lookup(&pt, mode->direct.start).level == 1, "the leaf was split");
		ASSERT_OK(t, pt_unmap(&b, mode->direct.start, SZ_2M, 0));
		ASSERT_OK(t, pt_commit(&b));
	}
	pt_destroy(&pt);
}

/* One change of the live kernel table, under its locks: a table may go. */
static void live(struct test_run *t, enum err (*op)(struct pt_batch *, vaddr_t, paddr_t),
		 vaddr_t va, paddr_t pa)
{
	struct pt_batch b;
	enum err err, done;

	kernel_begin_freeing(&b);
	err = op(&b, va, pa);
	done = pt_commit(&b);
	kernel_end_freeing();
	ASSERT(t, err == OK && done == OK, "0x%llx: %s, %s", (unsigned long long)va, err_name(err),
	       err_name(done));
}

static enum err op_map(struct pt_batch *b, vaddr_t va, paddr_t pa)
{
	return pt_map(b, va, pa, SZ_2M, PROT_RW, 1);
}

static enum err op_read_only(struct pt_batch *b, vaddr_t va, paddr_t pa)
{
	(void)pa;
	return pt_protect(b, va, SZ_2M, PROT_RO, 0);
}

static enum err op_read_write(struct pt_batch *b, vaddr_t va, paddr_t pa)
{
	(void)pa;
	return pt_protect(b, va, SZ_2M, PROT_RW, 0);
}

static enum err op_unmap(struct pt_batch *b, vaddr_t va, paddr_t pa)
{
	(void)pa;
	return pt_unmap(b, va, SZ_2M, 0);
}

static enum err op_unmap_page(struct pt_batch *b, vaddr_t va, paddr_t pa)
{
	(void)pa;
	return pt_unmap(b, va, PAGE_SIZE, PT_SPLIT);
}

/*
 * A 2 MiB leaf in the kernel's own table on all harts: written, made read-only, read-write again,
 * a page cut out of it, the rest taken away. Each change is probed before its fences (control) and
 * after.
 */
TEST(table, live,
     .clause = "Privileged ISA, SFENCE.VMA: after the fence no hart uses the old entry")
{
	vaddr_t va = vmalloc_reserve(SZ_2M, SZ_2M);
	paddr_t pa = frame_alloc(9, OWNER_TEST);
	struct spots s = {va, SZ_2M, t->bench->seed};
	struct spots page = {va, PAGE_SIZE, t->bench->seed};
	struct spots rest = {va + PAGE_SIZE, SZ_2M - PAGE_SIZE, t->bench->seed};

	ASSERT(t, va != 0 && pa != FRAME_NONE, "no address space or memory left");
	live(t, op_map, va, pa);
	probes_write_and_read(t, &t->all, &s);
	probes_control_next(t, &t->all, &s, ACCESS_STORE);
	live(t, op_read_only, va, pa);
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	live(t, op_read_write, va, pa);
	probes_write_and_read(t, &t->all, &s);
	probes_write_and_read(t, &t->all, &page);
	probes_write_and_read(t, &t->all, &rest);
	probes_control_next(t, &t->all, &page, ACCESS_LOAD);
	live(t, op_unmap_page, va, pa);
	probes_must_trap(t, &t->all, &page, ACCESS_LOAD);
	probes_read(t, &t->all, &t->all, &rest);
	live(t, op_unmap_page, va + PAGE_SIZE,
	     pa); /* one of 511 small leaves: an addressed fence */
	probes_must_trap(t, &t->all, &(struct spots){va + PAGE_SIZE, PAGE_SIZE, 0}, ACCESS_LOAD);
	{
		struct pt_batch b;

		kernel_begin_freeing(&b);
		EXPECT_OK(t, pt_unmap(&b, va, SZ_2M, PT_HOLES_OK));
		EXPECT_OK(t, pt_commit(&b));
		kernel_end_freeing();
	}
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	live(t, op_map, va, pa);
	probes_write_and_read(t, &t->all, &s);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	live(t, op_unmap, va, pa);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	frame_free(pa, 9, OWNER_TEST);
}
