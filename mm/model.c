/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TLB model: what each hart may still hold. See model.h for the rules.
 *
 * A record is an old entry (or a run of like ones, side by side) that was replaced, with the harts
 * that may still hold it. A fence takes harts off the records that it reaches and that are older
 * than the fence's beginning; a record without harts is gone.
 */
#include "mm/model.h"

#include "firmware/lock.h"
#include "mm/model_tables.h"

#define MAX_RECORDS 4096
#define MAX_VIOLATIONS 32

enum reach {
	REACH_LEAF,  /* rs1 = an address inside the leaf is enough */
	REACH_TABLE, /* was or became a pointer: rs1 = x0 */
};

struct record {
	uint64_t gen; /* of the newest store in it */
	vaddr_t va;
	paddr_t pa;	/* that the first old entry led to; 0 for invalid ones */
	uint32_t count; /* like entries side by side, from @va on */
	uint8_t level;
	uint8_t reach;
	uint16_t writer;
	pte_t old; /* the first of the run */
	struct hartset holders;
};

static struct spinlock lock = SPINLOCK("model");
static bool enabled;
static bool overflowed;
static uint64_t generation;	  /* counts stores */
static uint64_t last_fence_begin; /* generation that the newest fence began at */

static struct record records[MAX_RECORDS];
static unsigned nr_records;

/*
 * A hart that started holds anything that was ever cached in it, until its first full fence
 * (SBI HSM promises nothing about the TLB of a started hart).
 */
static struct hartset unfenced;
/* Generation at which each hart started: a fence that began before is none of its. */
static uint64_t started_at[MAX_HARTS];
/* Harts that started and did not stop; online or not yet, once fenced they hold what they cache. */
static struct hartset started;

static struct violation violations[MAX_VIOLATIONS];
static unsigned nr_violations; /* in all */
static unsigned nr_kept;       /* in violations[] */
static struct model_stats stats;

const char *violation_name(enum violation_kind k)
{
	static const char *const names[NR_VIOLATION_KINDS] = {
		"operation declared complete without a sufficient fence",
		"table page freed before the shootdown",
		"table page freed while an entry points to it",
		"frame freed before the shootdown",
		"frame freed or unplugged while it is mapped",
		"frame unplugged before the shootdown",
		"model overflow: nothing is claimed from here on",
	};

	return names[k];
}

const char *violation_clause(enum violation_kind k)
{
	switch (k) {
	case VIOLATION_NO_FENCE:
		return "Privileged ISA, SFENCE.VMA: after a leaf changed, rs1 = va or x0; after a "
		       "pointer changed, rs1 = x0; on each hart";
	case VIOLATION_TABLE_FREED:
	case VIOLATION_TABLE_LINKED:
		return "Privileged ISA, SFENCE.VMA: address-translation caches may hold pointers "
		       "until rs1 = x0 on each hart";
	case VIOLATION_FRAME_FREED:
		return "Privileged ISA, SFENCE.VMA: old leaf entries may be used until fenced";
	case VIOLATION_FRAME_MAPPED:
	case VIOLATION_FRAME_UNPLUGGED:
		return "virtio 1.2, 5.15.6.1: the driver must not touch unplugged memory; a hart "
		       "may "
		       "do so speculatively through any entry it holds";
	default:
		return "hotwalk: enlarge MAX_RECORDS or MAX_TABLES";
	}
}

/* Locks for all statics below: the model's. */

/* The last places are kept for kinds that were not seen yet: one flood must not hide another kind.
 */
static void report(struct violation v)
{
	bool first = true;

	nr_violations++;
	for (unsigned i = 0; i < nr_kept; i++)
		first &= violations[i].kind != v.kind;
	if (nr_kept < MAX_VIOLATIONS - NR_VIOLATION_KINDS || (first && nr_kept < MAX_VIOLATIONS))
		violations[nr_kept++] = v;
}

static void overflow(void)
{
	if (!overflowed)
		report((struct violation){.kind = VIOLATION_OVERFLOW});
	overflowed = true;
	nr_records = 0;
}

static void report_record(enum violation_kind kind, const struct record *r, paddr_t pa)
{
	report((struct violation){
		.kind = kind,
		.pa = pa,
		.va = r->va,
		.level = r->level,
		.old = r->old,
		.writer = r->writer,
		.holders = r->holders,
	});
}

static void drop_record(unsigned i)
{
	records[i] = records[--nr_records];
}

/*
 * Runs that grow keep the log short: unmapping 4 KiB pages is one record, not one a page. Never
 * onto a record that a fence under way may be about to clear.
 */
