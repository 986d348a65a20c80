/* SPDX-License-Identifier: BSD-2-Clause */
/* boot.*: the machine as found, the kernel table as built, every hart as started. */
#include "firmware/arch.h"
#include "firmware/image.h"
#include "firmware/probe.h"
#include "mm/bootmem.h"
#include "mm/kernel.h"
#include "mm/map.h"
#include "tests/probes.h"
#include "tests/test.h"

/* Reserved memory, the image and the built-in device's region: in no leaf of the direct map. */
static bool off_limits(const struct bench *b, struct region r)
{
	const struct machine *m = b->machine;
	struct region image = image_region();

	for (unsigned i = 0; i < m->nr_reserved; i++) {
		if (r.start < region_end(m->reserved[i]) && m->reserved[i].start < region_end(r))
			return true;
	}
	return (r.start < region_end(image) && image.start < region_end(r)) ||
	       (r.start < region_end(b->carved) && b->carved.start < region_end(r));
}

static bool inside_ram(const struct machine *m, struct region r)
{
	for (unsigned i = 0; i < m->nr_ram; i++) {
		if (r.start >= m->ram[i].start && region_end(r) <= region_end(m->ram[i]))
			return true;
	}
	return false;
}

/*
 * Each leaf of the direct map: its address is the one that arithmetic says, it lies in RAM and
 * reaches nothing that is off limits. The sum of the leaves is the sum of the usable bytes, so
 * with no byte twice (addresses rise) none is missing.
 */
TEST(boot, direct_map)
{
	const struct area *d = &kernel_table()->mode->direct;
	const struct bench *b = t->bench;
	const struct region *usable;
	unsigned n = bootmem_regions(&usable);
	uint64_t want = 0;
	uint64_t got = 0;
	vaddr_t va = d->start;

	for (unsigned i = 0; i < n; i++)
		want += usable[i].size;
	while (va - d->start < d->size) {
		struct pt_cursor c = pt_walk(kernel_table(), va, 0);
		pte_t e = pte_load(c.slot);

		if (pte_is_leaf(e)) {
			struct region r = {pte_pa(e), level_size(c.level)};

			got += r.size;
			EXPECT(t, va == direct_va(r.start), "0x%llx maps 0x%llx",
			       (unsigned long long)va, (unsigned long long)r.start);
			EXPECT(t, inside_ram(b->machine, r),
			       "leaf of 0x%llx bytes at 0x%llx is not RAM",
			       (unsigned long long)r.size, (unsigned long long)r.start);
			EXPECT(t, !off_limits(b, r),
			       "leaf of 0x%llx bytes at 0x%llx covers reserved memory",
			       (unsigned long long)r.size, (unsigned long long)r.start);
			EXPECT(t, pte_prot(e) == PROT_RW, "0x%llx has rights 0x%llx",
			       (unsigned long long)va, (unsigned long long)pte_prot(e));
		}
		va = pt_next(c, va);
	}
	EXPECT(t, got == want, "0x%llx bytes mapped, 0x%llx are usable", (unsigned long long)got,
	       (unsigned long long)want);
}

/* Largest level that fits at @pa inside @r, reckoned from addresses and rests alone. */
static unsigned largest_fit(struct region r, paddr_t pa, unsigned max)
{
	unsigned best = 0;

	for (unsigned level = 1; level <= max; level++) {
		uint64_t size = UINT64_C(0x1000) << 9 * level;

		if (pa % size == 0 && direct_va(pa) % size == 0 && region_end(r) - pa >= size)
			best = level;
	}
	return best;
}

/* Every leaf is the largest for which both addresses are aligned and the rest is long enough. */
TEST(boot, leaf_size)
{
	const struct region *usable;
	unsigned n = bootmem_regions(&usable);

	for (unsigned i = 0; i < n; i++) {
		for (paddr_t pa = usable[i].start; pa < region_end(usable[i]);) {
			struct pt_lookup l = pt_lookup(kernel_table(), direct_va(pa));
			unsigned best =
				largest_fit(usable[i], pa, kernel_table()->mode->levels - 2);

			ASSERT(t, l.mapped, "0x%llx is not mapped", (unsigned long long)pa);
			ASSERT(t, l.level == best, "0x%llx: leaf of level %u, level %u fits",
			       (unsigned long long)pa, l.level, best);
			pa += level_size(l.level);
		}
	}
}

