/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An SBI of the emulator's own, in place of M-mode firmware (--sbi): SBI 0.2 with the extensions
 * that are named and never HSM, so that all harts enter the payload at once, as old firmware has
 * them.
 */
#ifndef HOST_SIM_SBI_SMALL_H
#define HOST_SIM_SBI_SMALL_H

#include "host/sim/machine.h"

/* All harts to @entry in S-mode, translation off: a0 its id, a1 = @dtb. */
void sbi_small_start(struct machine *m, uint64_t entry, uint64_t dtb);

/* ECALL from S-mode. True: of an extension that is hidden (--hide-sbi), and answered. */
bool sbi_small_deny(struct hart *h);

/* ECALL from S-mode of a machine with --sbi. */
void sbi_small_call(struct hart *h);

#endif
