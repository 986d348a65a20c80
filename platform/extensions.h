/* SPDX-License-Identifier: BSD-2-Clause */
/* Extensions that firmware has to switch on: what the tree claims is tried before it is used. */
#ifndef PLATFORM_EXTENSIONS_H
#define PLATFORM_EXTENSIONS_H

#include "firmware/machine.h"

/*
 * Try on every hart what @m claims for all of them, and use what works on all: stimecmp for timers
 * (Sstc: menvcfg.STCE, mcounteren.TM), memory types for device registers (Svpbmt: menvcfg.PBMTE). A
 * claim that does not hold is noted. Without @types memory types are neither tried (that splits a
 * leaf of the direct map for a while) nor used. Boot hart, behind hart_start_all(), before any
 * other hart maps anything.
 */
void extensions_probe(const struct machine *m, bool types);

#endif
