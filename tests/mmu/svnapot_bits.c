/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * svnapot.encodings, svpbmt.encodings and their like: entries with bits that no extension of this
 * machine gives a meaning to raise page faults. No fence is judged, so no control is needed; each
 * entry is shown to work without the bits first.
 */
#include <stdio.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "tests/mmu/look.h"
#include "tests/mmu/svpbmt.h"

#define NAPOT_ORDER 4u
#define MAX_CASES 48

/* The rule that bits 63 to 54 fault is of Privileged 1.12, and so is each of these. */
#define ISA_SINCE_1_12 (ISA_SVINVAL | ISA_SVNAPOT | ISA_SVPBMT | ISA_SVADU | ISA_SVADE | ISA_SVVPTC)

enum where { LEAF_4K, LEAF_2M, POINTER };

struct enc_case {
	char name[40];
	enum where where;
	uint64_t pte;
	bool must;  /* fault; else what happens is legal and printed */
	bool legal; /* no page fault, whatever else */
};

static struct enc_job {
	struct scene *s;
	struct enc_case c[MAX_CASES];
	unsigned nr;
	vaddr_t va[3]; /* by enum where */
	uint64_t *slot[3];
	uint64_t good[3];
	uint64_t value[3];
	uint32_t worked[MAX_HARTS]; /* bit: a case that need not fault gave the page's value */
	struct look *look;	    /* by hart */
} job;

static struct enc_case *add(const char *name, unsigned n, enum where where, uint64_t pte, bool must)
{
	struct enc_case *c = &job.c[job.nr++];

	snprintf(c->name, sizeof(c->name), name, n);
	c->where = where;
	c->pte = pte;
	c->must = must;
	c->legal = false;
	return c;
}

/* 64 KiB whose first page is what each of the three leads to, at the first address of each. */
static void open_job(struct test_run *t)
{
	struct scene *s = scene_open(t);
	paddr_t block = scene_block(s, 9);
	struct page p = scene_page(s, block);

	memset(&job, 0, sizeof(job));
	job.s = s;
	job.look = look_pool();
	for (unsigned w = LEAF_4K; w <= POINTER; w++) {
		job.va[w] = scene_va(s, HALF_LOW, 1);
		job.value[w] = page_word(&p, PAGE_WORDS);
		job.slot[w] = scene_slot(s, job.va[w], w == LEAF_4K ? 0 : 1);
	}
	job.good[LEAF_4K] = pte_leaf(block, SCENE_RWX).raw;
	job.good[LEAF_2M] = pte_leaf(block, SCENE_RWX).raw;
	scene_store(scene_slot(s, job.va[POINTER], 0), pte_leaf(block, SCENE_RWX).raw);
	job.good[POINTER] = *job.slot[POINTER];
	/* Harts fetch there too. */
	for (unsigned w = LEAF_4K; w <= POINTER; w++)
		scene_store(job.slot[w], job.good[w]);
}

static struct probe look_at(enum where w, enum access a, uint64_t pte)
{
	scene_store(job.slot[w], pte);
	raw_sfence_all();
	return probe_access(a, job.va[w] + (a == ACCESS_FETCH ? 0 : PAGE_WORDS), job.value[w]);
}

static void judge(struct look *l, const char *name, enum where w, enum access a, uint64_t pte,
		  struct probe expected)
{
	struct probe seen = look_at(w, a, pte);

	l->tries++;
	/* Only loads have a value that says which page it was. */
	if (a != ACCESS_LOAD && !seen.trapped && !expected.trapped)
		return;
	if (!look_same(seen, expected))
		look_bad(l, &(struct glance){.what = name,
					     .access = a,
					     .va = job.va[w],
					     .seen = seen,
					     .expected = expected,
					     .slot = job.slot[w],
					     .pte = pte});
}

/* Of an entry that has to translate, what is found there is not asked: only that it does. */
static void judge_legal(struct look *l, const struct enc_case *c, enum access a)
{
	struct probe seen = look_at(c->where, a, c->pte);

	l->tries++;
	if (look_same(seen, look_fault(a)))
		look_bad(l, &(struct glance){.what = c->name,
					     .access = a,
					     .va = job.va[c->where],
					     .seen = seen,
					     .expected = look_value(job.value[c->where]),
					     .slot = job.slot[c->where],
					     .pte = c->pte});
}

static void try_all(void *arg)
{
	unsigned hart = arch_hart();
	struct look *l = &job.look[hart];

	(void)arg;
	scene_enter(job.s);
	for (unsigned i = 0; i < job.nr; i++) {
		const struct enc_case *c = &job.c[i];

		for (unsigned a = 0; a < NR_ACCESSES; a++) {
			judge(l, "entry without the bits", c->where, (enum access)a,
			      job.good[c->where], look_value(job.value[c->where]));
			if (c->must)
				judge(l, c->name, c->where, (enum access)a, c->pte,
				      look_fault((enum access)a));
			/* I/O need not be memory that code is fetched from. */
			if (c->legal && a != ACCESS_FETCH)
				judge_legal(l, c, (enum access)a);
		}
		if (!c->must && look_same(look_at(c->where, ACCESS_LOAD, c->pte),
					  look_value(job.value[c->where])))
			job.worked[hart] |= UINT32_C(1) << i;
		(void)look_at(c->where, ACCESS_LOAD, job.good[c->where]);
	}
	scene_leave();
}

