/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulated machine's harts: which runs, which there are, and how they reach each other. */
#include "tests/host/arch_sim.h"

#include <string.h>

#include "firmware/lock.h"
#include "firmware/root.h"
#include "tests/host/arch_sim_parts.h"
#include "tests/host/arch_sim_tlb.h"

struct sim_state sim_state;

static bool have_rfence = true, have_ipi = true;
static enum err shootdown_error;
static unsigned shootdown_fails;

static uint64_t rng;

/* ---- steps of harts that take turns */

void sim_weave(const struct sim_weaver *w)
{
	sim_state.weaver = w;
	tlb_trace(w != NULL ? w->touch : NULL);
}

const struct sim_weaver *sim_weaver(void)
{
	return sim_state.weaver;
}

/* ---- random numbers */

uint64_t sim_rand(void)
{
	uint64_t z = rng += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

uint64_t sim_below(uint64_t n)
{
	return sim_rand() % n;
}

/* ---- who watches, and what they translate with */

void arch_observe(const struct arch_observer *obs)
{
	sim_state.observer = obs;
}

void arch_set_root(paddr_t root, uint64_t mode, uint16_t asid)
{
	if (sim_state.observer != NULL)
		sim_state.observer->root_entered(sim_state.running, root, asid);
	sim_state.root_levels = (unsigned)mode - 5;
	sim_state.roots[sim_state.running] = root;
	sim_state.rooted[sim_state.running] = true;
	tlb_set_root(sim_state.running, root, sim_state.root_levels, asid);
	if (sim_state.observer != NULL)
		sim_state.observer->root_switched(sim_state.running, root, asid);
}

/* ---- shootdown */

/* Who waits for other harts must answer them meanwhile. */
static void check_may_wait(const char *what)
{
	if (!sim_state.irqs_on[sim_state.running])
		panic("hart%u waits in %s with interrupts off and %u locks held", sim_state.running,
		      what, spin_held());
}

static bool shootdown_fails_now(void)
{
	if (shootdown_fails == 0)
		return false;
	shootdown_fails--;
	return true;
}

bool arch_has_rfence(void)
{
	return have_rfence;
}

enum err arch_rfence(const struct hartset *targets, vaddr_t start, uint64_t size)
{
	struct fence_op op = {
		.all_va = (start == 0 && size == 0) || size == UINT64_MAX,
		.all_asid = true,
		.start = start,
		.size = size,
	};

	if (!have_rfence)
		return ERR_NOSYS;
	check_may_wait("rfence");
	if (shootdown_fails_now())
		return shootdown_error;
	sim_fence(targets, &op);
	return OK;
}

bool arch_has_ipi(void)
{
	return have_ipi;
}

enum err arch_ipi_call(const struct hartset *targets, void (*fn)(void *), const void *arg,
		       size_t size)
{
	unsigned sender = sim_state.running;
	uint64_t copy[8];

	if (!have_ipi)
		return ERR_NOSYS;
	if (size > sizeof(copy))
		return ERR_INVAL;
	check_may_wait("ipi call");
	if (shootdown_fails_now())
		return shootdown_error;
	if (sim_state.weaver != NULL)
		return sim_state.weaver->ipi(targets, fn, arg, size);
	hartset_for_each(h, targets) {
		if (h == sender)
			continue;
		memcpy(copy, arg, size);
		sim_state.running = h;
		sim_state.irqs_on[h] = false;
		fn(copy);
		sim_state.irqs_on[h] = true;
	}
	sim_state.running = sender;
	return OK;
}

void sim_have(bool rfence, bool ipi)
{
	have_rfence = rfence;
	have_ipi = ipi;
}

void sim_fail_shootdown(enum err err, unsigned times)
{
	shootdown_error = err;
	shootdown_fails = times;
}

unsigned arch_hart(void)
{
	return sim_state.running;
}

struct hartset arch_harts_online(void)
{
	sim_point();
	sim_touches(SIM_READS, SIM_ONLINE, 0);
	return sim_state.online;
}

void sim_run_on(unsigned hart)
{
	sim_state.running = hart;
}

void sim_hart_starting(unsigned hart)
{
	unsigned before = sim_state.running;

	sim_state.running = hart;
	sim_point();
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, hart);
	sim_state.irqs_on[hart] = true;
	tlb_hart_on(hart, true);
	sim_state.rooted[hart] = true;
	sim_state.roots[hart] = sim_state.roots[0];
	tlb_set_root(hart, sim_state.roots[hart], sim_state.root_levels, 0);
	if (sim_state.observer != NULL)
		sim_state.observer->hart_started(hart, sim_state.roots[hart], 0);
	sim_state.running = before;
}

void sim_hart_online(unsigned hart, bool fences)
{
	unsigned before = sim_state.running;

	sim_state.running = hart;
	sim_point();
	sim_touches(SIM_WRITES, SIM_ONLINE, 0);
	hartset_add(&sim_state.online, hart);
	if (fences)
		fence_local_all();
	sim_state.running = before;
}

void sim_hart_start(unsigned hart, bool fences)
{
	sim_hart_starting(hart);
	sim_hart_online(hart, fences);
}

void sim_hart_stop(unsigned hart)
{
	sim_point();
	sim_touches(SIM_WRITES, SIM_HISTORY, 0);
	sim_touches(SIM_WRITES, SIM_HELD, hart);
	tlb_hart_on(hart, false);
	/* As arch_hart_offline() has it. */
	if (sim_state.observer != NULL)
		sim_state.observer->hart_stopped(hart);
	sim_point();
	sim_touches(SIM_WRITES, SIM_ONLINE, 0);
	hartset_del(&sim_state.online, hart);
}

void sim_set_root(unsigned hart, paddr_t root)
{
	unsigned before = sim_state.running;

	sim_state.running = hart;
	arch_set_root(root, sim_state.root_levels + 5, 0);
	fence_local_all();
	sim_state.running = before;
}

struct sim_result sim_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view)
{
	return tlb_access(hart, va, kind, view);
}

unsigned sim_outcomes(unsigned hart, vaddr_t va, enum sim_kind kind, struct sim_result *out,
		      unsigned max)
{
	return tlb_outcomes(hart, va, kind, out, max);
}

struct hartset sim_holders(void)
{
	return tlb_holders();
}

void arch_yield(void)
{
	if (sim_state.weaver != NULL)
		sim_state.weaver->yield();
}

bool arch_irq_save(void)
{
	bool on = sim_state.irqs_on[sim_state.running];

	if (on)
		sim_touches(SIM_WRITES, SIM_IRQS, sim_state.running);
	sim_state.irqs_on[sim_state.running] = false;
	return on;
}

void arch_irq_restore(bool enabled)
{
	sim_state.irqs_on[sim_state.running] = enabled;
	if (enabled)
		sim_touches(SIM_GIVES, SIM_IRQS, sim_state.running);
}

bool sim_irqs_on(unsigned hart)
{
	return sim_state.irqs_on[hart];
}

void sim_set_irqs(unsigned hart, bool on)
{
	sim_state.irqs_on[hart] = on;
}

void sim_init(uint64_t seed)
{
	rng = seed;
	tlb_init();
	tlb_hart_on(0, true);
	sim_state.irqs_on[0] = true;
	hartset_add(&sim_state.online, 0);
}
