/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine: memory, harts, and the order in which they run. */
#ifndef HOST_SIM_MACHINE_H
#define HOST_SIM_MACHINE_H

#include "host/sim/hart.h"

/* False without memory. */
bool machine_init(struct machine *m, const struct config *c);
void machine_free(struct machine *m);

/* All harts begin at @pc, as the boot ROM of QEMU would leave them. */
void machine_start(struct machine *m, uint64_t pc, uint64_t dtb, uint64_t info);

/* Until the finisher is written or nothing can happen any more; the exit status. */
int machine_run(struct machine *m);

/* Figures of the run, on stderr. */
void machine_print_stats(const struct machine *m, double seconds);

#endif
