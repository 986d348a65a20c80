/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of struct bare for bare_insns.S; plain numbers. */
#ifndef TESTS_MMU_BARE_OFFSETS_H
#define TESTS_MMU_BARE_OFFSETS_H

/* Accesses of a run, each behind a write of satp. */
#define BARE_STEPS 3

#define BARE_SATP(n) ((n)*8)
#define BARE_VA 24
#define BARE_VALUE 32
#define BARE_OP 40
#define BARE_SEEN(n) (48 + (n)*8)
#define BARE_CAUSE(n) (72 + (n)*8)
#define BARE_TVAL(n) (96 + (n)*8)
#define BARE_READBACK 120

/* BARE_CAUSE of an access that did not trap. */
#define BARE_NO_TRAP -1

#endif
