/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Address translation: look-up, refill, and steps 5 to 8 of the "Virtual Address Translation
 * Process". Rights are checked at every use against the entry as it was cached.
 */
#include "host/sim/mmu.h"

#include "host/sim/faults.h"
#include "host/sim/walk.h"

#define LATE_REFILL_INSNS 40

enum outcome { USE_OK, USE_PAGE_FAULT, USE_ACCESS_FAULT, USE_AGAIN };

/* Without translation the way never changes but with the mode. */
static const uint64_t always;

static bool page_fault(struct hart *h, enum access a, uint64_t va)
{
	static const enum cause causes[] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE};

	return hart_raise(h, causes[a], va);
}

static bool access_fault(struct hart *h, enum access a, uint64_t va)
{
	static const enum cause causes[] = {CAUSE_LOAD_ACCESS, CAUSE_STORE_ACCESS,
					    CAUSE_FETCH_ACCESS};

	return hart_raise(h, causes[a], va);
}

/* Step 5, "determine if the requested memory access is allowed". */
static bool allowed(const struct hart *h, const struct tlb_entry *e, enum access a)
{
	enum priv priv = a == ACCESS_FETCH ? h->priv : h->data_priv;
	bool sum = (h->mstatus & MSTATUS_SUM) != 0;
	bool mxr = (h->mstatus & MSTATUS_MXR) != 0;

	if (fault_on(h->id, FAULT_SUM_STALE))
		sum = e->sum;
	if (fault_on(h->id, FAULT_MXR_STALE))
		mxr = e->mxr;
	if ((e->pte & PTE_U) == 0 && priv == PRIV_U && !fault_on(h->id, FAULT_USER_IN_S))
		return false;
	if ((e->pte & PTE_U) != 0 && priv == PRIV_S) {
		if (a == ACCESS_FETCH && !(sum && fault_on(h->id, FAULT_SUM_FETCH)))
			return false;
		if (!sum && !fault_on(h->id, FAULT_SUM_ALWAYS))
			return false;
	}
	switch (a) {
	case ACCESS_LOAD:
		return (e->pte & PTE_R) != 0 || (mxr && (e->pte & PTE_X) != 0) ||
		       ((e->pte & PTE_W) != 0 && fault_on(h->id, FAULT_PTE_W_ONLY)) ||
		       ((e->pte & (PTE_W | PTE_X)) == 0 &&
			fault_on(h->id, FAULT_PTE_LEVEL0_POINTER));
	case ACCESS_STORE:
		return (e->pte & PTE_W) != 0 ||
		       (e->used & BIT(ACCESS_LOAD) && fault_on(h->id, FAULT_STORE_AS_LOAD));
	default:
		return (e->pte & PTE_X) != 0;
	}
}

/* Step 7's condition: does the hardware set the bits, or trap? */
static bool sets_ad(const struct hart *h)
{
	enum ad_mode ad = h->machine->config->ad;

	return ad == AD_HARDWARE || (ad == AD_ADUE && (h->menvcfg & MENVCFG_ADUE) != 0) ||
	       fault_on(h->id, FAULT_AD_ALWAYS);
}

/* The page-table entry of the very page: each page of a NAPOT range has its own. */
static uint64_t slot_of_page(const struct tlb_entry *e, uint64_t vpn)
{
	uint64_t range = NAPOT_PAGES * PTE_BYTES;

	return e->span_bits == 4 ? e->slot / range * range + vpn % NAPOT_PAGES * PTE_BYTES
				 : e->slot;
}

/*
 * Step 7: the entry in memory is compared with the cached one and written in one piece. If it
 * has changed, what is cached of it is no longer used and the walk begins anew.
 */
static enum outcome set_ad(struct hart *h, struct tlb_entry *e, uint64_t vpn, uint64_t want)
{
	uint64_t *slot;

