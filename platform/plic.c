/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform-level interrupt controller: sources to S-mode contexts of harts. */

#include "platform/plic.h"

#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "mm/io.h"

/* PLIC specification 1.0.0, "Memory Map". */
#define PLIC_PRIORITY(irq) (UINT64_C(4) * (irq))
#define PLIC_ENABLE(ctx) (UINT64_C(0x2000) + UINT64_C(0x80) * (ctx))
#define PLIC_CONTEXT(ctx) (UINT64_C(0x200000) + UINT64_C(0x1000) * (ctx))
#define PLIC_THRESHOLD 0x0
#define PLIC_CLAIM 0x4
#define PLIC_CONTEXT_BYTES 0x8
#define PLIC_MAX_SOURCE 1023
#define PLIC_MAX_CONTEXT 15871

/* Registers are mapped a piece at a time: a whole PLIC is 64 MiB of address space. */
struct plic_context {
	vaddr_t enable; /* 0: not set up */
	vaddr_t regs;
};

static const struct machine *machine;
static vaddr_t priorities;
static struct plic_context contexts[MAX_HARTS];

static void plic_set_enabled(unsigned irq, unsigned hart, bool on)
{
	vaddr_t reg = contexts[hart].enable + UINT64_C(4) * (irq / 32);
	uint32_t bit = UINT32_C(1) << (irq % 32);
	uint32_t word = mmio_read32(reg);

	if (on)
		mmio_write32(priorities + PLIC_PRIORITY(irq), 1);
	mmio_write32(reg, on ? word | bit : word & ~bit);
}

static uint32_t plic_claim(unsigned hart)
{
	const struct plic_context *c = &contexts[hart];

	return c->enable == 0 ? 0 : mmio_read32(c->regs + PLIC_CLAIM);
}

static void plic_complete(unsigned hart, uint32_t irq)
{
	mmio_write32(contexts[hart].regs + PLIC_CLAIM, irq);
}

static enum err plic_init(const struct machine *m)
{
	const struct machine_intc *ic = &m->intc;

	if (ic->sources == 0 || ic->sources > PLIC_MAX_SOURCE || ic->size < PLIC_CONTEXT(0)) {
		note("plic: %u sources in %#llx bytes cannot be right, polling",
		     (unsigned)ic->sources, (unsigned long long)ic->size);
		return ERR_RANGE;
	}
	machine = m;
	return io_map(ic->base, PLIC_PRIORITY(ic->sources + UINT64_C(1)), &priorities);
}

/* Map the registers of @hart's context and quiet it: an earlier stage may have used it. */
static enum err plic_open(unsigned irq, unsigned hart)
{
	const struct machine_intc *ic = &machine->intc;
	struct plic_context *c = &contexts[hart];
	int32_t ctx = ic->context[hart_cpu_index(hart)];
	vaddr_t enable;
	enum err e;

	(void)irq;
	if (c->enable != 0)
		return OK;
	if (ctx < 0)
		return ERR_NOSYS;
	if (ctx > PLIC_MAX_CONTEXT || PLIC_CONTEXT((uint64_t)ctx) + PLIC_CONTEXT_BYTES > ic->size) {
		note("plic: context %d lies outside %#llx bytes", (int)ctx,
		     (unsigned long long)ic->size);
		return ERR_NOSYS;
	}
	e = io_map(ic->base + PLIC_CONTEXT((uint64_t)ctx), PLIC_CONTEXT_BYTES, &c->regs);
	if (e != OK)
		return e;
	e = io_map(ic->base + PLIC_ENABLE((uint64_t)ctx), 0x80, &enable);
	if (e != OK)
		return e;
	for (unsigned i = 0; i <= ic->sources / 32; i++)
		mmio_write32(enable + UINT64_C(4) * i, 0);
	mmio_write32(c->regs + PLIC_THRESHOLD, 0);
	c->enable = enable;
	return OK;
}

const struct intc_chip plic_chip = {
	.name = "plic",
	.kind = INTC_PLIC,
	.init = plic_init,
	.open = plic_open,
	.set_enabled = plic_set_enabled,
	.claim = plic_claim,
	.complete = plic_complete,
};
