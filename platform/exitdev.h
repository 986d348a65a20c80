/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run: exit device, else SBI shutdown, else park. */
#ifndef PLATFORM_EXITDEV_H
#define PLATFORM_EXITDEV_H

#include "firmware/machine.h"

/*
 * Map the exit device, so that a crash needs no allocation to report itself. Without it
 * machine_exit_run() maps it when called. A machine without one is fine.
 */
void exitdev_init(const struct machine *m);

/*
 * End the run with exit status @code (0 pass, else 1 to 65535). Everything has been printed.
 * Any hart, any context; may be called again from a crash on the way.
 */
void machine_exit_run(const struct machine *m, unsigned code) noreturn_fn;

#endif
