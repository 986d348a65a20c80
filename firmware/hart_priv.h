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

/* Interrupt @harts. False if SBI refused one of them. */
bool hart_send_ipi(const struct hartset *harts);
/* Handler of that interrupt (hart_ipi.c). */
void hart_ipi_irq(struct trap_frame *f);

/*
 * Nobody counts on @hart any more. Notes what SBI says of it, what it was at, and whether it can
 * still be interrupted (waits a second for that): it parks then.
 */
void hart_lose(unsigned hart);
/* Parks @h, the calling hart, if it is lost. */
void hart_park_if_lost(struct hart *h);

/* What hart_on() asked of this hart before all else. False: it trapped there. */
bool hart_first(struct hart *h);

#endif