static void finish(struct test_run *t)
{
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		/* One after the other: they change the same entries. */
		test_on_harts(t, &one, try_all, NULL);
	}
	for (unsigned i = 0; i < job.nr; i++) {
		if (!job.c[i].must)
			note("%s: %s", job.c[i].name,
			     (job.worked[0] >> i & 1) != 0 ? "translates" : "does not translate");
	}
	look_report(t, ACCESS_LOAD, job.s, &t->all, job.look);
	scene_close();
}

TEST(svnapot, encodings, .machine = true,
     .clause = "Privileged ISA, Svnapot: reserved encodings must raise a page fault")
{
	if ((t->bench->machine->isa & ISA_SVNAPOT) == 0) {
		test_skip(t, "the device tree does not claim Svnapot");
		return;
	}
	open_job(t);
	for (unsigned low = 0; low < 16; low++) {
		if (low != 8)
			add("N with ppn[3:0] = %u", low, LEAF_4K,
			    (job.good[LEAF_4K] | PTE_N) + ((uint64_t)low << PTE_PPN_SHIFT), true);
	}
	add("N in a leaf of 2m, ppn[3:0] = %u", 0, LEAF_2M, job.good[LEAF_2M] | PTE_N, true);
	add("N in a leaf of 2m, ppn[3:0] = %u", 8, LEAF_2M,
	    (job.good[LEAF_2M] | PTE_N) + (UINT64_C(8) << PTE_PPN_SHIFT), true);
	add("N in a table pointer", 0, POINTER, job.good[POINTER] | PTE_N, false);
	finish(t);
}

TEST(svnapot, reserved, .machine = true,
     .clause = "Privileged ISA 1.12, Sv39: if any of the reserved bits 63 to 54 is set, a page "
	       "fault is raised")
{
	uint32_t isa = t->bench->machine->isa;
	bool must = (isa & ISA_SINCE_1_12) != 0;

	open_job(t);
	for (unsigned bit = 54; bit <= 60; bit++) {
		/* Svrsw60t59b gives the last two away, and the tree is not asked for it. */
		add("bit %u of a leaf of 4k", bit, LEAF_4K, job.good[LEAF_4K] | UINT64_C(1) << bit,
		    must && bit < 59);
		if (bit < 59) {
			add("bit %u of a leaf of 2m", bit, LEAF_2M,
			    job.good[LEAF_2M] | UINT64_C(1) << bit, must);
			add("bit %u of a table pointer", bit, POINTER,
			    job.good[POINTER] | UINT64_C(1) << bit, must);
		}
	}
	for (unsigned pbmt = 1; pbmt <= 3; pbmt++) {
		uint64_t bits = pbmt * PTE_PBMT_NC;

		/* What the others do depends on Svpbmt, which firmware may have left off. */
		add("PBMT = %u in a leaf of 4k", pbmt, LEAF_4K, job.good[LEAF_4K] | bits,
		    must && pbmt == 3);
	}
	add("PBMT = 3 in a leaf of 2m", 0, LEAF_2M, job.good[LEAF_2M] | PTE_PBMT_MASK, must);
	/* Where the tree is silent the machine may have it all the same. */
	if ((isa & ISA_SVNAPOT) == 0)
		add("N in a leaf of 4k, as Svnapot has it", 0, LEAF_4K,
		    (job.good[LEAF_4K] | PTE_N) + (UINT64_C(8) << PTE_PPN_SHIFT), false);
	finish(t);
}

TEST(svpbmt, encodings, .machine = true,
     .clause = "Privileged ISA, Svpbmt: PBMT 1 and 2 are NC and IO, 3 is reserved, in a table "
	       "pointer all but 0 are; what is reserved raises a page fault")
{
	static const enum where leaves[] = {LEAF_4K, LEAF_2M};

	if (!svpbmt_usable(t))
		return;
	open_job(t);
	for (unsigned pbmt = 1; pbmt <= 3; pbmt++) {
		for (unsigned i = 0; i < ARRAY_LEN(leaves); i++) {
			enum where w = leaves[i];

			add(w == LEAF_4K ? "PBMT = %u in a leaf of 4k"
					 : "PBMT = %u in a leaf of 2m",
			    pbmt, w, job.good[w] | pbmt * PTE_PBMT_NC, pbmt == 3)
				->legal = pbmt != 3;
		}
		add("PBMT = %u in a table pointer", pbmt, POINTER,
		    job.good[POINTER] | pbmt * PTE_PBMT_NC, true);
	}
	finish(t);
}
