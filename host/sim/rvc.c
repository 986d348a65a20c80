/* SPDX-License-Identifier: BSD-2-Clause */
/* Compressed instructions of RV64C, each as the 32-bit instruction that it stands for. */
#include "host/sim/rvc.h"

#include "host/sim/riscv.h"

enum { OP_LOAD = 0x03, OP_IMM = 0x13, OP_IMM32 = 0x1b, OP_STORE = 0x23, OP = 0x33 };
enum { OP_LUI = 0x37, OP_32 = 0x3b, OP_BRANCH = 0x63, OP_JALR = 0x67, OP_JAL = 0x6f };

#define EBREAK 0x00100073U

uint32_t rvc_table[65536];

static uint32_t i_type(uint32_t op, uint32_t f3, uint32_t rd, uint32_t rs1, uint32_t imm)
{
	return (imm & 0xfff) << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}

static uint32_t r_type(uint32_t op, uint32_t f7, uint32_t f3, uint32_t rd, uint32_t rs1,
		       uint32_t rs2)
{
	return f7 << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | rd << 7 | op;
}

static uint32_t s_type(uint32_t f3, uint32_t rs1, uint32_t rs2, uint32_t imm)
{
	return field(imm, 5, 7) << 25 | rs2 << 20 | rs1 << 15 | f3 << 12 | field(imm, 0, 5) << 7 |
	       OP_STORE;
}

static uint32_t b_type(uint32_t f3, uint32_t rs1, uint32_t imm)
{
	return field(imm, 12, 1) << 31 | field(imm, 5, 6) << 25 | rs1 << 15 | f3 << 12 |
	       field(imm, 1, 4) << 8 | field(imm, 11, 1) << 7 | OP_BRANCH;
}

static uint32_t jal(uint32_t rd, uint32_t imm)
{
	return field(imm, 20, 1) << 31 | field(imm, 1, 10) << 21 | field(imm, 11, 1) << 20 |
	       field(imm, 12, 8) << 12 | rd << 7 | OP_JAL;
}

/* Bits [lo, lo + nr) of @c, moved to bit @to. */
static uint32_t part(uint32_t c, unsigned lo, unsigned nr, unsigned to)
{
	return field(c, lo, nr) << to;
}

/* The 6-bit immediate of quadrants 1 and 2, sign-extended. */
static uint32_t imm6(uint32_t c)
{
	return (uint32_t)sign_extend(part(c, 2, 5, 0) | part(c, 12, 1, 5), 6);
}

static uint32_t quadrant0(uint32_t c)
{
	uint32_t rd = 8 + field(c, 2, 3);
	uint32_t rs1 = 8 + field(c, 7, 3);
	uint32_t word = part(c, 10, 3, 3) | part(c, 6, 1, 2) | part(c, 5, 1, 6);
	uint32_t dword = part(c, 10, 3, 3) | part(c, 5, 2, 6);
	uint32_t addi4 = part(c, 11, 2, 4) | part(c, 7, 4, 6) | part(c, 6, 1, 2) | part(c, 5, 1, 3);

	switch (c >> 13) {
	case 0: /* c.addi4spn */
		return addi4 == 0 ? 0 : i_type(OP_IMM, 0, rd, 2, addi4);
	case 2: /* c.lw */
		return i_type(OP_LOAD, 2, rd, rs1, word);
	case 3: /* c.ld */
		return i_type(OP_LOAD, 3, rd, rs1, dword);
	case 6: /* c.sw */
		return s_type(2, rs1, rd, word);
	case 7: /* c.sd */
		return s_type(3, rs1, rd, dword);
	default:
		return 0;
	}
}

static uint32_t arithmetic(uint32_t c)
{
	static const uint32_t f3[] = {0, 4, 6, 7};
	uint32_t rd = 8 + field(c, 7, 3);
	uint32_t rs2 = 8 + field(c, 2, 3);
	uint32_t shift = part(c, 2, 5, 0) | part(c, 12, 1, 5);
	uint32_t kind = field(c, 5, 2);

	switch (field(c, 10, 2)) {
	case 0: /* c.srli */
		return i_type(OP_IMM, 5, rd, rd, shift);
	case 1: /* c.srai */
		return i_type(OP_IMM, 5, rd, rd, 0x400 | shift);
	case 2: /* c.andi */
		return i_type(OP_IMM, 7, rd, rd, imm6(c));
	default:
		break;
	}
	if (field(c, 12, 1) == 0) /* c.sub, c.xor, c.or, c.and */
		return r_type(OP, kind == 0 ? 0x20 : 0, f3[kind], rd, rd, rs2);
	if (kind > 1)
		return 0;
	return r_type(OP_32, kind == 0 ? 0x20 : 0, 0, rd, rd, rs2); /* c.subw, c.addw */
}

