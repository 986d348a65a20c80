/* SPDX-License-Identifier: BSD-2-Clause */
/* Roots and pages for tests that judge the machine. */
#include "tests/mmu/scene.h"

#include <string.h>

#include "firmware/csr.h"
#include "firmware/fence.h"
#include "firmware/root.h"
#include "mm/fault.h"
#include "mm/frame.h"
#include "mm/kernel.h"

#define WORD_TAG UINT64_C(0x6877000000000000)
#define STUB_TAG UINT64_C(0x10000000)
#define ID_SHIFT 12
#define LEAF_LEVEL 0u

static struct scene scene;
static uint64_t kernel_root_satp;

const char *half_name(enum half h)
{
	return h == HALF_LOW ? "low" : "high";
}

paddr_t scene_try_block(struct scene *s, unsigned order)
{
	paddr_t pa;

	if (s->nr_blocks == SCENE_MAX_BLOCKS)
		return FRAME_NONE;
	pa = frame_alloc(order, OWNER_TEST);
	if (pa == FRAME_NONE)
		return FRAME_NONE;
	s->block[s->nr_blocks].pa = pa;
	s->block[s->nr_blocks++].order = order;
	return pa;
}

paddr_t scene_block(struct scene *s, unsigned order)
{
	paddr_t pa = scene_try_block(s, order);

	if (pa == FRAME_NONE) {
		test_skip(s->t, "no %llu KiB of boot memory in one piece are free",
			  (unsigned long long)(PAGE_SIZE << order) / 1024);
		test_leave();
	}
	return pa;
}

paddr_t scene_table(struct scene *s)
{
	paddr_t pa = scene_block(s, 0);

	memset(phys_to_ptr(pa), 0, PAGE_SIZE);
	return pa;
}

static void copy_kernel_root(paddr_t root)
{
	/* It never changes again, so a copy stays good (struct ptable, root_fixed). */
	memcpy(phys_to_ptr(root), phys_to_ptr(kernel_table()->root), PAGE_SIZE);
}

static uint8_t asid_bits_of[MAX_HARTS];

static void asid_job(void *arg)
{
	(void)arg;
	asid_bits_of[arch_hart()] = (uint8_t)arch_measure_asid_bits();
}

/* Nothing says that harts have as many ASIDs as each other (Privileged ISA, satp: ASIDLEN). */
static void measure_asids(struct scene *s)
{
	static unsigned least, most;
	static bool measured;

	if (!measured) {
		test_on_harts(s->t, &s->t->all, asid_job, NULL);
		least = 16;
		most = 0;
		hartset_for_each(h, &s->t->all) {
			least = asid_bits_of[h] < least ? asid_bits_of[h] : least;
			most = asid_bits_of[h] > most ? asid_bits_of[h] : most;
		}
		measured = true;
	}
	s->asid_len = least;
	s->asid_alike = least == most;
	s->asid_bits = least;
	if (s->t->bench->args->asid < least && !fault_armed(FAULT_ASID_WIDE))
		s->asid_bits = (unsigned)s->t->bench->args->asid;
}

struct scene *scene_open(struct test_run *t)
{
	struct scene *s = &scene;
	const struct ptable *k = kernel_table();

	scene_close();
	*s = (struct scene){.t = t};
	t->cleanup = scene_close;
	s->pt.name = "scene";
	s->pt.mode = k->mode;
	s->pt.root = scene_block(s, 0);
	copy_kernel_root(s->pt.root);
	kernel_root_satp = kernel_satp();
	measure_asids(s);
	/* Not the kernel's own, which is 0. */
	if (s->asid_bits != 0)
		s->asid = (uint16_t)(1 + rng_below(&t->rng, (UINT64_C(1) << s->asid_bits) - 1));
	return s;
}

const struct scene *scene_current(void)
{
	return scene.t != NULL ? &scene : NULL;
}

/* All ASIDs that went into satp, or'ed. */
static uint32_t asids_used;

