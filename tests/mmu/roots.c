/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * race.new_root_entry: one hart adds a mapping where no root entry was in use, another translates
 * with a copy of the root that is older, a third copies the root meanwhile. Root entries are made
 * at the start, all of them, so no copy lacks one (Linux: preallocate_pgd_pages_range()).
 *
 * race.multi_hit.*: small pages become a superpage without a fence, so that both may be held.
 */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/csr.h"
#include "firmware/fence.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "tests/mmu/look.h"
#include "tests/mmu/ops.h"
#include "tests/mmu/remote.h"

#define ROUNDS 16
#define TURN_MS 10000

static struct roots {
	struct scene *s;
	struct hartset harts;
	paddr_t copy[MAX_HARTS]; /* of the root, of each hart but 0 */
	vaddr_t va[ROUNDS];	 /* a root entry each */
	uint64_t *slot[ROUNDS];	 /* the leaf's */
	uint64_t *root_slot[ROUNDS];
	uint64_t root_entry[ROUNDS];
	struct page page[ROUNDS];
	enum fence fence[ROUNDS];
	unsigned rounds;
	struct turn added;
	struct turn done[MAX_HARTS];
	bool failed;
	int64_t rc;
	struct look *look; /* by hart */
} roots;

static uint64_t satp_of(paddr_t root)
{
	uint64_t mine = scene_satp(roots.s, roots.s->asid);

	return (mine & ~((UINT64_C(1) << SATP_ASID_SHIFT) - 1)) | root >> PAGE_SHIFT;
}

