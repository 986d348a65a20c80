/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.set_memory*, actor.direct_map*: rights of memory that is in use, beside hot-plug. */
#include "mm/attr.h"

#include "firmware/arch.h"
#include "firmware/fence.h"
#include "mm/dump.h"
#include "mm/kernel.h"
#include "tests/accounts.h"
#include "tests/actors/pieces.h"

#define BLOCK_ORDER 9u /* 2 MiB of frames, inside which pages are changed */
#define BLOCK_PAGES 512u
#define TOGGLES 8u
#define ROUNDS 24u

/* Online memory, a block in it that this test owns, and a stretch of pages inside the block. */
struct place {
	struct hot_region *hot;
	paddr_t block;
	struct region pages;
	struct spots spots;	/* in the pages */
	struct spots beside[2]; /* what lies below and above, all of the region */
};

static bool place_get(struct test_run *t, struct place *p)
{
	uint64_t n = hotcase_nr_blocks(t);
	uint64_t first = 1 + rng_below(&t->rng, BLOCK_PAGES / 2);
	struct region all;

	if (!hotcase_need(t, max_u64(n, 2)))
		return false;
	p->hot = hotcase_add(t, hotcase_blocks(t, 0, n), PROT_RW);
	all = p->hot->phys;
	p->block = zone_alloc(&p->hot->zone, BLOCK_ORDER, OWNER_TEST);
	ASSERT(t, p->block != FRAME_NONE, "no block of 2 MiB in 0x%llx bytes of new memory",
	       (unsigned long long)all.size);
	p->pages = (struct region){p->block + first * PAGE_SIZE,
				   (1 + rng_below(&t->rng, 64)) * PAGE_SIZE};
	p->spots = hotcase_spots(t, p->pages);
	p->beside[0] = hotcase_spots(t, (struct region){all.start, p->pages.start - all.start});
	p->beside[1] = hotcase_spots(
		t, (struct region){region_end(p->pages), region_end(all) - region_end(p->pages)});
	for (unsigned i = 0; i < ARRAY_LEN(p->beside); i++)
		probes_write_and_read(t, &t->all, &p->beside[i]);
	probes_write_and_read(t, &t->all, &p->spots);
	return true;
}

static void place_put(struct test_run *t, struct place *p)
{
	for (unsigned i = 0; i < ARRAY_LEN(p->beside); i++)
		probes_read(t, &t->all, &t->all, &p->beside[i]);
	frame_free(p->block, BLOCK_ORDER, OWNER_TEST);
	hotcase_remove(t, p->hot);
}

static enum err set_pages(const struct place *p, uint64_t prot)
{
	return set_memory(direct_va(p->pages.start), p->pages.size, prot);
}

/* Leaves are split and grow together while all other harts use what lies beside: nobody faults. */
TEST(actor, set_memory, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct place p;

	if (!place_get(t, &p))
		return;
	probes_use_begin(&t->peers, &t->all, p.beside, ARRAY_LEN(p.beside));
	for (unsigned i = 0; i < TOGGLES; i++) {
		EXPECT_OK(t, set_pages(&p, PROT_RO));
		EXPECT_OK(t, set_pages(&p, PROT_RW));
	}
	probes_use_end(t);
	accounts_audit(t); /* leaves are as large as before */
	probes_write_and_read(t, &t->all, &p.spots);
	probes_control_next(t, &t->all, &p.spots, ACCESS_STORE);
	EXPECT_OK(t, set_pages(&p, PROT_RO));
	probes_must_trap(t, &t->all, &p.spots, ACCESS_STORE);
	EXPECT_OK(t, set_pages(&p, PROT_RW));
	probes_write_and_read(t, &t->all, &p.spots);
	place_put(t, &p);
}

