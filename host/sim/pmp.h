/* SPDX-License-Identifier: BSD-2-Clause */
/* Physical memory protection: 16 entries, granularity 4 KiB. */
#ifndef HOST_SIM_PMP_H
#define HOST_SIM_PMP_H

#include "host/sim/hart.h"

/* May @priv make an access of kind @a to the page at @pa? */
bool pmp_allows(const struct hart *h, uint64_t pa, enum access a, enum priv priv);

/* CSRs; @n is the number of the register, pmpcfg0 and pmpcfg2 for 64-bit harts. */
uint64_t pmp_read_cfg(const struct hart *h, unsigned n);
void pmp_write_cfg(struct hart *h, unsigned n, uint64_t value);
uint64_t pmp_read_addr(const struct hart *h, unsigned n);
void pmp_write_addr(struct hart *h, unsigned n, uint64_t value);

#endif
