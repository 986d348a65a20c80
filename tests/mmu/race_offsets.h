/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of struct race for race_insns.S; plain numbers. */
#ifndef TESTS_MMU_RACE_OFFSETS_H
#define TESTS_MMU_RACE_OFFSETS_H

#define RACE_BAIT_OP 0
#define RACE_BAIT_VA 8
#define RACE_LINE 16
#define RACE_VALUE 24
#define RACE_SLOT(n) (32 + 48 * (n))
#define RACE_PTE(n) (40 + 48 * (n))
#define RACE_FENCE_OP(n) (48 + 48 * (n))
#define RACE_RS1(n) (56 + 48 * (n))
#define RACE_RS2(n) (64 + 48 * (n))
#define RACE_DELAY_OP(n) (72 + 48 * (n))
#define RACE_PROBE_OP 128
#define RACE_PROBE_VA(n) (136 + 8 * (n))
#define RACE_STAGE 160
#define RACE_SEEN(n) (168 + 8 * (n))

/* RACE_STAGE: how far it came; RACE_PROBING + n: in the probe of address n. */
#define RACE_BAITING 1
#define RACE_PROBING 2
#define RACE_DONE 5

#endif
