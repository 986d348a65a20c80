/* SPDX-License-Identifier: BSD-2-Clause */
/* Violations of the model: their words, and the few that are kept. */
#include "mm/model_report.h"

#include "mm/model_spaces.h"

#define MAX_VIOLATIONS 32

static struct violation violations[MAX_VIOLATIONS];
static unsigned nr_violations; /* in all */
static unsigned nr_kept;       /* in violations[] */
static bool overflowed;
static bool of_records; /* any of them is of an old entry */

const char *violation_name(enum violation_kind k)
{
	static const char *const names[NR_VIOLATION_KINDS] = {
		[VIOLATION_NO_FENCE] = "operation declared complete without a sufficient fence",
		[VIOLATION_TABLE_FREED] = "table page freed before the shootdown",
		[VIOLATION_TABLE_LINKED] = "table page freed while an entry points to it",
		[VIOLATION_TABLE_WRITTEN] = "table page freed while a walker may set A or D in it",
		[VIOLATION_ROOT_HELD] = "root dropped while a hart may walk it",
		[VIOLATION_SWITCH] = "another root under the same ASID used without a fence",
		[VIOLATION_FRAME_FREED] = "frame freed before the shootdown",
		[VIOLATION_FRAME_MAPPED] = "frame freed or unplugged while it is mapped",
		[VIOLATION_FRAME_UNPLUGGED] = "frame unplugged before the shootdown",
		[VIOLATION_TYPES] = "page mapped with memory types that differ",
		[VIOLATION_OVERFLOW] = "model overflow: nothing is claimed from here on",
	};

	return names[k];
}

const char *violation_clause(enum violation_kind k)
{
	switch (k) {
	case VIOLATION_NO_FENCE:
		return "Privileged ISA, SFENCE.VMA: after a leaf changed, rs1 = va or x0; after a "
		       "pointer changed, rs1 = x0; rs2 = x0 if either is global; on each hart";
	case VIOLATION_TABLE_FREED:
	case VIOLATION_TABLE_LINKED:
		return "Privileged ISA, SFENCE.VMA: address-translation caches may hold pointers "
		       "until rs1 = x0 on each hart";
	case VIOLATION_TABLE_WRITTEN:
		return "Privileged ISA, Virtual Address Translation Process: a walk that finds A "
		       "or D clear may set it, also by a pointer that is held, until rs1 = x0 on "
		       "each hart";
	case VIOLATION_ROOT_HELD:
	case VIOLATION_SWITCH:
		return "Privileged ISA, satp: writing it orders nothing; what was cached of the "
		       "old root under this ASID may be used until SFENCE.VMA behind the write";
	case VIOLATION_FRAME_FREED:
		return "Privileged ISA, SFENCE.VMA: old leaf entries may be used until fenced";
	case VIOLATION_FRAME_MAPPED:
	case VIOLATION_FRAME_UNPLUGGED:
		return "virtio 1.2, 5.15.6.1: the driver must not touch unplugged memory; a hart "
		       "may do so speculatively through any entry it holds";
	case VIOLATION_TYPES:
		return "Privileged ISA, Svpbmt: among aliases of a page with other memory "
		       "attributes, what the attributes dictate may be violated, coherence "
		       "included";
	default:
		return "hotwalk: mm/model_*.c has room for so many";
	}
}

const char *fence_gap_text(enum fence_gap gap)
{
	static const char *const texts[NR_FENCE_GAPS] = {
		[GAP_NONE] = "no fence of these harts was seen since",
		[GAP_OTHER_ADDRESS] = "a fence was seen that names another address",
		[GAP_OTHER_ASID] = "a fence was seen that names another ASID",
		[GAP_INVAL_UNORDERED] = "SINVAL.VMA was seen without SFENCE.W.INVAL behind the "
					"store",
		[GAP_INVAL_OPEN] = "SINVAL.VMA was seen without SFENCE.INVAL.IR behind it",
		[GAP_GLOBAL] = "a fence with an ASID was seen: it leaves global entries",
		[GAP_POINTER] = "a fence with an address was seen: it does not reach a table "
				"pointer",
		[GAP_NAPOT] = "a fence was seen while an entry of the NAPOT group was still there",
		[GAP_BESIDE] = "a fence was seen that began before the store",
	};

	return texts[gap];
}

/* The last places are kept for kinds that were not seen yet: one flood must not hide another. */
void model_report(struct violation v)
{
	bool first = true;

	nr_violations++;
	for (unsigned i = 0; i < nr_kept; i++)
		first &= violations[i].kind != v.kind;
	if (nr_kept < MAX_VIOLATIONS - NR_VIOLATION_KINDS || (first && nr_kept < MAX_VIOLATIONS))
		violations[nr_kept++] = v;
}

void model_report_record(enum violation_kind kind, const struct model_record *r, paddr_t pa)
{
	of_records = true;
	model_report((struct violation){
		.kind = kind,
		.pa = pa,
		.va = r->va,
		.level = r->level,
		.old = r->old,
		.writer = r->writer,
		.store = r->gen,
		.op = model_op_name(r->op),
		.gap = (enum fence_gap)r->why,
		.holders = r->holders,
	});
}

void model_report_unfenced(enum violation_kind kind, paddr_t pa)
{
	struct hartset unfenced = model_unfenced();

	if (!hartset_empty(&unfenced))
		model_report((struct violation){.kind = kind, .pa = pa, .holders = unfenced});
}

void model_overflow(const char *what)
{
	if (!overflowed)
		model_report((struct violation){.kind = VIOLATION_OVERFLOW, .full = what});
	overflowed = true;
	model_records_reset();
}

bool model_overflowed(void)
{
	return overflowed;
}

void model_report_reset(void)
{
	overflowed = false;
	nr_violations = 0;
	nr_kept = 0;
}

unsigned model_report_take(struct violation *v, unsigned max, unsigned *kept)
{
	unsigned n = nr_violations;

	*kept = nr_kept < max ? nr_kept : max;
	for (unsigned i = 0; i < *kept; i++)
		v[i] = violations[i];
	nr_violations = 0;
	nr_kept = 0;
	/* What was reported once is not reported again by the next operation. */
	if (of_records)
		model_records_reset();
	of_records = false;
	return n;
}
