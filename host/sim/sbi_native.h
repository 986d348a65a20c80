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

/* Fences that a fault has put off, whose time may have come. Before each turn of @h. */
void sbi_native_poll(struct hart *h);

#endif
