/* SPDX-License-Identifier: BSD-2-Clause */
/* Address-translation caches: storage, look-up, replacement. */
#include "host/sim/tlb.h"

#include <stdlib.h>

#include "host/sim/faults.h"
#include "host/sim/riscv.h"

#define L2_WAYS 4
#define VPN_MASK (BIT(52) - 1)
/* For faults: what is left of a page number when a tag stores too little of it. */
#define VPN_39 (BIT(27) - 1)

static const uint8_t spans[] = {0, 4, 9, 18, 27, 36};

static uint32_t l2_sets(const struct tlb *t)
{
	return t->config.l2 / L2_WAYS;
}

bool tlb_init(struct tlb *t, const struct tlb_config *c, uint64_t seed)
{
	t->config = *c;
	t->config.l2 = c->l2 / L2_WAYS * L2_WAYS;
	t->rng.state = seed;
	t->l1i = calloc(c->l1i + 1, sizeof(*t->l1i));
	t->l1d = calloc(c->l1d + 1, sizeof(*t->l1d));
	t->l2 = calloc(t->config.l2 + 1, sizeof(*t->l2));
	t->pwc = calloc(c->pwc + 1, sizeof(*t->pwc));
	return t->l1i != NULL && t->l1d != NULL && t->l2 != NULL && t->pwc != NULL;
}

void tlb_free(struct tlb *t)
{
	free(t->l1i);
	free(t->l1d);
	free(t->l2);
	free(t->pwc);
}

static bool asid_matches(const struct tlb *t, uint16_t held, uint16_t asked)
{
	if (fault_on(t->hart, FAULT_ASID_SHORT))
		return ((held ^ asked) & (t->asid_mask >> 1)) == 0;
	return held == asked || fault_on(t->hart, FAULT_ASID_IGNORED);
}

/* @significant: bits of the page number that the tag compares. */
static bool matches(const struct tlb *t, const struct tlb_entry *e, uint64_t vpn, uint16_t asid,
		    uint64_t significant)
{
	if (!e->valid || (((e->vpn ^ vpn) & significant) >> e->span_bits) != 0)
		return false;
	if ((e->napot >> (vpn & (NAPOT_PAGES - 1)) & 1) == 0)
		return false;
	return e->global || asid_matches(t, e->asid, asid);
}

static struct tlb_entry *l1_array(struct tlb *t, enum tlb_array a, uint32_t *nr)
{
	*nr = a == TLB_L1I ? t->config.l1i : t->config.l1d;
	return a == TLB_L1I ? t->l1i : t->l1d;
}

struct tlb_entry *tlb_find_l1(struct tlb *t, enum tlb_array a, uint64_t vpn, uint16_t asid)
{
	uint32_t nr;
	struct tlb_entry *e = l1_array(t, a, &nr);
	uint64_t significant = fault_on(t->hart, FAULT_L1_TAG_HIGH) ? VPN_39 : VPN_MASK;

	for (uint32_t i = 0; i < nr; i++) {
		if (matches(t, &e[i], vpn, asid, significant)) {
			e[i].stamp = ++t->clock;
			return &e[i];
		}
	}
	return NULL;
}

/* First entry of the set in which pages of this size are kept. */
static struct tlb_entry *l2_set(struct tlb *t, uint64_t vpn, unsigned span_bits)
{
	uint64_t key = vpn >> span_bits;

	key = (key * UINT64_C(0x9e3779b97f4a7c15) + span_bits * UINT64_C(0x1003)) >> 32;
	return &t->l2[key % l2_sets(t) * L2_WAYS];
}

/* The page number as the second level sees it. */
static uint64_t l2_vpn(const struct tlb *t, uint64_t vpn)
{
	if (fault_on(t->hart, FAULT_L2_TAG_HIGH))
		vpn &= VPN_39;
	if (fault_on(t->hart, FAULT_L2_TAG_BIT))
		vpn &= ~BIT(9);
	return vpn;
}

struct tlb_entry *tlb_find_l2(struct tlb *t, uint64_t vpn, uint16_t asid)
{
	uint64_t significant = l2_vpn(t, VPN_MASK);

	if (t->config.l2 == 0)
		return NULL;
	for (unsigned s = 0; s < sizeof(spans); s++) {
		struct tlb_entry *set;

		if ((t->l2_spans & BIT(spans[s])) == 0)
			continue;
		set = l2_set(t, l2_vpn(t, vpn), spans[s]);
		for (unsigned i = 0; i < L2_WAYS; i++) {
			if (set[i].span_bits == spans[s] &&
			    matches(t, &set[i], vpn, asid, significant)) {
				set[i].stamp = ++t->clock;
				return &set[i];
			}
		}
	}
	return NULL;
}

