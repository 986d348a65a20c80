/* SPDX-License-Identifier: BSD-2-Clause */
/* The incoming MSI controller: the S-mode interrupt file of the calling hart, through its CSRs. */
#ifndef PLATFORM_IMSIC_H
#define PLATFORM_IMSIC_H

#include "firmware/types.h"

/*
 * All of these touch the file of the calling hart only: there is no way to another hart's.
 * Interrupts are off. Source: RISC-V AIA 1.0, chapter 3 "Incoming MSI Controller".
 */

/* Forget what is pending, switch identities 1 to @ids off, then deliver. */
void imsic_open(unsigned ids);
/* Let identity @id (1 to 2047) through to this hart, or no longer. */
void imsic_set_enabled(unsigned id, bool on);
/* Whether identity @id waits, enabled or not; and forget that it does. */
bool imsic_is_pending(unsigned id);
void imsic_clear_pending(unsigned id);
/* The identity of highest priority that is pending and enabled, pending no more; 0: none. */
uint32_t imsic_claim(void);

#endif
