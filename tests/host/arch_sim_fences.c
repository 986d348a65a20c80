/* SPDX-License-Identifier: BSD-2-Clause */
/* Fences watched and mutated. */
#include "tests/host/arch_sim_fences.h"

static const struct sim_watch *watch;
static unsigned nr_fences;

static struct {
	bool armed, done;
	unsigned nth;
	enum sim_mutation how;
	vaddr_t va;
} mutation;

void sim_watch(const struct sim_watch *w)
{
	watch = w;
}

const char *sim_mutation_name(enum sim_mutation m)
{
	static const char *const names[NR_SIM_MUTATIONS] = {"dropped", "without the last hart",
							    "for one page", "without the last page",
							    "for an ASID"};

	return names[m];
}

unsigned sim_nr_fences(void)
{
	return nr_fences;
}

void sim_mutate_fence(unsigned nth, enum sim_mutation m, vaddr_t va)
{
	mutation.armed = true;
	mutation.done = false;
	mutation.nth = nth;
	mutation.how = m;
	mutation.va = va;
}

bool sim_mutated(void)
{
	return mutation.done;
}

/* False: it is not made. What does not apply to this fence changes nothing and is not done. */
static bool mutate(enum sim_step step, struct hartset *harts, struct fence_op *op)
{
	bool operands = step == SIM_FENCE || step == SIM_INVAL;
	bool range = operands && !op->all_va && op->size > PAGE_SIZE;
	unsigned last = SIM_MAX_HARTS - 1;

	mutation.done = true;
	switch (mutation.how) {
	case SIM_DROP:
		return false;
	case SIM_DROP_HART:
		if (hartset_count(harts) > 1) {
			while (!hartset_has(harts, last))
				last--;
			hartset_del(harts, last);
			return true;
		}
		break;
	case SIM_ONE_PAGE:
		if (operands && (op->all_va || range)) {
			op->start = op->all_va ? mutation.va : op->start;
			op->all_va = false;
			op->size = 1;
			return true;
		}
		break;
	case SIM_LAST_PAGE:
		if (range) {
			op->size -= PAGE_SIZE;
			return true;
		}
		break;
	default:
		if (operands && op->all_asid) {
			op->all_asid = false;
			op->asid = 0;
			return true;
		}
	}
	mutation.done = false;
	return true;
}

bool fences_made(enum sim_step step, struct hartset *harts, struct fence_op *op)
{
	if (nr_fences++ == mutation.nth && mutation.armed && !mutate(step, harts, op))
		return false;
	hartset_for_each(h, harts) {
		if (watch != NULL && watch->fence != NULL)
			watch->fence(h, step, op);
	}
	return true;
}

void fences_store(pte_slot_t slot, pte_t old, pte_t new)
{
	if (watch != NULL && watch->store != NULL)
		watch->store(slot, old, new);
}
