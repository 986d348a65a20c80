/* SPDX-License-Identifier: BSD-2-Clause */
/* Files into memory: raw images and ELF. */
#ifndef HOST_SIM_LOAD_H
#define HOST_SIM_LOAD_H

#include "host/sim/hart.h"

/*
 * Load @file: an ELF to where it says, anything else to @address. On success *entry is where it
 * begins. False: stderr says why.
 */
bool load_file(struct machine *m, const char *file, uint64_t address, uint64_t *entry);

#endif
