/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stimulus: addresses are touched, entries change, a fence is made or left out, the addresses
 * are probed; and what may be seen then. One description, run on this hart alone (stim_local) or
 * on many while one of them changes the table (remote.h).
 */
#ifndef TESTS_MMU_STIM_H
#define TESTS_MMU_STIM_H

#include "tests/mmu/fences.h"
#include "tests/mmu/scene.h"

#define STIM_MAX_EDITS FENCE_MAX_EACH
#define STIM_MAX_TARGETS FENCE_MAX_EACH

/* Page number 0: the access raises a page fault. */
#define PAGE_FAULT ((struct page){0, 0})

struct target {
	vaddr_t va; /* of the page */
	struct page was, is;
	bool cold;   /* not touched before the change: only table pointers can be held for it */
	bool silent; /* touched, not probed */
};

struct stim {
	struct scene *scene;
	const char *what; /* "remap 2m", for reports */
	enum half half;
	enum access access;
	unsigned nr_edits;
	struct edit {
		uint64_t *slot;
		uint64_t was, is;
	} edit[STIM_MAX_EDITS];
	unsigned nr;
	struct target at[STIM_MAX_TARGETS];
	vaddr_t start; /* of the leaf or table entry that changes */
	uint64_t size; /* what it translates, bytes */
	/* Fences that the specification lets one rely on for this change (FENCE_BIT). */
	uint32_t fences;
	/* Others that are tried too: an old entry behind them is legal, and shows what is held. */
	uint32_t weak;
	/*
	 * The change is from one valid leaf to another: without a fence an access may see either,
	 * and nothing else.
	 */
	bool either_or;
	/* An addressed fence is relied on for the 4 KiB that it names and no more (Svnapot). */
	bool named_only;
	/* What addressed fences name, where it is not the address that is accessed; 0: that. */
	vaddr_t fence_va;
	/* Unrelated pages that are touched between fill and change, to push it out of a first
	 * level; 0: none. At @evict_va on, one each PAGE_SIZE. */
	unsigned evict;
	vaddr_t evict_va;
	/* Another instruction in place of a local fence of an address: code as seq.h has it, which
	 * finds @insn_va in a0 and the ASID in a1. NULL: the usual one. */
	const void *insn;
	vaddr_t insn_va;
	/* The space that is touched; NULL: the scene's own. */
	const struct space *space;
	/* The space that is probed; NULL: the same. */
	const struct space *behind;
	/*
	 * The hart is in this one's space while the entries change and while it fences, and comes
	 * back without a fence. What this one says of its own addresses has to be so all the time.
	 */
	const struct stim *away;
	/* Bits that SFENCE.VMA's rs2 has beside the ASID; ASIDLEN does not reach up to them. */
	uint16_t asid_extra;
	/* Nothing changes: what is seen is right or wrong whatever was fenced. */
	bool constant;
};

enum verdict { SEEN_NEW, SEEN_OLD, SEEN_WRONG, SEEN_TRAP };

/* The first of what was not as it must be. */
struct finding {
	enum verdict verdict;
	const struct stim *stim;
	unsigned target;
	struct probe seen;
	uint64_t offset; /* in the page, of loads and stores */
	uint64_t value;	 /* that was stored */
	enum fence fence;
	vaddr_t named;
	unsigned delay;
	bool filling; /* while it was touched: the full fence behind the trial before is in doubt */
	bool control; /* without a fence */
};

/* What one hart saw. */
struct tally {
	bool no_control; /* nothing here is due to a fence */
	unsigned control_tries, control_stale;
	unsigned tries, bad;
	/* Behind fences that do not reach this change: how often the old entry was still used. */
	unsigned weak_tries, weak_stale;
	uint32_t stale_fences; /* FENCE_BIT of those behind which something old was seen */
	bool other_bad;	       /* something else than an old entry was seen */
	struct finding first;
	/* The machine lets nobody reach the page through this leaf (protection over all of it). */
	bool unreachable;
	struct probe unreachable_seen;
	/* Pages that an addressed fence did not name: legal either way, printed. */
	unsigned unnamed_tries, unnamed_new;
	unsigned cells, cells_blind; /* stimuli; those whose control saw nothing */
};

/* One go through a stimulus: what is drawn at random, the same on all harts. */
struct trial {
	const struct stim *stim;
	enum fence fence;
	unsigned first; /* the target that is probed first */
	unsigned named; /* the target that an addressed fence names, for named_only */
	vaddr_t va;	/* the address that it names */
	uint64_t offset;
	unsigned delay;
};

struct trial trial_draw(struct rng *r, const struct stim *st, enum fence f);
struct fence_at trial_fence_at(const struct trial *tr);

/* Every probe of a trial is of this offset on @hart: harts do not store into each other's words. */
uint64_t trial_offset(const struct trial *tr, unsigned hart);

/* Touch what is not cold. False: this trial proves nothing, the tally says why. */
bool trial_fill(const struct trial *tr, struct tally *y);
/* Probe all targets and judge what is seen, behind trial_change() and the fence. */
void trial_probe(const struct trial *tr, struct tally *y);
/*
 * For a stimulus with a space to be away in, and nothing for any other: into it, with a touch of
 * what is there; to where the probes are made; and a look at what is away, once they are made.
 * False: as trial_fill().
 */
bool trial_leave(const struct trial *tr, struct tally *y);
void trial_return(const struct trial *tr);
void trial_look_away(const struct trial *tr, struct tally *y);
/* Into the stimulus' own space, nothing old known of any. */
void trial_begin(const struct trial *tr);
/* Judge what an access of target @i, at its trial_offset(), found. */
void trial_judge(const struct trial *tr, unsigned i, struct probe seen, struct tally *y);
/* Store the new entries; the way back. No fence in either. */
void trial_change(const struct trial *tr);
void trial_restore(const struct trial *tr);

/*
 * On this hart, in the scene's root: controls first, then @repeat trials of each fence of @fences
 * that the stimulus allows.
 */
void stim_local(const struct stim *st, uint32_t fences, unsigned repeat, struct rng *r,
		struct tally *y);

/*
 * stim_local() on each hart of the test, one after the other, for @n stimuli of one kind of access,
 * and the report. The usual body of a test of local fences.
 */
void stim_run_local(struct test_run *t, const struct stim *st, unsigned n, uint32_t fences);

/* Controls that see nothing are tried that often; one that sees something is enough of them. */
#define STIM_CONTROLS 8
#define STIM_MAX_CONTROLS 32
#define STIM_MAX_EVICT_CONTROLS 128

/* Empty stimuli, too many for a stack or the image: in memory of @s, once a scene. */
#define STIM_POOL 32
struct stim *stim_pool(struct scene *s);

/* One for each hart, all zero: the same ones for whoever asks, since one test runs at a time. */
struct tally *stim_tallies(void);

/* How often each fence is tried: 8, times repeat=. */
unsigned stim_repeat(const struct test_run *t);
/* Of this stimulus: controls that see nothing; rounds of fences, where the test has @repeat. */
unsigned stim_controls(const struct stim *st);
unsigned stim_rounds(const struct stim *st, unsigned repeat);

/* Tell the test what @harts saw: controls, failures with the walk, what could not be reached. */
void stim_report(struct test_run *t, enum access a, const struct hartset *harts,
		 const struct tally *y);

#endif
