/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenario T45: random operations against a flat reference that shares nothing with mm/: for each
 * page of a stretch of addresses what it leads to and with which rights, for each frame of memory
 * whose it is, for each block of frames how often it is mapped. All of the table is walked, from
 * memory, and all of that compared behind each operation.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/kernel.h"
#include "mm/ptpage.h"
#include "tests/host/scenario.h"
#include "tests/host/scenario_ops.h"
#include "tests/host/scenario_walk.h"

#define STEPS 500u
#define PAGES 2048u /* of the stretch */
#define BLOCKS 24u  /* of frames, of the test's own */
#define HOT_BLOCKS 96u
#define HOT_AT (UINT64_C(0x180000000) - 32 * SZ_2M)
#define RAM_AT UINT64_C(0x80000000)
#define RAM_FRAMES (64u * 512)
#define MAX_BOOT_LEAVES 4096u

/* ---- the reference */

static struct {
	paddr_t pa; /* FRAME_NONE: not mapped */
	uint64_t prot;
} page[PAGES];

static struct {
	paddr_t pa; /* FRAME_NONE: none */
	unsigned order;
	unsigned refs; /* pages of the stretch that lead to it */
	bool hot;
} block[BLOCKS];

/* 0: not there; else the number of the add that brought it. */
static struct {
	unsigned region;
	struct hot_region *r;
} hot[HOT_BLOCKS];
static unsigned next_region;

/* What was there behind start-up: never changes but by the operations. */
static struct {
	vaddr_t va;
	unsigned level;
	pte_t e;
} boot_leaf[MAX_BOOT_LEAVES];
static unsigned nr_boot_leaves;
static uint64_t all_frames; /* free ones and everybody's, hot-added ones excepted */

/* What was done, so that a run in which nothing happens is no pass. */
static struct {
	unsigned maps, unmaps, protects, adds, removes, cuts, refused, nomem, aliases, large;
} done;

static vaddr_t stretch;
static uint64_t digest;

