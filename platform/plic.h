/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform-level interrupt controller: sources to S-mode contexts of harts. */
#ifndef PLATFORM_PLIC_H
#define PLATFORM_PLIC_H

#include "platform/intc.h"

/* Source: RISC-V Platform-Level Interrupt Controller Specification 1.0.0. */
extern const struct intc_chip plic_chip;

#endif
