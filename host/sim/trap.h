/* SPDX-License-Identifier: BSD-2-Clause */
/* Traps: exceptions, interrupts, and the way back. */
#ifndef HOST_SIM_TRAP_H
#define HOST_SIM_TRAP_H

#include "host/sim/hart.h"

/* Enter the handler of the exception that was raised at h->pc. */
void trap_take(struct hart *h);

/* mip as software reads it, and as it decides on interrupts. */
uint64_t trap_pending(const struct hart *h);

/* Take an interrupt if one is pending and enabled; ends WFI if one is pending. */
void trap_check_interrupts(struct hart *h);

/* MRET, SRET: the pc to go on at. */
uint64_t trap_mret(struct hart *h);
uint64_t trap_sret(struct hart *h);

#endif
