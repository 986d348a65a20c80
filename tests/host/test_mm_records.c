/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frame table in all its shapes at once: memory that comes with records of its own, in it or of
 * a device, huge pages whose records are optimised and restored, allocations that fail.
 */
#include <stdlib.h>
#include <string.h>

#include "mm/hotplug.h"
#include "mm/hvo.h"
#include "mm/kernel.h"
#include "mm/remap.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

#define BLOCKS 192u /* of 2 MiB: the records of three leaves */
#define MAX_HOT 10u
#define MAX_HUGE 4u
#define STEPS 220u
#define WINDOW UINT64_C(0x108000000)

enum kind { KIND_PLAIN, KIND_CARVED, KIND_DEVICE, NR_KINDS };

struct huge {
	paddr_t pa;
	unsigned order;
	bool optimized;
};

struct hot {
	struct hot_region *r; /* NULL: not there */
	enum kind kind;
	struct huge huge[MAX_HUGE];
	unsigned nr_huge;
};

struct params {
	struct rig rig;
	uint64_t record;
};

static const struct shape roomy = {.name = "roomy",
				   .ram = {{UINT64_C(0x80000000), 32 * SZ_2M}},
				   .nr_ram = 1,
				   .image = {UINT64_C(0x80200000), 2 * SZ_2M}};

static struct hot hot[MAX_HOT];

static struct region some_region(void)
{
	uint64_t first = sim_below(BLOCKS);

	return (struct region){WINDOW + first * SZ_2M,
			       (1 + sim_below(min_u64(BLOCKS - first, 40))) * SZ_2M};
}

/* Every page of the records of @r, on every hart, where the table says now. */
static void probe(struct region r, const char *when)
{
	vaddr_t va = frame_record_va(r.start);
	uint64_t pages = records_size(r) / PAGE_SIZE;

	for (unsigned i = 0; i < 12; i++) {
		vaddr_t at = va + sim_below(pages) * PAGE_SIZE;

		rig_check_everywhere(at, pt_lookup(kernel_table(), at).pa, when);
	}
}

static void probe_huge(const struct huge *h, const char *when)
{
	vaddr_t va = frame_record_va(h->pa);
	paddr_t head = pt_lookup(kernel_table(), va).pa;

	for (uint64_t i = 1; i <= hvo_pages(h->order); i++) {
		struct pt_lookup l = pt_lookup(kernel_table(), va + i * PAGE_SIZE);

		CHECK((l.pa == head) == h->optimized &&
			      (pte_prot(l.leaf) & PTE_W) == (h->optimized ? 0 : PTE_W),
		      "%s: page %llu of the records leads to 0x%llx", when, (unsigned long long)i,
		      (unsigned long long)l.pa);
		rig_check_everywhere(va + i * PAGE_SIZE, l.pa, when);
	}
	/* Whatever there reads as the start of a block, it is in this one. */
	for (uint64_t i = 0; i < UINT64_C(1) << h->order; i += 16) {
		struct zone_block b = frame_block(h->pa + i * PAGE_SIZE);

		CHECK(b.pa == h->pa && b.order == h->order, "%s: frame %llu is in 0x%llx", when,
		      (unsigned long long)i, (unsigned long long)b.pa);
		CHECK(h->optimized || i == 0 ||
			      frame_of(h->pa + i * PAGE_SIZE)->owner == OWNER_NONE,
		      "%s: record %llu names an owner", when, (unsigned long long)i);
	}
}

static void step_add(struct hot *h)
{
	struct region r = some_region();
	enum err err;

	for (unsigned i = 0; i < MAX_HOT; i++) {
		if (hot[i].r != NULL && hot[i].r->phys.start < region_end(r) &&
		    r.start < region_end(hot[i].r->phys))
			return;
	}
	h->kind = (enum kind)sim_below(NR_KINDS);
	sim_mem_add(r, true);
	if (h->kind == KIND_PLAIN)
		err = hot_add(r, PROT_RW, &h->r, NULL);
	else if (h->kind == KIND_CARVED)
		err = hot_add_carved(r, PROT_RW, &h->r, NULL);
	else
		err = hot_add_device(r, PROT_RW, HVO_MIN_ORDER, &h->r, NULL);
	CHECK(err == OK || err == ERR_NOMEM, "add: %s", err_name(err));
	if (err != OK) {
		h->r = NULL;
		sim_mem_drop(r);
		return;
	}
	probe(r, "added");
	/* Of frames that nobody asked for, whatever the memory held before. */
	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE * (1 + sim_below(64))) {
		static const struct frame zero;

		CHECK(memcmp(frame_of(pa), &zero, sizeof(zero)) == 0,
		      "record of 0x%llx is not zero", (unsigned long long)pa);
	}
	if (h->kind != KIND_DEVICE)
		CHECK_ERR(hot_online(h->r), OK);
}

