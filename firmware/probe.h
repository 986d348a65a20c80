/* SPDX-License-Identifier: BSD-2-Clause */
/* One load, store or fetch that may trap: the trap is the answer, not an accident. */
#ifndef FIRMWARE_PROBE_H
#define FIRMWARE_PROBE_H

#include "firmware/types.h"

enum access { ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH, NR_ACCESSES };

struct probe {
	bool trapped;
	uint64_t value; /* loaded, or returned by the stub; without meaning if it trapped */
	uint64_t cause; /* scause if it trapped */
	uint64_t tval;	/* stval if it trapped: legal implementations differ in it */
	uint64_t epc;	/* sepc if it trapped */
};

/* Registers the handler; before the first probe. */
void probe_init(void);

struct probe probe_load(vaddr_t va);
/* One aligned 32-bit load, as registers of devices want it. */
struct probe probe_load32(vaddr_t va);
struct probe probe_store(vaddr_t va, uint64_t value);
/* Call the code at @va: a stub that returns a value and touches nothing else (probe_stub()). */
struct probe probe_fetch(vaddr_t va);

/* Read Sstc's register, which no firmware has to let us do. */
struct probe probe_stimecmp(void);

/* Write a stub that returns @value at @code; the caller owes raw FENCE.I on each fetching hart. */
#define PROBE_STUB_BYTES 16
void probe_stub(void *code, uint32_t value);

/*
 * Whether the access @p of kind @a to @va raised its page fault. A fetch has to fault in the stub
 * that it was sent to: code that was fetched through an old entry may run into a fault of the same
 * cause elsewhere.
 */
bool probe_faulted(const struct probe *p, enum access a, vaddr_t va);

/* The page-fault cause of an access. */
uint64_t probe_page_fault(enum access a);
const char *access_name(enum access a);
struct probe probe_access(enum access a, vaddr_t va, uint64_t store_value);

#endif
