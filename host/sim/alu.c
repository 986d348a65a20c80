/* SPDX-License-Identifier: BSD-2-Clause */
/* Multiplication, division, and what AMOs compute. */
#include "host/sim/alu.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

static uint64_t divide(int64_t a, int64_t b)
{
	if (b == 0)
		return UINT64_MAX;
	return a == INT64_MIN && b == -1 ? (uint64_t)a : (uint64_t)(a / b);
}

static uint64_t remainder_of(int64_t a, int64_t b)
{
	if (b == 0)
		return (uint64_t)a;
	return a == INT64_MIN && b == -1 ? 0 : (uint64_t)(a % b);
}

uint64_t alu_muldiv(unsigned f3, uint64_t a, uint64_t b)
{
	switch (f3) {
	case 0: /* mul */
		return a * b;
	case 1: /* mulh */
		return (uint64_t)((int128)(int64_t)a * (int64_t)b >> 64);
	case 2: /* mulhsu */
		return (uint64_t)((int128)(int64_t)a * (int128)b >> 64);
	case 3: /* mulhu */
		return (uint64_t)((uint128)a * b >> 64);
	case 4:
		return divide((int64_t)a, (int64_t)b);
	case 5:
		return b == 0 ? UINT64_MAX : a / b;
	case 6:
		return remainder_of((int64_t)a, (int64_t)b);
	default:
		return b == 0 ? a : a % b;
	}
}

uint64_t alu_muldiv_word(unsigned f3, uint64_t a, uint64_t b)
{
	uint32_t ua = (uint32_t)a;
	uint32_t ub = (uint32_t)b;

	switch (f3) {
	case 0: /* mulw */
		return alu_word(a * b);
	case 4: /* INT32_MIN / -1 does not overflow in 64 bits */
		return alu_word(divide((int32_t)ua, (int32_t)ub));
	case 5:
		return ub == 0 ? UINT64_MAX : alu_word(ua / ub);
	case 6:
		return alu_word(remainder_of((int32_t)ua, (int32_t)ub));
	default:
		return ub == 0 ? alu_word(ua) : alu_word(ua % ub);
	}
}

bool alu_amo(unsigned f5, uint64_t old, uint64_t operand, uint64_t *value)
{
	bool less = (int64_t)old < (int64_t)operand;
	/* Of sign-extended words the unsigned order is the same as that of the words. */
	bool below = old < operand;

	switch (f5) {
	case 0x00:
		*value = old + operand;
		return true;
	case 0x01:
		*value = operand;
		return true;
	case 0x04:
		*value = old ^ operand;
		return true;
	case 0x08:
		*value = old | operand;
		return true;
	case 0x0c:
		*value = old & operand;
		return true;
	case 0x10:
		*value = less ? old : operand;
		return true;
	case 0x14:
		*value = less ? operand : old;
		return true;
	case 0x18:
		*value = below ? old : operand;
		return true;
	case 0x1c:
		*value = below ? operand : old;
		return true;
	default:
		return false;
	}
}