static void step_huge(struct hot *h)
{
	struct huge *g = &h->huge[h->nr_huge];
	unsigned order = HVO_MIN_ORDER + (unsigned)sim_below(HVO_MAX_ORDER - HVO_MIN_ORDER + 1);

	if (h->kind == KIND_DEVICE || h->nr_huge == MAX_HUGE)
		return;
	*g = (struct huge){zone_alloc(&h->r->zone, order, OWNER_TEST), order, false};
	if (g->pa != FRAME_NONE)
		h->nr_huge++;
}

static void step_hvo(struct hot *h)
{
	struct huge *g = &h->huge[sim_below(MAX_HUGE)];
	enum err err;

	if (g >= &h->huge[h->nr_huge])
		return;
	err = g->optimized ? hvo_restore(g->pa) : hvo_optimize(g->pa);
	if (h->kind == KIND_CARVED || !is_pow2(frame_record_size())) {
		CHECK_ERR(err, ERR_INVAL);
		return;
	}
	CHECK(err == OK || err == ERR_NOMEM, "hvo: %s", err_name(err));
	if (err == OK)
		g->optimized = !g->optimized;
	probe_huge(g, g->optimized ? "optimized" : "restored");
}

static void give_up_huge(struct hot *h)
{
	struct huge *g = &h->huge[--h->nr_huge];

	if (g->optimized)
		CHECK_ERR(hvo_restore(g->pa), OK);
	frame_free(g->pa, g->order, OWNER_TEST);
}

static void step_remove(struct hot *h)
{
	struct region r = h->r->phys;
	struct evacuation e;
	enum err err = h->kind == KIND_DEVICE ? OK : hot_offline(h->r, &e);

	CHECK(err == (h->nr_huge != 0 ? ERR_BUSY : OK), "offline with %u blocks in use: %s",
	      h->nr_huge, err_name(err));
	if (err != OK)
		return;
	err = hot_remove(h->r, NULL);
	if (err == ERR_NOMEM) {
		if (h->kind != KIND_DEVICE)
			CHECK_ERR(hot_online(h->r), OK);
		return;
	}
	CHECK_ERR(err, OK);
	h->r = NULL;
	rig_check_everywhere(frame_record_va(r.start), FRAME_NONE, "removed");
	rig_check_everywhere(frame_record_va(region_end(r)) - PAGE_SIZE, FRAME_NONE, "removed");
	model_frames_unplugged(r);
	sim_mem_drop(r);
}

static void step(struct hot *h)
{
	if (sim_below(4) == 0)
		frame_fail_at(1 + sim_below(12));
	if (h->r == NULL) {
		step_add(h);
	} else {
		switch (sim_below(8)) {
		case 0:
		case 1:
			step_huge(h);
			break;
		case 2:
			step_remove(h);
			break;
		default:
			step_hvo(h);
		}
	}
	frame_fail_at(0);
	if (h->r != NULL && h->nr_huge == MAX_HUGE && sim_below(3) == 0)
		give_up_huge(h);
}

static void random_sequence(const void *arg)
{
	const struct params *p = arg;
	struct rig_accounts before;

	frame_record_size_set(p->record);
	rig_boot(&p->rig);
	before = rig_accounts();
	for (unsigned i = 0; i < STEPS && rig_failures() == 0; i++) {
		sim_run_on((unsigned)sim_below(p->rig.harts));
		step(&hot[sim_below(MAX_HOT)]);
		rig_check_kernel("step");
		rig_check_silent("step");
	}
	for (unsigned i = 0; i < MAX_HOT; i++) {
		while (hot[i].nr_huge > 0)
			give_up_huge(&hot[i]);
		if (hot[i].r != NULL)
			step_remove(&hot[i]);
	}
	rig_check_kernel("at the end");
	rig_check_silent("at the end");
	rig_check_accounts(&before, "at the end");
}

