/* SPDX-License-Identifier: BSD-2-Clause */
/* Layout of struct seq for seq_insns.S; plain numbers. */
#ifndef TESTS_MMU_SEQ_OFFSETS_H
#define TESTS_MMU_SEQ_OFFSETS_H

#define SEQ_FILL_OP 0
#define SEQ_FILL_VA 8
#define SEQ_VALUE 16
#define SEQ_SLOT 24
#define SEQ_PTE 32
#define SEQ_FENCE_OP 40
#define SEQ_RS1 48
#define SEQ_RS2 56
#define SEQ_DELAY_OP 64
#define SEQ_PROBE_OP 72
#define SEQ_PROBE_VA 80
#define SEQ_STAGE 88
#define SEQ_FILL_SEEN 96
#define SEQ_PROBE_SEEN 104
#define SEQ_AWAY_SATP 112
#define SEQ_BACK_SATP 120
#define SEQ_HOP_OP 128

/* SEQ_STAGE: how far it came. A trap ends it where it is. */
#define SEQ_FILLING 1
#define SEQ_PROBING 2
#define SEQ_DONE 3

/* Instructions of the delay sled. */
#define SEQ_MAX_DELAY 64

#endif
