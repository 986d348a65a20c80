/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of devices: who handles which source, and the way from IRQ_EXT to him. */

#include "platform/intc.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "platform/aplic.h"
#include "platform/plic.h"

#define MAX_HANDLERS 40

struct source {
	unsigned irq; /* 0: free */
	unsigned hart;
	void (*fn)(void *);
	void *arg;
	bool off; /* to be disabled when its handler has returned */
};

static const struct intc_chip *const chips[] = {&plic_chip, &aplic_chip, &aplic_msi_chip};

static const struct machine *machine;
static const struct intc_chip *chip; /* NULL: there is none */
static struct source sources[MAX_HANDLERS];
static unsigned nr_sources;
static uint16_t serving[MAX_HARTS]; /* source whose handler runs, 0: none */
static uint64_t delivered;

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

static void external_interrupt(struct trap_frame *f)
{
	unsigned hart = arch_hart();
	uint32_t irq;

	(void)f;
	while ((irq = chip->claim(hart)) != 0) {
		struct source *s = source_find(irq);

		if (s != NULL) {
			serving[hart] = (uint16_t)irq;
			__atomic_fetch_add(&delivered, 1, __ATOMIC_RELAXED);
			s->fn(s->arg);
			serving[hart] = 0;
		}
		/*
		 * Completion first: a PLIC ignores it for a source that is not enabled
		 * ("Interrupt Completion"), and that source would never come again.
		 */
		chip->complete(hart, irq);
		if (s == NULL || s->off)
			chip->set_enabled(irq, hart, false);
		if (s == NULL)
			note("%s: source %u has no handler, disabled", chip->name, (unsigned)irq);
	}
}

enum err intc_init(const struct machine *m)
{
	enum err e = ERR_NOSYS;

	for (size_t i = 0; i < ARRAY_LEN(chips); i++) {
		if (chips[i]->kind != m->intc.kind)
			continue;
		e = chips[i]->init(m);
		if (e != OK)
			return e;
		machine = m;
		chip = chips[i];
		irq_register(IRQ_EXT, external_interrupt);
	}
	return e;
}

/* Identities that no source is sent as are left for messages. */
static uint32_t highest(void)
{
	return chip->message != NULL ? machine->intc.ids : machine->intc.sources;
}

enum err intc_reaches(unsigned irq, unsigned hart)
{
	const struct source *s;

	if (chip == NULL)
		return ERR_NOSYS;
	if (irq == 0 || irq > highest() || hart >= MAX_HARTS)
		return ERR_RANGE;
	s = source_find(irq);
	if (s != NULL && !s->off)
		return ERR_EXIST;
	if (s == NULL && nr_sources == MAX_HANDLERS)
		return ERR_NOMEM;
	return chip->open(irq, hart);
}

enum err intc_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg)
{
	struct source *s;
	bool irqs;
	enum err e;

	e = intc_reaches(irq, hart);
	if (e != OK)
		return e;
	s = source_find(irq);
	irqs = arch_irq_save();
	if (s == NULL)
		s = &sources[nr_sources];
	*s = (struct source){.irq = irq, .hart = hart, .fn = fn, .arg = arg};
	if (s == &sources[nr_sources])
		__atomic_store_n(&nr_sources, nr_sources + 1, __ATOMIC_RELEASE);
	mmio_post(); /* the handler's data, before the first interrupt */
	if (!fault_armed(FAULT_INTERRUPT_LOST))
		chip->set_enabled(irq, hart, true);
	arch_irq_restore(irqs);
	if (hart == arch_hart())
		irq_enable_local(IRQ_EXT);
	return OK;
}

enum err intc_message(unsigned hart, uint32_t *irq, struct intc_message *m)
{
	enum err e = ERR_NOMEM;

	if (chip == NULL || chip->message == NULL)
		return ERR_NOSYS;
	for (uint32_t n = machine->intc.sources + 1; n <= highest(); n++) {
		e = intc_reaches(n, hart);
		if (e == ERR_EXIST) {
			e = ERR_NOMEM; /* should there be no other */
			continue;
		}
		if (e == OK) {
			chip->message(n, hart, m);
			*irq = n;
		}
		break;
	}
	return e;
}

void intc_disable(unsigned irq)
{
	struct source *s = chip == NULL ? NULL : source_find(irq);
	bool irqs;

	if (s == NULL)
		return;
	irqs = arch_irq_save();
	s->off = true;
	if (serving[s->hart] != irq)
		chip->set_enabled(irq, s->hart, false);
	arch_irq_restore(irqs);
}

uint64_t intc_delivered(void)
{
	return __atomic_load_n(&delivered, __ATOMIC_RELAXED);
}
