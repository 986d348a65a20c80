/* SPDX-License-Identifier: BSD-2-Clause */
/* Decode the loads and stores that a driver may make to an emulated register. */
#ifndef PLATFORM_MMIO_INSN_H
#define PLATFORM_MMIO_INSN_H

#include "firmware/types.h"

struct mmio_insn {
	bool store;
	bool sign; /* sign-extend what is loaded */
	uint8_t size_bytes;
	uint8_t len_bytes; /* of the instruction: 2 or 4 */
	uint8_t reg;	   /* x register loaded to, or stored */
	uint8_t base;	   /* x register with the address */
	int16_t offset;	   /* to be added to it */
};

/*
 * Decode @bits (the first 16 bits of an instruction, and the next 16 above them if it is a long
 * one): lb lbu lh lhu lw lwu ld sb sh sw sd, c.lw c.sw c.ld c.sd. False for
 * anything else. Source: RISC-V Unprivileged ISA, "RV64I" and "C" chapters.
 */
bool mmio_insn_decode(uint32_t bits, struct mmio_insn *insn);

/* Is the instruction that begins with these 16 bits longer than they? */
static inline bool mmio_insn_is_long(uint16_t low)
{
	return (low & 3) == 3;
}

/* What the register gets: the low bytes of @value, extended. */
uint64_t mmio_insn_extend(const struct mmio_insn *insn, uint64_t value);

#endif
