/* SPDX-License-Identifier: BSD-2-Clause */
/* The console's UART, of several kinds: output only, always ready but for a moment. */
#ifndef HOST_SIM_UART_H
#define HOST_SIM_UART_H

#include <stdbool.h>

#include "host/sim/hart.h"

/* Print one character; also for an SBI that has the console for itself. */
void uart_print(struct machine *m, char c);

/* An access of @size bytes at @offset of its registers. False: such a one it does not take. */
bool uart_read(struct machine *m, uint64_t offset, unsigned size, uint64_t *value);
bool uart_write(struct machine *m, uint64_t offset, unsigned size, uint64_t value);

#endif
