/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights of kernel memory that is in use. */
#include "mm/attr.h"

#include "mm/bootmem.h"
#include "mm/fault.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/memtype.h"
#include "mm/split.h"

/* What is done to each part of the range. */
struct change {
	bool park;
	uint64_t prot;
};

static bool in_area(const struct area *a, vaddr_t va, uint64_t size)
{
	return va >= a->start && va - a->start < a->size && size <= a->size - (va - a->start);
}

/* The online memory around @pa: boot RAM or a hot-added region. Size 0: there is none. */
static struct region online_around(paddr_t pa)
{
	const struct region *r;
	unsigned n = bootmem_regions(&r);
	const struct hot_region *h = hot_find(pa);

	for (unsigned i = 0; i < n; i++) {
		if (pa >= r[i].start && pa < region_end(r[i]))
			return r[i];
	}
	if (h == NULL || (h->state != HOT_ONLINE && !fault_armed(FAULT_ATTR_ANYWHERE)))
		return (struct region){0};
	return h->phys;
}

static paddr_t direct_pa(vaddr_t va)
{
	return va - direct_va(0);
}

/* All of a part of the direct map is of online memory. */
static bool all_online(vaddr_t va, uint64_t size)
{
	while (size != 0) {
		struct region r = online_around(direct_pa(va));
		uint64_t n = r.size == 0 ? 0 : min_u64(size, region_end(r) - direct_pa(va));

		if (n == 0)
			return false;
		va += n;
		size -= n;
	}
	return true;
}

/*
 * The next stretch of [@va, @va + @size) that one leaf translates, and where the direct map shows
 * the same memory; @alias 0: nowhere. Bytes, 0: it is not mapped.
 */
static uint64_t next_alias(vaddr_t va, uint64_t size, vaddr_t *alias)
{
	struct pt_lookup l = pt_lookup(kernel_table(), va);
	uint64_t leaf = level_size(l.level);
	uint64_t n = min_u64(size, leaf - (va & (leaf - 1)));

	if (!l.mapped)
		return 0;
	/* Device registers have no alias. */
	*alias = all_online(direct_va(l.pa), n) ? direct_va(l.pa) : 0;
	return n;
}

/* Split for all parts of a change of the vmalloc area, its alias included. */
static enum err split_aliases(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	enum err err = pt_split(b, va, size);

	while (err == OK && size != 0) {
		vaddr_t alias;
		uint64_t n = next_alias(va, size, &alias);

		if (n == 0)
			return ERR_NOENT;
		if (alias != 0)
			err = pt_split(b, alias, n);
		va += n;
		size -= n;
	}
	return err;
}

/* Whole leaves that are there: it cannot fail. */
static void change_part(struct pt_batch *b, vaddr_t va, uint64_t size, const struct change *c)
{
	enum err err = c->park ? pt_park(b, va, size, PT_SPLIT)
			       : pt_protect(b, va, size, c->prot, PT_SPLIT);

	if (err != OK)
		panic("rights of 0x%llx+0x%llx: %s", (unsigned long long)va,
		      (unsigned long long)size, err_name(err));
}

static void change_aliases(struct pt_batch *b, vaddr_t va, uint64_t size, const struct change *c)
{
	while (size != 0 && !fault_armed(FAULT_ALIAS_KEPT)) {
		vaddr_t alias;
		uint64_t n = next_alias(va, size, &alias);

		if (alias != 0)
			change_part(b, alias, n, c);
		va += n;
		size -= n;
	}
}

/* Leaves of the direct map grow together again, not beyond the memory that came in one piece. */
static void merge_direct(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	vaddr_t end = va + size;

	while (va < end) {
		struct region r = online_around(direct_pa(va));
		vaddr_t from = max_u64(align_down(va, SZ_1G), direct_va(r.start));
		vaddr_t to = min_u64(align_up(end, SZ_1G), direct_va(r.start) + r.size);

		pt_merge(b, from, to - from, mode_max_leaf(kernel_table()->mode));
		va = direct_va(r.start) + r.size;
	}
}

static void merge_aliases(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	while (size != 0) {
		vaddr_t alias;
		uint64_t n = next_alias(va, size, &alias);

		if (n == 0)
			return;
		if (alias != 0)
			merge_direct(b, alias, n);
		va += n;
		size -= n;
	}
}

/* Locks: all. */
static enum err change_range(struct pt_batch *b, vaddr_t va, uint64_t size, const struct change *c)
{
	bool direct = in_area(&kernel_table()->mode->direct, va, size);
	enum err err;

	if (direct) {
		if (!all_online(va, size))
			return ERR_NOENT;
		err = c->park ? pt_park(b, va, size, PT_SPLIT)
			      : pt_protect(b, va, size, c->prot, PT_SPLIT);
		if (err == OK)
			merge_direct(b, va, size);
		return err;
	}
	/* What needs memory comes first: behind it nothing can fail. */
	err = split_aliases(b, va, size);
	if (err == OK) {
		change_aliases(b, va, size, c);
		change_part(b, va, size, c);
	}
	merge_aliases(b, va, size);
	pt_merge(b, va, size, mode_max_leaf(kernel_table()->mode));
	return err;
}

static enum err change(vaddr_t va, uint64_t size, const struct change *c)
{
	const struct mmu_mode *mode = kernel_table()->mode;
	struct pt_batch b;
	enum err err, done;

	if (size == 0 || !is_aligned(va | size, PAGE_SIZE) || (!c->park && !prot_valid(c->prot)) ||
	    (!in_area(&mode->direct, va, size) && !in_area(&mode->vmalloc, va, size)))
		return ERR_INVAL;
	rw_read_lock(&hotplug_lock);
	rw_write_lock(&mmap_lock);
	kernel_begin(&b);
	err = change_range(&b, va, size, c);
	/* Seeded: a memory type is taken for something that no TLB keeps. */
	if (fault_armed(FAULT_TYPE_NO_FENCE) && (c->prot & PTE_PBMT_MASK) != 0)
		b.changed = false;
	done = pt_commit(&b);
	kernel_end();
	rw_write_unlock(&mmap_lock);
	rw_read_unlock(&hotplug_lock);
	return err != OK ? err : done;
}

enum err set_memory(vaddr_t va, uint64_t size, uint64_t prot)
{
	return change(va, size, &(struct change){.prot = prot});
}

enum err set_direct_map_invalid(paddr_t pa, uint64_t size)
{
	return change(direct_va(pa), size, &(struct change){.park = true});
}

enum err set_direct_map_default(paddr_t pa, uint64_t size)
{
	struct change c = {.prot = PROT_RW};

	if (fault_armed(FAULT_DEFAULT_KEEPS_X))
		c.prot |= PTE_X;
	return change(direct_va(pa), size, &c);
}

bool kernel_page_present(vaddr_t va)
{
	struct pt_cursor c;
	bool mapped;

	/* Its owner keeps the memory, nobody the tables: others merge leaves. */
	spin_lock(&kernel_table_lock);
	mapped = pt_lookup(kernel_table(), va).mapped;
	spin_unlock(&kernel_table_lock);
	if (!fault_armed(FAULT_PRESENT_LEAF))
		return mapped;
	c = pt_root(kernel_table(), va);
	while (c.level > 0 && pte_is_valid(pte_load(c.slot)))
		c = pt_descend(c, va);
	return pte_is_leaf(pte_load(c.slot));
}
