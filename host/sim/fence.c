/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The least that a fence has to remove (Privileged ISA, "Supervisor Memory-Management Fence
 * Instruction"): with an address leaf entries of that address only, no pointers; with an ASID no
 * global entries.
 */
#include "host/sim/fence.h"

#include "host/sim/faults.h"
#include "host/sim/mmu.h"
#include "host/sim/walk.h"

struct reach {
	const struct fence *f;
	struct hart *h;
	unsigned dropped;
	unsigned seen;
	enum tlb_array array;
	bool svinval;
};

static bool is_invalid(const struct tlb_entry *e)
{
	return (e->pte & PTE_V) == 0;
}

/* The pages that the page-table entry stands for; of a NAPOT range that is one, see below. */
static uint64_t first_page(const struct tlb_entry *e)
{
	unsigned bits = VPN_BITS * e->level;

	return bits > e->span_bits ? e->vpn >> bits << bits : e->vpn;
}

static uint64_t last_page(const struct tlb_entry *e)
{
	unsigned bits = VPN_BITS * e->level > e->span_bits ? VPN_BITS * e->level : e->span_bits;

	return first_page(e) + BIT(bits) - 1;
}

/* What the operands say about the address space. */
static bool asid_reached(const struct reach *r, bool global, uint16_t asid)
{
	const struct fence *f = r->f;
	unsigned id = r->h->id;

	if (!f->all_asid) {
		uint16_t wanted = fault_on(id, FAULT_FENCE_ASID_CURRENT) ? r->h->asid : f->asid;

		return !global && asid == wanted && !fault_on(id, FAULT_FENCE_ASID_LOST);
	}
	if (global)
		return !fault_on(id, f->all_va ? FAULT_FENCE_ALL_KEEPS_GLOBAL
					       : FAULT_FENCE_VA_KEEPS_GLOBAL);
	if (asid == r->h->asid)
		return true;
	if (r->svinval && !f->all_va && fault_on(id, FAULT_SINVAL_ONE_ASID))
		return false;
	return !fault_on(id,
			 f->all_va ? FAULT_FENCE_ALL_CURRENT_ASID : FAULT_FENCE_VA_CURRENT_ASID);
}

/* Faults by size of the entry; true if an addressed fence does not find @e. */
static bool size_missed(const struct reach *r, const struct tlb_entry *e)
{
	static const enum fault by_level[] = {NR_FAULTS, FAULT_FENCE_VA_NOT_2M,
					      FAULT_FENCE_VA_NOT_1G, FAULT_FENCE_VA_NOT_512G};
	unsigned id = r->h->id;

	if (e->level >= 1 && e->level <= 3 && fault_on(id, by_level[e->level]))
		return true;
	return e->level != 0 && fault_on(id, FAULT_FENCE_VA_FIRST_PAGE) &&
	       (first_page(e) < r->f->first || first_page(e) > r->f->last);
}

/*
 * A NAPOT range is 16 page-table entries, and each page that is held is a copy of its own
 * (Svnapot: "cache entries mapping a + j x PTESIZE"): a fence reaches those it names.
 */
static void drop_napot_pages(struct reach *r, struct tlb_entry *e)
{
	uint16_t held = e->napot;

	if (fault_on(r->h->id, FAULT_FENCE_VA_NAPOT_FIRST)) {
		if (e->vpn >= r->f->first && e->vpn <= r->f->last)
			e->napot = 0;
	} else {
		for (unsigned i = 0; i < NAPOT_PAGES; i++) {
			if (e->vpn + i >= r->f->first && e->vpn + i <= r->f->last)
				e->napot &= (uint16_t)~BIT(i);
		}
	}
	if (e->napot == 0)
		tlb_drop(e);
	else if (e->napot != held)
		e->live++;
}

/* Faults by cache: is this whole array left alone? */
static bool array_missed(const struct reach *r)
{
	unsigned id = r->h->id;
	bool va = !r->f->all_va;

	switch (r->array) {
	case TLB_L1I:
		return fault_on(id, FAULT_FENCE_NOT_ITLB) ||
		       (va && fault_on(id, FAULT_FENCE_VA_NOT_ITLB));
	case TLB_L1D:
		return va && fault_on(id, FAULT_FENCE_VA_NOT_DTLB);
	default:
		return fault_on(id, va ? FAULT_FENCE_VA_NOT_L2 : FAULT_FENCE_ALL_NOT_L2) ||
		       (r->svinval && fault_on(id, FAULT_SINVAL_NOT_L2));
	}
}

static void drop_leaf(struct tlb_entry *e, const void *arg)
{
	struct reach *r = (struct reach *)(uintptr_t)arg;
	const struct fence *f = r->f;
	unsigned id = r->h->id;

	r->seen++;
	if (e->born >= f->before || !asid_reached(r, e->global, e->asid))
		return;
	if (is_invalid(e) && (fault_on(id, FAULT_FENCE_NOT_INVALID) ||
			      (!f->all_va && fault_on(id, FAULT_FENCE_VA_NOT_INVALID))))
		return;
	if (f->all_va) {
		if (r->array == TLB_L2 && r->seen % 2 == 0 && fault_on(id, FAULT_FENCE_ALL_L2_HALF))
			return;
		tlb_drop(e);
		return;
	}
	if (last_page(e) < f->first || first_page(e) > f->last || size_missed(r, e))
		return;
	if (r->dropped++ != 0 && fault_on(id, FAULT_FENCE_VA_ONE_MATCH))
		return;
	if (e->level == 0 && e->span_bits == 4)
		drop_napot_pages(r, e);
	else
		tlb_drop(e);
}

static void drop_pointers(const struct reach *r)
{
	struct tlb *t = &r->h->tlb;
	unsigned id = r->h->id;

	if (fault_on(id, FAULT_FENCE_ALL_NOT_POINTERS))
		return;
	for (uint32_t i = 0; i < t->config.pwc; i++) {
		struct pwc_entry *e = &t->pwc[i];

		if (fault_on(id,
			     e->level > 0 ? FAULT_FENCE_ALL_NOT_UPPER : FAULT_FENCE_ALL_NOT_LOWER))
			continue;
		if (e->valid && e->born < r->f->before && asid_reached(r, e->global, e->asid))
			e->valid = false;
	}
}

static void apply(struct hart *h, const struct fence *f, bool svinval)
{
	for (enum tlb_array a = TLB_L1I; a <= TLB_L2; a++) {
		struct reach r = {.f = f, .h = h, .array = a, .svinval = svinval};

		if (!array_missed(&r))
			tlb_for_each(&h->tlb, a, drop_leaf, &r);
	}
	if (f->all_va) {
		struct reach r = {.f = f, .h = h, .svinval = svinval};

		drop_pointers(&r);
	}
}

void fence_apply(struct hart *h, const struct fence *f)
{
	h->stats.fences++;
	apply(h, f, false);
}

/* The address as a fault would have it. */
static uint64_t fault_address(const struct hart *h, uint64_t va)
{
	if (fault_on(h->id, FAULT_FENCE_VA_32))
		return va & UINT32_MAX;
	if (fault_on(h->id, FAULT_FENCE_VA_LOW_HALF) && h->levels != 0)
		return va & (BIT(PAGE_SHIFT + VPN_BITS * h->levels) - 1);
	return va;
}

/* The operands of a fence; false if it has no effect. */
static bool operands(const struct hart *h, unsigned rs1, unsigned rs2, struct fence *f)
{
	uint64_t va;

	if (fault_on(h->id, FAULT_FENCE_HIGH_REGISTER)) {
		rs1 &= 15;
		rs2 &= 15;
	}
	if (fault_on(h->id, FAULT_FENCE_SWAPPED)) {
		unsigned rs = rs1;

		rs1 = rs2;
		rs2 = rs;
	}
	va = h->x[rs1];
	/* "If the value held in rs1 is not a valid virtual address ... has no effect." */
	if (rs1 != 0 && !walk_canonical(h, va))
		return false;
	va = fault_address(h, va);
	*f = (struct fence){
		.all_va = rs1 == 0 && !fault_on(h->id, FAULT_FENCE_X0_IS_ADDRESS),
		.all_asid = rs2 == 0 && !fault_on(h->id, FAULT_FENCE_X0_IS_ASID),
		.asid = (uint16_t)(h->x[rs2] & h->tlb.asid_mask),
		.first = va >> PAGE_SHIFT,
		.last = va >> PAGE_SHIFT,
		.before = UINT64_MAX,
	};
	return true;
}

void fence_sfence_vma(struct hart *h, unsigned rs1, unsigned rs2)
{
	struct fence f;
	bool second = h->last_fence_at != 0 && h->insns - h->last_fence_at <= 4;

	/* What a fault made wait for a fence is in force now. */
	mmu_load_satp(h);
	if (!operands(h, rs1, rs2, &f))
		return;
	if (second && fault_on(h->id, FAULT_FENCE_SECOND_LOST)) {
		h->last_fence_at = 0;
		return;
	}
	h->last_fence_at = h->insns;
	if (h->priv == PRIV_M && fault_on(h->id, FAULT_FENCE_M_MODE_LOST))
		return;
	fence_apply(h, &f);
}

/*
 * SINVAL.VMA is put off until SFENCE.INVAL.IR, and reaches only what was read before the last
 * SFENCE.W.INVAL: whatever was read behind it has seen the stores that are to be seen.
 */
void fence_sinval_vma(struct hart *h, unsigned rs1, unsigned rs2)
{
	struct fence f;

	if (!operands(h, rs1, rs2, &f))
		return;
	f.before = h->winval_at;
	if (fault_on(h->id, FAULT_SINVAL_LAST_ONLY))
		h->nr_sinval = 0;
	/* No room: the oldest is done now, which is legal as well. */
	if (h->nr_sinval == MAX_SINVAL) {
		apply(h, &h->sinval[0], true);
		memmove(&h->sinval[0], &h->sinval[1], (MAX_SINVAL - 1) * sizeof(h->sinval[0]));
		h->nr_sinval--;
	}
	h->sinval[h->nr_sinval++] = f;
}

void fence_w_inval(struct hart *h)
{
	h->winval_at = h->insns + 1;
}

void fence_inval_ir(struct hart *h)
{
	if (!fault_on(h->id, FAULT_INVAL_IR_NOTHING)) {
		for (unsigned i = 0; i < h->nr_sinval; i++)
			apply(h, &h->sinval[i], true);
		h->stats.fences++;
	}
	h->nr_sinval = 0;
}
