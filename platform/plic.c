/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform-level interrupt controller: sources to S-mode contexts of harts. */

#include "platform/plic.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "firmware/trap.h"
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

#define MAX_HANDLERS 40

struct source {
	unsigned irq; /* 0: free */
	unsigned hart;
	void (*fn)(void *);
	void *arg;
	bool off; /* to be disabled when its handler has returned */
};

/* Registers are mapped a piece at a time: a whole PLIC is 64 MiB of address space. */
struct plic_context {
	vaddr_t enable; /* 0: not set up */
	vaddr_t regs;
	unsigned serving; /* source whose handler runs, 0: none */
};

static const struct machine *machine; /* NULL: there is no PLIC */
static vaddr_t priorities;
static struct plic_context contexts[MAX_HARTS];
static struct source sources[MAX_HANDLERS];
static unsigned nr_sources;

static struct source *source_find(unsigned irq)
{
	/* An entry is complete before it is counted, so a claiming hart needs no lock. */
	unsigned n = __atomic_load_n(&nr_sources, __ATOMIC_ACQUIRE);

	for (unsigned i = 0; i < n; i++) {
		if (sources[i].irq == irq)
			return &sources[i];
	}
	return NULL;
}

static void source_set_enabled(const struct plic_context *c, unsigned irq, bool on)
{
	vaddr_t reg = c->enable + UINT64_C(4) * (irq / 32);
	uint32_t bit = UINT32_C(1) << (irq % 32);
	uint32_t word = mmio_read32(reg);

	mmio_write32(reg, on ? word | bit : word & ~bit);
}

static void plic_interrupt(struct trap_frame *f)
{
	struct plic_context *c = &contexts[arch_hart()];
	uint32_t irq;

	(void)f;
	if (c->enable == 0)
		return;
	while ((irq = mmio_read32(c->regs + PLIC_CLAIM)) != 0) {
		struct source *s = source_find(irq);

		if (s != NULL) {
			c->serving = irq;
			s->fn(s->arg);
			c->serving = 0;
		}
		/*
		 * Completion first: the controller ignores it for a source that is not enabled
		 * ("Interrupt Completion"), and that source would never come again.
		 */
		mmio_write32(c->regs + PLIC_CLAIM, irq);
		if (s == NULL || s->off)
			source_set_enabled(c, irq, false);
		if (s == NULL)
			note("plic: source %u has no handler, disabled", (unsigned)irq);
	}
}

enum err plic_init(const struct machine *m)
{
	const struct machine_intc *ic = &m->intc;
	enum err e;

	if (ic->kind != INTC_PLIC)
		return ERR_NOSYS;
	if (ic->sources == 0 || ic->sources > PLIC_MAX_SOURCE || ic->size < PLIC_CONTEXT(0)) {
		note("plic: %u sources in %#llx bytes cannot be right, polling",
		     (unsigned)ic->sources, (unsigned long long)ic->size);
		return ERR_RANGE;
	}
	e = io_map(ic->base, PLIC_PRIORITY(ic->sources + UINT64_C(1)), &priorities);
	if (e != OK)
		return e;
	machine = m;
	irq_register(IRQ_EXT, plic_interrupt);
	return OK;
}

/* Map the registers of @hart's context and quiet it: an earlier stage may have used it. */
static enum err context_setup(unsigned hart)
{
	const struct machine_intc *ic = &machine->intc;
	struct plic_context *c = &contexts[hart];
	int32_t ctx = ic->context[hart_cpu_index(hart)];
	vaddr_t enable;
	enum err e;

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

enum err plic_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg)
{
	struct source *s;
	bool irqs;
	enum err e;

	if (machine == NULL)
		return ERR_NOSYS;
	if (irq == 0 || irq > machine->intc.sources || hart >= MAX_HARTS)
		return ERR_RANGE;
	s = source_find(irq);
	if (s != NULL && !s->off)
		return ERR_EXIST;
	if (s == NULL && nr_sources == MAX_HANDLERS)
		return ERR_NOMEM;
	e = context_setup(hart);
	if (e != OK)
		return e;

	irqs = arch_irq_save();
	if (s == NULL)
		s = &sources[nr_sources];
	*s = (struct source){.irq = irq, .hart = hart, .fn = fn, .arg = arg};
	if (s == &sources[nr_sources])
		__atomic_store_n(&nr_sources, nr_sources + 1, __ATOMIC_RELEASE);
	mmio_post(); /* the handler's data, before the first interrupt */
	mmio_write32(priorities + PLIC_PRIORITY(irq), 1);
	source_set_enabled(&contexts[hart], irq, true);
	arch_irq_restore(irqs);
	if (hart == arch_hart())
		irq_enable_local(IRQ_EXT);
	return OK;
}

void plic_disable(unsigned irq)
{
	struct source *s = machine == NULL ? NULL : source_find(irq);
	struct plic_context *c;
	bool irqs;

	if (s == NULL)
		return;
	irqs = arch_irq_save();
	c = &contexts[s->hart];
	s->off = true;
	if (c->serving != irq)
		source_set_enabled(c, irq, false);
	arch_irq_restore(irqs);
}
