/* SPDX-License-Identifier: BSD-2-Clause */
/* torture.*: operations on address space of the vmalloc area, in tables that parts share. */
#include "mm/audit.h"
#include "mm/dump.h"
#include "mm/kernel.h"
#include "mm/split.h"
#include "tests/torture.h"

/* So many pages in a row are one part's in the pieces that all share. */
#define STRIPE 8u

struct range torture_own_pages(const struct torture *s, unsigned part, struct rng *r)
{
	unsigned stripes = SHARED_PIECES * PIECE_PAGES / STRIPE / s->nr_parts;
	unsigned stripe;

	if (s->nr_parts == 1)
		return (struct range){0, s->nr_pages};
	if (rng_below(r, 2) == 0)
		return (struct range){(SHARED_PIECES + part) * PIECE_PAGES, PIECE_PAGES};
	stripe = (unsigned)rng_below(r, stripes) * s->nr_parts + part;
	return (struct range){stripe * STRIPE, STRIPE};
}

static struct range draw_pages(const struct torture *s, struct part *p)
{
	struct rng *r = &p->rng;
	unsigned most = rng_below(r, 4) == 0 ? PIECE_PAGES : 24;
	struct range own = torture_own_pages(s, p->index, r), run;

	/* A whole piece now and then: one leaf, if nothing is in the way. */
	if (own.n >= PIECE_PAGES && rng_below(r, 4) == 0)
		return (struct range){own.first + (unsigned)rng_below(r, own.n / PIECE_PAGES) *
							  PIECE_PAGES,
				      PIECE_PAGES};
	run.first = own.first + (unsigned)rng_below(r, own.n);
	run.n = 1 + (unsigned)rng_below(r, most);
	run.n = (unsigned)min_u64(run.n, own.first + own.n - run.first);
	return run;
}

static unsigned count_mapped(const struct torture *s, struct range r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < r.n; i++)
		n += s->pages[r.first + i] != 0;
	return n;
}

static void set_page(struct torture *s, unsigned page, unsigned is)
{
	__atomic_store_n(&s->pages[page], (uint16_t)is, __ATOMIC_RELAXED);
}

/* End of a batch of the kernel table. */
static enum err end(struct pt_batch *b, enum err err)
{
	enum err done = pt_commit(b);

	kernel_end_freeing();
	return done != OK ? done : err;
}

void torture_map(struct torture *s, struct part *p)
{
	struct range r = draw_pages(s, p);
	bool writable = rng_below(&p->rng, 3) != 0;
	unsigned level = (unsigned)rng_below(&p->rng, 2);
	unsigned frame = 0;
	struct pt_batch b;
	enum err due, err;

	r.n = (unsigned)min_u64(r.n, s->pool_frames);
	/* Mostly what is free; else to be refused. */
	if (rng_below(&p->rng, 4) != 0) {
		unsigned n = 0;

		while (n < r.n && s->pages[r.first + n] == 0)
			n++;
		r.n = n;
	}
	if (r.n == 0)
		return;
	if (r.n < s->pool_frames)
		frame = (unsigned)rng_below(&p->rng, s->pool_frames - r.n + 1);
	due = count_mapped(s, r) == 0 ? OK : ERR_EXIST;
	p->pages = r;
	kernel_begin_freeing(&b);
	err = end(&b, pt_map(&b, torture_page_va(s, r.first), s->pool + frame * PAGE_SIZE,
			     r.n * PAGE_SIZE, writable ? PROT_RW : PROT_RO, level));
	if (!torture_judge(p, r, err, due, true))
		return;
	for (unsigned i = 0; i < r.n; i++)
		set_page(s, r.first + i,
			 PAGE_MAPPED | (writable ? PAGE_WRITABLE : 0) | (frame + i));
}

/* What unmap and protect have in common: edges inside leaves split them, holes are passed or not.
 */
static unsigned draw_flags(struct torture *s, struct part *p, struct range r, enum err *due)
{
	bool holes = rng_below(&p->rng, 3) != 0;

	*due = holes || count_mapped(s, r) == r.n ? OK : ERR_NOENT;
	p->pages = r;
	return PT_SPLIT | (holes ? PT_HOLES_OK : 0);
}

void torture_unmap(struct torture *s, struct part *p)
{
	struct range r = draw_pages(s, p);
	enum err due, err;
	unsigned flags = draw_flags(s, p, r, &due);
	struct pt_batch b;

	if (s->pages[r.first] != 0)
		torture_control(s, torture_page_va(s, r.first), r.n * PAGE_SIZE);
	kernel_begin_freeing(&b);
	err = end(&b, pt_unmap(&b, torture_page_va(s, r.first), r.n * PAGE_SIZE, flags));
	if (!torture_judge(p, r, err, due, true))
		return;
	for (unsigned i = 0; i < r.n; i++)
		set_page(s, r.first + i, 0);
}

