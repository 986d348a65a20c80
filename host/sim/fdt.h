/* SPDX-License-Identifier: BSD-2-Clause */
/* The device tree of the machine. */
#ifndef HOST_SIM_FDT_H
#define HOST_SIM_FDT_H

#include <stddef.h>

#include "host/sim/config.h"

/* Write it to @buffer; its size, or 0 if @size bytes are not enough. */
size_t fdt_make(const struct config *c, void *buffer, size_t size);

#endif
