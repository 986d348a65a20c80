/* SPDX-License-Identifier: BSD-2-Clause */
/* Supervisor Binary Interface: what hotwalk calls, each extension probed, none inferred. */
#ifndef FIRMWARE_SBI_H
#define FIRMWARE_SBI_H

#include "firmware/hartset.h"
#include "firmware/types.h"

enum sbi_error {
	SBI_OK = 0,
	SBI_ERR_FAILED = -1,
	SBI_ERR_NOT_SUPPORTED = -2,
	SBI_ERR_INVALID_PARAM = -3,
	SBI_ERR_DENIED = -4,
	SBI_ERR_INVALID_ADDRESS = -5,
	SBI_ERR_ALREADY_AVAILABLE = -6,
};

struct sbi_info {
	uint64_t spec_version; /* bits 30:24 major, 23:0 minor */
	uint64_t impl_id;      /* 1: OpenSBI */
	uint64_t impl_version;
	uint64_t mvendorid;
	uint64_t marchid;
	uint64_t mimpid;
	bool time, ipi, rfence, hsm, srst, dbcn, fwft;
	bool putchar; /* the legacy console; taken for granted before SBI 0.2, which cannot be asked
		       */
};

/* Probe once on the boot hart; sbi() is const from then on. */
void sbi_init(void);
const struct sbi_info *sbi(void);
/* Make no call of FWFT from here on: as if it were not there. */
void sbi_forget_fwft(void);

void sbi_putc(char c);
/* Bytes written of @len at physical @pa: DBCN may take fewer. 0 when it takes none. */
size_t sbi_console_write(paddr_t pa, size_t len);

int64_t sbi_set_timer(uint64_t ticks);
/* For each of these: harts by hart id, @mask bit i is hart id @base + i. */
int64_t sbi_send_ipi(uint64_t mask, uint64_t base);
int64_t sbi_remote_sfence_vma(uint64_t mask, uint64_t base, vaddr_t start, uint64_t size);
/* The same for the entries of one ASID; global ones may stay. */
int64_t sbi_remote_sfence_vma_asid(uint64_t mask, uint64_t base, vaddr_t start, uint64_t size,
				   uint64_t asid);
/* FENCE.I on each of them. */
int64_t sbi_remote_fence_i(uint64_t mask, uint64_t base);

/* States of a hart (SBI, HSM). */
enum sbi_hart_state {
	SBI_HART_STARTED,
	SBI_HART_STOPPED,
	SBI_HART_START_PENDING,
	SBI_HART_STOP_PENDING,
	SBI_HART_SUSPENDED,
	SBI_HART_SUSPEND_PENDING,
	SBI_HART_RESUME_PENDING,
};

int64_t sbi_hart_start(uint64_t hartid, paddr_t entry, uint64_t opaque);
/* This hart, with its interrupts off: returns if it was refused, and not at all if it was not. */
int64_t sbi_hart_stop(void);
/* enum sbi_hart_state, or a negative SBI error. */
int64_t sbi_hart_state(uint64_t hartid);
/* This hart sleeps until an interrupt of sie is pending, or for no reason at all. */
int64_t sbi_hart_suspend(void);
/* The same, but it wakes up at @entry as a hart that was started does, and returns if refused. */
int64_t sbi_hart_suspend_off(paddr_t entry, uint64_t opaque);

/*
 * FWFT (SBI 3.0): features of this hart by their number; errors as the call returns them, and
 * SBI_ERR_NOT_SUPPORTED without a call where sbi()->fwft is false. Who sets one that address
 * translation looks at owes sfence.vma x0, x0: SBI does not say who makes it.
 */
#define SBI_FWFT_PTE_AD_HW_UPDATING 4
int64_t sbi_fwft_set(uint32_t feature, uint64_t value);
int64_t sbi_fwft_get(uint32_t feature, uint64_t *value);

/* SRST shutdown, else legacy shutdown; returns if neither exists. */
void sbi_shutdown(bool failure);

#endif