/* Boot memory's records: its pages come and go, and the table is as it was. */
static void boot_memory(const void *arg)
{
	struct rig_accounts before, now;
	struct huge g = {.order = HVO_MIN_ORDER};

	rig_boot(arg);
	before = rig_accounts();
	g.pa = frame_alloc(g.order, OWNER_TEST);
	REQUIRE(g.pa != FRAME_NONE, "no block");
	for (unsigned i = 0; i < 4; i++) {
		CHECK_ERR(hvo_optimize(g.pa), OK);
		g.optimized = true;
		probe_huge(&g, "optimized");
		now = rig_accounts();
		CHECK(before.frames.owned[OWNER_BOOT] - now.frames.owned[OWNER_BOOT] ==
			      hvo_pages(g.order),
		      "%lld of boot memory's pages are free",
		      (long long)(before.frames.owned[OWNER_BOOT] - now.frames.owned[OWNER_BOOT]));
		frame_free(g.pa, g.order, OWNER_TEST);
		CHECK(frame_owner(g.pa) == OWNER_TEST, "freed without records of its own");
		CHECK(frame_errors(&(const char *){NULL}) == 1, "and not a word");
		CHECK_ERR(hvo_restore(g.pa), OK);
		g.optimized = false;
		probe_huge(&g, "restored");
	}
	frame_free(g.pa, g.order, OWNER_TEST);
	rig_check_kernel("at the end");
	rig_check_silent("at the end");
	rig_check_accounts(&before, "at the end");
}

/* Both have a table in hand for the same leaf; every interleaving of what follows on two harts. */
static void split_race(const void *arg)
{
	const struct region r = {WINDOW, 64 * SZ_2M};
	struct rig_accounts before;
	struct leaf_split s[2];
	struct hot_region *h;
	struct evacuation e;
	paddr_t pa[2];

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(r, false);
	REQUIRE_OK(hot_add(r, PROT_RW, &h, NULL));
	CHECK_ERR(hot_online(h), OK);
	for (unsigned i = 0; i < 2; i++) {
		pa[i] = zone_alloc(&h->zone, HVO_MIN_ORDER, OWNER_TEST);
		sim_run_on(i);
		REQUIRE_OK(leaf_split_prepare(&s[i], frame_record_va(pa[i])));
		REQUIRE(s[i].table != FRAME_NONE, "there is no leaf to split");
	}
	for (unsigned i = 0; i < 2; i++) {
		struct huge g = {pa[0], HVO_MIN_ORDER, true};
		struct pt_batch b;

		sim_run_on(i);
		kernel_begin(&b);
		leaf_split_finish(&s[i], &b);
		CHECK_ERR(pt_commit(&b), OK);
		kernel_end();
		leaf_split_end(&s[i]);
		if (i == 0)
			CHECK_ERR(hvo_optimize(pa[0]), OK);
		probe_huge(&g, "split");
	}
	/* With one optimised the leaf cannot come back; with the last one restored it does. */
	CHECK_ERR(hvo_optimize(pa[1]), OK);
	for (unsigned i = 0; i < 2; i++) {
		CHECK_ERR(hvo_restore(pa[i]), OK);
		CHECK(pt_lookup(kernel_table(), frame_record_va(r.start)).level == i,
		      "%u restored, and the leaf is of another size", i + 1);
		frame_free(pa[i], HVO_MIN_ORDER, OWNER_TEST);
	}
	CHECK_ERR(hot_offline(h, &e), OK);
	CHECK_ERR(hot_remove(h, NULL), OK);
	rig_check_kernel("at the end");
	rig_check_silent("at the end");
	rig_check_accounts(&before, "at the end");
}

/* The look at a leaf that a neighbour may merge meanwhile waits for it: a deadlock here. */
static void look_beside_merge(const void *arg)
{
	paddr_t pa;

	rig_boot(arg);
	pa = frame_alloc(HVO_MIN_ORDER, OWNER_TEST);
	REQUIRE(pa != FRAME_NONE, "no block");
	spin_lock(&kernel_table_lock);
	sim_run_on(1);
	CHECK_ERR(hvo_restore(pa), ERR_NOENT); /* behind the look */
}