void torture_protect(struct torture *s, struct part *p)
{
	struct range r = draw_pages(s, p);
	bool writable = rng_below(&p->rng, 2) == 0;
	enum err due, err;
	unsigned flags = draw_flags(s, p, r, &due);
	struct pt_batch b;

	kernel_begin_freeing(&b);
	err = end(&b, pt_protect(&b, torture_page_va(s, r.first), r.n * PAGE_SIZE,
				 writable ? PROT_RW : PROT_RO, flags));
	if (!torture_judge(p, r, err, due, true))
		return;
	for (unsigned i = 0; i < r.n; i++) {
		unsigned is = s->pages[r.first + i];

		if (is != 0)
			set_page(s, r.first + i,
				 (is & ~PAGE_WRITABLE) | (writable ? PAGE_WRITABLE : 0));
	}
}

/* A whole piece, mapped by one leaf, of which a page was cut out by its rights and put back. */
static enum err make_mergeable(struct torture *s, struct part *p, struct range *r)
{
	unsigned pieces = s->nr_pages / PIECE_PAGES;
	unsigned piece =
		s->nr_parts == 1 ? (unsigned)rng_below(&p->rng, pieces) : SHARED_PIECES + p->index;
	vaddr_t va = torture_page_va(s, piece * PIECE_PAGES);
	vaddr_t page = va + rng_below(&p->rng, PIECE_PAGES) * PAGE_SIZE;
	struct pt_batch b;
	enum err err;

	*r = (struct range){piece * PIECE_PAGES, PIECE_PAGES};
	p->pages = *r;
	kernel_begin_freeing(&b);
	err = end(&b, pt_unmap(&b, va, SZ_2M, PT_SPLIT | PT_HOLES_OK));
	for (unsigned i = 0; err == OK && i < r->n; i++)
		set_page(s, r->first + i, 0);
	if (err != OK)
		return err;
	kernel_begin_freeing(&b);
	err = end(&b, pt_map(&b, va, s->pool, SZ_2M, PROT_RW, 1));
	for (unsigned i = 0; err == OK && i < r->n; i++)
		set_page(s, r->first + i, PAGE_MAPPED | PAGE_WRITABLE | i);
	if (err != OK)
		return err;
	kernel_begin_freeing(&b);
	return end(&b, pt_protect(&b, page, PAGE_SIZE, PROT_RW, PT_SPLIT));
}

/*
 * Leaves grow where they can; nothing that a hart sees changes. Chance alone rarely leaves anything
 * to merge, so half of the time it is made first.
 */
void torture_merge(struct torture *s, struct part *p)
{
	struct range r = draw_pages(s, p);
	struct pt_batch b;
	enum err err = OK;

	p->pages = r;
	if (s->pool_frames == PIECE_PAGES && rng_below(&p->rng, 2) == 0)
		err = make_mergeable(s, p, &r);
	if (err != OK) {
		(void)torture_judge(p, r, err, OK, true);
		return;
	}
	kernel_begin_freeing(&b);
	pt_merge(&b, torture_page_va(s, r.first), r.n * PAGE_SIZE, 1);
	(void)torture_judge(p, r, end(&b, OK), OK, false);
}

/* All of the kernel's table, whatever else goes on meanwhile waits. */
void torture_walk(struct torture *s, struct part *p)
{
	struct audit a;

	(void)s;
	spin_lock(&kernel_table_lock);
	a = audit_table(kernel_table());
	spin_unlock(&kernel_table_lock);
	if (a.problem != AUDIT_OK && a.problem != AUDIT_SHADOW_LOST)
		torture_fail(p, EVIDENCE_ACCOUNTS, "kernel table: %s: va 0x%llx l%u",
			     audit_problem_name(a.problem), (unsigned long long)a.va, a.level);
	(void)torture_judge(p, (struct range){0, 0}, OK, OK, false);
}

/* Beside what the others do; memory stays, and so do tables, while it goes on. */
void torture_dump(struct torture *s, struct part *p)
{
	struct dump d = {0};

	(void)s;
	dump_walk(&d);
	if (d.dead != 0)
		torture_fail(p, EVIDENCE_PROBE, "dump: walked into a dead table at va 0x%llx",
			     (unsigned long long)d.first_dead);
	(void)torture_judge(p, (struct range){0, 0}, OK, OK, false);
}

void torture_unmap_all(struct torture *s)
{
	struct pt_batch b;
	enum err err;

	kernel_begin_freeing(&b);
	err = end(&b, pt_unmap(&b, s->area, s->nr_pages * PAGE_SIZE, PT_SPLIT | PT_HOLES_OK));
	EXPECT(s->t, err == OK, "unmap of all pages: %s", err_name(err));
	for (unsigned i = 0; i < s->nr_pages; i++)
		set_page(s, i, 0);
}
