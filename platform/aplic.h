/* SPDX-License-Identifier: BSD-2-Clause */
/* The advanced platform-level interrupt controller, S-mode domain: wired, or by messages. */
#ifndef PLATFORM_APLIC_H
#define PLATFORM_APLIC_H

#include "platform/intc.h"

/* Source: RISC-V Advanced Interrupt Architecture 1.0, chapter 4. */
extern const struct intc_chip aplic_chip;     /* direct delivery, an IDC for each hart */
extern const struct intc_chip aplic_msi_chip; /* to the IMSICs of the harts */

#endif