/* As a new process gets its half of the kernel: entry by entry, while others may change it. */
static void copy_root(paddr_t to)
{
	const uint64_t *from = phys_to_ptr(roots.s->pt.root);
	uint64_t *entry = phys_to_ptr(to);

	for (unsigned i = 0; i < PT_ENTRIES; i++)
		entry[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	csr_write_satp(satp_of(to));
	raw_sfence_all();
}

static void look_at(unsigned round)
{
	struct look *l = &roots.look[arch_hart()];
	vaddr_t va = roots.va[round] + PAGE_WORDS;
	struct probe seen = probe_load(va);
	struct probe expected = look_value(page_word(&roots.page[round], PAGE_WORDS));

	l->tries++;
	if (!look_same(seen, expected))
		look_bad(l, &(struct glance){.what = "a mapping in a new root entry",
					     .access = ACCESS_LOAD,
					     .va = va,
					     .seen = seen,
					     .expected = expected,
					     .fence = roots.fence[round],
					     .named = roots.va[round],
					     .slot = roots.slot[round],
					     .pte = *roots.slot[round]});
}

static void add_mappings(void)
{
	for (unsigned i = 0; i < roots.rounds; i++) {
		struct fence_at at = {.va = roots.va[i], .asid = roots.s->asid};
		int64_t rc;

		scene_store(roots.slot[i], pte_leaf(roots.page[i].pa, SCENE_RWX).raw);
		scene_store(roots.root_slot[i], roots.root_entry[i]);
		rc = fence_remote(roots.fence[i], &at, &roots.harts);
		if (rc != 0)
			roots.rc = rc;
		turn_set(&roots.added, i + 1, &roots.harts);
		look_at(i);
		hartset_for_each(h, &roots.harts) {
			if (h != 0 && !turn_wait(&roots.done[h], i + 1, TURN_MS))
				roots.failed = true;
		}
	}
}

static void use_copy(void)
{
	struct hartset first = hartset_of(0);
	unsigned hart = arch_hart();

	for (unsigned i = 0; i < roots.rounds; i++) {
		/* It may be held that nothing is there, until the fence. */
		(void)probe_load(roots.va[i]);
		/* Half of the harts copy anew, all the time; the others stay with their old copy.
		 */
		do {
			if (hart % 2 == 0)
				copy_root(roots.copy[hart]);
		} while (hart % 2 == 0 && !turn_wait(&roots.added, i + 1, 1) && !roots.failed);
		if (!turn_wait(&roots.added, i + 1, TURN_MS))
			return;
		look_at(i);
		turn_set(&roots.done[hart], i + 1, &first);
	}
}

static void roots_job(void *arg)
{
	(void)arg;
	scene_enter(roots.s);
	if (arch_hart() == 0) {
		add_mappings();
	} else {
		copy_root(roots.copy[arch_hart()]);
		use_copy();
	}
	scene_leave();
}

TEST(race, new_root_entry, .needs = NEEDS_SMP | NEEDS_RFENCE, .timeout_ms = 60000, .machine = true,
     .clause = "Privileged ISA, SFENCE.VMA: after invalid -> valid and a fence on each hart the "
	       "mapping is there, in each root that has it")
{
	static const enum fence fences[] = {RFENCE_ALL, RFENCE_ZERO, IPI_ALL, RFENCE_PAGE, IPI_VA};
	struct scene *s = scene_open(t);
	unsigned top = s->pt.mode->levels - 1;

	memset(&roots, 0, sizeof(roots));
	roots.s = s;
	roots.look = look_pool();
	roots.harts = t->all;
	roots.rounds = ROUNDS;
	hartset_for_each(h, &t->all)
		roots.copy[h] = scene_table(s);
	for (unsigned i = 0; i < ROUNDS; i++) {
		roots.va[i] = scene_va(s, i % 2 == 0 ? HALF_HIGH : HALF_LOW, top);
		roots.page[i] = scene_new_page(s);
		/* The tables of all root entries are there from the start; no leaf is. */
		roots.slot[i] = scene_slot(s, roots.va[i], 0);
		roots.root_slot[i] = scene_slot(s, roots.va[i], top);
		roots.root_entry[i] = *roots.root_slot[i];
		if (fault_armed(FAULT_ROOT_LATE))
			scene_store(roots.root_slot[i], 0);
		roots.fence[i] = fences[i % ARRAY_LEN(fences)];
	}
	test_on_harts(t, &t->all, roots_job, NULL);
	EXPECT(t, roots.rc == 0, "SBI error %lld", (long long)roots.rc);
	EXPECT(t, !roots.failed, "a hart did not take its turn within %u ms", TURN_MS);
	look_report(t, ACCESS_LOAD, s, &t->all, roots.look);
	scene_close();
}

/*
 * A table of small pages becomes a superpage. Behind no fence, or one that names a page, each
 * access sees the old page or the new one, "unpredictable, but otherwise well defined", though
 * both may be held; behind one with rs1 = x0 the new one.
 */
static void multi_hit(struct test_run *t)
{
	struct stim *st = op_open(t, t->test->arg);

	if (st == NULL)
		return;
	for (unsigned h = 0; h < NR_HALVES; h++) {
		st[h].what = "small pages under a superpage";
		st[h].either_or = true;
		st[h].weak = FENCES_LOCAL & ~st[h].fences;
		/* Some are found in the new leaf while others are still held. */
		for (unsigned i = 0; i < st[h].nr; i++)
			st[h].at[i].cold = i % 4 == 3;
	}
	stim_run_local(t, st, NR_HALVES, FENCES_LOCAL);
	scene_close();
}

#define MULTI(size, kind, level, a)                                                                \
	TEST_ROW(race, multi_hit_##size##_##kind, "multi_hit." #size "." #kind, multi_hit,         \
		 .machine = true,                                                                  \
		 .clause = "Privileged ISA, SFENCE.VMA: until it is fenced either the old or the " \
			   "new entry is used, otherwise it is well defined",                      \
		 .arg = &(const struct op_case){OP_MERGE, level, a, false})
MULTI(2m, load, LEVEL_2M, ACCESS_LOAD)
MULTI(2m, store, LEVEL_2M, ACCESS_STORE)
MULTI(2m, fetch, LEVEL_2M, ACCESS_FETCH)
MULTI(1g, load, LEVEL_1G, ACCESS_LOAD)
MULTI(1g, store, LEVEL_1G, ACCESS_STORE)
MULTI(1g, fetch, LEVEL_1G, ACCESS_FETCH)