/* The table of each mode, whatever mode runs: the same memory, mapped and taken down again. */
TEST(boot, modes)
{
	for (unsigned i = 0; i < ARRAY_LEN(mmu_modes); i++) {
		const struct mmu_mode *mode = &mmu_modes[i];
		vaddr_t va = mode->direct.start + SZ_2M;
		uint64_t size = 3 * SZ_1G + 3 * SZ_2M + 3 * PAGE_SIZE;
		struct ptable pt;
		struct pt_batch b;
		uint64_t seen = 0;

		ASSERT_OK(t, pt_create(&pt, mode->name, mode));
		pt_begin(&b, &pt);
		ASSERT_OK(t, pt_map(&b, va, SZ_1G + SZ_2M, size, PROT_RW, mode_max_leaf(mode)));
		for (uint64_t off = 0; off < size;) {
			struct pt_lookup l = pt_lookup(&pt, va + off);

			ASSERT(t, l.mapped && l.pa == SZ_1G + SZ_2M + off, "%s: offset 0x%llx",
			       mode->name, (unsigned long long)off);
			seen += level_size(l.level);
			off += level_size(l.level);
		}
		EXPECT(t, seen == size, "%s: 0x%llx of 0x%llx bytes", mode->name,
		       (unsigned long long)seen, (unsigned long long)size);
		EXPECT(t, b.counts.leaves_set[2] == (mode->levels > 3 ? 2u : 0u),
		       "%s: %llu leaves of 1 GiB", mode->name,
		       (unsigned long long)b.counts.leaves_set[2]);
		ASSERT_OK(t, pt_unmap(&b, va, size, 0));
		ASSERT_OK(t, pt_commit(&b));
		EXPECT(t, pt.nr_tables == 1, "%s: %llu tables left", mode->name,
		       (unsigned long long)pt.nr_tables);
		pt_destroy(&pt);
	}
}

struct roll_call {
	uint64_t satp_mode;
	uint64_t hartid[MAX_HARTS];
	uint32_t present;
};

static void answer(void *arg)
{
	struct roll_call *r = arg;

	r->hartid[arch_hart()] = hart_self()->hartid + 1;
	__atomic_add_fetch(&r->present, 1, __ATOMIC_RELAXED);
}

/* Every hart that was started is there, under its own id. */
TEST(boot, harts)
{
	static struct roll_call r;
	struct hartset arrived = hart_arrived();

	r = (struct roll_call){0};
	EXPECT(t, hartset_count(&arrived) == hart_count(), "%u of %u harts arrived",
	       hartset_count(&arrived), hart_count());
	test_on_harts(t, &t->all, answer, &r);
	EXPECT(t, r.present == hartset_count(&t->all), "%u of %u harts answer", r.present,
	       hartset_count(&t->all));
	hartset_for_each(h, &t->all) {
		uint64_t id = t->bench->machine->cpus[hart_cpu_index(h)].hartid;

		EXPECT(t, r.hartid[h] == id + 1, "hart%u answers as id %llu, the tree says %llu", h,
		       (unsigned long long)r.hartid[h] - 1, (unsigned long long)id);
	}
}

/* Load, store and fetch at an address that nothing is mapped at: each the right page fault. */
TEST(boot, traps, .clause = "Privileged ISA, scause: 12, 13, 15 for fetch, load, store page faults")
{
	vaddr_t hole = vmalloc_reserve(SZ_2M, PAGE_SIZE);
	struct spots s = {hole, SZ_2M, t->bench->seed};

	ASSERT(t, hole != 0, "no address space left");
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	probes_must_trap(t, &t->all, &s, ACCESS_FETCH);
}
