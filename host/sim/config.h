/* SPDX-License-Identifier: BSD-2-Clause */
/* What kind of machine is asked for: filled by the command line, or by a test. */
#ifndef HOST_SIM_CONFIG_H
#define HOST_SIM_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_HARTS 64

/* How accessed and dirty bits get set. */
enum ad_mode {
	AD_FAULT,    /* Svade: page fault */
	AD_ADUE,     /* Svadu: page fault, or by hardware with menvcfg.ADUE */
	AD_HARDWARE, /* neither is claimed: always by hardware */
};

enum tlb_replace { REPLACE_RANDOM, REPLACE_LRU };

/* Entries of each cache (0: none), and chances in percent. */
struct tlb_config {
	uint32_t l1i, l1d, l2, pwc;
	enum tlb_replace replace;
	bool negative;	   /* entries that do not translate are kept as well */
	uint32_t splinter; /* a superpage is kept as 4 KiB pieces */
	uint32_t prefetch; /* a miss also walks another page */
	uint32_t restart;  /* a walk begins at the root, though a pointer is cached */
};

enum uart_model { UART_NS16550A, UART_DW_APB, UART_SIFIVE, UART_LITEX, UART_NONE, NR_UARTS };
/* As the device tree spells them. */
extern const char *const uart_names[NR_UARTS];

/* Extensions of the emulator's own SBI (sbi_small.h), bits. */
enum sbi_small_ext {
	SBI_SMALL_TIME = 1,
	SBI_SMALL_IPI = 2,
	SBI_SMALL_RFENCE = 4,
	SBI_SMALL_SRST = 8,
	SBI_SMALL_DBCN = 16,
	SBI_SMALL_PUTCHAR = 32,
	SBI_SMALL_HSM = 64, /* to be hidden only */
};

struct config {
	const char *bios;
	const char *kernel;
	const char *append;
	uint64_t ram_base;
	uint64_t ram_bytes;
	unsigned harts;
	uint64_t seed;
	uint64_t timeout_insns; /* 0: never */
	uint32_t quantum;	/* a hart runs 1 to this many instructions at a time */
	uint32_t insns_per_tick;
	uint32_t asid_bits;
	uint32_t modes; /* bit N: satp.MODE N */
	enum ad_mode ad;
	bool sstc, svinval, svnapot, svpbmt;
	uint64_t mvendorid, marchid, mimpid;
	struct tlb_config tlb;
	bool sbi_rfence;     /* RFENCE is the emulator's, not the firmware's */
	bool sbi_small;	     /* SBI is the emulator's, there is no M-mode firmware */
	uint32_t sbi_exts;   /* enum sbi_small_ext */
	uint32_t sbi_hidden; /* the same bits: what the firmware has and denies */
	enum uart_model uart;
	int fault_hart; /* faults of the hardware are on this hart only; -1: on all */
	bool stats;
	const char *dump_dtb;
};

/* The machine that is built when nothing is said. */
void config_defaults(struct config *c);

/*
 * Parse the command line. 0 to go on, 1 when all is done (--help, --list-faults), 2 when it is
 * wrong and stderr says how. Arms the faults that are named.
 */
int config_parse(struct config *c, int argc, char **argv);

#endif
