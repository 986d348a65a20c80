/* SPDX-License-Identifier: BSD-2-Clause */
/* Execution of instructions. */
#ifndef HOST_SIM_CPU_H
#define HOST_SIM_CPU_H

#include "host/sim/hart.h"

/* Run up to @budget instructions; fewer if the hart waits or lets others run. Returns how many. */
uint64_t cpu_run(struct hart *h, uint64_t budget);

/* SYSTEM opcode, see system.c. Returns the pc to go on at. */
uint64_t system_execute(struct hart *h, uint32_t insn, uint64_t next);

/* AMO opcode, see atomic.c. */
void atomic_execute(struct hart *h, uint32_t insn);

/* The instruction is none, or not allowed here. */
static inline void cpu_illegal(struct hart *h, uint32_t insn)
{
	hart_raise(h, CAUSE_ILLEGAL, insn);
}

#endif