	if (!sets_ad(h))
		return USE_PAGE_FAULT;
	slot = walk_slot(h, slot_of_page(e, vpn), ACCESS_STORE);
	if (slot == NULL)
		return USE_ACCESS_FAULT;
	if (fault_on(h->id, FAULT_AD_WRONG_ENTRY)) {
		slot = (uint64_t *)((uintptr_t)slot ^ PTE_BYTES);
		*slot |= want & (PTE_A | PTE_D);
	} else if (*slot == e->pte || fault_on(h->id, FAULT_AD_RESURRECTS)) {
		*slot = want;
	} else {
		tlb_forget_slot(&h->tlb, e->slot);
		return USE_AGAIN;
	}
	e->pte = want;
	return USE_OK;
}

/* Steps 5 to 7 for page @vpn through @e. */
static enum outcome use(struct hart *h, struct tlb_entry *e, uint64_t vpn, enum access a)
{
	uint64_t want = e->pte | PTE_A | (a == ACCESS_STORE ? PTE_D : 0);

	if (!walk_leaf_valid(h, e) || !allowed(h, e, a))
		return USE_PAGE_FAULT;
	if (fault_on(h->id, FAULT_A_UNCHECKED))
		want &= e->pte | ~PTE_A;
	if (fault_on(h->id, FAULT_D_UNCHECKED))
		want &= e->pte | ~PTE_D;
	if (want != e->pte) {
		enum outcome o = set_ad(h, e, vpn, want);

		if (o != USE_OK)
			return o;
	}
	e->used |= (uint16_t)BIT(a);
	return USE_OK;
}

/* Step 8: the physical address. */
static uint64_t physical(const struct hart *h, const struct tlb_entry *e, uint64_t va)
{
	uint64_t ppn = e->pte >> PTE_PPN_SHIFT & PTE_PPN_MASK;
	uint64_t vpn = va >> PAGE_SHIFT;
	uint64_t low = BIT(VPN_BITS * e->level) - 1;

	if ((e->pte & PTE_N) != 0 && e->level == 0)
		low = NAPOT_PAGES - 1;
	if (low == NAPOT_PAGES - 1 && fault_on(h->id, FAULT_NAPOT_FIRST))
		vpn = e->slot / PTE_BYTES;
	if (fault_on(h->id, FAULT_SUPERPAGE_OR) && low != NAPOT_PAGES - 1)
		ppn |= vpn & low;
	else
		ppn = (ppn & ~low) | (vpn & low);
	return ppn << PAGE_SHIFT | (va & PAGE_OFFSET);
}

static struct tlb_entry *fill(struct hart *h, enum tlb_array a, const struct tlb_entry *e)
{
	struct tlb_entry *in;

	tlb_fill_l2(&h->tlb, e);
	in = tlb_fill_l1(&h->tlb, a, e);
	return in;
}

/* A fault: walks that end later than what follows them. Each is filled in when its time comes. */
static void late_refills(struct hart *h)
{
	for (unsigned i = 0; i < MAX_INFLIGHT; i++) {
		struct late_fill *l = &h->late_fill[i];

		if (!l->pending || l->due > h->insns)
			continue;
		l->pending = false;
		fill(h, l->access == ACCESS_FETCH ? TLB_L1I : TLB_L1D, &l->entry);
	}
}

static void refill_later(struct hart *h, enum access a, const struct tlb_entry *e)
{
	for (unsigned i = 0; i < MAX_INFLIGHT; i++) {
		struct late_fill *l = &h->late_fill[i];

		if (l->pending)
			continue;
		*l = (struct late_fill){true, a, h->insns + LATE_REFILL_INSNS, *e};
		return;
	}
}

/*
 * A walk that nothing asked for: legal at any time, and what makes an entry appear that software
 * never touched. Raises nothing.
 */
static void prefetch(struct hart *h, uint64_t vpn)
{
	struct rng *rng = &h->tlb.rng;
	uint64_t recent = rng_below(rng, sizeof(h->recent) / sizeof(h->recent[0]));
	uint64_t other = rng_percent(rng, 50) ? vpn + 1 : h->recent[recent];
	struct tlb_entry e;

	h->recent[recent] = vpn;
	if (!walk_canonical(h, other << PAGE_SHIFT) ||
	    tlb_find_l2(&h->tlb, other, h->asid) != NULL || !walk_page(h, other, &e))
		return;
	h->stats.prefetches++;
	if (walk_leaf_valid(h, &e) || h->tlb.config.negative)
		tlb_fill_l2(&h->tlb, &e);
}

