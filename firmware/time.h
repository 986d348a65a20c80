/* SPDX-License-Identifier: BSD-2-Clause */
/* The time CSR in units that people read. */
#ifndef FIRMWARE_TIME_H
#define FIRMWARE_TIME_H

#include "firmware/types.h"

/* @timebase_hz of the device tree; 0 (not given) counts as 10 MHz, said on the console. */
void time_init(uint64_t timebase_hz);

uint64_t time_ticks(void);
uint64_t time_us(void); /* microseconds since time_init() */
uint64_t time_ms_to_ticks(uint64_t ms);

/* Every deadline takes @percent of its time (boot argument timeout=); 0: none is ever past. */
void time_stretch(uint64_t percent);

/* A deadline: past when time_ticks() has reached it. */
uint64_t time_deadline_ms(uint64_t ms);
/* The end of a pause, which comes whatever timeout= says. */
uint64_t time_after_ms(uint64_t ms);
bool time_past(uint64_t deadline);

#endif
