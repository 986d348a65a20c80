/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of one hart, and of the machine around it. */
#ifndef HOST_SIM_HART_H
#define HOST_SIM_HART_H

#include "host/sim/config.h"
#include "host/sim/fast.h"
#include "host/sim/riscv.h"
#include "host/sim/tlb.h"

#define MAX_SINVAL 64
#define MAX_INFLIGHT 4
#define MAX_LATE_FENCES 8

#define unlikely(x) __builtin_expect((x) != 0, 0)

/* What a hart has to look at before its next instruction. */
#define ATTEND_TRAP 1U	/* trap_cause is to be taken; the instruction did not complete */
#define ATTEND_IRQ 2U	/* an interrupt may have become pending, or enabled */
#define ATTEND_YIELD 4U /* let other harts run */

struct fence {
	bool all_va;   /* rs1 = x0 */
	bool all_asid; /* rs2 = x0 */
	uint16_t asid;
	uint64_t first, last; /* pages */
	uint64_t before;      /* reaches what was read before this moment */
};

/* A fence that a fault holds back, or a refill that a fault brings in late. */
struct late_fence {
	bool pending;
	uint64_t due;
	struct fence op;
};

struct late_fill {
	bool pending;
	enum access access;
	uint64_t due;
	struct tlb_entry entry;
};

struct hart_stats {
	uint64_t l1_misses, l2_misses, walks, pte_reads, fences, prefetches, traps;
};

struct hart {
	uint64_t x[32];
	uint64_t pc;
	uint64_t insns; /* retired or trapped: also the hart's clock */
	unsigned attention;
	enum priv priv;
	bool waiting; /* WFI */

	/* Where accesses go that need no second look, see fast.h. */
	struct fast *fetch_fast;
	struct fast *data_fast;
	enum priv data_priv;

	enum cause trap_cause;
	uint64_t trap_value;
	bool reserved; /* LR */
	uint64_t reserved_pa;

	uint64_t mstatus, mtvec, mscratch, mepc, mcause, mtval, medeleg, mideleg, mie;
	uint64_t mip; /* SSIP, STIP, SEIP as written, MSIP and MTIP from the CLINT */
	uint64_t mcounteren, mcountinhibit, menvcfg;
	uint64_t stvec, sscratch, sepc, scause, stval, scounteren, senvcfg, satp, stimecmp;
	uint8_t pmpcfg[PMP_ENTRIES];
	uint64_t pmpaddr[PMP_ENTRIES];
	int64_t cycle_offset, instret_offset;

	/* satp as it is used, which only a fault makes differ from satp. */
	unsigned levels; /* 0: Bare */
	uint16_t asid;
	uint64_t root;

	struct tlb tlb;
	struct fence sinval[MAX_SINVAL];
	unsigned nr_sinval;
	uint64_t winval_at; /* SFENCE.W.INVAL: what was read before it is what SINVAL reaches */
	uint64_t last_fence_at;
	struct late_fence late_fence[MAX_LATE_FENCES];
	struct late_fill late_fill[MAX_INFLIGHT];
	uint64_t recent[8]; /* pages for the prefetcher */

	uint64_t mtimecmp;
	bool msip;
	bool stopped;	     /* not in S-mode since reset, or since it asked HSM to stop */
	bool suspended;	     /* it has asked HSM to suspend it, and is not back */
	uint64_t start_satp; /* a fault: what satp holds when S-mode begins; 0: nothing special */

	unsigned id;
	struct machine *machine;
	struct fast fast[3]; /* U, S, M */
	struct hart_stats stats;
};

struct machine {
	const struct config *config;
	struct hart *hart;
	unsigned nr_harts;
	uint8_t *ram;
	uint64_t ram_base, ram_bytes;
	uint8_t *rom;
	struct rng rng;
	uint64_t mtime;
	uint64_t mtime_rest; /* instructions since, in 1/64 */
	uint64_t insns;
	bool ended;
	int status;
	/* The console's last column, so that our own words begin a line. */
	bool mid_line;
	uint64_t uart_scratch;
	bool uart_divisor;  /* LCR.DLAB */
	unsigned uart_busy; /* looks that still find its queue full */
};

/* An exception: recorded here, taken when the instruction ends. Always false. */
static inline bool hart_raise(struct hart *h, enum cause cause, uint64_t value)
{
	h->trap_cause = cause;
	h->trap_value = value;
	h->attention |= ATTEND_TRAP;
	return false;
}

#endif
