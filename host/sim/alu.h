/* SPDX-License-Identifier: BSD-2-Clause */
/* Integer arithmetic of RV64IM on values. */
#ifndef HOST_SIM_ALU_H
#define HOST_SIM_ALU_H

#include <stdbool.h>
#include <stdint.h>

#include "host/sim/riscv.h"

static inline uint64_t alu_word(uint64_t v)
{
	return (uint64_t)(int64_t)(int32_t)v;
}

/* OP-IMM and OP without M. @alt: bit 30, SUB or SRA. */
static inline uint64_t alu_base(unsigned f3, bool alt, uint64_t a, uint64_t b)
{
	switch (f3) {
	case 0:
		return alt ? a - b : a + b;
	case 1:
		return a << (b & 63);
	case 2:
		return (int64_t)a < (int64_t)b;
	case 3:
		return a < b;
	case 4:
		return a ^ b;
	case 5:
		return alt ? (uint64_t)((int64_t)a >> (b & 63)) : a >> (b & 63);
	case 6:
		return a | b;
	default:
		return a & b;
	}
}

/* OP-IMM-32 and OP-32 without M: f3 is 0, 1 or 5. */
static inline uint64_t alu_base_word(unsigned f3, bool alt, uint64_t a, uint64_t b)
{
	switch (f3) {
	case 0:
		return alu_word(alt ? a - b : a + b);
	case 1:
		return alu_word((uint32_t)a << (b & 31));
	default:
		return alt ? alu_word((uint64_t)(int64_t)((int32_t)a >> (b & 31)))
			   : alu_word((uint32_t)a >> (b & 31));
	}
}

/* M: division by zero and overflow have results, no traps. */
uint64_t alu_muldiv(unsigned f3, uint64_t a, uint64_t b);
uint64_t alu_muldiv_word(unsigned f3, uint64_t a, uint64_t b);

/* Of an AMO: what is stored, from what was in memory. Words are sign-extended. False: no AMO. */
bool alu_amo(unsigned f5, uint64_t old, uint64_t operand, uint64_t *value);

#endif