/* What is mapped in the vmalloc area changes in the direct map too. */
TEST(actor, set_memory_alias, .clause = TRAP_CLAUSE)
{
	static vaddr_t va; /* reserved once */
	paddr_t pa = frame_alloc(0, OWNER_TEST);
	struct spots alias = {direct_va(pa), PAGE_SIZE, t->bench->seed};
	struct spots mapped;
	struct pt_batch b;

	if (va == 0)
		va = vmalloc_reserve(PAGE_SIZE, PAGE_SIZE);
	ASSERT(t, pa != FRAME_NONE && va != 0, "no frame or no address space");
	mapped = (struct spots){va, PAGE_SIZE, t->bench->seed};
	kernel_begin(&b);
	EXPECT_OK(t, pt_map(&b, va, pa, PAGE_SIZE, PROT_RW, 0));
	EXPECT_OK(t, pt_commit(&b));
	kernel_end();
	probes_write_and_read(t, &t->all, &mapped);
	probes_write_and_read(t, &t->all, &alias);
	EXPECT_OK(t, set_memory(va, PAGE_SIZE, PROT_RO));
	probes_must_trap(t, &t->all, &mapped, ACCESS_STORE);
	probes_must_trap(t, &t->all, &alias, ACCESS_STORE);
	probes_read(t, &t->all, &t->all, &alias);
	EXPECT_OK(t, set_memory(va, PAGE_SIZE, PROT_RW));
	probes_write_and_read(t, &t->all, &alias);
	kernel_begin_freeing(&b); /* a table may go */
	EXPECT_OK(t, pt_unmap(&b, va, PAGE_SIZE, 0));
	EXPECT_OK(t, pt_commit(&b));
	kernel_end_freeing();
	frame_free(pa, 0, OWNER_TEST);
}

/* The k-th table page of a split cannot be had: refused, and all as before. */
TEST(actor, set_memory_nomem, .needs = NEEDS_VMEM)
{
	struct place p;
	unsigned k = 1;

	if (!place_get(t, &p))
		return;
	for (; k < 16 && t->fails == 0; k++) {
		struct accounts before = accounts_take(t->bench);
		enum err err;

		frame_fail_at(k);
		err = set_pages(&p, PROT_RO);
		frame_fail_at(0);
		if (err == OK)
			break;
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		accounts_compare(t, &before);
		probes_write_and_read(t, &t->all, &p.spots);
	}
	EXPECT(t, t->fails != 0 || k > 1, "nothing was split");
	EXPECT_OK(t, set_pages(&p, PROT_RW));
	place_put(t, &p);
}

static void expect_refused(struct test_run *t, vaddr_t va, uint64_t size, uint64_t prot,
			   enum err due)
{
	enum err err = set_memory(va, size, prot);

	EXPECT(t, err == due, "va 0x%llx+0x%llx, rights 0x%llx: %s, due %s", (unsigned long long)va,
	       (unsigned long long)size, (unsigned long long)prot, err_name(err), err_name(due));
}

/* Only memory that is online has an owner who may change its rights. */
TEST(actor, set_memory_refused, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, 0, 1);
	struct hot_region *h = hotcase_add(t, r, PROT_RW);
	vaddr_t va = direct_va(r.start);
	struct evacuation e;

	expect_refused(t, va, r.size + PAGE_SIZE, PROT_RO, ERR_NOENT);
	expect_refused(t, va + 1, PAGE_SIZE, PROT_RO, ERR_INVAL);
	expect_refused(t, va, PAGE_SIZE - 1, PROT_RO, ERR_INVAL);
	expect_refused(t, va, 0, PROT_RO, ERR_INVAL);
	expect_refused(t, va, PAGE_SIZE, PTE_W, ERR_INVAL);
	expect_refused(t, va, PAGE_SIZE, PROT_RW | PTE_V, ERR_INVAL);
	expect_refused(t, frame_record_va(r.start), PAGE_SIZE, PROT_RO, ERR_INVAL);
	expect_refused(t, PAGE_SIZE, PAGE_SIZE, PROT_RO, ERR_INVAL);
	ASSERT_OK(t, hot_offline(h, &e));
	expect_refused(t, va, PAGE_SIZE, PROT_RO, ERR_NOENT);
	ASSERT_OK(t, hot_online(h));
	hotcase_remove(t, h);
	expect_refused(t, va, PAGE_SIZE, PROT_RO, ERR_NOENT);
}

