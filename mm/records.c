/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame table of memory that comes and goes. */
#include "mm/records.h"

#include "firmware/arch.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/kernel.h"
#include "mm/model.h"
#include "mm/split.h"

/* The chain is in the frames' own records, which are not among those that go. */
void frame_chain_push(struct frame_chain *chain, paddr_t pa, unsigned order)
{
	struct frame *f = frame_of(pa);

	f->next = chain->head == FRAME_NONE ? 0 : (chain->head >> PAGE_SHIFT) + 1;
	f->prev = order;
	chain->head = pa;
}

paddr_t frame_chain_pop(struct frame_chain *chain, unsigned *order)
{
	paddr_t pa = chain->head;
	struct frame *f;

	if (pa == FRAME_NONE)
		return FRAME_NONE;
	f = frame_of(pa);
	*order = (unsigned)f->prev;
	chain->head = f->next == 0 ? FRAME_NONE : (f->next - 1) << PAGE_SHIFT;
	f->next = 0;
	f->prev = 0;
	return pa;
}

void frame_chain_free(struct frame_chain *chain)
{
	unsigned order;
	paddr_t pa;

	while ((pa = frame_chain_pop(chain, &order)) != FRAME_NONE) {
		bool boot = frame_owner(pa) == OWNER_BOOT && !fault_armed(FAULT_RESERVED_AS_OTHER);

		frame_free_range((struct region){pa, PAGE_SIZE << order},
				 boot ? OWNER_BOOT : OWNER_FRAMETABLE);
	}
}

bool records_repeat(void)
{
	return is_pow2(frame_record_size()) || fault_armed(FAULT_RECORD_REPEATS);
}

uint64_t records_size(struct region phys)
{
	return frame_record_va(region_end(phys)) - frame_record_va(phys.start);
}

/* Records that lie in the memory itself are accounted, and that is all that becomes of them. */
static void count_carved(const struct backing *from, int64_t bytes)
{
	if (from->carved)
		frame_count(OWNER_CARVED, bytes / (int64_t)PAGE_SIZE);
}

static bool carves(const struct backing *from)
{
	return from->carved && !fault_armed(FAULT_ALTMAP_DROPPED);
}

/* Records that are being made, from the front. */
struct making {
	struct pt_batch *b;
	const struct backing *from;
	paddr_t memory; /* that they are of */
	vaddr_t va;	/* of the first one */
	uint64_t done;	/* bytes */
	uint64_t size;	/* of all */
};

/* Frames for the next leaf, as large as one fits. */
static paddr_t make_leaf(const struct making *m, unsigned *level)
{
	paddr_t pa = m->memory + m->done;

	if (carves(m->from)) {
		*level = pt_best_level(m->va + m->done, pa, m->size - m->done, 1);
		return pa;
	}
	*level = pt_best_level(m->va + m->done, 0, m->size - m->done, m->from->compound == 0);
	pa = frame_alloc(*level * PT_BITS, OWNER_FRAMETABLE);
	/* No large block left: single frames do as well. */
	if (pa == FRAME_NONE && *level != 0) {
		*level = 0;
		pa = frame_alloc(0, OWNER_FRAMETABLE);
	}
	/* Zeros before anybody can reach them through the frame table. */
	if (pa != FRAME_NONE)
		clear_words(phys_to_ptr(pa), level_size(*level));
	return pa;
}

/* Whether the next page is in the tail of a device page, and not the tail's first. */
static bool in_shared_tail(const struct making *m)
{
	uint64_t each = frame_record_size() << m->from->compound;

	return m->from->compound != 0 && records_repeat() && m->done % each >= 2 * PAGE_SIZE;
}

/* An entry less leads to the page @pa: whether it was the last one, so that it can be freed. */
static bool drop_user(paddr_t pa)
{
	struct frame *f = frame_of(pa);

	if (f->users > 1 && !fault_armed(FAULT_DAX_FIRST)) {
		f->users--;
		return false;
	}
	if (f->users == UINT32_MAX)
		return false;
	/* Seeded: the first one frees it, and the others find it gone. */
	f->users = f->users > 1 ? UINT32_MAX : 0;
	return true;
}

static void collect(struct frame_chain *chain, vaddr_t va, vaddr_t end)
{
	while (va < end) {
		struct pt_lookup l = pt_lookup(kernel_table(), va);
		uint64_t size = level_size(l.level);
		unsigned order = l.level * PT_BITS;

		if (!is_aligned(va, size) || end - va < size) {
			size = PAGE_SIZE;
			order = 0;
		}
		va += size;
		if (drop_user(l.pa))
			frame_chain_push(chain, l.pa, order);
	}
}

