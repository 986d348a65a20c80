/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical memory: RAM, a little ROM, CLINT, UART, finisher. */
#ifndef HOST_SIM_BUS_H
#define HOST_SIM_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sim/hart.h"

#define FINISHER_BASE UINT64_C(0x100000)
#define FINISHER_BYTES UINT64_C(0x1000)
#define ROM_BASE UINT64_C(0x1000)
#define ROM_BYTES UINT64_C(0x1000)
#define CLINT_BASE UINT64_C(0x2000000)
#define CLINT_BYTES UINT64_C(0x10000)
#define UART_BASE UINT64_C(0x10000000)
#define UART_BYTES UINT64_C(0x1000)

/* Host address of @size bytes of RAM at @pa, NULL if they are not all RAM. */
static inline uint8_t *bus_ram(const struct machine *m, uint64_t pa, uint64_t size)
{
	uint64_t off = pa - m->ram_base;

	return off < m->ram_bytes && m->ram_bytes - off >= size ? m->ram + off : NULL;
}

/* An aligned access of 1, 2, 4 or 8 bytes by @h, of RAM or of a device. False: nothing is there. */
bool bus_read(struct hart *h, uint64_t pa, unsigned size, uint64_t *value);
bool bus_write(struct hart *h, uint64_t pa, unsigned size, uint64_t value);

#endif
