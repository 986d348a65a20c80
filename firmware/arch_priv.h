/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of arch.c that firmware/ alone calls: who is online, which root is in force. */
#ifndef FIRMWARE_ARCH_PRIV_H
#define FIRMWARE_ARCH_PRIV_H

#include "firmware/types.h"

/* A hart begins to translate: the observer learns of it before the hart's first fence. */
void arch_hart_starting(unsigned hart);
void arch_hart_online(unsigned hart);
void arch_hart_offline(unsigned hart);

#endif
