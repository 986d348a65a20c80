/* SPDX-License-Identifier: BSD-2-Clause */
/* tlb.canonical, tlb.encodings: what must fault at once, whatever is held of its neighbours. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/scene.h"

/* Accesses that must all raise their page fault, on each hart of the test in turn. */
struct must_fault {
	struct scene *s;
	vaddr_t warm; /* touched before each, so that there is something to hit wrongly */
	vaddr_t va;
	const char *what;
	unsigned bad;
	enum access access; /* of the first that did not */
	struct probe seen;
};

static struct must_fault mf;

static void fault_job(void *arg)
{
	(void)arg;
	scene_enter(mf.s);
	for (unsigned a = 0; a < NR_ACCESSES; a++) {
		/* Twice: the second time what the first left behind is there too. */
		for (unsigned i = 0; i < 2; i++) {
			struct probe p;

			(void)probe_access((enum access)a, mf.warm, 0);
			p = probe_access((enum access)a, mf.va, 0);
			if ((!p.trapped || p.cause != probe_page_fault((enum access)a)) &&
			    mf.bad++ == 0) {
				mf.access = (enum access)a;
				mf.seen = p;
			}
		}
	}
	scene_leave();
}

static void must_fault(struct test_run *t, struct scene *s, vaddr_t warm, vaddr_t va,
		       const char *what)
{
	hartset_for_each(h, &t->all) {
		struct hartset one = hartset_of(h);

		mf = (struct must_fault){.s = s, .warm = warm, .va = va, .what = what};
		test_on_harts(t, &one, fault_job, NULL);
		if (mf.bad == 0)
			continue;
		if (mf.seen.trapped)
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u (id %llu) %s, %s at 0x%llx: TRAP: %s, expected a %s", h,
				  (unsigned long long)hart_get(h)->hartid, what,
				  access_name(mf.access), (unsigned long long)va,
				  trap_cause_name(mf.seen.cause),
				  trap_cause_name(probe_page_fault(mf.access)));
		else
			test_fail(t, EVIDENCE_PROBE,
				  "hart%u (id %llu) %s, %s at 0x%llx: NO TRAP: saw 0x%llx of page "
				  "%u, expected a %s",
				  h, (unsigned long long)hart_get(h)->hartid, what,
				  access_name(mf.access), (unsigned long long)va,
				  (unsigned long long)mf.seen.value, scene_whose(s, mf.seen.value),
				  trap_cause_name(probe_page_fault(mf.access)));
		pt_print_walk(&s->pt, va);
	}
}

/* A page of RWX at a new address of @half. Stores of these tests go to it, if anywhere. */
static vaddr_t warm_page(struct scene *s, enum half half)
{
	vaddr_t va = scene_va(s, half, LEVEL_4K);
	struct page p = scene_new_page(s);

	scene_store(scene_slot(s, va, LEVEL_4K), pte_leaf(p.pa, SCENE_RWX).raw);
	return va;
}

TEST(tlb, canonical, .machine = true,
     .clause = "Privileged ISA, Sv39/Sv48/Sv57: bits above the address must equal its top bit, or "
	       "else a page fault occurs")
{
	struct scene *s = scene_open(t);

	for (unsigned h = 0; h < NR_HALVES; h++) {
		vaddr_t va = warm_page(s, (enum half)h);

		for (unsigned b = s->pt.mode->va_bits; b < 64; b++)
			must_fault(t, s, va, va ^ UINT64_C(1) << b, "not canonical");
		/* The other half's address of the same low bits, with the sign left out. */
		must_fault(t, s, va, va ^ ~UINT64_C(0) << s->pt.mode->va_bits,
			   "sign bits inverted");
	}
	scene_close();
}

struct bad_entry {
	const char *what;
	unsigned level;
	uint64_t clear, set; /* of a good leaf of that level */
};

static const struct bad_entry bad_entries[] = {
	{"V=0", LEVEL_4K, PTE_V, 0},
	{"V=0", LEVEL_2M, PTE_V, 0},
	{"V=0", LEVEL_1G, PTE_V, 0},
	{"W=1 X=1 R=0", LEVEL_4K, PTE_R, 0},
	{"W=1 X=1 R=0", LEVEL_2M, PTE_R, 0},
	{"W=1 X=1 R=0", LEVEL_1G, PTE_R, 0},
	{"pointer in the last level", LEVEL_4K, PTE_R | PTE_W | PTE_X | PTE_A | PTE_D, 0},
	/* The same where a machine that takes it for a page would not stumble over A or D. */
	{"pointer in the last level, A and D", LEVEL_4K, PTE_R | PTE_W | PTE_X, 0},
	{"misaligned superpage, lowest bit", LEVEL_2M, 0, UINT64_C(1) << PTE_PPN_SHIFT},
	{"misaligned superpage, highest bit", LEVEL_2M, 0, UINT64_C(1) << (PTE_PPN_SHIFT + 8)},
	{"misaligned superpage, lowest bit", LEVEL_1G, 0, UINT64_C(1) << PTE_PPN_SHIFT},
	{"misaligned superpage, highest bit", LEVEL_1G, 0, UINT64_C(1) << (PTE_PPN_SHIFT + 17)},
	{"misaligned superpage, highest bit", LEVEL_512G, 0, UINT64_C(1) << (PTE_PPN_SHIFT + 26)},
};

TEST(tlb, encodings, .machine = true,
     .clause = "Privileged ISA, Virtual Address Translation Process, steps 3 to 6")
{
	struct scene *s = scene_open(t);
	struct page p = scene_new_page(s);

	for (unsigned i = 0; i < ARRAY_LEN(bad_entries); i++) {
		const struct bad_entry *b = &bad_entries[i];

		if (b->level >= s->pt.mode->levels)
			continue;
		for (unsigned h = 0; h < NR_HALVES; h++) {
			vaddr_t leaf = scene_va(s, (enum half)h, b->level);
			vaddr_t va = leaf + (p.pa & (level_size(b->level) - 1));
			uint64_t e =
				pte_leaf(align_down(p.pa, level_size(b->level)), SCENE_RWX).raw;

			scene_store(scene_slot(s, leaf, b->level), (e & ~b->clear) | b->set);
			must_fault(t, s, warm_page(s, (enum half)h), va, b->what);
		}
	}
	scene_close();
}
