/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The boot hart watches the others (hart_wait(), deadlines of tests). This is who watches the boot
 * hart: one that hangs with its interrupts off, or inside the SBI firmware, cannot say so itself.
 */
#ifndef TESTS_LOOKOUT_H
#define TESTS_LOOKOUT_H

#include "firmware/types.h"

/*
 * Let one of the other harts look now and then whether the boot hart still takes interrupts.
 * @expired is called on that hart, once, with the milliseconds that it has not. Nothing without a
 * second hart, or without SBI TIME.
 */
void lookout_start(void (*expired)(uint64_t ms));

/* Begin again if whoever looks has stopped looking: harts stop and start in tests. */
void lookout_renew(void);

/* A timer interrupt of this hart (or work that it does with interrupts off): the boot hart gives
 * its sign of life, the other one looks. */
void lookout_tick(void);

#endif