static void check_asids(struct test_run *t)
{
	uint64_t limit = t->bench->args->asid;
	uint32_t seen = __atomic_exchange_n(&asids_used, 0, __ATOMIC_RELAXED);

	/* limit is 16 at most */
	if (seen >> limit != 0)
		test_fail(t, EVIDENCE_CHECK, "asid=%llu, and ASIDs of 0x%x were used",
			  (unsigned long long)limit, (unsigned)seen);
}

static void leave_job(void *arg)
{
	(void)arg;
	if (csr_read_satp() != kernel_root_satp)
		scene_leave();
	else
		raw_sfence_all();
}

void scene_close(void)
{
	struct scene *s = &scene;
	struct hartset all, lost;

	if (s->t == NULL)
		return;
	check_asids(s->t);
	all = hart_peers();
	hartset_add(&all, 0);
	if (hart_run(&all, leave_job, NULL, TEST_TIMEOUT_MS / 2, &lost) != OK) {
		/* Whoever did not answer may still walk these tables: they are never used again. */
		s->t = NULL;
		return;
	}
	for (unsigned i = 0; i < s->nr_blocks; i++)
		frame_free(s->block[i].pa, s->block[i].order, OWNER_TEST);
	s->t = NULL;
}

uint64_t page_word(const struct page *p, uint64_t offset)
{
	return WORD_TAG | (uint64_t)p->id << ID_SHIFT | offset;
}

uint64_t page_stub_value(const struct page *p)
{
	return STUB_TAG | p->id;
}

uint64_t *page_ptr(const struct page *p, uint64_t offset)
{
	return phys_to_ptr(p->pa + offset);
}

uint32_t scene_whose(const struct scene *s, uint64_t value)
{
	uint64_t id = 0;

	if (value >> 32 == WORD_TAG >> 32)
		id = (value & UINT64_C(0xffffffff)) >> ID_SHIFT;
	else if ((value & ~UINT64_C(0xfffffff)) == STUB_TAG)
		id = value & UINT64_C(0xfffffff);
	return id <= s->last_id ? (uint32_t)id : 0;
}

struct page scene_page(struct scene *s, paddr_t pa)
{
	struct page p = {.pa = pa, .id = ++s->last_id};

	probe_stub(page_ptr(&p, 0), (uint32_t)page_stub_value(&p));
	for (uint64_t off = PAGE_WORDS; off < PAGE_SIZE; off += sizeof(uint64_t))
		*page_ptr(&p, off) = page_word(&p, off);
	return p;
}

struct page scene_new_page(struct scene *s)
{
	return scene_page(s, scene_block(s, 0));
}

static uint64_t *entry(paddr_t table, vaddr_t va, unsigned level)
{
	return phys_to_ptr(pt_slot(table, va, level).pa);
}

uint64_t *scene_slot_below(struct scene *s, paddr_t table, unsigned table_level, vaddr_t va,
			   unsigned level)
{
	for (unsigned l = table_level; l > level; l--) {
		uint64_t *slot = entry(table, va, l);

		if (!pte_is_table((pte_t){*slot})) {
			paddr_t below = scene_table(s);

			/* Zeroes before the link (Privileged ISA: walks are not ordered). */
			arch_wmb();
			scene_store(slot, pte_table(below).raw);
		}
		table = pte_pa((pte_t){*slot});
	}
	return entry(table, va, level);
}

uint64_t *scene_slot(struct scene *s, vaddr_t va, unsigned level)
{
	ASSERT(s->t, scene_may_use(s, va), "0x%llx is the kernel's", (unsigned long long)va);
	return scene_slot_below(s, s->pt.root, s->pt.mode->levels - 1, va, level);
}

static vaddr_t sign_extend(const struct mmu_mode *m, vaddr_t va)
{
	unsigned unused = 64 - m->va_bits;

	return (vaddr_t)((int64_t)(va << unused) >> unused);
}

