/* SPDX-License-Identifier: BSD-2-Clause */
/* The model's log of old entries. */
#include "mm/model_records.h"

#include "mm/model_spaces.h"
#include "mm/model_tables.h"

#define MAX_RECORDS 4096u
#define MAX_OPS 32u
/* Runs are looked for among so many of the newest: a pointer between two runs parts none. */
#define NR_OPEN 4u

static struct model_record records[MAX_RECORDS] NOINIT;
static unsigned nr_records;
static unsigned peak;
static uint64_t frozen; /* what was stored up to here, a fence under way may clear */

static paddr_t roots[MODEL_MAX_SPACES];
static unsigned nr_roots;

static const char *ops[MAX_OPS] = {"?"};
static unsigned nr_ops = 1;

_Static_assert(sizeof(struct model_record) == 64, "kept small");

void model_records_init(paddr_t root)
{
	roots[0] = root;
	nr_roots = 1;
	model_records_reset();
}

uint8_t model_root_number(paddr_t root)
{
	unsigned i = 0;

	while (i < nr_roots && roots[i] != root)
		i++;
	if (i < nr_roots)
		return (uint8_t)i;
	/* Nobody asks for them any more. */
	if (nr_records == 0)
		nr_roots = 1;
	if (nr_roots == MODEL_MAX_SPACES)
		return 0;
	roots[nr_roots] = root;
	return (uint8_t)nr_roots++;
}

paddr_t model_root_at(uint8_t number)
{
	return roots[number];
}

void model_records_reset(void)
{
	nr_records = 0;
	model_topology++;
}

const struct model_record *model_records(unsigned *n)
{
	*n = nr_records;
	return records;
}

uint8_t model_op_number(const char *name)
{
	unsigned i = 0;

	while (i < nr_ops && ops[i] != name)
		i++;
	if (i == nr_ops && nr_ops == MAX_OPS)
		return 0;
	if (i == nr_ops)
		ops[nr_ops++] = name;
	return (uint8_t)i;
}

const char *model_op_name(uint8_t number)
{
	return ops[number];
}

void model_records_defer(unsigned writer, uint64_t begin)
{
	for (unsigned i = 0; i < nr_records; i++) {
		struct model_record *r = &records[i];

		if (r->writer == writer && r->gen > begin && !pte_is_valid(r->old))
			r->flags |= MODEL_DEFERRED;
	}
}

void model_records_freeze(uint64_t gen)
{
	frozen = gen;
}

static bool alike(const struct model_record *a, const struct model_record *b)
{
	return a->level == b->level && a->flags == b->flags && a->writer == b->writer &&
	       a->op == b->op && a->asid == b->asid && a->root == b->root && a->why == b->why &&
	       a->napot == b->napot && hartset_eq(&a->holders, &b->holders) &&
	       pte_is_valid(a->old) == pte_is_valid(b->old) && pte_prot(a->old) == pte_prot(b->old);
}

/* Whether [@b] goes on where [@a] ends. */
static bool follows(const struct model_record *a, const struct model_record *b)
{
	uint64_t size = a->count * level_size(a->level);

	return b->va == a->va + size && (!pte_is_valid(a->old) || b->pa == a->pa + size);
}

/*
 * Runs that grow keep the log short: unmapping 4 KiB pages is one record, not one a page. Never
 * onto a record that a fence under way may be about to clear. Pointers do not run on: each leads
 * to a page of its own.
 */
static bool extend(const struct model_record *r)
{
	if (pte_is_table(r->old))
		return false;
	for (unsigned i = nr_records; i-- > 0 && nr_records - i <= NR_OPEN;) {
		struct model_record *have = &records[i];

		if (have->gen <= frozen || !alike(have, r) || have->count > UINT32_MAX - r->count)
			continue;
		if (r->napot && r->va - have->va < have->count * PAGE_SIZE &&
		    r->va - have->va == r->pa - have->pa) {
			/* Another of the 16 entries of a group: all its pages are in already. */
			have->gen = r->gen;
			return true;
		}
		if (follows(have, r)) {
			have->count += r->count;
			have->gen = r->gen;
			return true;
		}
		if (follows(r, have)) {
			have->va = r->va;
			have->pa = r->pa;
			have->old = r->old;
			have->count += r->count;
			have->gen = r->gen;
			return true;
		}
	}
	return false;
}

static bool keep(const struct model_record *r)
{
	if (nr_records == MAX_RECORDS)
		return false;
	records[nr_records++] = *r;
	if (nr_records > peak)
		peak = nr_records;
	return true;
}

bool model_record_add(struct model_record r)
{
	struct model_table *target;

	if (hartset_empty(&r.holders) || extend(&r))
		return true;
	if (pte_is_table(r.old)) {
		target = model_table_find(r.pa);
		if (target != NULL)
			target->held = 1;
		model_topology++;
	}
	return keep(&r);
}

static void drop(unsigned i)
{
	records[i] = records[--nr_records];
}

/* ---- fences */

/*
 * Whether @op reaches all of @r, none of it, or [*first, *first + *n) of its run; if none, why.
 * Privileged ISA, SFENCE.VMA, by its operands.
 */