static void sync_fetch(void *arg)
{
	(void)arg;
	raw_fence_i();
}

/* Executable memory that goes back is not: no leaf is left with W and X. */
static void back_without_x(struct test_run *t, const struct place *p)
{
	vaddr_t va = direct_va(p->pages.start);
	struct spots stub = {va, PROBE_STUB_BYTES, 0};
	struct dump d = {.run = NULL};

	EXPECT_OK(t, set_pages(p, PROT_RWX));
	probe_stub(arch_virt_to_ptr(va), 0x1234567);
	test_on_harts(t, &t->all, sync_fetch, NULL);
	probes_fetch(t, &t->all, va, 0x1234567);
	EXPECT_OK(t, set_direct_map_default(p->pages.start, p->pages.size));
	EXPECT(t, dump_check_wx(&d), "va 0x%llx is writable and executable",
	       (unsigned long long)d.first_wx);
	probes_must_trap(t, &t->all, &stub, ACCESS_FETCH);
}

/*
 * Memory is taken out of the direct map and put back; and what was left out when its owner gave it
 * back does not keep it from being removed, with all its tables.
 */
TEST(actor, direct_map, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct place p;
	vaddr_t va;

	if (!place_get(t, &p))
		return;
	va = direct_va(p.pages.start);
	probes_control_next(t, &t->all, &p.spots, ACCESS_LOAD);
	EXPECT_OK(t, set_direct_map_invalid(p.pages.start, p.pages.size));
	probes_must_trap(t, &t->all, &p.spots, ACCESS_LOAD);
	EXPECT(t, !kernel_page_present(va), "what was taken out is present");
	EXPECT(t, kernel_page_present(va - PAGE_SIZE), "what lies below is not present");
	EXPECT_OK(t, set_direct_map_default(p.pages.start, p.pages.size));
	accounts_audit(t);
	/* Now it is inside a large leaf. */
	EXPECT(t, kernel_page_present(va), "what was put back is not present");
	probes_read(t, &t->all, &t->all, &p.spots);
	back_without_x(t, &p);
	EXPECT_OK(t, set_direct_map_invalid(p.pages.start, p.pages.size));
	place_put(t, &p);
}

/* A page of the region that this actor changes and tries, time after time. */
static void toggle(struct actor *a)
{
	struct hot_region *h = a->arg;
	paddr_t pa = zone_alloc(&h->zone, 0, OWNER_TEST);
	vaddr_t va = direct_va(pa);
	struct probe s;
	enum err err;

	if (pa == FRAME_NONE) {
		actor_fail(a, EVIDENCE_CHECK, "no frame");
		return;
	}
	err = set_memory(va, PAGE_SIZE, PROT_RO);
	s = probe_store(va, 1);
	if (err == OK && !probe_faulted(&s, ACCESS_STORE, va))
		actor_fail(a, EVIDENCE_PROBE, "a store to read-only va 0x%llx went through",
			   (unsigned long long)va);
	if (err == OK)
		err = set_direct_map_default(pa, PAGE_SIZE);
	s = probe_store(va, 1);
	if (err == OK && s.trapped)
		actor_fail(a, EVIDENCE_PROBE, "a store to writable va 0x%llx traps",
			   (unsigned long long)va);
	if (err != OK)
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
	frame_free(pa, 0, OWNER_TEST);
}

/* Rights change in a region beside others that come and go: they share table pages, no entries. */
TEST(actor, set_memory_storm, .needs = NEEDS_VMEM | NEEDS_SMP, .clause = TRAP_CLAUSE)
{
	uint64_t n = hotcase_nr_blocks(t);
	unsigned harts = hartset_count(&t->peers);
	struct hot_region *h;

	if (!pieces_init(t, n - n / 4))
		return;
	h = hotcase_add(t, hotcase_blocks(t, n - n / 4, n / 4), PROT_RW);
	cast_begin(t);
	cast_add("plug", pieces_plug, t);
	for (unsigned i = 0; i < harts && i < 3; i++)
		cast_add("set_memory", toggle, h);
	cast_play(ROUNDS);
	pieces_take_away(t);
	hotcase_remove(t, h);
}
