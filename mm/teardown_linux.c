/* SPDX-License-Identifier: BSD-2-Clause */
/* Hot-remove in Linux's order. */
#include "mm/teardown_linux.h"

#include "firmware/arch.h"
#include "mm/frame.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/shadow.h"

/* flush_tlb_all(), whatever was changed. */
static enum err flush_all(struct pt_batch *b)
{
	b->changed = true;
	b->removed = true;
	b->tables_changed = true; /* so that it is rs1 = rs2 = x0 */
	b->first = 0;
	b->last = UINT64_MAX;
	b->leaf_size = PAGE_SIZE;
	return pt_commit(b);
}

/*
 * remove_pte_mapping() and the leaves of those above it: clear the entry, give back what was behind
 * it if that is the frame table's (free_vmemmap_storage(); @from, else NULL). No fence in between.
 */
static void remove_leaf(struct pt_batch *b, struct pt_cursor c, const struct backing *from)
{
	pte_t e = pte_load(c.slot);

	if (!pte_is_leaf(e))
		return;
	(void)pte_xchg(c.slot, PTE_NONE);
	b->counts.leaves_cleared[c.level]++;
	if (from != NULL)
		records_release((struct region){pte_pa(e), level_size(c.level)}, from);
}

/*
 * free_pte_table(), free_pmd_table(), free_pud_table(): from the bottom up, each table that the
 * walk leaves behind at @next (@more: goes on there) and that is empty goes back, and only then is
 * the entry cleared that points to it. Those right below the root stay: no root entry ever changes.
 */
static void free_tables(struct pt_batch *b, vaddr_t va, vaddr_t next, bool more)
{
	unsigned top = b->pt->mode->levels - 1;

	for (unsigned level = 1; level < top; level++) {
		struct pt_cursor c = pt_walk(b->pt, va, level);
		pte_t e = pte_load(c.slot);

		if (more && (va ^ next) >> level_shift(level) == 0)
			return;
		if (c.level != level || !pte_is_table(e))
			continue;
		if (pte_next_used(pte_pa(e), 0) != PT_ENTRIES)
			return;
		pt_free_table(b, pte_pa(e), level - 1);
		pte_store(c.slot, PTE_NONE);
		b->counts.tables_unlinked++;
		b->pt->nr_tables--;
	}
}

/* remove_pgd_mapping(): its four loops as one walk, and the flush that it ends with. */
static enum err remove_mapping(struct pt_batch *b, vaddr_t va, uint64_t size,
			       const struct backing *from)
{
	struct pt_counts counts = b->counts;
	vaddr_t last = va + (size - 1);
	vaddr_t at = va;
	bool more;

	pt_begin(b, kernel_table());
	b->counts = counts;
	model_operation("unmap in Linux's order");
	do {
		struct pt_cursor c = pt_walk(b->pt, at, 0);
		vaddr_t next = pt_next(c, at);

		more = next != 0 && next <= last;
		remove_leaf(b, c, from);
		free_tables(b, at, next, more);
		at = next;
	} while (more);
	if (b->pt->shadow != NULL)
		shadow_unmap(b->pt->shadow, va, size);
	return flush_all(b);
}

/* Where the section that holds @pa ends. */
static paddr_t section_end(paddr_t pa)
{
	return align_down(pa, LINUX_SECTION_SIZE) + LINUX_SECTION_SIZE;
}

uint64_t teardown_linux_flushes(struct region phys)
{
	uint64_t n = 2;

	for (paddr_t pa = phys.start; pa < region_end(phys); pa = section_end(pa))
		n++;
	return n;
}

enum err teardown_linux(struct pt_batch *b, struct region phys, const struct backing *from)
{
	struct pt_counts counts;
	/* What the split replaced is over before the first page is given back. */
	enum err err = pt_commit(b);

	/* __remove_pages(): vmemmap_free() for each section. */
	for (paddr_t pa = phys.start; err == OK && pa < region_end(phys); pa = section_end(pa)) {
		paddr_t end = min_u64(section_end(pa), region_end(phys));
		vaddr_t va = frame_record_va(pa);

		err = remove_mapping(b, va, frame_record_va(end) - va, from);
	}
	/* remove_linear_mapping() */
	if (err == OK)
		err = remove_mapping(b, direct_va(phys.start), phys.size, NULL);
	if (err != OK)
		return err;
	counts = b->counts;
	pt_begin(b, kernel_table());
	b->counts = counts;
	return flush_all(b);
}
