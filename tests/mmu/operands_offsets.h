/* SPDX-License-Identifier: BSD-2-Clause */
/* Plain numbers that operands_insns.S and C share. */
#ifndef TESTS_MMU_OPERANDS_OFFSETS_H
#define TESTS_MMU_OPERANDS_OFFSETS_H

/* Length of the code for one register. */
#define OPERAND_CODE_BYTES 32
/* Fences in a row. */
#define OPERAND_ROW 6

#endif