static void mix(uint64_t value)
{
	digest = (digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	digest ^= digest >> 29;
}

/* ---- the audit */

enum use { USE_NONE, USE_TABLE, USE_RECORDS, USE_BLOCK };

static struct {
	uint8_t use[RAM_FRAMES];
	unsigned boot_leaf; /* the next that is due */
	unsigned refs[BLOCKS];
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

/* The block that @pa lies in, BLOCKS: none. */
static unsigned block_of(paddr_t pa)
{
	unsigned i = 0;

	while (i < BLOCKS &&
	       (block[i].pa == FRAME_NONE || pa - block[i].pa >= PAGE_SIZE << block[i].order))
		i++;
	return i;
}

static void see_stretch(vaddr_t va, unsigned level, pte_t e)
{
	for (uint64_t off = 0; off < level_size(level); off += PAGE_SIZE) {
		uint64_t i = (va + off - stretch) >> PAGE_SHIFT;
		unsigned b = block_of(pte_pa(e) + off);

		CHECK(i < PAGES && page[i].pa == pte_pa(e) + off && page[i].prot == pte_prot(e),
		      "page %llu leads to 0x%llx with 0x%llx", (unsigned long long)i,
		      (unsigned long long)(pte_pa(e) + off), (unsigned long long)pte_prot(e));
		CHECK(b < BLOCKS, "page %llu leads to frames that nobody has",
		      (unsigned long long)i);
		seen.refs[b % BLOCKS]++;
		seen.pages++;
	}
}

static bool in_hot(paddr_t pa)
{
	return pa - HOT_AT < HOT_BLOCKS * SZ_2M && hot[(pa - HOT_AT) / SZ_2M].region != 0;
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
	uint64_t part = (va - frame_record_va(HOT_AT)) >> FRAME_RECORD_SHIFT << PAGE_SHIFT;
	uint64_t covers = level_size(level) >> FRAME_RECORD_SHIFT << PAGE_SHIFT;

	for (uint64_t off = 0; off < covers; off += PAGE_SIZE << (PAGE_SHIFT - FRAME_RECORD_SHIFT))
		CHECK(in_hot(HOT_AT + part + off), "records of 0x%llx, which is not there",
		      (unsigned long long)(HOT_AT + part + off));
	use_frames(pte_pa(e), level_size(level), USE_RECORDS);
	seen.record_bytes += level_size(level);
}

static void see_leaf(void *arg, vaddr_t va, unsigned level, pte_t e)
{
	vaddr_t hot_va = direct_va(HOT_AT), records = frame_record_va(HOT_AT);

	(void)arg;
	if (va - stretch < PAGES * PAGE_SIZE) {
		see_stretch(va, level, e);
	} else if (va - hot_va < HOT_BLOCKS * SZ_2M) {
		see_hot(va, level, e);
	} else if (va - records < (HOT_BLOCKS * SZ_2M >> PAGE_SHIFT << FRAME_RECORD_SHIFT)) {
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
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (block[i].pa == FRAME_NONE)
			continue;
		use_frames(block[i].pa, PAGE_SIZE << block[i].order, USE_BLOCK);
		mine += UINT64_C(1) << block[i].order;
		CHECK(seen.refs[i] == block[i].refs, "%s: block %u is mapped %u times, due %u",
		      when, i, seen.refs[i], block[i].refs);
		CHECK(frame_owner(block[i].pa) == OWNER_TEST, "%s: block %u is not owned", when, i);
	}
	for (unsigned i = 0; i < HOT_BLOCKS; i++)
		online += hot[i].region != 0 && hot[i].r->state == HOT_ONLINE ? 512 : 0;
	CHECK(c.owned[OWNER_TEST] == mine, "%s: %llu frames of the test's, due %llu", when,
	      (unsigned long long)c.owned[OWNER_TEST], (unsigned long long)mine);
	CHECK(c.owned[OWNER_FRAMETABLE] == seen.record_bytes >> PAGE_SHIFT,
	      "%s: %llu frames of records, due %llu", when,
	      (unsigned long long)c.owned[OWNER_FRAMETABLE],
	      (unsigned long long)(seen.record_bytes >> PAGE_SHIFT));
	CHECK(sum_of(&c) == all_frames + online, "%s: %llu frames in all, due %llu", when,
	      (unsigned long long)sum_of(&c), (unsigned long long)(all_frames + online));
	CHECK(frame_errors(&first) == 0, "%s: wrong frees: %s", when, first);
	CHECK(ptpage_errors(&at) == 0, "%s: a dead table was written to", when);
	mix(c.free);
}

static void audit(const char *when)
{
	struct walk_visitor v = {.leaf = see_leaf, .table = see_table};
	struct walk_counts n;
	uint64_t due = 0, blocks = 0;

	memset(&seen, 0, sizeof(seen));
	n = scenario_walk(kernel_table(), &v);
	CHECK(seen.boot_leaf == nr_boot_leaves, "%s: %u leaves of start-up, due %u", when,
	      seen.boot_leaf, nr_boot_leaves);
	for (unsigned i = 0; i < PAGES; i++)
		due += page[i].pa != FRAME_NONE;
	CHECK(seen.pages == due, "%s: %llu pages are mapped, due %llu", when,
	      (unsigned long long)seen.pages, (unsigned long long)due);
	for (unsigned i = 0; i < HOT_BLOCKS; i++)
		blocks += hot[i].region != 0;
	CHECK(seen.hot_bytes == blocks * SZ_2M, "%s: 0x%llx bytes are hot-added, due 0x%llx", when,
	      (unsigned long long)seen.hot_bytes, (unsigned long long)(blocks * SZ_2M));
	CHECK(seen.record_bytes == blocks * 512 * sizeof(struct frame),
	      "%s: 0x%llx bytes of records", when, (unsigned long long)seen.record_bytes);
	CHECK(n.empty == 0 && n.residue == 0, "%s: %llu empty tables, %llu residues", when,
	      (unsigned long long)n.empty, (unsigned long long)n.residue);
	CHECK(n.tables == ptpage_live(), "%s: %llu tables, %llu live", when,
	      (unsigned long long)n.tables, (unsigned long long)ptpage_live());
	audit_frames(when);
	rig_check_silent(when);
	mix(n.tables);
	mix(n.leaves);
}

/* Every hart, with whatever it may hold, for a few pages: address and right to store. */
static void probe(unsigned i, const char *when)
{
	struct hartset online = arch_harts_online();
	vaddr_t va = stretch + i * PAGE_SIZE;

	rig_check_everywhere(va, page[i].pa, when);
	hartset_for_each(h, &online) {
		struct sim_result r[16];
		unsigned n = sim_outcomes(h, va, SIM_STORE, r, ARRAY_LEN(r));
		bool due = page[i].pa != FRAME_NONE && (page[i].prot & PTE_W) != 0;

		for (unsigned k = 0; k < n; k++)
			CHECK((r[k].outcome == SIM_OK) == due, "%s: hart%u may %s page %u", when, h,
			      due ? "not store to" : "store to", i);
	}
}

/* ---- operations */

struct op {
	unsigned first, n;
	paddr_t pa;
	uint64_t prot;
	unsigned flags;
};

static enum err do_map(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_map(b, stretch + o->first * PAGE_SIZE, o->pa, o->n * PAGE_SIZE, o->prot, 1);
}

static enum err do_unmap(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_unmap(b, stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, o->flags);
}

static enum err do_protect(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	return pt_protect(b, stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, o->prot, o->flags);
}

static enum err do_merge(struct pt_batch *b, void *arg)
{
	const struct op *o = arg;

	pt_merge(b, stretch + o->first * PAGE_SIZE, o->n * PAGE_SIZE, 1);
	return OK;
}

static unsigned count_mapped(unsigned first, unsigned n)
{
	unsigned mapped = 0;

	for (unsigned i = first; i < first + n; i++)
		mapped += page[i].pa != FRAME_NONE;
	return mapped;
}

/* The page's block has one reference more, or less. */
static void refer(paddr_t pa, int by)
{
	unsigned i = block_of(pa);

	if (i < BLOCKS)
		block[i].refs = (unsigned)((int)block[i].refs + by);
}

static const char *step_block(unsigned i)
{
	if (block[i].pa == FRAME_NONE) {
		block[i].hot = sim_below(4) == 0;
		block[i].order = (unsigned)(sim_below(3) == 0 ? 9 : sim_below(9));
		block[i].pa = block[i].hot ? frame_alloc_hot(block[i].order, OWNER_TEST)
					   : frame_alloc(block[i].order, OWNER_TEST);
		block[i].refs = 0;
		return "a block is allocated";
	}
	/* Who has references stays: that they are counted right is what the model sees else. */
	if (block[i].refs == 0) {
		frame_free(block[i].pa, block[i].order, OWNER_TEST);
		block[i].pa = FRAME_NONE;
	}
	return "a block is freed";
}

static const char *step_map(unsigned i)
{
	static const uint64_t prots[] = {PROT_RW, PROT_RO, PROT_RX};
	struct op o = {.n = 1u << block[i].order, .prot = prots[sim_below(3)]};
	enum err err, due;

	if (block[i].pa == FRAME_NONE)
		return step_block(i);
	/* A block may be mapped more than once, anywhere. */
	o.pa = block[i].pa;
	o.first = (unsigned)sim_below(PAGES - o.n + 1);
	if (sim_below(4) != 0)
		o.first = (unsigned)align_down(o.first, o.n);
	due = count_mapped(o.first, o.n) != 0 ? ERR_EXIST : OK;
	err = scene_change(do_map, &o);
	CHECK(err == due || (err == ERR_NOMEM && due == OK), "map: %s", err_name(err));
	done.maps += err == OK;
	done.large += err == OK && pt_lookup(kernel_table(), stretch + o.first * PAGE_SIZE).level;
	done.aliases += err == OK && block[i].refs != 0;
	done.refused += err == ERR_EXIST;
	done.nomem += err == ERR_NOMEM;
	for (unsigned k = 0; k < o.n && err == OK; k++) {
		page[o.first + k].pa = o.pa + k * PAGE_SIZE;
		page[o.first + k].prot = o.prot;
		refer(o.pa + k * PAGE_SIZE, 1);
	}
	probe(o.first, "mapped");
	mix(err != OK);
	return "map";
}

static const char *step_unmap(bool protect)
{
	struct op o = {.n = 1 + (unsigned)sim_below(sim_below(3) != 0 ? 4 : 1200),
		       .prot = sim_below(2) == 0 ? PROT_RO : PROT_RW,
		       .flags = PT_SPLIT | (sim_below(2) == 0 ? PT_HOLES_OK : 0)};
	enum err err, due;

	/* Room for large leaves, now and then. */
	if (!protect && sim_below(3) == 0) {
		o.n = 512 * (1 + (unsigned)sim_below(2));
		o.flags |= PT_HOLES_OK;
	}
	o.first = (unsigned)sim_below(PAGES - o.n + 1);
	if (o.n % 512 == 0)
		o.first = (unsigned)align_down(o.first, 512);
	due = (o.flags & PT_HOLES_OK) == 0 && count_mapped(o.first, o.n) != o.n ? ERR_NOENT : OK;
	err = scene_change(protect ? do_protect : do_unmap, &o);
	CHECK(err == due || (err == ERR_NOMEM && due == OK), "%s: %s",
	      protect ? "protect" : "unmap", err_name(err));
	*(protect ? &done.protects : &done.unmaps) += err == OK;
	done.nomem += err == ERR_NOMEM;
	for (unsigned k = 0; k < o.n && err == OK; k++) {
		if (page[o.first + k].pa == FRAME_NONE)
			continue;
		if (protect) {
			page[o.first + k].prot = o.prot;
		} else {
			refer(page[o.first + k].pa, -1);
			page[o.first + k].pa = FRAME_NONE;
		}
	}
	probe(o.first, "behind it");
	probe(o.first + o.n - 1, "behind it");
	probe((unsigned)sim_below(PAGES), "behind it");
	mix(err != OK);
	return protect ? "protect" : "unmap";
}

static const char *step_merge(void)
{
	struct op o = {.n = 512 * (1 + (unsigned)sim_below(3))};

	o.first = (unsigned)sim_below((PAGES - o.n) / 512 + 1) * 512;
	CHECK_ERR(scene_change(do_merge, &o), OK);
	probe(o.first + (unsigned)sim_below(o.n), "merged");
	return "merge";
}

static const char *step_add(void)
{
	unsigned n = 1 + (unsigned)sim_below(sim_below(4) == 0 ? 64 : 6);
	unsigned first = (unsigned)sim_below(HOT_BLOCKS - n + 1);
	struct region r = {HOT_AT + first * SZ_2M, n * SZ_2M};
	struct hot_region *q;
	bool taken = false;
	enum err err;

	for (unsigned i = first; i < first + n; i++)
		taken |= hot[i].region != 0;
	err = hot_add(r, PROT_RW, &q, NULL);
	CHECK(err == (taken ? ERR_EXIST : OK) || (err == ERR_NOMEM && !taken), "add: %s",
	      err_name(err));
	done.nomem += err == ERR_NOMEM;
	if (err != OK)
		return "a failed add";
	next_region++;
	done.adds++;
	for (unsigned i = first; i < first + n; i++) {
		hot[i].region = next_region;
		hot[i].r = q;
	}
	if (sim_below(2) == 0)
		hot_online(q);
	return "add";
}

static bool hot_used(struct region r)
{
	for (unsigned i = 0; i < BLOCKS; i++) {
		if (block[i].pa != FRAME_NONE && block[i].pa - r.start < r.size)
			return true;
	}
	return false;
}

static struct hot_region *some_region(void)
{
	unsigned nth = (unsigned)sim_below(6);
	struct hot_region *r = hot_first();

	while (nth-- > 0 && r != NULL && r->next != NULL)
		r = r->next;
	return r;
}

static const char *step_remove(void)
{
	struct hot_region *r = some_region();
	struct region phys;
	struct evacuation e;
	enum err err;

	if (r == NULL)
		return step_add();
	phys = r->phys;
	if (r->state == HOT_ONLINE) {
		err = hot_offline(r, &e);
		CHECK(err == (hot_used(phys) ? ERR_BUSY : OK), "offline: %s", err_name(err));
		if (err != OK)
			return "a region that is used";
	}
	err = hot_remove(r, NULL);
	done.nomem += err == ERR_NOMEM;
	CHECK(err == OK || err == ERR_NOMEM, "remove: %s", err_name(err));
	if (err != OK)
		return "a failed removal";
	done.removes++;
	model_frames_unplugged(phys);
	for (uint64_t i = 0; i < phys.size / SZ_2M; i++) {
		hot[(phys.start - HOT_AT) / SZ_2M + i].region = 0;
		hot[(phys.start - HOT_AT) / SZ_2M + i].r = NULL;
	}
	rig_check_everywhere(direct_va(phys.start), FRAME_NONE, "removed");
	return "remove";
}

static const char *step_cut(void)
{
	struct hot_region *r = some_region(), *upper;
	enum err err;

	if (r == NULL)
		return step_add();
	if (sim_below(2) == 0) {
		struct hot_region *next = r->next;
		struct region gone = next != NULL ? next->phys : (struct region){0, 0};

		err = hot_merge(r, NULL);
		CHECK(err == OK || err == ERR_NOENT, "merge of regions: %s", err_name(err));
		for (uint64_t k = 0; k < gone.size / SZ_2M && err == OK; k++)
			hot[(gone.start - HOT_AT) / SZ_2M + k].r = r;
		return "regions are joined";
	}
	err = hot_split(r, r->phys.start + sim_below(r->phys.size / SZ_2M) * SZ_2M, &upper);
	done.cuts += err == OK;
	for (uint64_t k = 0; err == OK && k < upper->phys.size / SZ_2M; k++)
		hot[(upper->phys.start - HOT_AT) / SZ_2M + k].r = upper;
	return "a region is cut";
}

static const char *step(void)
{
	unsigned i = (unsigned)sim_below(BLOCKS);

	switch (sim_below(10)) {
	case 0:
		return step_block(i);
	case 1:
	case 2:
	case 3:
		return step_map(i);
	case 4:
	case 5:
		return step_unmap(true);
	case 6:
		return step_unmap(false);
	case 7:
		return step_merge();
	case 8:
		return sim_below(2) == 0 ? step_cut() : step_add();
	default:
		return step_remove();
	}
}

static void finish(void)
{
	struct op all = {.n = PAGES, .flags = PT_HOLES_OK};

	sim_run_on(0);
	REQUIRE_OK(scene_change(do_unmap, &all));
	for (unsigned i = 0; i < PAGES; i++)
		page[i].pa = FRAME_NONE;
	for (unsigned i = 0; i < BLOCKS; i++) {
		block[i].refs = 0;
		if (block[i].pa != FRAME_NONE)
			(void)step_block(i);
	}
	for (unsigned i = 0; i < HOT_BLOCKS; i++) {
		struct evacuation e;

		if (hot[i].r == NULL)
			continue;
		if (hot[i].r->state == HOT_ONLINE)
			CHECK_ERR(hot_offline(hot[i].r, &e), OK);
		CHECK_ERR(hot_remove(hot[i].r, NULL), OK);
		for (unsigned k = HOT_BLOCKS; k-- > i;)
			if (hot[k].r == hot[i].r)
				hot[k].region = 0, hot[k].r = NULL;
	}
	audit("at the end");
}

static uint64_t *shared_digest;

static void random_ops(const struct scenario_run *run)
{
	struct frame_counts c;
	struct rig_accounts before;

	rig_boot(&run->rig);
	sim_mem_add((struct region){HOT_AT, HOT_BLOCKS * SZ_2M}, false);
	stretch = vmalloc_reserve(PAGES * PAGE_SIZE, SZ_2M);
	for (unsigned i = 0; i < PAGES; i++)
		page[i].pa = FRAME_NONE;
	for (unsigned i = 0; i < BLOCKS; i++)
		block[i].pa = FRAME_NONE;
	scenario_walk(kernel_table(), &(struct walk_visitor){.leaf = learn_leaf});
	ptpage_drain();
	c = frame_counts();
	all_frames = sum_of(&c);
	before = rig_accounts();
	audit("at the start");
	scenario_arm(run);
	for (unsigned s = 0; s < STEPS && rig_failures() == 0; s++) {
		char when[64];
		const char *what;

		sim_run_on((unsigned)sim_below(run->rig.harts));
		frame_fail_at(sim_below(3) == 0 ? 1 + sim_below(4) : 0);
		what = step();
		frame_fail_at(0);
		snprintf(when, sizeof(when), "step %u, %s", s, what);
		audit(when);
		if (s % 16 == 0)
			rig_check_kernel(when);
	}
	if (rig_failures() != 0)
		return;
	CHECK(done.maps >= 5 && done.aliases != 0 && done.unmaps >= 5 && done.protects >= 5 &&
		      done.adds >= 2 && done.removes >= 2 && done.cuts != 0 && done.refused != 0,
	      "%u maps (%u large, %u aliases), %u unmaps, %u protects, %u adds, %u removals, %u "
	      "cuts, %u refused, %u without memory",
	      done.maps, done.large, done.aliases, done.unmaps, done.protects, done.adds,
	      done.removes, done.cuts, done.refused, done.nomem);
	finish();
	rig_check_kernel("at the end");
	rig_check_accounts(&before, "at the end");
	if (shared_digest != NULL)
		*shared_digest = digest;
}

static void once(const void *arg)
{
	random_ops(arg);
}

/* The same seed: the same operations, results, tables, counts; another seed: others. */
static void replay(const struct scenario_run *run)
{
	struct scenario_run other = *run;
	uint64_t first, again, differs;

	shared_digest =
		mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	REQUIRE(shared_digest != MAP_FAILED, "no memory");
	other.rig.seed += run->control.mistake == 1 ? 1 : 0;
	REQUIRE(rig_run(once, run), "the first run");
	first = *shared_digest;
	REQUIRE(rig_run(once, &other), "the second run");
	again = *shared_digest;
	other.rig.seed = run->rig.seed + 1000;
	REQUIRE(rig_run(once, &other), "a run with another seed");
	differs = *shared_digest;
	CHECK(first == again, "seed 0x%llx, and another run of it",
	      (unsigned long long)run->rig.seed);
	CHECK(first != differs && first != 0, "the seed does not matter");
}

static const struct scenario scenarios[] = {
	{.name = "T45 random: every page, right, frame and reference, behind each of 500 steps",
	 .fn = random_ops,
	 .shape = &scenario_roomy,
	 .view = SIM_RANDOM,
	 .backends = true,
	 .controls = {{.fault = "one-page-short", .says = "due"},
		      {.fault = "protect-whole", .says = "protect"},
		      {.fault = "neighbour-leaf", .says = "due"},
		      {.fault = "leak-table", .says = "tables, "},
		      {.fault = "leak-records", .says = "frames of records, due"},
		      {.fault = "double-free", .says = "tables, "},
		      {.fault = "no-shootdown", .says = "hart"},
		      {.fault = "wrong-owner", .says = "wrong frees"}}},
	{.name = "T45 random: the same seed is the same run",
	 .fn = replay,
	 .shape = &scenario_roomy,
	 .once = true,
	 .controls = {{.mistake = 1, .name = "another seed", .says = "and another run of it"}}},
};

int main(int argc, char **argv)
{
	return scenario_main(argc, argv, scenarios, ARRAY_LEN(scenarios));
}
