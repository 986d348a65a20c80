/* SPDX-License-Identifier: BSD-2-Clause */
/* What hart.c and hart_life.c share: how harts are started, and who takes jobs. */
#ifndef FIRMWARE_HART_PRIV_H
#define FIRMWARE_HART_PRIV_H

#include "firmware/hart.h"

/* Read by start.S through its physical address; layout in offsets.h. */
struct hart_boot {
	uint64_t satp, stvec, sp, tp;
	uint64_t fence; /* 0: no SFENCE.VMA before satp is written */
};

extern struct hart_boot hart_boot[MAX_HARTS];
extern struct hartset hart_peer_set; /* started, idle or busy, not lost */

/* start.S */
extern char hart_entry[], hart_virtual[];

/* Ask SBI to start @hart by its hart_boot[]. Returns the SBI error. */
int64_t hart_boot_start(unsigned hart);

/* Nobody counts on @hart any more. */
void hart_lose(unsigned hart);

/* What hart_on() asked of this hart before all else. False: it trapped there. */
bool hart_first(struct hart *h);

#endif