static uint32_t addi16sp_or_lui(uint32_t c, uint32_t rd)
{
	uint32_t imm = part(c, 6, 1, 4) | part(c, 2, 1, 5) | part(c, 5, 1, 6) | part(c, 3, 2, 7) |
		       part(c, 12, 1, 9);

	if (imm6(c) == 0)
		return 0;
	if (rd == 2)
		return i_type(OP_IMM, 0, 2, 2, (uint32_t)sign_extend(imm, 10));
	return (imm6(c) & 0xfffff) << 12 | rd << 7 | OP_LUI;
}

static uint32_t quadrant1(uint32_t c)
{
	uint32_t rd = field(c, 7, 5);
	uint32_t rs1 = 8 + field(c, 7, 3);
	uint32_t jump = part(c, 3, 3, 1) | part(c, 11, 1, 4) | part(c, 2, 1, 5) | part(c, 7, 1, 6) |
			part(c, 6, 1, 7) | part(c, 9, 2, 8) | part(c, 8, 1, 10) |
			part(c, 12, 1, 11);
	uint32_t branch = part(c, 3, 2, 1) | part(c, 10, 2, 3) | part(c, 2, 1, 5) |
			  part(c, 5, 2, 6) | part(c, 12, 1, 8);

	jump = (uint32_t)sign_extend(jump, 12);
	branch = (uint32_t)sign_extend(branch, 9);
	switch (c >> 13) {
	case 0: /* c.addi, c.nop */
		return i_type(OP_IMM, 0, rd, rd, imm6(c));
	case 1: /* c.addiw */
		return rd == 0 ? 0 : i_type(OP_IMM32, 0, rd, rd, imm6(c));
	case 2: /* c.li */
		return i_type(OP_IMM, 0, rd, 0, imm6(c));
	case 3:
		return addi16sp_or_lui(c, rd);
	case 4:
		return arithmetic(c);
	case 5: /* c.j */
		return jal(0, jump);
	default: /* c.beqz, c.bnez */
		return b_type(c >> 13 & 1, rs1, branch);
	}
}

static uint32_t jump_or_move(uint32_t c, uint32_t rd, uint32_t rs2)
{
	if (field(c, 12, 1) == 0) {
		if (rs2 != 0) /* c.mv */
			return r_type(OP, 0, 0, rd, 0, rs2);
		return rd == 0 ? 0 : i_type(OP_JALR, 0, 0, rd, 0); /* c.jr */
	}
	if (rs2 != 0) /* c.add */
		return r_type(OP, 0, 0, rd, rd, rs2);
	return rd == 0 ? EBREAK : i_type(OP_JALR, 0, 1, rd, 0); /* c.jalr */
}

static uint32_t quadrant2(uint32_t c)
{
	uint32_t rd = field(c, 7, 5);
	uint32_t rs2 = field(c, 2, 5);

	switch (c >> 13) {
	case 0: /* c.slli */
		return i_type(OP_IMM, 1, rd, rd, part(c, 2, 5, 0) | part(c, 12, 1, 5));
	case 2: /* c.lwsp */
		return rd == 0 ? 0
			       : i_type(OP_LOAD, 2, rd, 2,
					part(c, 4, 3, 2) | part(c, 12, 1, 5) | part(c, 2, 2, 6));
	case 3: /* c.ldsp */
		return rd == 0 ? 0
			       : i_type(OP_LOAD, 3, rd, 2,
					part(c, 5, 2, 3) | part(c, 12, 1, 5) | part(c, 2, 3, 6));
	case 4:
		return jump_or_move(c, rd, rs2);
	case 6: /* c.swsp */
		return s_type(2, 2, rs2, part(c, 9, 4, 2) | part(c, 7, 2, 6));
	case 7: /* c.sdsp */
		return s_type(3, 2, rs2, part(c, 10, 3, 3) | part(c, 7, 3, 6));
	default:
		return 0;
	}
}

uint32_t rvc_expand(uint16_t c)
{
	switch (c & 3) {
	case 0:
		return quadrant0(c);
	case 1:
		return quadrant1(c);
	case 2:
		return quadrant2(c);
	default:
		return 0;
	}
}

void rvc_init(void)
{
	for (uint32_t c = 0; c < 65536; c++)
		rvc_table[c] = rvc_expand((uint16_t)c);
}
