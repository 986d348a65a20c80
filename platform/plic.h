/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform-level interrupt controller: sources to S-mode contexts of harts. */
#ifndef PLATFORM_PLIC_H
#define PLATFORM_PLIC_H

#include "firmware/machine.h"

/*
 * Take charge of the PLIC that @m shows and of IRQ_EXT. Nothing is enabled. Once, on the boot
 * hart. Returns OK; ERR_NOSYS if the machine has none (drivers poll then); ERR_RANGE if the tree's
 * numbers cannot be right (noted); ERR_NOMEM from io_map().
 * Source: RISC-V Platform-Level Interrupt Controller Specification 1.0.0.
 */
enum err must_check plic_init(const struct machine *m);

/*
 * Deliver source @irq to hart index @hart. @fn(@arg) runs on that hart with interrupts off, once
 * a claim; it has to quiet the device. A source has one handler and one hart. Interrupts are
 * switched on (sie.SEIE) here when @hart is the caller, else that hart has to call
 * irq_enable_local(IRQ_EXT) itself. One caller at a time.
 * Returns OK, ERR_NOSYS (no PLIC, or the hart has no S-mode context), ERR_RANGE (no such source),
 * ERR_EXIST (has a handler), ERR_NOMEM.
 */
enum err must_check plic_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg);

/*
 * Take @irq from the hart that it was enabled for. On that hart only; from within its own handler
 * too, where it takes effect when the handler has returned.
 */
void plic_disable(unsigned irq);

#endif