static bool extend_last(const struct record *r)
{
	struct record *last;

	if (nr_records == 0)
		return false;
	last = &records[nr_records - 1];
	if (last->gen <= last_fence_begin || last->level != r->level || last->reach != r->reach ||
	    last->writer != r->writer || last->count == UINT32_MAX ||
	    !hartset_eq(&last->holders, &r->holders) ||
	    r->va != last->va + last->count * level_size(r->level) ||
	    pte_prot(last->old) != pte_prot(r->old) ||
	    pte_is_valid(last->old) != pte_is_valid(r->old))
		return false;
	if (pte_is_valid(r->old) && r->pa != last->pa + last->count * level_size(r->level))
		return false;
	/* Pointers do not run on: each leads to a page of its own. */
	if (pte_is_table(r->old))
		return false;
	last->count++;
	last->gen = r->gen;
	return true;
}

static void add_record(struct record r)
{
	if (hartset_empty(&r.holders) || overflowed || extend_last(&r))
		return;
	if (nr_records == MAX_RECORDS) {
		overflow();
		return;
	}
	records[nr_records++] = r;
	stats.records_peak = max_u64(stats.records_peak, nr_records);
}

/* Harts that may cache an entry that is there now. What an unfenced one holds is unknown anyway. */
static struct hartset cachers(void)
{
	struct hartset online = arch_harts_online();
	struct hartset s = started;

	hartset_sub(&s, &unfenced);
	for (unsigned i = 0; i < HARTSET_WORDS; i++)
		s.bits[i] |= online.bits[i];
	return s;
}

/* Whether some hart may still hold a pointer to the table at @pa. */
static bool pointer_held(paddr_t pa)
{
	for (unsigned i = 0; i < nr_records; i++) {
		if (pte_is_table(records[i].old) && records[i].pa == pa)
			return true;
	}
	return false;
}

/*
 * A store of @new over @old to the entry of @va at @level. Returns whether it took away or changed
 * something that a hart may hold, or may hold the absence of.
 */
static void note_store(vaddr_t va, unsigned level, pte_t old, pte_t new)
{
	bool was_or_is_table = pte_is_table(old) || pte_is_table(new);

	if (!pte_is_valid(old) && !pte_is_valid(new))
		return;
	add_record((struct record){
		.gen = generation,
		.va = va,
		.pa = pte_is_valid(old) ? pte_pa(old) : 0,
		.count = 1,
		.level = (uint8_t)level,
		.reach = was_or_is_table ? REACH_TABLE : REACH_LEAF,
		.writer = (uint16_t)arch_hart(),
		.old = old,
		.holders = cachers(),
	});
}

static pte_t model_write(pte_slot_t slot, pte_t value, const pte_t *expected)
{
	bool irq = spin_lock_irq(&lock);
	struct model_table *t;
	pte_t old;

	if (expected != NULL) {
		old = *expected;
		if (!arch_raw_cmpxchg(slot, &old, value)) {
			spin_unlock_irq(&lock, irq);
			return old;
		}
	} else {
		old = arch_raw_xchg(slot, value);
	}
	generation++;
	stats.stores++;
	t = model_table_find(align_down(slot.pa, PAGE_SIZE));
	/* A page that is linked nowhere cannot be walked: no record. */
	if (t != NULL && old.raw != value.raw) {
		unsigned index = (unsigned)(slot.pa % PAGE_SIZE / sizeof(pte_t));

		if (!model_table_update(t, index, old, value))
			overflow();
		/* Unlinked, and every hart has forgotten it: as good as linked nowhere. */
		if (t->links != 0 || pointer_held(t->pa))
			note_store(model_table_va(t, index), t->level, old, value);
	}
	spin_unlock_irq(&lock, irq);
	return old;
}

static uint64_t model_fence_begin(void)
{
	bool irq = spin_lock_irq(&lock);
	uint64_t token = generation;

	last_fence_begin = token;
	spin_unlock_irq(&lock, irq);
	return token;
}

/* Whether @op reaches all of @r, none of it, or [*first, *first + *n) of its run. */
static bool fence_reaches(const struct fence_op *op, const struct record *r, uint32_t *first,
			  uint32_t *n)
{
	uint64_t size = level_size(r->level);
	uint64_t last_byte = op->start + (op->size - 1);
	uint64_t run_last = r->va + (r->count * size - 1);
	uint64_t lo, hi;

	/* Global mappings are not reached by rs2 = asid. All that is recorded is global. */
	if (!op->all_asid)
		return false;
	*first = 0;
	*n = r->count;
	if (op->all_va)
		return true;
	if (r->reach == REACH_TABLE || op->size == 0 || last_byte < op->start)
		return false;
	if (last_byte < r->va || op->start > run_last)
		return false;
	lo = max_u64(op->start, r->va);
	hi = min_u64(last_byte, run_last);
	*first = (uint32_t)((lo - r->va) / size);
	*n = (uint32_t)((hi - r->va) / size) - *first + 1;
	return true;
}

