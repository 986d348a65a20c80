/* SPDX-License-Identifier: BSD-2-Clause */
/* Decode the loads and stores that a driver may make to an emulated register. */

#include "platform/mmio_insn.h"

#define OPCODE_LOAD 0x03
#define OPCODE_STORE 0x23

/* Bits [lo, lo + nr) of @v. */
static uint32_t field(uint32_t v, unsigned lo, unsigned nr)
{
	return (v >> lo) & ((UINT32_C(1) << nr) - 1);
}

static int16_t sign_extend12(uint32_t v)
{
	return (int16_t)((int32_t)(v ^ 0x800) - 0x800);
}

static bool decode_long(uint32_t bits, struct mmio_insn *insn)
{
	uint32_t funct3 = field(bits, 12, 3);

	switch (field(bits, 0, 7)) {
	case OPCODE_LOAD:
		if (funct3 == 7)
			return false;
		insn->sign = funct3 < 4 && funct3 != 3;
		insn->reg = (uint8_t)field(bits, 7, 5);
		insn->offset = sign_extend12(field(bits, 20, 12));
		break;
	case OPCODE_STORE:
		if (funct3 > 3)
			return false;
		insn->store = true;
		insn->reg = (uint8_t)field(bits, 20, 5);
		insn->offset = sign_extend12(field(bits, 25, 7) << 5 | field(bits, 7, 5));
		break;
	default:
		return false;
	}
	insn->size_bytes = (uint8_t)(1U << (funct3 & 3));
	insn->base = (uint8_t)field(bits, 15, 5);
	insn->len_bytes = 4;
	return true;
}

/* Quadrant 0: rs1' and rd'/rs2' are x8 to x15, offsets are scaled and unsigned. */
static bool decode_short(uint32_t bits, struct mmio_insn *insn)
{
	uint32_t funct3 = field(bits, 13, 3);
	uint32_t offset = field(bits, 10, 3) << 3;

	insn->store = (funct3 & 4) != 0;
	switch (funct3 & 3) {
	case 2: /* c.lw, c.sw: offset bits 5:3|2|6 */
		insn->size_bytes = 4;
		offset |= field(bits, 6, 1) << 2 | field(bits, 5, 1) << 6;
		break;
	case 3: /* c.ld, c.sd: offset bits 5:3|7:6 */
		insn->size_bytes = 8;
		offset |= field(bits, 5, 2) << 6;
		break;
	default:
		return false;
	}
	insn->sign = !insn->store && insn->size_bytes == 4;
	insn->reg = (uint8_t)(8 + field(bits, 2, 3));
	insn->base = (uint8_t)(8 + field(bits, 7, 3));
	insn->offset = (int16_t)offset;
	insn->len_bytes = 2;
	return true;
}

bool mmio_insn_decode(uint32_t bits, struct mmio_insn *insn)
{
	*insn = (struct mmio_insn){.store = false};
	switch (bits & 3) {
	case 0:
		return decode_short(bits & 0xffff, insn);
	case 3:
		return decode_long(bits, insn);
	default:
		return false;
	}
}

uint64_t mmio_insn_extend(const struct mmio_insn *insn, uint64_t value)
{
	unsigned unused = 64 - 8U * insn->size_bytes;

	value <<= unused;
	return insn->sign ? (uint64_t)((int64_t)value >> unused) : value >> unused;
}
