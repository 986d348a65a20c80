/* SPDX-License-Identifier: BSD-2-Clause */
/* What is an instruction elsewhere: entries of tables, fences. */
#include "tests/host/arch_sim.h"

#include "tests/host/arch_sim_fences.h"
#include "tests/host/arch_sim_parts.h"
#include "tests/host/arch_sim_tlb.h"

static void (*during_fence)(void *);
static void *during_arg;

/* ---- entries */

static uint64_t *slot_ptr(pte_slot_t slot)
{
	if (!is_aligned(slot.pa, sizeof(pte_t)))
		panic("entry at 0x%llx", (unsigned long long)slot.pa);
	return phys_to_ptr(slot.pa);
}

pte_t pte_load(pte_slot_t slot)
{
	sim_point();
	sim_touches(SIM_READS, SIM_SLOT, slot.pa);
	return (pte_t){*slot_ptr(slot)};
}

unsigned pte_next_used(paddr_t table, unsigned from)
{
	const uint64_t *e;

	sim_point();
	sim_touches(SIM_READS, SIM_TABLE, table);
	e = slot_ptr((pte_slot_t){table});
	while (from < 512 && e[from] == 0)
		from++;
	return from;
}

pte_t arch_raw_xchg(pte_slot_t slot, pte_t value)
{
	uint64_t *p = slot_ptr(slot);
	pte_t old = {*p};

	sim_touches(SIM_WRITES, SIM_SLOT, slot.pa);
	sim_touches(SIM_WRITES, SIM_TABLE, align_down(slot.pa, PAGE_SIZE));
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	tlb_store(slot.pa, old, value);
	fences_store(slot, old, value);
	*p = value.raw;
	return old;
}

bool arch_raw_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	pte_t seen = {*slot_ptr(slot)};

	if (seen.raw == expected->raw) {
		(void)arch_raw_xchg(slot, value);
		return true;
	}
	*expected = seen;
	return false;
}

void pte_store(pte_slot_t slot, pte_t value)
{
	(void)pte_xchg(slot, value);
}

pte_t pte_xchg(pte_slot_t slot, pte_t value)
{
	return sim_state.observer != NULL ? sim_state.observer->write(slot, value, NULL)
					  : arch_raw_xchg(slot, value);
}

bool pte_cmpxchg(pte_slot_t slot, pte_t *expected, pte_t value)
{
	pte_t seen;

	if (sim_state.observer == NULL)
		return arch_raw_cmpxchg(slot, expected, value);
	seen = sim_state.observer->write(slot, value, expected);
	if (seen.raw == expected->raw)
		return true;
	*expected = seen;
	return false;
}

/* ---- fences */

void sim_during_fence(void (*fn)(void *), void *arg)
{
	during_fence = fn;
	during_arg = arg;
}

void sim_fence_now(unsigned hart, const struct fence_op *op)
{
	/* What other harts hold is not changed. */
	sim_touches(SIM_READS, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, hart);
	tlb_fence(hart, op);
}

void sim_fence(const struct hartset *asked, const struct fence_op *asked_op)
{
	uint64_t token = sim_state.observer != NULL ? sim_state.observer->fence_begin() : 0;
	void (*fn)(void *) = during_fence;
	struct hartset harts = *asked;
	struct fence_op op = *asked_op;

	during_fence = NULL;
	if (fn != NULL)
		fn(during_arg);
	if (!fences_made(SIM_FENCE, &harts, &op))
		return;
	if (sim_state.weaver != NULL)
		sim_state.weaver->rfence(&harts, &op);
	hartset_for_each(h, &harts) {
		if (h < SIM_MAX_HARTS && sim_state.weaver == NULL)
			tlb_fence(h, &op);
	}
	if (sim_state.observer != NULL)
		sim_state.observer->fence_end(&harts, &op, token);
}

static void fence_local(struct fence_op op)
{
	struct hartset self = hartset_of(sim_state.running);

	sim_fence(&self, &op);
}

void fence_local_all(void)
{
	fence_local((struct fence_op){.all_va = true, .all_asid = true});
}

void fence_local_va(vaddr_t va)
{
	fence_local((struct fence_op){.all_asid = true, .start = va, .size = 1});
}

void fence_local_asid(uint16_t asid)
{
	fence_local((struct fence_op){.all_va = true, .asid = asid});
}

void fence_local_va_asid(vaddr_t va, uint16_t asid)
{
	fence_local((struct fence_op){.start = va, .size = 1, .asid = asid});
}

/* A step of Svinval on this hart; false: the mutation takes it away. */
static bool inval_step(enum sim_step step, struct fence_op *op)
{
	struct hartset self = hartset_of(sim_state.running);

	return fences_made(step, &self, op);
}

/* Svinval: what is between the first and the last step works when the last one is made. */
void fence_inval_begin(void)
{
	struct fence_op none = {0};

	if (!inval_step(SIM_INVAL_BEGIN, &none))
		return;
	if (sim_state.observer != NULL)
		sim_state.observer->inval_begin();
	sim_point();
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, sim_state.running);
	tlb_inval_begin(sim_state.running);
}

static void inval(struct fence_op op)
{
	if (!inval_step(SIM_INVAL, &op))
		return;
	sim_point();
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, sim_state.running);
	tlb_inval(sim_state.running, &op);
	if (sim_state.observer != NULL)
		sim_state.observer->inval(&op);
}

void fence_inval_all(void)
{
	inval((struct fence_op){.all_va = true, .all_asid = true});
}

void fence_inval_va(vaddr_t va)
{
	inval((struct fence_op){.all_asid = true, .start = va, .size = 1});
}

void fence_inval_asid(uint16_t asid)
{
	inval((struct fence_op){.all_va = true, .asid = asid});
}

void fence_inval_va_asid(vaddr_t va, uint16_t asid)
{
	inval((struct fence_op){.start = va, .size = 1, .asid = asid});
}

void fence_inval_end(void)
{
	struct fence_op none = {0};

	if (!inval_step(SIM_INVAL_END, &none))
		return;
	sim_point();
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, sim_state.running);
	tlb_inval_end(sim_state.running);
	if (sim_state.observer != NULL)
		sim_state.observer->inval_end();
}

/* Simulated harts take turns: every access is ordered. */
void arch_mb(void)
{
}

void arch_wmb(void)
{
}