/* One leaf, or one more entry for the page that the entry before leads to. */
static enum err map_next(struct making *m, struct frame_chain *mine)
{
	vaddr_t va = m->va + m->done;
	bool shared = in_shared_tail(m);
	unsigned level = 0;
	paddr_t pa = shared ? pt_lookup(kernel_table(), va - PAGE_SIZE).pa : make_leaf(m, &level);
	enum err err;

	if (pa == FRAME_NONE)
		return ERR_NOMEM;
	arch_wmb();
	err = pt_map(m->b, va, pa, level_size(level), PROT_RW, level);
	if (err == OK)
		m->done += level_size(level);
	if (shared && err == OK)
		frame_of(pa)->users = (uint32_t)max_u64(frame_of(pa)->users, 1) + 1;
	else if (!shared && err != OK && !carves(m->from))
		frame_chain_push(mine, pa, level * PT_BITS);
	return err;
}

enum err records_map(struct pt_batch *b, struct region phys, const struct backing *from,
		     struct frame_chain *mine)
{
	struct making m = {.b = b,
			   .from = from,
			   .memory = phys.start,
			   .va = frame_record_va(phys.start),
			   .size = records_size(phys)};
	enum err err;

	while (m.done < m.size) {
		err = map_next(&m, mine);
		if (err != OK)
			goto out_undo;
	}
	count_carved(from, (int64_t)m.size);
	return OK;

out_undo:
	/* Some hart may have walked there meanwhile: freed by the caller, behind its fence. */
	if (!carves(from) && !fault_armed(FAULT_DAX_ROLLBACK))
		collect(mine, m.va, m.va + m.done);
	/* Seeded: taken down as if the page allocator had given them. */
	if (carves(from) && fault_armed(FAULT_ALTMAP_ROLLBACK))
		frame_free_range((struct region){m.memory, m.done}, OWNER_FRAMETABLE);
	pt_unmap_own(b, m.va, m.done);
	return err;
}

void records_clear(struct region phys, const struct backing *from)
{
	if (from->carved && !fault_armed(FAULT_ALTMAP_DIRTY))
		clear_words(phys_to_ptr(phys.start), records_size(phys));
}

enum err records_split(struct pt_batch *b, struct region phys)
{
	return pt_split(b, frame_record_va(phys.start), records_size(phys));
}

void records_merge(struct pt_batch *b, struct region phys)
{
	pt_merge(b, frame_record_va(phys.start), records_size(phys), 1);
}

struct frame_chain records_find(struct region phys, const struct backing *from)
{
	vaddr_t va = frame_record_va(phys.start);
	vaddr_t end = va + records_size(phys);
	struct frame_chain found = {FRAME_NONE};

	/* Seeded: and the page behind them, which is a neighbour's. */
	if (fault_armed(FAULT_RECORD_NEIGHBOUR) && pt_lookup(kernel_table(), end).mapped)
		end += PAGE_SIZE;
	/* The frames of those in the memory itself have no records but these. */
	if (!from->carved)
		collect(&found, va, end);
	return found;
}

void records_release(struct region leaf, const struct backing *from)
{
	if (from->carved)
		count_carved(from, -(int64_t)leaf.size);
	else if (drop_user(leaf.start))
		frame_free_range(leaf, OWNER_FRAMETABLE);
}

/* Seeded: all that lies in the same 2 MiB of the frame table goes. */
static void unmap_whole_leaves(struct pt_batch *b, vaddr_t va, uint64_t size)
{
	vaddr_t end = align_up(va + size, SZ_2M);
	enum err err = pt_unmap(b, align_down(va, SZ_2M), end - align_down(va, SZ_2M), PT_HOLES_OK);

	if (err != OK)
		panic("frame table at 0x%llx: %s", (unsigned long long)va, err_name(err));
}

void records_unmap(struct pt_batch *b, struct region phys)
{
	if (fault_armed(FAULT_SUBSECTION_LEAF))
		unmap_whole_leaves(b, frame_record_va(phys.start), records_size(phys));
	else
		pt_unmap_own(b, frame_record_va(phys.start), records_size(phys));
}

void records_free(struct frame_chain *chain, struct region phys, const struct backing *from)
{
	model_range_freed(frame_record_va(phys.start), records_size(phys));
	frame_chain_free(chain);
	count_carved(from, -(int64_t)records_size(phys));
}
