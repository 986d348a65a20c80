/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference and its audit. */
#include "tests/host/scenario_flat.h"

#include <string.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/scenario_walk.h"

#define RAM_AT UINT64_C(0x80000000)
#define RAM_FRAMES (64u * 512)
#define MAX_BOOT_LEAVES 4096u

struct flat flat;

/* What was there behind start-up: never changes but by the operations. */
static struct {
	vaddr_t va;
	unsigned level;
	pte_t e;
} boot_leaf[MAX_BOOT_LEAVES];
static unsigned nr_boot_leaves;

void flat_mix(uint64_t value)
{
	flat.digest = (flat.digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	flat.digest ^= flat.digest >> 29;
}

enum use { USE_NONE, USE_TABLE, USE_RECORDS, USE_BLOCK };

static struct {
	uint8_t use[RAM_FRAMES];
	unsigned boot_leaf; /* the next that is due */
	unsigned refs[FLAT_BLOCKS];
	uint64_t pages, hot_bytes, record_bytes;
} seen;

/* Each frame has one use. */
static void use_frames(paddr_t pa, uint64_t size, enum use use)
{
	for (uint64_t off = 0; off < size; off += PAGE_SIZE) {
		uint64_t f = (pa + off - RAM_AT) >> PAGE_SHIFT;

		if (f >= RAM_FRAMES)
			continue;
		CHECK(seen.use[f] == USE_NONE, "frame 0x%llx has uses %u and %u",
		      (unsigned long long)(pa + off), seen.use[f], (unsigned)use);
		seen.use[f] = (uint8_t)use;
	}
}

static void see_table(void *arg, paddr_t pa)
{
	(void)arg;
	use_frames(pa, PAGE_SIZE, USE_TABLE);
}

unsigned flat_block_of(paddr_t pa)
{
	unsigned i = 0;

	while (i < FLAT_BLOCKS && (flat.block[i].pa == FRAME_NONE ||
				   pa - flat.block[i].pa >= PAGE_SIZE << flat.block[i].order))
		i++;
	return i;
}

static void see_stretch(vaddr_t va, unsigned level, pte_t e)
{
	for (uint64_t off = 0; off < level_size(level); off += PAGE_SIZE) {
		uint64_t i = (va + off - flat.stretch) >> PAGE_SHIFT;
		unsigned b = flat_block_of(pte_pa(e) + off);

		CHECK(i < FLAT_PAGES && flat.page[i].pa == pte_pa(e) + off &&
			      flat.page[i].prot == pte_prot(e),
		      "page %llu leads to 0x%llx with 0x%llx", (unsigned long long)i,
		      (unsigned long long)(pte_pa(e) + off), (unsigned long long)pte_prot(e));
		CHECK(b < FLAT_BLOCKS, "page %llu leads to frames that nobody has",
		      (unsigned long long)i);
		seen.refs[b % FLAT_BLOCKS]++;
		seen.pages++;
	}
}

static bool in_hot(paddr_t pa)
{
	return pa - FLAT_HOT_AT < FLAT_HOT_BLOCKS * SZ_2M &&
	       flat.hot[(pa - FLAT_HOT_AT) / SZ_2M].region != 0;
}

static void see_hot(vaddr_t va, unsigned level, pte_t e)
{
	for (uint64_t off = 0; off < level_size(level); off += SZ_2M)
		CHECK(level > 0 && in_hot(pte_pa(e) + off) && direct_va(pte_pa(e)) == va &&
			      pte_prot(e) == PROT_RW,
		      "0x%llx of the direct map leads to 0x%llx", (unsigned long long)(va + off),
		      (unsigned long long)(pte_pa(e) + off));
	seen.hot_bytes += level_size(level);
}

static void see_records(vaddr_t va, unsigned level, pte_t e)
{
	uint64_t part = (va - frame_record_va(FLAT_HOT_AT)) >> FRAME_RECORD_SHIFT << PAGE_SHIFT;
	uint64_t covers = level_size(level) >> FRAME_RECORD_SHIFT << PAGE_SHIFT;

	for (uint64_t off = 0; off < covers; off += PAGE_SIZE << (PAGE_SHIFT - FRAME_RECORD_SHIFT))
		CHECK(in_hot(FLAT_HOT_AT + part + off), "records of 0x%llx, which is not there",
		      (unsigned long long)(FLAT_HOT_AT + part + off));
	use_frames(pte_pa(e), level_size(level), USE_RECORDS);
	seen.record_bytes += level_size(level);
}

static void see_leaf(void *arg, vaddr_t va, unsigned level, pte_t e)
{
	vaddr_t hot_va = direct_va(FLAT_HOT_AT), records = frame_record_va(FLAT_HOT_AT);

	(void)arg;
	if (va - flat.stretch < FLAT_PAGES * PAGE_SIZE) {
		see_stretch(va, level, e);
	} else if (va - hot_va < FLAT_HOT_BLOCKS * SZ_2M) {
		see_hot(va, level, e);
	} else if (va - records < (FLAT_HOT_BLOCKS * SZ_2M >> PAGE_SHIFT << FRAME_RECORD_SHIFT)) {
		see_records(va, level, e);
	} else {
		unsigned i = seen.boot_leaf++;

		CHECK(i < nr_boot_leaves && boot_leaf[i].va == va && boot_leaf[i].level == level &&
			      boot_leaf[i].e.raw == e.raw,
		      "0x%llx l%u was not there at start", (unsigned long long)va, level);
	}
}

static void learn_leaf(void *arg, vaddr_t va, unsigned level, pte_t e)
{
	(void)arg;
	REQUIRE(nr_boot_leaves < MAX_BOOT_LEAVES, "too many leaves");
	boot_leaf[nr_boot_leaves].va = va;
	boot_leaf[nr_boot_leaves].level = level;
	boot_leaf[nr_boot_leaves++].e = e;
}

static uint64_t sum_of(const struct frame_counts *c)
{
	uint64_t sum = c->free;

	for (unsigned o = OWNER_NONE + 1; o < NR_OWNERS; o++)
		sum += c->owned[o];
	return sum;
}

static void audit_frames(const char *when)
{
	struct frame_counts c;
	uint64_t online = 0, mine = 0;
	const char *first;
	paddr_t at;

	ptpage_drain();
	c = frame_counts();
	for (unsigned i = 0; i < FLAT_BLOCKS; i++) {
		if (flat.block[i].pa == FRAME_NONE)
			continue;
		use_frames(flat.block[i].pa, PAGE_SIZE << flat.block[i].order, USE_BLOCK);
		mine += UINT64_C(1) << flat.block[i].order;
		CHECK(seen.refs[i] == flat.block[i].refs, "%s: block %u is mapped %u times, due %u",
		      when, i, seen.refs[i], flat.block[i].refs);
		CHECK(frame_owner(flat.block[i].pa) == OWNER_TEST, "%s: block %u is not owned",
		      when, i);
	}
	for (unsigned i = 0; i < FLAT_HOT_BLOCKS; i++)
		online += flat.hot[i].region != 0 && flat.hot[i].r->state == HOT_ONLINE ? 512 : 0;
	CHECK(c.owned[OWNER_TEST] == mine, "%s: %llu frames of the test's, due %llu", when,
	      (unsigned long long)c.owned[OWNER_TEST], (unsigned long long)mine);
	CHECK(c.owned[OWNER_FRAMETABLE] == seen.record_bytes >> PAGE_SHIFT,
	      "%s: %llu frames of records, due %llu", when,
	      (unsigned long long)c.owned[OWNER_FRAMETABLE],
	      (unsigned long long)(seen.record_bytes >> PAGE_SHIFT));
	CHECK(sum_of(&c) == flat.all_frames + online, "%s: %llu frames in all, due %llu", when,
	      (unsigned long long)sum_of(&c), (unsigned long long)(flat.all_frames + online));
	CHECK(frame_errors(&first) == 0, "%s: wrong frees: %s", when, first);
	CHECK(ptpage_errors(&at) == 0, "%s: a dead table was written to", when);
	flat_mix(c.free);
}

void flat_audit(const char *when)
{
	struct walk_visitor v = {.leaf = see_leaf, .table = see_table};
	struct walk_counts n;
	uint64_t due = 0, blocks = 0;

	memset(&seen, 0, sizeof(seen));
	n = scenario_walk(kernel_table(), &v);
	CHECK(seen.boot_leaf == nr_boot_leaves, "%s: %u leaves of start-up, due %u", when,
	      seen.boot_leaf, nr_boot_leaves);
	for (unsigned i = 0; i < FLAT_PAGES; i++)
		due += flat.page[i].pa != FRAME_NONE;
	CHECK(seen.pages == due, "%s: %llu pages are mapped, due %llu", when,
	      (unsigned long long)seen.pages, (unsigned long long)due);
	for (unsigned i = 0; i < FLAT_HOT_BLOCKS; i++)
		blocks += flat.hot[i].region != 0;
	CHECK(seen.hot_bytes == blocks * SZ_2M, "%s: 0x%llx bytes are hot-added, due 0x%llx", when,
	      (unsigned long long)seen.hot_bytes, (unsigned long long)(blocks * SZ_2M));
	CHECK(seen.record_bytes == blocks * 512 * 64, "%s: 0x%llx bytes of records", when,
	      (unsigned long long)seen.record_bytes);
	CHECK(n.empty == 0 && n.residue == 0, "%s: %llu empty tables, %llu residues", when,
	      (unsigned long long)n.empty, (unsigned long long)n.residue);
	CHECK(n.tables == ptpage_live(), "%s: %llu tables, %llu live", when,
	      (unsigned long long)n.tables, (unsigned long long)ptpage_live());
	audit_frames(when);
	rig_check_silent(when);
	flat_mix(n.tables);
	flat_mix(n.leaves);
}

void flat_probe(unsigned i, const char *when)
{
	struct hartset online = arch_harts_online();
	vaddr_t va = flat.stretch + i * PAGE_SIZE;

	rig_check_everywhere(va, flat.page[i].pa, when);
	hartset_for_each(h, &online) {
		struct sim_result r[16];
		unsigned n = sim_outcomes(h, va, SIM_STORE, r, ARRAY_LEN(r));
		bool due = flat.page[i].pa != FRAME_NONE && (flat.page[i].prot & PTE_W) != 0;

		for (unsigned k = 0; k < n; k++)
			CHECK((r[k].outcome == SIM_OK) == due, "%s: hart%u may %s page %u", when, h,
			      due ? "not store to" : "store to", i);
	}
}

unsigned flat_count_mapped(unsigned first, unsigned n)
{
	unsigned mapped = 0;

	for (unsigned i = first; i < first + n; i++)
		mapped += flat.page[i].pa != FRAME_NONE;
	return mapped;
}

void flat_refer(paddr_t pa, int by)
{
	unsigned i = flat_block_of(pa);

	if (i < FLAT_BLOCKS)
		flat.block[i].refs = (unsigned)((int)flat.block[i].refs + by);
}

void flat_begin(vaddr_t stretch)
{
	struct frame_counts c;

	flat = (struct flat){.stretch = stretch};
	for (unsigned i = 0; i < FLAT_PAGES; i++)
		flat.page[i].pa = FRAME_NONE;
	for (unsigned i = 0; i < FLAT_BLOCKS; i++)
		flat.block[i].pa = FRAME_NONE;
	nr_boot_leaves = 0;
	scenario_walk(kernel_table(), &(struct walk_visitor){.leaf = learn_leaf});
	ptpage_drain();
	c = frame_counts();
	flat.all_frames = sum_of(&c);
}
