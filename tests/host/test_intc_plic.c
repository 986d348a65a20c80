/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt controller's driver against a small PLIC: claim, completion, enables, contexts. */

#include "tests/host/test_intc_rig.h"

#define PLIC_BASE UINT64_C(0xc000000)
#define PLIC_SIZE UINT64_C(0x600000)
#define NR_SOURCES 95
#define NR_CONTEXTS 4

/* Registers, and per source what the gateway knows. */
static struct {
	uint32_t priority[NR_SOURCES + 1];
	uint32_t enable[NR_CONTEXTS][3];
	uint32_t threshold[NR_CONTEXTS];
	bool line[NR_SOURCES + 1];
	bool claimed[NR_SOURCES + 1];
	unsigned lost_completions;
} plic;

static bool is_enabled(uint64_t ctx, uint32_t irq)
{
	return (plic.enable[ctx][irq / 32] >> (irq % 32) & 1) != 0;
}

static uint32_t claim(uint64_t ctx)
{
	for (uint32_t irq = 1; irq <= NR_SOURCES; irq++) {
		if (plic.line[irq] && !plic.claimed[irq] && is_enabled(ctx, irq) &&
		    plic.priority[irq] > plic.threshold[ctx]) {
			plic.claimed[irq] = true;
			return irq;
		}
	}
	return 0;
}

static void complete(uint64_t ctx, uint32_t irq)
{
	if (irq == 0 || irq > NR_SOURCES || !is_enabled(ctx, irq))
		plic.lost_completions++;
	else
		plic.claimed[irq] = false;
}

static uint32_t *register_at(uint64_t off)
{
	uint64_t ctx = (off - 0x200000) / 0x1000;

	if (off % 4 != 0)
		abort();
	if (off < 4 * (NR_SOURCES + 1))
		return &plic.priority[off / 4];
	if (off >= 0x2000 && off < 0x2000 + 0x80 * NR_CONTEXTS && off % 0x80 < 12)
		return &plic.enable[(off - 0x2000) / 0x80][off % 0x80 / 4];
	if (off >= 0x200000 && ctx < NR_CONTEXTS && off % 0x1000 == 0)
		return &plic.threshold[ctx];
	abort();
}

uint32_t mmio_read32(vaddr_t reg)
{
	uint64_t off = reg - PLIC_BASE;

	if (off >= 0x200000 && off % 0x1000 == 4)
		return claim((off - 0x200000) / 0x1000);
	return *register_at(off);
}

void mmio_write32(vaddr_t reg, uint32_t value)
{
	uint64_t off = reg - PLIC_BASE;

	if (off >= 0x200000 && off % 0x1000 == 4)
		complete((off - 0x200000) / 0x1000, value);
	else
		*register_at(off) = value;
}

static unsigned calls[NR_SOURCES + 1];
static bool keep_line; /* the handler does not quiet its device */

static void handle(void *arg)
{
	unsigned irq = *(const unsigned *)arg;

	calls[irq]++;
	if (!keep_line || calls[irq] >= 100)
		plic.line[irq] = false;
	if (keep_line && calls[irq] == 3)
		intc_disable(irq);
}

static void test_refused(void)
{
	unsigned irq = 1;

	machine.intc.kind = INTC_NONE;
	tap_ok(intc_init(&machine) == ERR_NOSYS, "none there");
	tap_ok(intc_enable(1, 0, handle, &irq) == ERR_NOSYS, "and none to enable");
	intc_disable(1);
	machine.intc = (struct machine_intc){.kind = INTC_PLIC, .base = PLIC_BASE, .size = 0x1000};
	machine.intc.sources = NR_SOURCES;
	tap_ok(intc_init(&machine) == ERR_RANGE, "too small");
	machine.intc.size = PLIC_SIZE;
	machine.intc.sources = 0;
	tap_ok(intc_init(&machine) == ERR_RANGE, "no sources");
	machine.intc.sources = 1024;
	tap_ok(intc_init(&machine) == ERR_RANGE, "too many");
}

static void test_deliver(void)
{
	static unsigned one = 1, eight = 8, last = NR_SOURCES;

	machine.intc.sources = NR_SOURCES;
	machine.intc.context[0] = 3;
	machine.intc.context[1] = 1;
	machine.intc.context[2] = -1;
	machine.intc.context[3] = 1 << 20;
	memset(plic.enable, 0xff, sizeof(plic.enable)); /* as a boot loader may leave it */
	plic.threshold[1] = 7;
	tap_ok(intc_init(&machine) == OK && external != NULL, "is there");
	tap_ok(intc_enable(0, 0, handle, &one) == ERR_RANGE, "source 0 is none");
	tap_ok(intc_enable(NR_SOURCES + 1, 0, handle, &one) == ERR_RANGE, "nor is one too many");
	tap_ok(intc_enable(1, 2, handle, &one) == ERR_NOSYS, "hart without a context");
	tap_ok(intc_enable(1, 3, handle, &one) == ERR_NOSYS, "context outside the registers");
	tap_ok(intc_enable(8, 0, handle, &eight) == OK && enabled_local == 1, "enabled");
	tap_ok(plic.enable[1][0] == 1U << 8 && plic.enable[1][1] == 0 && plic.enable[1][2] == 0 &&
		       plic.threshold[1] == 0,
	       "at the hart's context, alone");
	tap_ok(intc_enable(8, 0, handle, &eight) == ERR_EXIST, "once");
	tap_ok(intc_enable(NR_SOURCES, 1, handle, &last) == OK && enabled_local == 1 &&
		       plic.enable[3][2] == 1U << 31,
	       "the last one for another hart, which opens its own gate");

	plic.line[8] = true;
	plic.line[NR_SOURCES] = true;
	interrupt(1);
	tap_ok(calls[8] == 0 && calls[NR_SOURCES] == 1, "each hart claims its own: 1");
	interrupt(0);
	tap_ok(calls[8] == 1 && calls[NR_SOURCES] == 1, "each hart claims its own: 0");
	plic.line[8] = true;
	interrupt(0);
	interrupt(2);
	tap_ok(calls[8] == 2 && plic.lost_completions == 0, "again, so it was completed");
}

static void test_disable(void)
{
	static unsigned nine = 9;

	intc_disable(8);
	plic.line[8] = true;
	interrupt(0);
	tap_ok(calls[8] == 2 && plic.enable[1][0] == 0, "disabled");
	plic.line[8] = false;
	tap_ok(intc_enable(9, 0, handle, &nine) == OK, "another");
	keep_line = true;
	plic.line[9] = true;
	interrupt(0);
	tap_ok(calls[9] == 3 && plic.enable[1][0] == 0 && !plic.claimed[9] &&
		       plic.lost_completions == 0,
	       "disabled from its own handler, and completed first");
	keep_line = false;
	tap_ok(intc_enable(9, 0, handle, &nine) == OK, "enabled anew");
	interrupt(0);
	tap_ok(calls[9] == 4, "and delivered");

	plic.enable[1][0] |= 1U << 20;
	plic.priority[20] = 1;
	plic.line[20] = true;
	interrupt(0);
	tap_ok((plic.enable[1][0] & 1U << 20) == 0 && plic.lost_completions == 0,
	       "a source without a handler is switched off");
}

int main(void)
{
	rig_registers = (struct region){PLIC_BASE, PLIC_SIZE};
	test_refused();
	test_deliver();
	test_disable();
	return tap_done();
}