static struct tlb_entry *from_l2(struct hart *h, enum tlb_array array, uint64_t vpn)
{
	struct tlb_entry *e = tlb_find_l2(&h->tlb, vpn, h->asid);
	struct tlb_entry copy;

	if (e == NULL)
		return NULL;
	copy = *e;
	if (fault_on(h->id, FAULT_L2_ASID_NOW))
		copy.asid = 0;
	if (array == TLB_L1I && fault_on(h->id, FAULT_FETCH_UNCHECKED))
		copy.pte |= PTE_X;
	e = tlb_fill_l1(&h->tlb, array, &copy);
	/* No first level: the second one is used as it is. */
	return e != NULL ? e : tlb_find_l2(&h->tlb, vpn, h->asid);
}

/*
 * An entry for @vpn: from a cache, or from a walk. What is not kept is in @scratch. NULL: the walk
 * met an access fault.
 */
static struct tlb_entry *find(struct hart *h, uint64_t vpn, enum access a,
			      struct tlb_entry *scratch)
{
	enum tlb_array array = a == ACCESS_FETCH ? TLB_L1I : TLB_L1D;
	struct tlb_entry *e;

	if (fault_on(h->id, FAULT_REFILL_LATE))
		late_refills(h);
	e = tlb_find_l1(&h->tlb, array, vpn, h->asid);
	if (e != NULL)
		return e;
	h->stats.l1_misses++;
	e = from_l2(h, array, vpn);
	if (e != NULL)
		return e;
	h->stats.l2_misses++;
	if (!walk_page(h, vpn, scratch))
		return NULL;
	if (rng_percent(&h->tlb.rng, h->tlb.config.prefetch))
		prefetch(h, vpn);
	if (!walk_leaf_valid(h, scratch) && !h->tlb.config.negative)
		return scratch;
	if (fault_on(h->id, FAULT_REFILL_LATE)) {
		refill_later(h, a, scratch);
		return scratch;
	}
	e = fill(h, array, scratch);
	return e != NULL ? e : scratch;
}

bool mmu_translate(struct hart *h, uint64_t va, enum access a, struct translation *t)
{
	enum priv priv = a == ACCESS_FETCH ? h->priv : h->data_priv;
	struct tlb_entry scratch;
	struct tlb_entry *e;
	enum outcome o;

	if (priv == PRIV_M || h->levels == 0) {
		*t = (struct translation){.pa = va, .live = &always};
		return true;
	}
	if (!walk_canonical(h, va))
		return page_fault(h, a, va);
	do {
		e = find(h, va >> PAGE_SHIFT, a, &scratch);
		if (e == NULL)
			return access_fault(h, a, va);
		o = use(h, e, va >> PAGE_SHIFT, a);
	} while (o == USE_AGAIN);
	if (o != USE_OK)
		return o == USE_PAGE_FAULT ? page_fault(h, a, va) : access_fault(h, a, va);
	t->pa = physical(h, e, va);
	t->live = e == &scratch ? NULL : &e->live;
	t->seen = e->live;
	return true;
}

void mmu_context_changed(struct hart *h)
{
	h->data_priv = h->priv;
	if (h->priv == PRIV_M && (h->mstatus & MSTATUS_MPRV) != 0)
		h->data_priv = (enum priv)((h->mstatus & MSTATUS_MPP) >> MSTATUS_MPP_SHIFT);
	h->fetch_fast = &h->fast[h->priv == PRIV_M ? 2 : h->priv];
	h->data_fast = &h->fast[h->data_priv == PRIV_M ? 2 : h->data_priv];
}

void mmu_load_satp(struct hart *h)
{
	unsigned mode = (unsigned)(h->satp >> SATP_MODE_SHIFT);

	h->levels = mode == SATP_MODE_BARE ? 0 : mode - SATP_MODE_SV39 + 3;
	h->asid = (uint16_t)(h->satp >> SATP_ASID_SHIFT & h->tlb.asid_mask);
	h->root = (h->satp & SATP_PPN_MASK) << PAGE_SHIFT;
	for (unsigned i = 0; i < 3; i++)
		fast_forget(&h->fast[i]);
}