/* The part of @r from entry @first on, @n entries, as a record of its own. */
static struct record part_of(const struct record *r, uint32_t first, uint32_t n)
{
	struct record p = *r;

	p.va += first * level_size(r->level);
	if (pte_is_valid(r->old)) {
		p.pa += first * level_size(r->level);
		p.old = pte_leaf(p.pa, pte_prot(r->old));
	}
	p.count = n;
	return p;
}

static void keep(struct record r)
{
	if (nr_records == MAX_RECORDS)
		overflow();
	else
		records[nr_records++] = r;
}

/* A full fence that began at @token: harts of @harts that had started by then hold nothing unknown.
 */
static void forget_fenced(const struct hartset *harts, uint64_t token)
{
	hartset_for_each(h, harts) {
		if (token >= started_at[h])
			hartset_del(&unfenced, h);
	}
}

static void model_fence_end(const struct hartset *harts, const struct fence_op *op, uint64_t token)
{
	bool irq = spin_lock_irq(&lock);
	unsigned end = nr_records;

	stats.fences++;
	if (op->all_va && op->all_asid)
		forget_fenced(harts, token);
	/* Backwards: what drop_record() moves in has been looked at, or was split off here. */
	for (unsigned i = end; i-- > 0 && !overflowed;) {
		struct record r = records[i];
		uint32_t first, n;

		if (r.gen > token || !fence_reaches(op, &r, &first, &n))
			continue;
		if (first > 0)
			keep(part_of(&r, 0, first));
		if (first + n < r.count)
			keep(part_of(&r, first + n, r.count - first - n));
		r = part_of(&r, first, n);
		hartset_sub(&r.holders, harts);
		if (overflowed)
			break;
		if (hartset_empty(&r.holders))
			drop_record(i);
		else
			records[i] = r;
	}
	spin_unlock_irq(&lock, irq);
}

static void model_root_switched(unsigned hart, paddr_t root, uint16_t asid)
{
	bool irq = spin_lock_irq(&lock);

	(void)hart;
	(void)asid;
	if (enabled && !model_table_add_root(root))
		overflow();
	spin_unlock_irq(&lock, irq);
}

static void model_hart_started(unsigned hart)
{
	bool irq = spin_lock_irq(&lock);

	started_at[hart] = ++generation;
	hartset_add(&unfenced, hart);
	hartset_add(&started, hart);
	spin_unlock_irq(&lock, irq);
}

static void model_hart_stopped(unsigned hart)
{
	struct hartset gone = hartset_of(hart);
	bool irq = spin_lock_irq(&lock);

	/* It translates nothing now, and starts unfenced if it ever comes back. */
	hartset_del(&unfenced, hart);
	hartset_del(&started, hart);
	for (unsigned i = nr_records; i-- > 0;) {
		hartset_sub(&records[i].holders, &gone);
		if (hartset_empty(&records[i].holders))
			drop_record(i);
	}
	spin_unlock_irq(&lock, irq);
}

static const struct arch_observer observer = {
	.write = model_write,
	.fence_begin = model_fence_begin,
	.fence_end = model_fence_end,
	.root_switched = model_root_switched,
	.hart_started = model_hart_started,
	.hart_stopped = model_hart_stopped,
};

void model_init(const struct ptable *pt)
{
	bool irq = spin_lock_irq(&lock);

	enabled = true;
	overflowed = false;
	nr_records = 0;
	model_tables_reset(pt->mode->levels);
	if (!model_table_add_root(pt->root))
		overflow();
	spin_unlock_irq(&lock, irq);
	arch_observe(&observer);
}

bool model_enabled(void)
{
	return enabled;
}

uint64_t model_begin(void)
{
	return __atomic_load_n(&generation, __ATOMIC_RELAXED);
}

void model_root_dropped(paddr_t root)
{
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	model_table_drop_root(root);
	spin_unlock_irq(&lock, irq);
}

static void report_unfenced(enum violation_kind kind, paddr_t pa)
{
	if (!hartset_empty(&unfenced))
		report((struct violation){.kind = kind, .pa = pa, .holders = unfenced});
}

void model_complete(uint64_t begin)
{
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	for (unsigned i = nr_records; i-- > 0;) {
		if (records[i].writer != arch_hart() || records[i].gen <= begin)
			continue;
		report_record(VIOLATION_NO_FENCE, &records[i], 0);
	}
	spin_unlock_irq(&lock, irq);
}

