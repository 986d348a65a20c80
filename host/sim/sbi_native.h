/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SBI calls that the emulator answers itself, in place of the firmware in M-mode: RFENCE, with
 * --sbi-rfence native, exactly as asked and no more; and what faults make of IPI and HSM.
 */
#ifndef HOST_SIM_SBI_NATIVE_H
#define HOST_SIM_SBI_NATIVE_H

#include "host/sim/hart.h"

/* ECALL from S-mode. True: answered. False: on to M-mode, maybe with other arguments. */
bool sbi_native_call(struct hart *h);

/* The targets of a mask as bits; false: a hart that is none. Base -1 means all. */
bool sbi_native_targets(const struct hart *h, uint64_t mask, uint64_t base, uint64_t *set);

/* RFENCE as a0 to a4 and a6 have it; the SBI error. */
int64_t sbi_native_rfence(struct hart *h);

/* Fences that a fault has put off, whose time may have come. Before each turn of @h. */
void sbi_native_poll(struct hart *h);

#endif
