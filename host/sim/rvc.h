/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed instructions. */
#ifndef HOST_SIM_RVC_H
#define HOST_SIM_RVC_H

#include <stdint.h>

/* The 32-bit instruction that means the same; 0, which is illegal, if there is none. */
uint32_t rvc_expand(uint16_t c);

/* All of them, after rvc_init(). */
extern uint32_t rvc_table[65536];
void rvc_init(void);

#endif