static uint64_t kernel_entry(const struct scene *s, vaddr_t va)
{
	return *entry(kernel_table()->root, va, s->pt.mode->levels - 1);
}

bool scene_may_use(const struct scene *s, vaddr_t va)
{
	uint64_t k = kernel_entry(s, va);

	return k == 0 || k != *entry(s->pt.root, va, s->pt.mode->levels - 1);
}

void scene_take_over(struct scene *s, vaddr_t va)
{
	paddr_t table = s->pt.root;

	for (unsigned l = s->pt.mode->levels - 1; l > LEAF_LEVEL; l--) {
		uint64_t *slot = entry(table, va, l);
		paddr_t copy;

		if (!pte_is_table((pte_t){*slot}))
			return;
		copy = scene_block(s, 0);
		memcpy(phys_to_ptr(copy), phys_to_ptr(pte_pa((pte_t){*slot})), PAGE_SIZE);
		arch_wmb();
		scene_store(slot, pte_table(copy).raw);
		table = copy;
	}
}

/* An unused root entry, or one that leads to a table of this scene. */
static bool root_free(const struct scene *s, vaddr_t va, bool unused)
{
	uint64_t e = *entry(s->pt.root, va, s->pt.mode->levels - 1);

	return kernel_entry(s, va) == 0 && (e == 0 || (!unused && pte_is_table((pte_t){e})));
}

vaddr_t scene_va(struct scene *s, enum half half, unsigned level)
{
	const struct mmu_mode *m = s->pt.mode;
	unsigned top = m->levels - 1;
	uint64_t half_size = UINT64_C(1) << (m->va_bits - 1);

	for (unsigned tries = 0; tries < 100000; tries++) {
		vaddr_t va = rng_below(&s->t->rng, half_size) + (half == HALF_HIGH ? half_size : 0);

		va = sign_extend(m, align_down(va, level_size(level)));
		/* Address 0 and the top page are tests of their own. */
		if (va == 0 || !root_free(s, va, level == top))
			continue;
		/* The whole table of that level is this caller's. */
		if (level == top || pte_is_none(pte_load(pt_walk(&s->pt, va, level + 1).slot)))
			return va;
	}
	ASSERT(s->t, false, "no unused address of level %u in the %s half", level, half_name(half));
	return 0;
}

struct space scene_space(const struct scene *s, uint16_t asid)
{
	return (struct space){s->pt, asid};
}

struct space scene_space_at(struct scene *s, paddr_t root, uint16_t asid)
{
	struct space sp = scene_space(s, asid);

	sp.pt.name = "second";
	sp.pt.root = root;
	copy_kernel_root(root);
	return sp;
}

struct space scene_new_space(struct scene *s, uint16_t asid)
{
	return scene_space_at(s, scene_block(s, 0), asid);
}

uint64_t *space_slot(struct scene *s, const struct space *sp, vaddr_t va, unsigned level)
{
	return scene_slot_below(s, sp->pt.root, sp->pt.mode->levels - 1, va, level);
}

uint64_t space_satp(const struct space *sp)
{
	__atomic_or_fetch(&asids_used, sp->asid, __ATOMIC_RELAXED);
	return sp->pt.mode->satp_mode << SATP_MODE_SHIFT | (uint64_t)sp->asid << SATP_ASID_SHIFT |
	       sp->pt.root >> PAGE_SHIFT;
}

void space_switch(const struct space *sp)
{
	csr_write_satp(space_satp(sp));
}

uint64_t scene_satp(const struct scene *s, uint16_t asid)
{
	struct space own = scene_space(s, asid);

	return space_satp(&own);
}

static void switch_to(uint64_t satp)
{
	csr_write_satp(satp);
	/* What was stored to the tables before, and whatever was held of another root. */
	raw_sfence_all();
}

void scene_enter(const struct scene *s)
{
	switch_to(scene_satp(s, s->asid));
	raw_fence_i(); /* the stubs were written as data */
}

void scene_leave(void)
{
	switch_to(kernel_root_satp);
}
