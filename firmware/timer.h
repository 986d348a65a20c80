/* SPDX-License-Identifier: BSD-2-Clause */
/* The one timer interrupt that each hart can ask for: by stimecmp (Sstc), or through SBI TIME. */
#ifndef FIRMWARE_TIMER_H
#define FIRMWARE_TIMER_H

#include "firmware/types.h"

enum timer_way { TIMER_SBI, TIMER_STIMECMP, NR_TIMER_WAYS };
/* "SBI TIME" or "stimecmp". */
const char *timer_way_name(enum timer_way w);

/* Earlier than the end of time: stop asking. */
#define TIMER_NEVER UINT64_MAX

/* Whether this hart may use stimecmp, found out by reading it: firmware has to have set
 * menvcfg.STCE and mcounteren.TM, and nothing but the trap says whether it did. */
bool timer_stimecmp_here(void);

/* What timer_set() uses from here on, on all harts; SBI TIME at first. */
void timer_use(enum timer_way w);
enum timer_way timer_used(void);
/* Whether @w can be used: SBI has TIME; timer_use() was told so of stimecmp. */
bool timer_has(enum timer_way w);

/*
 * This hart's timer interrupt is pending from the time CSR's value @ticks on and not before; takes
 * the place of what was asked for earlier. Without any timer: nothing. (A pending one may be
 * delivered once more: Sstc, "spurious".)
 */
void timer_set(uint64_t ticks);
void timer_set_by(enum timer_way w, uint64_t ticks);

/* Called by the handler of the timer interrupt: counts it. */
void timer_arrived(void);
/* Timer interrupts that this hart took, and the time CSR at the last one. */
uint64_t timer_count(uint64_t *when);

#endif
