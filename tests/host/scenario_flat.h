/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A flat reference that shares nothing with mm/: for each page of a stretch of addresses what it
 * leads to and with which rights, for each frame of memory whose it is, for each block of frames
 * how often it is mapped; and the audit, which walks all of the kernel's table from memory.
 */
#ifndef TESTS_HOST_SCENARIO_FLAT_H
#define TESTS_HOST_SCENARIO_FLAT_H

#include "mm/hotplug.h"

#define FLAT_PAGES 2048u /* of the stretch */
#define FLAT_BLOCKS 24u	 /* of frames, of the test's own */
#define FLAT_HOT_BLOCKS 96u
#define FLAT_HOT_AT (UINT64_C(0x180000000) - 32 * SZ_2M)

/* Kept by who makes the operations. */
struct flat {
	vaddr_t stretch;
	struct {
		paddr_t pa; /* FRAME_NONE: not mapped */
		uint64_t prot;
	} page[FLAT_PAGES];
	struct {
		paddr_t pa; /* FRAME_NONE: none */
		unsigned order;
		unsigned refs; /* pages of the stretch that lead to it */
		bool hot;
	} block[FLAT_BLOCKS];
	/* 2 MiB each. 0: not there; else the number of the add that brought it. */
	struct {
		unsigned region;
		struct hot_region *r;
	} hot[FLAT_HOT_BLOCKS];
	uint64_t all_frames; /* free ones and everybody's, hot-added ones excepted */
	uint64_t digest;     /* of all that was seen: the same run has the same one */
};

extern struct flat flat;

/* Nothing is mapped in @stretch; what is mapped elsewhere now stays as it is. */
void flat_begin(vaddr_t stretch);
void flat_mix(uint64_t value);
/* The block that @pa lies in, FLAT_BLOCKS: none. */
unsigned flat_block_of(paddr_t pa);
unsigned flat_count_mapped(unsigned first, unsigned n);
/* The block that @pa lies in has one reference more, or less. */
void flat_refer(paddr_t pa, int by);
/* All of the table, of the frames, and of the model's reports, against the reference. */
void flat_audit(const char *when);
/* Every hart, with whatever it may hold, for page @i: address and right to store. */
void flat_probe(unsigned i, const char *when);

#endif
