/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tlb.protected: memory that firmware keeps to itself, beside memory that is ours, in one
 * superpage. Loads only: a store into firmware would destroy it where nothing protects it.
 */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/trap.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/scene.h"

#define CLAUSE                                                                                     \
	"Privileged ISA, PMP and paging: protection applies to each access, also within a "        \
	"superpage"

struct straddle {
	struct scene *s;
	vaddr_t ours, theirs;  /* through the large leaf */
	vaddr_t small;	       /* of theirs, through a 4 KiB leaf */
	struct page page;      /* ours */
	struct probe first[2]; /* theirs while ours is warm; ours while theirs was refused */
	struct probe back;     /* the other way round, in a new fill */
	struct probe alone;    /* through the small leaf */
	bool theirs_seen;      /* of the first two rounds, some load of theirs went through */
};

static struct straddle st;

static void straddle_job(void *arg)
{
	uint64_t off = PAGE_WORDS;

	(void)arg;
	scene_enter(st.s);
	st.alone = probe_load(st.small);
	st.first[1] = probe_load(st.ours + off);
	st.first[0] = probe_load(st.theirs);
	st.theirs_seen = !st.first[0].trapped;
	scene_leave();
	/* Cold again: theirs first. */
	scene_enter(st.s);
	st.theirs_seen |= !probe_load(st.theirs).trapped;
	st.back = probe_load(st.ours + off);
	st.theirs_seen |= !probe_load(st.theirs).trapped;
	scene_leave();
}

static bool is_load_access(struct probe p)
{
	return p.trapped && p.cause == CAUSE_LOAD_ACCESS;
}

static void report(struct test_run *t, unsigned h, const char *what, vaddr_t va, struct probe p)
{
	test_fail(t, EVIDENCE_PROBE, "hart%u (id %llu) load of %s at 0x%llx: %s 0x%llx", h,
		  (unsigned long long)hart_get(h)->hartid, what, (unsigned long long)va,
		  p.trapped ? trap_cause_name(p.cause) : "saw",
		  (unsigned long long)(p.trapped ? p.tval : p.value));
	pt_print_walk(&st.s->pt, va);
}

static void judge(struct test_run *t, unsigned h)
{
	uint64_t word = page_word(&st.page, PAGE_WORDS);

	if (!is_load_access(st.alone)) {
		test_skip(t, "hart%u may load what the tree reserves: nothing protects it", h);
		return;
	}
	if (st.theirs_seen)
		report(t, h, "protected memory through a superpage", st.theirs, st.first[0]);
	/* Some cores check protection over all of a leaf: legal, and nothing to see here. */
	if (is_load_access(st.first[1]) && is_load_access(st.back)) {
		test_skip(t, "hart%u checks protection over the whole leaf", h);
		return;
	}
	if (st.first[1].trapped || st.first[1].value != word)
		report(t, h, "our memory before", st.ours, st.first[1]);
	if (st.back.trapped || st.back.value != word)
		report(t, h, "our memory behind a refused load", st.ours, st.back);
}

static bool in_ram(const struct machine *m, paddr_t pa)
{
	for (unsigned i = 0; i < m->nr_ram; i++) {
		if (pa >= m->ram[i].start && pa < region_end(m->ram[i]))
			return true;
	}
	return false;
}

/* A reserved page of RAM in the same leaf of @level as @pa; 0 if there is none. */
static paddr_t reserved_beside(const struct machine *m, paddr_t pa, unsigned level)
{
	paddr_t leaf = align_down(pa, level_size(level));

	for (unsigned i = 0; i < m->nr_reserved; i++) {
		struct region r = m->reserved[i];

		/* Not a device's registers: a load may have effects there. */
		if (in_ram(m, r.start) && r.start >= leaf && r.start < leaf + level_size(level))
			return r.start;
	}
	return 0;
}

static void straddle(struct test_run *t)
{
	unsigned level = (unsigned)(uintptr_t)t->test->arg;
	struct scene *s = scene_open(t);
	paddr_t theirs, leaf;
	vaddr_t va;

	if (level >= s->pt.mode->levels) {
		test_skip(t, "%s has no leaves of %s", s->pt.mode->name, level_name(level));
		scene_close();
		return;
	}
	st = (struct straddle){.s = s, .page = scene_new_page(s)};
	theirs = reserved_beside(t->bench->machine, st.page.pa, level);
	if (theirs == 0) {
		test_skip(t, "nothing reserved lies in one %s with free RAM", level_name(level));
		scene_close();
		return;
	}
	leaf = align_down(theirs, level_size(level));
	va = scene_va(s, HALF_LOW, level);
	st.ours = va + (st.page.pa - leaf);
	st.theirs = va + (theirs - leaf);
	/* Read-only: nothing here stores or fetches, and nothing shall by accident. */
	scene_store(scene_slot(s, va, level), pte_leaf(leaf, PTE_R | PTE_A | PTE_D).raw);
	st.small = scene_va(s, HALF_LOW, LEVEL_4K);
	scene_store(scene_slot(s, st.small, LEVEL_4K), pte_leaf(theirs, PTE_R | PTE_A | PTE_D).raw);
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		test_on_harts(t, &one, straddle_job, NULL);
		judge(t, h);
	}
	scene_close();
}

#define ROW(size, LEVEL)                                                                           \
	TEST_ROW(tlb, protected_##size, "protected." #size, straddle, .machine = true,             \
		 .clause = CLAUSE, .arg = (const void *)LEVEL)
ROW(1g, LEVEL_1G)
ROW(512g, LEVEL_512G)
