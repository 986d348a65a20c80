/* SPDX-License-Identifier: BSD-2-Clause */
/* Control and status registers. */
#ifndef HOST_SIM_CSR_H
#define HOST_SIM_CSR_H

#include "host/sim/hart.h"

/* False: there is no such register, or it may not be touched from here. */
bool csr_read(struct hart *h, unsigned csr, uint64_t *value);
bool csr_write(struct hart *h, unsigned csr, uint64_t value);

void csr_reset(struct hart *h);

#endif
