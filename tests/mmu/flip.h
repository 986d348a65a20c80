/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses whose 4 KiB leaf leads to one of two pages in turn: what remote fences are judged by,
 * where many harts, many pages or many senders are at work. Each go changes a leaf, makes a fence
 * call (or none: the control) and looks which of the two pages each hart sees.
 */
#ifndef TESTS_MMU_FLIP_H
#define TESTS_MMU_FLIP_H

#include "tests/mmu/fences.h"
#include "tests/mmu/scene.h"
#include "tests/mmu/stim.h"

struct flip {
	vaddr_t va;
	uint64_t *slot;
	struct page page[2];
	unsigned now; /* which of them the entry names */
};

/* Two new pages for the 4 KiB at @va of the scene; nothing may be mapped there. */
void flip_make(struct scene *s, struct flip *f, vaddr_t va);

/* Change the leaf to the other page. No fence. One hart at a time for one flip. */
void flip_change(struct flip *f);

/*
 * A fence call, as it was made and as reports tell it. FENCE_NONE: none. RFENCE_LEAF, RFENCE_ZERO,
 * RFENCE_ALL and their _ASID forms: one SBI call with @start, @size, @asid, to @harts, or to @m
 * where @raw is set. IPI_VA, IPI_VA_ASID: our own interrupt, with a local fence for each 4 KiB
 * from @start on.
 */
struct call {
	enum fence fence;
	vaddr_t start;
	uint64_t size; /* bytes */
	uint16_t asid;
	struct hartset harts;
	bool raw;
	struct hart_mask m;
	unsigned caller; /* hart, for reports */
	int64_t rc;	 /* SBI's; 0 before it was made */
};

/* For this @f: the whole address space, or the range. */
struct call call_all(enum fence f, uint16_t asid);
struct call call_range(enum fence f, vaddr_t start, uint64_t size, uint16_t asid);
/* Make it, on this hart. Sets @c->caller and @c->rc, and returns it. */
int64_t call_make(struct call *c);
/* "remote_sfence_vma(0x.., 4096), mask 0x3 base 0" and the like. */
void call_print(char *buf, size_t len, const struct call *c);

/* What one hart saw, of one kind of access. */
struct flip_tally {
	unsigned control_tries, control_stale;
	unsigned tries, bad;
	unsigned outside, outside_new; /* not named by the fence: for information */
	uint32_t stale_fences;
	bool other_bad;
	struct {
		enum verdict verdict;
		struct flip flip; /* as it was */
		struct probe seen;
		uint64_t offset, value;
		struct call call;
		bool filling; /* behind this hart's own sfence.vma x0, x0 */
	} first;
};

/* What has to be seen. */
enum must {
	MUST_BE_NEW,
	MUST_BE_EITHER, /* control: any of the two */
	MAY_BE_EITHER,	/* the fence does not name it: counted for information */
	TOUCH,		/* just used, any of the two: not counted */
};

/*
 * Look at @f on this hart: one access of kind @a at @offset (of flip_offset()), judged and counted
 * in @y. True: as it must be.
 */
bool flip_look(const struct flip *f, enum access a, uint64_t offset, enum must must,
	       const struct call *c, struct flip_tally *y);

/*
 * Make it known to this hart's translation caches: an access that has to see what the entry says
 * now, behind this hart's own full fence. False: it does not, which @y has.
 */
bool flip_warm(const struct flip *f, enum access a, uint64_t offset, struct flip_tally *y);

/* Bytes: a word for each hart from there on, the rest of the page left to chance. */
uint64_t flip_offset(struct rng *r);

/*
 * Tell the test what @harts saw: controls, failures with their walks, what of the rest was fenced
 * without being named (a note). @what: "range 4096" and the like.
 */
void flip_report(struct test_run *t, const char *what, enum access a, const struct hartset *harts,
		 const struct flip_tally *y);

#endif
