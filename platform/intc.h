/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of devices: one handler each, on whatever controller the machine has. */
#ifndef PLATFORM_INTC_H
#define PLATFORM_INTC_H

#include "firmware/machine.h"

/*
 * Take charge of the controller that @m shows and of IRQ_EXT. Nothing is enabled. Once, on the boot
 * hart. Returns OK; ERR_NOSYS if the machine has none (drivers poll then); ERR_RANGE if the tree's
 * numbers cannot be right (noted); ERR_NOMEM from io_map().
 */
enum err must_check intc_init(const struct machine *m);

/*
 * Interrupts have numbers: 1 to machine_intc.sources are wires to the controller, what lies above
 * are messages, which devices store themselves (intc_message()).
 */

/*
 * Deliver source @irq to hart index @hart. @fn(@arg) runs on that hart with interrupts off, once
 * a claim; it has to quiet the device. A source has one handler and one hart. Interrupts are
 * switched on (sie.SEIE) here when @hart is the caller, else that hart has to call
 * irq_enable_local(IRQ_EXT) itself. One caller at a time.
 * Returns OK, ERR_NOSYS (no controller, it cannot reach that hart, or only that hart itself can
 * ask for it: IMSIC), ERR_RANGE (no such source), ERR_EXIST (has a handler), ERR_NOMEM.
 */
enum err must_check intc_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg);

/*
 * Whether @irq, which nobody handles now, could be had by @hart, the caller's: what intc_enable()
 * would say.
 */
enum err must_check intc_reaches(unsigned irq, unsigned hart);

/* What a device has to store, 32 bits, so that it interrupts. */
struct intc_message {
	paddr_t address;
	uint32_t data;
};

/*
 * The lowest number above all sources that has no handler, and in @m the message that raises it at
 * hart index @hart, the caller's. It has been stored once, as a trial. The number is the caller's
 * from intc_enable() on. Returns OK; ERR_NOSYS: the controller takes no messages, or the trial did
 * not arrive (noted); ERR_NOMEM: no number or no handler is left.
 */
enum err must_check intc_message(unsigned hart, uint32_t *irq, struct intc_message *m);

/*
 * Take @irq from the hart that it was enabled for. On that hart only; from within its own handler
 * too, where it takes effect when the handler has returned.
 */
void intc_disable(unsigned irq);

/* Interrupts that reached a handler since the start, of all harts. */
uint64_t intc_delivered(void);

/* What a controller has to be able to do; all but init are called with it chosen. */
struct intc_chip {
	const char *name;
	enum intc_kind kind;
	/* Map what all harts share, switch every source off. Errors of intc_init(). */
	enum err (*init)(const struct machine *m);
	/*
	 * Make @hart ready to get source @irq, which is not enabled. ERR_NOSYS: it never will.
	 * May be called again.
	 */
	enum err (*open)(unsigned irq, unsigned hart);
	/* Let @irq through to @hart, or no longer. Interrupts are off. */
	void (*set_enabled)(unsigned irq, unsigned hart, bool on);
	/* The next source that waits for this hart, 0: none. */
	uint32_t (*claim)(unsigned hart);
	/* It has been served; @irq may come again from here on. */
	void (*complete)(unsigned hart, uint32_t irq);
	/* What raises number @irq, above all sources, at @hart. NULL: nothing does. */
	void (*message)(unsigned irq, unsigned hart, struct intc_message *m);
};

#endif
