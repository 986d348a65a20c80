/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads whose walks may be under way while satp changes. */
#ifndef TESTS_MMU_FLIGHT_H
#define TESTS_MMU_FLIGHT_H

#include "firmware/probe.h"
#include "tests/mmu/flight_offsets.h"

struct flight {
	vaddr_t va;	 /* of the first load */
	uint64_t stride; /* from each to the next, bytes */
	uint64_t satp;
	vaddr_t probe_va; /* loaded right behind the write of satp */
	uint64_t seen;	  /* there */
};

/* Run @f on this hart. What the last load found, or the first one that trapped, which none may. */
struct probe flight_run(struct flight *f);

#endif
