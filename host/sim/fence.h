/* SPDX-License-Identifier: BSD-2-Clause */
/* What SFENCE.VMA, Svinval and remote fences remove, and no more than that. */
#ifndef HOST_SIM_FENCE_H
#define HOST_SIM_FENCE_H

#include "host/sim/hart.h"

/* SFENCE.VMA, SINVAL.VMA: operands by register number, since x0 is not a register with 0. */
void fence_sfence_vma(struct hart *h, unsigned rs1, unsigned rs2);
void fence_sinval_vma(struct hart *h, unsigned rs1, unsigned rs2);
void fence_w_inval(struct hart *h);
void fence_inval_ir(struct hart *h);

/* Remove what @f reaches from the caches of @h. */
void fence_apply(struct hart *h, const struct fence *f);

#endif
