/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.ioremap, actor.memory_type*: mappings with a memory type (Svpbmt), and their aliases. */
#include "mm/memtype.h"

#include "firmware/arch.h"
#include "firmware/mmio.h"
#include "mm/attr.h"
#include "mm/dump.h"
#include "mm/io.h"
#include "mm/kernel.h"
#include "mm/vmap.h"
#include "tests/actors/views.h"
#include "tests/probes.h"

#define TYPES_CLAUSE "Privileged ISA, Svpbmt: PBMT is 0, NC or IO; aliases of a page agree on it"

/* virtio-mmio: registers that may be read at any time. */
#define VIRTIO_MAGIC UINT32_C(0x74726976)

static struct {
	vaddr_t va;
	bool store;
	struct probe seen[MAX_HARTS];
} look;

static void look_job(void *arg)
{
	unsigned h = arch_hart();

	(void)arg;
	look.seen[h] =
		look.store ? probe_store(look.va + h * sizeof(uint64_t), h) : probe_load32(look.va);
}

/* Each hart loads, or stores into a word of its own. No trap is due. */
static void all_access(struct test_run *t, vaddr_t va, bool store)
{
	look.va = va;
	look.store = store;
	test_on_harts(t, &t->all, look_job, NULL);
	hartset_for_each(h, &t->all) {
		if (look.seen[h].trapped)
			test_fail(t, EVIDENCE_PROBE, "hart%u: %s at va 0x%llx: TRAP: cause %llu", h,
				  store ? "store" : "load", (unsigned long long)va,
				  (unsigned long long)look.seen[h].cause);
	}
}

/* PBMT of the leaf at a page, as a dump of the table has it. */
struct find_type {
	vaddr_t va;
	bool found;
	uint64_t type;
};

static void find_run(void *arg, const struct dump_run *r)
{
	struct find_type *f = arg;

	if (f->va - r->va < r->size) {
		f->found = true;
		f->type = r->prot & PTE_PBMT_MASK;
	}
}

static void expect_type(struct test_run *t, vaddr_t va, uint64_t due)
{
	struct find_type f = {.va = va};
	struct dump d = {.run = find_run, .arg = &f};

	dump_walk(&d);
	EXPECT(t, f.found && f.type == due, "va 0x%llx: PBMT=%llu, due %llu",
	       (unsigned long long)va, (unsigned long long)f.type >> 61,
	       (unsigned long long)due >> 61);
}

/* Registers of a device are mapped twice: of one type, and the same registers. */
TEST(actor, ioremap, .clause = TYPES_CLAUSE)
{
	const struct machine *m = t->bench->machine;
	struct region regs = {0, PAGE_SIZE};
	vaddr_t own, va;

	if (m->nr_virtio == 0) {
		test_skip(t, "no virtio-mmio slot");
		return;
	}
	regs.start = align_down(m->virtio[0].base, PAGE_SIZE);
	/* As io_map() does it, but to be given back. */
	ASSERT_OK(t, vmap_new(regs.start, regs.size, prot_io(), 0, 0, &own));
	ASSERT_OK(t, io_remap(m->virtio[0].base, m->virtio[0].size, &va));
	expect_type(t, va, memtype_on() ? PTE_PBMT_IO : 0);
	expect_type(t, own, memtype_on() ? PTE_PBMT_IO : 0);
	all_access(t, va, false);
	hartset_for_each(h, &t->all)
		EXPECT(t, (uint32_t)look.seen[h].value == VIRTIO_MAGIC, "hart%u read 0x%llx", h,
		       (unsigned long long)look.seen[h].value);
	EXPECT_OK(t, io_unmap(va));
	EXPECT_OK(t, vmap_free(own));
}

/*
 * A page changes its type in a view and in the direct map at once, and back. What a hart finds in
 * it meanwhile is between caches and memory, and not asked for.
 */
TEST(actor, memory_type, .clause = TYPES_CLAUSE)
{
	static const uint64_t types[] = {PTE_PBMT_NC, PTE_PBMT_IO};
	struct view v;
	vaddr_t alias;

	if (!memtype_on()) {
		test_skip(t, "no memory types (Svpbmt is not there, ext=-svpbmt, or probe=off)");
		return;
	}
	v = view_new(t, 0);
	alias = direct_va(v.pa);
	view_map(t, &v, 0);
	all_access(t, v.va, true);
	for (unsigned i = 0; i < ARRAY_LEN(types); i++) {
		EXPECT_OK(t, set_memory(v.va, PAGE_SIZE, PROT_RW | types[i]));
		expect_type(t, v.va, types[i]);
		expect_type(t, alias, types[i]);
		/* The neighbour keeps its own: a large leaf was split. */
		expect_type(t, alias ^ PAGE_SIZE, 0);
		all_access(t, v.va, false);
		all_access(t, alias, true);
		EXPECT_OK(t, set_memory(v.va, PAGE_SIZE, PROT_RW));
		expect_type(t, v.va, 0);
		expect_type(t, alias, 0);
	}
	view_free(t, &v);
}

/* The reserved type never, the others where there are none neither; and nothing has changed. */
TEST(actor, memory_type_refused, .clause = TYPES_CLAUSE)
{
	struct view v = view_new(t, 0);
	enum err due = memtype_on() ? OK : ERR_INVAL;
	enum err err;

	view_map(t, &v, 0);
	err = set_memory(v.va, PAGE_SIZE, PROT_RW | PTE_PBMT_MASK);
	EXPECT(t, err == ERR_INVAL, "PBMT=3: %s", err_name(err));
	err = set_memory(v.va, PAGE_SIZE, PROT_RW | PTE_PBMT_NC);
	EXPECT(t, err == due, "PBMT=NC: %s, due %s", err_name(err), err_name(due));
	EXPECT(t, (t->bench->machine->forgotten & ISA_SVPBMT) == 0 || err == ERR_INVAL,
	       "ext=-svpbmt, and PBMT=NC was taken");
	if (err == OK)
		EXPECT_OK(t, set_memory(v.va, PAGE_SIZE, PROT_RW));
	expect_type(t, v.va, 0);
	view_read(t, &t->all, &v);
	view_free(t, &v);
}
