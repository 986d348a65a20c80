/* SPDX-License-Identifier: BSD-2-Clause */
/* What the drivers of interrupt controllers ask of the layers below, beside registers. */
#ifndef TESTS_HOST_TEST_INTC_RIG_H
#define TESTS_HOST_TEST_INTC_RIG_H

/* Defines functions of firmware/ and mm/: one file of a program includes it. */

#include <stdlib.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "firmware/time.h"
#include "firmware/trap.h"
#include "mm/fault.h"
#include "mm/io.h"
#include "platform/imsic.h"
#include "platform/intc.h"
#include "tests/host/tap.h"

static struct region rig_registers; /* all that may be mapped */
static void (*external)(struct trap_frame *f);
static unsigned this_hart;
static unsigned enabled_local; /* harts, as bits */
static struct machine machine;
static uint64_t rig_time;

/* An interrupt file a hart. */
#define RIG_IDS 127
static struct {
	bool open;
	bool enabled[RIG_IDS + 1];
	bool pending[RIG_IDS + 1];
} files[4];

void note(const char *fmt, ...)
{
	(void)fmt;
}

unsigned arch_hart(void)
{
	return this_hart;
}

bool arch_irq_save(void)
{
	return true;
}

void arch_irq_restore(bool enabled)
{
	(void)enabled;
}

void mmio_post(void)
{
}

void irq_register(enum irq irq, void (*fn)(struct trap_frame *f))
{
	if (irq == IRQ_EXT)
		external = fn;
}

void irq_enable_local(enum irq irq)
{
	if (irq == IRQ_EXT)
		enabled_local |= 1U << this_hart;
}

/* Hart 0 is the tree's second cpu, as with a boot hart that is not the first. */
unsigned hart_cpu_index(unsigned hart)
{
	return hart == 0 ? 1 : hart == 1 ? 0 : hart;
}

enum err io_map(paddr_t pa, uint64_t size, vaddr_t *va)
{
	if (pa < rig_registers.start || pa + size > region_end(rig_registers))
		abort();
	*va = pa;
	return OK;
}

void imsic_open(unsigned ids)
{
	if (ids > RIG_IDS)
		abort();
	memset(&files[this_hart], 0, sizeof(files[this_hart]));
	files[this_hart].open = true;
}

void imsic_set_enabled(unsigned id, bool on)
{
	if (id == 0 || id > RIG_IDS || !files[this_hart].open)
		abort();
	files[this_hart].enabled[id] = on;
}

bool imsic_is_pending(unsigned id)
{
	return files[this_hart].pending[id];
}

void imsic_clear_pending(unsigned id)
{
	files[this_hart].pending[id] = false;
}

/* Time moves by being read. */
uint64_t time_deadline_ms(uint64_t ms)
{
	return rig_time + ms;
}

bool time_past(uint64_t deadline)
{
	return rig_time++ > deadline;
}

uint32_t imsic_claim(void)
{
	for (uint32_t id = 1; id <= RIG_IDS; id++) {
		if (files[this_hart].enabled[id] && files[this_hart].pending[id]) {
			files[this_hart].pending[id] = false;
			return id;
		}
	}
	return 0;
}

static void interrupt(unsigned hart)
{
	struct trap_frame f = {.scause = IRQ_EXT};

	this_hart = hart;
	external(&f);
	this_hart = 0;
}

#endif
