/* SPDX-License-Identifier: BSD-2-Clause */
/* Expected-fault probes. */
#include "firmware/probe.h"

#include "firmware/hart.h"
#include "firmware/trap.h"

/* trap_entry.S */
uint64_t probe_insn_load(vaddr_t va, uint64_t value);
uint64_t probe_insn_load32(vaddr_t va, uint64_t value);
uint64_t probe_insn_store(vaddr_t va, uint64_t value);
uint64_t probe_insn_fetch(vaddr_t va, uint64_t value);
uint64_t probe_insn_stimecmp(vaddr_t va, uint64_t value);

static bool probe_trap(struct trap_frame *f)
{
	struct hart *h = hart_self();

	if (h->probe_resume == 0)
		return false;
	h->probe_trapped = true;
	h->probe_cause = f->scause;
	h->probe_tval = f->stval;
	h->probe_epc = f->sepc;
	f->sepc = h->probe_resume;
	h->probe_resume = 0;
	return true;
}

void probe_init(void)
{
	trap_register(TRAP_ORDER_PROBE, probe_trap);
}

static struct probe run(uint64_t (*insn)(vaddr_t, uint64_t), vaddr_t va, uint64_t value)
{
	struct hart *h = hart_self();
	struct probe p = {0};

	h->probe_trapped = false;
	p.value = insn(va, value);
	p.trapped = h->probe_trapped;
	p.cause = h->probe_cause;
	p.tval = h->probe_tval;
	p.epc = h->probe_epc;
	return p;
}

struct probe probe_load(vaddr_t va)
{
	return run(probe_insn_load, va, 0);
}

struct probe probe_load32(vaddr_t va)
{
	return run(probe_insn_load32, va, 0);
}

struct probe probe_store(vaddr_t va, uint64_t value)
{
	return run(probe_insn_store, va, value);
}

struct probe probe_fetch(vaddr_t va)
{
	return run(probe_insn_fetch, va, 0);
}

struct probe probe_stimecmp(void)
{
	return run(probe_insn_stimecmp, 0, 0);
}

struct probe probe_access(enum access a, vaddr_t va, uint64_t store_value)
{
	switch (a) {
	case ACCESS_LOAD:
		return probe_load(va);
	case ACCESS_STORE:
		return probe_store(va, store_value);
	default:
		return probe_fetch(va);
	}
}

void probe_stub(void *code, uint32_t value)
{
	volatile uint32_t *insn = code;
	uint32_t low = value & 0xfff;
	uint32_t high = (value + 0x800) & 0xfffff000;

	insn[0] = 0x00000537 | high;	  /* lui a0, high */
	insn[1] = 0x0005051b | low << 20; /* addiw a0, a0, low */
	insn[2] = 0x00008067;		  /* ret */
	insn[3] = 0x00000000;		  /* never reached; illegal */
}

bool probe_faulted(const struct probe *p, enum access a, vaddr_t va)
{
	return p->trapped && p->cause == probe_page_fault(a) &&
	       (a != ACCESS_FETCH || p->epc - va < PROBE_STUB_BYTES);
}

uint64_t probe_page_fault(enum access a)
{
	static const uint64_t causes[] = {CAUSE_LOAD_PAGE, CAUSE_STORE_PAGE, CAUSE_FETCH_PAGE};

	return causes[a];
}

const char *access_name(enum access a)
{
	static const char *const names[] = {"load", "store", "fetch"};

	return names[a];
}