/* Half of a device page goes, then the other: the shared tail page goes with the second. */
static void device_halves(const void *arg)
{
	const struct region r = {WINDOW, 2 * SZ_2M};
	struct hot_region *half[2];
	struct rig_accounts before;
	paddr_t tail;

	rig_boot(arg);
	before = rig_accounts();
	for (unsigned first = 0; first < 2; first++) {
		sim_mem_add(r, false);
		REQUIRE_OK(hot_add_device(r, PROT_RW, 10, &half[0], NULL));
		tail = pt_lookup(kernel_table(), frame_record_va(r.start) + PAGE_SIZE).pa;
		CHECK(frame_of(tail)->users == 15, "%u users of the tail page",
		      frame_of(tail)->users);
		REQUIRE_OK(hot_split(half[0], r.start + SZ_2M, &half[1]));
		CHECK_ERR(hot_remove(half[first], NULL), OK);
		CHECK(frame_owner(tail) == OWNER_FRAMETABLE, "freed with entries left");
		probe((struct region){r.start + (1 - first) * SZ_2M, SZ_2M}, "one half");
		rig_check_silent("one half");
		CHECK_ERR(hot_remove(half[1 - first], NULL), OK);
		CHECK(frame_owner(tail) == OWNER_NONE, "not freed");
		sim_mem_drop(r);
	}
	rig_check_kernel("at the end");
	rig_check_silent("at the end");
	rig_check_accounts(&before, "at the end");
}

/* Every allocation fails of memory whose own records are in two tables. */
static void carved_nomem(const void *arg)
{
	const struct region r = {WINDOW + 63 * SZ_2M, 2 * SZ_2M};
	struct rig_accounts before;
	struct hot_region *h;
	enum err err = ERR_NOMEM;
	unsigned k;

	rig_boot(arg);
	before = rig_accounts();
	sim_mem_add(r, true);
	for (k = 1; k < 20 && err == ERR_NOMEM; k++) {
		frame_fail_at(k);
		err = hot_add_carved(r, PROT_RW, &h, NULL);
		frame_fail_at(0);
		if (err == OK)
			CHECK_ERR(hot_remove(h, NULL), OK);
		rig_check_kernel("add");
		rig_check_silent("add");
		rig_check_accounts(&before, "add");
	}
	CHECK(err == OK && k > 3, "%s at the allocation %u", err_name(err), k - 1);
}

int main(int argc, char **argv)
{
	/*
	 * 96 is no power of two, and what is used of a record lies in one page all the same: a
	 * pointer of the host knows nothing of pages that follow each other in translation only.
	 */
	static const uint64_t records[] = {64, 96, 128};
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct params p = {
			.rig = {.mode = &mmu_modes[m], .seed = seed, .view = SIM_RANDOM}};
		const char *name = p.rig.mode->name;

		p.rig.shape = &roomy;
		for (unsigned i = 0; i < 2 * ARRAY_LEN(records); i++) {
			p.record = records[i / 2];
			p.rig.harts = 1 + i % 2 * 2;
			p.rig.backend = i % 2 != 0 ? SHOOTDOWN_IPI : SHOOTDOWN_SBI;
			tap_ok(rig_run(random_sequence, &p),
			       "%s: %u harts: random, records of %llu", name, p.rig.harts,
			       (unsigned long long)p.record);
		}
		p.rig.harts = 2;
		tap_ok(rig_run(split_race, &p.rig), "%s: two split one leaf", name);
		tap_ok(!rig_run(look_beside_merge, &p.rig), "%s: a look waits", name);
		tap_ok(rig_run(device_halves, &p.rig), "%s: halves of a device page", name);
		tap_ok(rig_run(carved_nomem, &p.rig), "%s: records in two tables", name);
		tap_ok(rig_run(boot_memory, &p.rig), "%s: boot memory", name);
		p.rig.shape = &rig_shapes[3]; /* large enough for large leaves of records */
		tap_ok(rig_run(boot_memory, &p.rig), "%s: more of it", name);
	}
	return tap_done();
}
