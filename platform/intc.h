/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupts of devices: one handler a source, on whatever controller the machine has. */
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
};

#endif