void model_table_freed(paddr_t pa)
{
	const struct model_table *t;
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	t = model_table_find(pa);
	if (t != NULL && t->links != 0)
		report((struct violation){.kind = VIOLATION_TABLE_LINKED,
					  .pa = pa,
					  .va = t->va,
					  .level = t->level,
					  .holders = arch_harts_online()});
	for (unsigned i = nr_records; i-- > 0;) {
		if (pte_is_table(records[i].old) && records[i].pa == pa)
			report_record(VIOLATION_TABLE_FREED, &records[i], pa);
	}
	report_unfenced(VIOLATION_TABLE_FREED, pa);
	model_table_forget(pa);
	spin_unlock_irq(&lock, irq);
}

static bool overlap(paddr_t a, uint64_t a_size, struct region r)
{
	return a < region_end(r) && r.start < a + a_size;
}

/*
 * Whether [@lo, @hi), which the old leaf @rec led to, is still led to by the same addresses with
 * the same rights: a split or merge replaces entries without changing what they translate to.
 */
static bool translates_alike(const struct record *rec, paddr_t lo, paddr_t hi)
{
	while (lo < hi) {
		vaddr_t va = rec->va + (lo - rec->pa);
		struct model_leaf now = model_table_lookup(va);
		uint64_t offset = va & (level_size(now.level) - 1);

		if (!pte_is_valid(now.entry) || pte_prot(now.entry) != pte_prot(rec->old) ||
		    pte_pa(now.entry) + offset != lo)
			return false;
		lo += level_size(now.level) - offset;
	}
	return true;
}

/* Old leaves to @r that some hart may hold. Locks: the model's. */
static void check_held(struct region r, enum violation_kind kind)
{
	for (unsigned i = nr_records; i-- > 0;) {
		const struct record *rec = &records[i];
		uint64_t size = rec->count * level_size(rec->level);

		if (pte_is_leaf(rec->old) && overlap(rec->pa, size, r)) {
			paddr_t lo = max_u64(r.start, rec->pa);

			if (kind != VIOLATION_FRAME_FREED ||
			    !translates_alike(rec, lo, min_u64(region_end(r), rec->pa + size)))
				report_record(kind, rec, lo);
		} else if (pte_is_table(rec->old) &&
			   model_table_maps(rec->pa, rec->level - 1u, r, NULL)) {
			/* Through the old pointer, every leaf below it can still be reached. */
			report_record(kind, rec, r.start);
		}
	}
	report_unfenced(kind, r.start);
}

void model_frames_freed(struct region r)
{
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	check_held(r, VIOLATION_FRAME_FREED);
	spin_unlock_irq(&lock, irq);
}

void model_range_freed(vaddr_t va, uint64_t size)
{
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	for (vaddr_t at = va; at - va < size;) {
		struct model_leaf leaf = model_table_lookup(at);

		if (pte_is_valid(leaf.entry))
			report((struct violation){.kind = VIOLATION_FRAME_MAPPED,
						  .pa = pte_pa(leaf.entry),
						  .va = at,
						  .level = leaf.level,
						  .old = leaf.entry,
						  .writer = arch_hart(),
						  .holders = arch_harts_online()});
		at = align_down(at, level_size(leaf.level)) + level_size(leaf.level);
	}
	spin_unlock_irq(&lock, irq);
}

void model_frames_unplugged(struct region r)
{
	struct model_leaf leaf;
	bool irq;

	if (!enabled)
		return;
	irq = spin_lock_irq(&lock);
	if (model_tables_map(r, &leaf))
		report((struct violation){.kind = VIOLATION_FRAME_MAPPED,
					  .pa = max_u64(r.start, pte_pa(leaf.entry)),
					  .va = leaf.va,
					  .level = leaf.level,
					  .old = leaf.entry,
					  .writer = arch_hart(),
					  .holders = arch_harts_online()});
	check_held(r, VIOLATION_FRAME_UNPLUGGED);
	spin_unlock_irq(&lock, irq);
}

unsigned model_take_violations(struct violation *v, unsigned max, unsigned *kept)
{
	bool irq = spin_lock_irq(&lock);
	unsigned n = nr_violations;

	*kept = nr_kept < max ? nr_kept : max;
	for (unsigned i = 0; i < *kept; i++)
		v[i] = violations[i];
	nr_violations = 0;
	nr_kept = 0;
	/* What was reported once is not reported again by the next operation. */
	if (n != 0)
		nr_records = 0;
	spin_unlock_irq(&lock, irq);
	return n;
}

struct model_stats model_stats(void)
{
	struct model_stats s = stats;

	s.tables_peak = model_tables_peak();
	return s;
}