/* Which of @nr entries gives way: an empty one, else by the policy. */
static struct tlb_entry *victim(struct tlb *t, struct tlb_entry *e, uint32_t nr)
{
	struct tlb_entry *oldest = e;

	for (uint32_t i = 0; i < nr; i++) {
		if (!e[i].valid)
			return &e[i];
		if (e[i].stamp < oldest->stamp)
			oldest = &e[i];
	}
	return t->config.replace == REPLACE_LRU ? oldest : &e[rng_below(&t->rng, nr)];
}

static struct tlb_entry *put(struct tlb *t, struct tlb_entry *to, const struct tlb_entry *e)
{
	uint64_t live = to->live + 1;

	*to = *e;
	to->live = live;
	to->stamp = ++t->clock;
	return to;
}

struct tlb_entry *tlb_fill_l1(struct tlb *t, enum tlb_array a, const struct tlb_entry *e)
{
	uint32_t nr;
	struct tlb_entry *array = l1_array(t, a, &nr);

	return nr == 0 ? NULL : put(t, victim(t, array, nr), e);
}

void tlb_fill_l2(struct tlb *t, const struct tlb_entry *e)
{
	if (t->config.l2 == 0)
		return;
	t->l2_spans |= BIT(e->span_bits);
	put(t, victim(t, l2_set(t, l2_vpn(t, e->vpn), e->span_bits), L2_WAYS), e);
}

static uint64_t pwc_tag_bits(const struct tlb *t, unsigned level)
{
	uint64_t significant = VPN_MASK;

	if (fault_on(t->hart, FAULT_PWC_TAG_HIGH))
		significant = VPN_39;
	if (fault_on(t->hart, FAULT_PWC_TAG_BIT) && level == 0)
		significant &= ~BIT(VPN_BITS);
	return significant >> VPN_BITS * (level + 1);
}

struct pwc_entry *pwc_find(struct tlb *t, uint64_t vpn, uint16_t asid, unsigned max_level)
{
	struct pwc_entry *best = NULL;

	for (uint32_t i = 0; i < t->config.pwc; i++) {
		struct pwc_entry *e = &t->pwc[i];
		uint64_t prefix;

		if (!e->valid || e->level > max_level || (best != NULL && e->level >= best->level))
			continue;
		prefix = vpn >> VPN_BITS * (e->level + 1U);
		if (((e->prefix ^ prefix) & pwc_tag_bits(t, e->level)) == 0 &&
		    (e->global || asid_matches(t, e->asid, asid)))
			best = e;
	}
	if (best != NULL)
		best->stamp = ++t->clock;
	return best;
}

void pwc_fill(struct tlb *t, const struct pwc_entry *e)
{
	struct pwc_entry *to = t->pwc;

	if (t->config.pwc == 0)
		return;
	for (uint32_t i = 0; i < t->config.pwc; i++) {
		if (!t->pwc[i].valid) {
			to = &t->pwc[i];
			break;
		}
		if (t->pwc[i].stamp < to->stamp)
			to = &t->pwc[i];
	}
	if (to->valid && t->config.replace == REPLACE_RANDOM)
		to = &t->pwc[rng_below(&t->rng, t->config.pwc)];
	*to = *e;
	to->stamp = ++t->clock;
}

void tlb_for_each(struct tlb *t, enum tlb_array a, void (*fn)(struct tlb_entry *e, const void *arg),
		  const void *arg)
{
	uint32_t nr = t->config.l2;
	struct tlb_entry *e = a == TLB_L2 ? t->l2 : l1_array(t, a, &nr);

	for (uint32_t i = 0; i < nr; i++) {
		if (e[i].valid)
			fn(&e[i], arg);
	}
}

void tlb_drop(struct tlb_entry *e)
{
	e->valid = false;
	e->live++;
}

static void drop_slot(struct tlb_entry *e, const void *arg)
{
	const uint64_t *slot = arg;

	if (e->slot == *slot)
		tlb_drop(e);
}

void tlb_forget_slot(struct tlb *t, uint64_t slot)
{
	for (enum tlb_array a = TLB_L1I; a <= TLB_L2; a++)
		tlb_for_each(t, a, drop_slot, &slot);
}