static enum fence_gap reaches(const struct fence_op *op, const struct model_record *r,
			      uint32_t *first, uint32_t *n)
{
	uint64_t size = level_size(r->level);
	uint64_t last_byte = op->start + (op->size - 1);
	uint64_t run_last = r->va + (r->count * size - 1);
	uint64_t lo, hi;

	*first = 0;
	*n = r->count;
	if (!op->all_asid && (r->flags & MODEL_GLOBAL) != 0)
		return GAP_GLOBAL;
	if (!op->all_asid && op->asid != r->asid)
		return GAP_OTHER_ASID;
	if (op->all_va)
		return GAP_NONE;
	if ((r->flags & MODEL_TABLE) != 0)
		return GAP_POINTER;
	if (op->size == 0 || last_byte < op->start || last_byte < r->va || op->start > run_last)
		return GAP_OTHER_ADDRESS;
	lo = max_u64(op->start, r->va);
	hi = min_u64(last_byte, run_last);
	*first = (uint32_t)((lo - r->va) / size);
	*n = (uint32_t)((hi - r->va) / size) - *first + 1;
	return GAP_NONE;
}

/*
 * Whether an entry of the group of @va still is the old NAPOT one: from it a hart may make
 * translations for any page of the group (Svnapot), so no fence ends them yet.
 */
static bool napot_live(const struct model_record *r, vaddr_t va)
{
	vaddr_t group = align_down(va, PTE_NAPOT_PAGES * PAGE_SIZE);

	for (unsigned i = 0; i < PTE_NAPOT_PAGES; i++) {
		vaddr_t at = group + i * PAGE_SIZE;
		struct model_leaf now = model_table_lookup(model_root_at(r->root), at);

		if (now.level == 0 && (now.entry.raw & PTE_N) != 0 &&
		    pte_prot(now.entry) == pte_prot(r->old) &&
		    pte_pa(now.entry) - r->pa == at - r->va)
			return true;
	}
	return false;
}

/* The part of @r from entry @first on, @n entries, as a record of its own. */
static struct model_record part_of(const struct model_record *r, uint32_t first, uint32_t n)
{
	struct model_record p = *r;

	p.va += first * level_size(r->level);
	if (pte_is_valid(r->old) && first != 0) {
		p.pa += first * level_size(r->level);
		p.old = pte_leaf(p.pa, pte_prot(r->old));
	}
	p.count = n;
	return p;
}

/* The gap that is nearest to a fence that would have done is what is told. */
static void explain(struct model_record *r, enum fence_gap gap)
{
	if (gap > r->why)
		r->why = (uint8_t)gap;
}

/* [@first, @first + @n) of record @i lose @harts. False: no room. */
static bool take_off(unsigned i, const struct hartset *harts, uint32_t first, uint32_t n)
{
	struct model_record *r = &records[i];

	if (first > 0) {
		struct model_record p = part_of(r, 0, first);

		if (!keep(&p))
			return false;
	}
	if (first + n < r->count) {
		struct model_record p = part_of(r, first + n, r->count - first - n);

		if (!keep(&p))
			return false;
	}
	if (n < r->count)
		*r = part_of(r, first, n);
	if (pte_is_table(r->old))
		model_topology++;
	hartset_sub(&r->holders, harts);
	if (hartset_empty(&r->holders))
		drop(i);
	return true;
}

bool model_records_fenced(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	/* Backwards: what drop() moves in has been looked at, or was split off here. */
	for (unsigned i = nr_records; i-- > 0;) {
		struct model_record *r = &records[i];
		enum fence_gap gap;
		uint32_t first, n;

		if (!hartset_meet(&r->holders, harts))
			continue;
		gap = reaches(op, r, &first, &n);
		if (gap == GAP_NONE && r->gen > token)
			gap = GAP_BESIDE;
		if (gap == GAP_NONE && r->napot && napot_live(r, r->va + first * PAGE_SIZE))
			gap = GAP_NAPOT;
		if (gap != GAP_NONE)
			explain(r, gap);
		else if (!take_off(i, harts, first, n))
			return false;
	}
	return true;
}

void model_records_note(const struct hartset *harts, const struct fence_op *op, uint64_t token,
			enum fence_gap gap)
{
	for (unsigned i = 0; i < nr_records; i++) {
		struct model_record *r = &records[i];
		uint32_t first, n;

		if (r->gen <= token && hartset_meet(&r->holders, harts) &&
		    reaches(op, r, &first, &n) == GAP_NONE)
			explain(r, gap);
	}
}

void model_records_join(const struct hartset *harts, uint64_t token)
{
	for (unsigned i = 0; i < nr_records; i++) {
		if (records[i].gen > token)
			hartset_join(&records[i].holders, harts);
	}
	model_topology++;
}

void model_records_globalize(void)
{
	for (unsigned i = 0; i < nr_records; i++) {
		struct model_record *r = &records[i];

		if (pte_is_table(r->old) && (r->flags & MODEL_GLOBAL) == 0 &&
		    model_entry_global(r->old, r->level)) {
			r->flags |= MODEL_GLOBAL;
			r->asid = 0;
		}
	}
	model_topology++;
}

void model_records_stop(unsigned hart)
{
	struct hartset gone = hartset_of(hart);

	for (unsigned i = nr_records; i-- > 0;) {
		hartset_sub(&records[i].holders, &gone);
		if (hartset_empty(&records[i].holders))
			drop(i);
	}
	model_topology++;
}

void model_records_reroot(paddr_t root)
{
	for (unsigned i = 1; i < nr_roots; i++) {
		if (roots[i] == root)
			roots[i] = roots[0];
	}
}

unsigned model_records_peak(void)
{
	return peak;
}
