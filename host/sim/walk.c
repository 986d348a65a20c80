/* SPDX-License-Identifier: BSD-2-Clause */
/* The page-table walk (Privileged ISA, "Virtual Address Translation Process", steps 1 to 4). */
#include "host/sim/walk.h"

#include "host/sim/bus.h"
#include "host/sim/faults.h"
#include "host/sim/pmp.h"

bool walk_canonical(const struct hart *h, uint64_t va)
{
	unsigned bits = PAGE_SHIFT + VPN_BITS * h->levels;

	return h->levels == 0 || (uint64_t)sign_extend(va, bits) == va ||
	       fault_on(h->id, FAULT_VA_NOT_CANONICAL);
}

uint64_t *walk_slot(struct hart *h, uint64_t slot, enum access a)
{
	/* Implicit accesses are checked as those of S-mode. */
	if (!pmp_allows(h, slot, a, PRIV_S))
		return NULL;
	return (uint64_t *)(void *)bus_ram(h->machine, slot, PTE_BYTES);
}

static bool is_pointer(uint64_t pte)
{
	return (pte & (PTE_R | PTE_W | PTE_X)) == 0;
}

/* Bits that no entry may have set, as far as the extensions do not define them. */
static bool reserved_bits(const struct hart *h, uint64_t pte)
{
	bool pbmt = h->machine->config->svpbmt && (h->menvcfg & MENVCFG_PBMTE) != 0;

	if ((pte & PTE_RESERVED) != 0 && !fault_on(h->id, FAULT_PTE_RESERVED_BITS))
		return true;
	if (((pte & PTE_PBMT) == PTE_PBMT || ((pte & PTE_PBMT) != 0 && !pbmt)) &&
	    !fault_on(h->id, FAULT_PTE_PBMT_RESERVED))
		return true;
	return (pte & PTE_N) != 0 && !h->machine->config->svnapot &&
	       !fault_on(h->id, FAULT_PTE_N_RESERVED);
}

static bool is_valid(const struct hart *h, uint64_t pte)
{
	if ((pte & PTE_V) == 0 && (!fault_on(h->id, FAULT_PTE_INVALID) || is_pointer(pte)))
		return false;
	if ((pte & (PTE_R | PTE_W)) == PTE_W && !fault_on(h->id, FAULT_PTE_W_ONLY))
		return false;
	return !reserved_bits(h, pte);
}

/* "For non-leaf PTEs, the D, A, and U bits are reserved", and so are N and PBMT. */
static bool pointer_valid(const struct hart *h, uint64_t pte)
{
	if ((pte & (PTE_A | PTE_D | PTE_U)) != 0 && !fault_on(h->id, FAULT_PTE_POINTER_BITS))
		return false;
	return (pte & (PTE_N | PTE_PBMT)) == 0;
}

static bool napot_valid(const struct hart *h, const struct tlb_entry *e)
{
	if ((e->pte & PTE_N) == 0 || fault_on(h->id, FAULT_PTE_N_RESERVED))
		return true;
	return e->level == 0 && (e->pte >> PTE_PPN_SHIFT & 0xf) == 8;
}

bool walk_leaf_valid(const struct hart *h, const struct tlb_entry *e)
{
	uint64_t low = (BIT(VPN_BITS * e->level) - 1) << PTE_PPN_SHIFT;

	if (!is_valid(h, e->pte) || !napot_valid(h, e))
		return false;
	if (is_pointer(e->pte))
		return fault_on(h->id, FAULT_PTE_LEVEL0_POINTER) && e->level == 0;
	return (e->pte & low) == 0 || fault_on(h->id, FAULT_SUPERPAGE_OR) ||
	       fault_on(h->id, FAULT_SUPERPAGE_MASK);
}

/* How the entry goes into a cache: as a whole, unless it is to be splintered. */
static void set_reach(struct hart *h, uint64_t vpn, struct tlb_entry *e)
{
	bool napot = e->level == 0 && (e->pte & (PTE_V | PTE_N)) == (PTE_V | PTE_N) &&
		     walk_leaf_valid(h, e);

	e->napot = UINT16_MAX;
	e->span_bits = napot ? 4 : (uint8_t)(VPN_BITS * e->level);
	if (rng_percent(&h->tlb.rng, h->tlb.config.splinter))
		e->span_bits = 0;
	e->vpn = vpn >> e->span_bits << e->span_bits;
	if (napot && e->span_bits == 0)
		e->napot = (uint16_t)BIT(vpn & (NAPOT_PAGES - 1));
}

static void remember_pointer(struct hart *h, uint64_t vpn, const struct tlb_entry *at,
			     uint64_t table)
{
	struct pwc_entry p = {
		.valid = true,
		.global = at->global || fault_on(h->id, FAULT_PWC_NO_ASID),
		.level = (uint8_t)(at->level - 1),
		.asid = h->asid,
		.prefix = vpn >> VPN_BITS * at->level,
		.table = table,
		.born = at->born,
	};

	pwc_fill(&h->tlb, &p);
}

/* Where the walk begins: at the root, or at a pointer that is cached. */
static uint64_t walk_start(struct hart *h, uint64_t vpn, struct tlb_entry *out)
{
	struct pwc_entry *p = NULL;

	out->level = (uint8_t)(h->levels - 1);
	out->global = false;
	out->born = h->insns;
	if (h->levels > 1 && !rng_percent(&h->tlb.rng, h->tlb.config.restart))
		p = pwc_find(&h->tlb, vpn, h->asid, h->levels - 2);
	if (p == NULL)
		return h->root;
	out->level = p->level;
	out->global = p->global && !fault_on(h->id, FAULT_PWC_NO_ASID);
	out->born = p->born;
	return p->table;
}

/* A fault: what one leaf says of itself sticks to the pointer above. */
static void leak_global(struct hart *h, uint64_t vpn, const struct tlb_entry *e)
{
	struct pwc_entry *p;

	if (!fault_on(h->id, FAULT_PWC_GLOBAL) || (e->pte & (PTE_V | PTE_G)) != (PTE_V | PTE_G))
		return;
	p = pwc_find(&h->tlb, vpn, h->asid, e->level);
	if (p != NULL && p->level == e->level)
		p->global = true;
}

bool walk_page(struct hart *h, uint64_t vpn, struct tlb_entry *out)
{
	uint64_t table;

	*out = (struct tlb_entry){.valid = true, .asid = h->asid};
	out->sum = (h->mstatus & MSTATUS_SUM) != 0;
	out->mxr = (h->mstatus & MSTATUS_MXR) != 0;
	h->stats.walks++;
	table = walk_start(h, vpn, out);
	for (;;) {
		const uint64_t *pte;

		out->slot = table + (vpn >> VPN_BITS * out->level & 511) * PTE_BYTES;
		pte = walk_slot(h, out->slot, ACCESS_LOAD);
		if (pte == NULL)
			return false;
		h->stats.pte_reads++;
		out->pte = __atomic_load_n(pte, __ATOMIC_RELAXED);
		if (!is_valid(h, out->pte) || !is_pointer(out->pte) || out->level == 0 ||
		    !pointer_valid(h, out->pte))
			break;
		out->global |= (out->pte & PTE_G) != 0;
		table = (out->pte >> PTE_PPN_SHIFT & PTE_PPN_MASK) << PAGE_SHIFT;
		remember_pointer(h, vpn, out, table);
		out->level--;
	}
	out->global |= (out->pte & PTE_G) != 0 && (out->pte & PTE_V) != 0;
	set_reach(h, vpn, out);
	leak_global(h, vpn, out);
	return true;
}
