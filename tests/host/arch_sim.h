/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A simulated machine under mm/: physical memory in pieces, up to four harts, and for each hart a
 * TLB that is as forgetful as it must be and as stubborn as it may be. Implements firmware/arch.h,
 * lock.h, root.h, console.h and image_region(). One hart runs at a time; sim_run_on() says which.
 */
#ifndef TESTS_HOST_ARCH_SIM_H
#define TESTS_HOST_ARCH_SIM_H

#include "firmware/arch.h"
#include "firmware/types.h"

#define SIM_MAX_HARTS 4u

/* Which of the entries that a hart may still hold it uses. */
enum sim_view {
	SIM_NEWEST, /* what lies in memory: no TLB at all */
	SIM_OLDEST, /* at each level what it could have read longest ago */
	SIM_RANDOM, /* at each level any of them, by sim_rand() */
};

enum sim_kind { SIM_LOAD, SIM_STORE, SIM_FETCH };

enum sim_outcome {
	SIM_OK,
	SIM_PAGE_FAULT,
	SIM_BUS_ERROR, /* the walk or the access left physical memory */
};

struct sim_result {
	enum sim_outcome outcome;
	paddr_t pa;	/* for SIM_OK */
	uint64_t value; /* the aligned word there */
	pte_t leaf;
	unsigned level;
};

/* A machine without memory whose hart 0 runs, bare. Again only in a new process. */
void sim_init(uint64_t seed);

/* Memory appears, @garbage: not as zeros. Or vanishes; it must be whole pieces that were added. */
void sim_mem_add(struct region r, bool garbage);
void sim_mem_drop(struct region r);
bool sim_mem_present(paddr_t pa);
/* The word at @pa, past every check and table; NULL if there is no memory. */
uint64_t *sim_word(paddr_t pa);

/* Where the image lies: image_region(). */
void sim_image(struct region r);
/* What phys_to_ptr() takes until the first arch_set_root(). */
void sim_early(struct region arena);
/* How phys_to_ptr() and arch_virt_to_ptr() of the code under test see memory. */
void sim_kernel_view(enum sim_view view);

void sim_run_on(unsigned hart);
/*
 * The hart begins to translate with hart 0's root; then it is online, so that shootdowns reach it;
 * then, if @fences, it fences.
 */
void sim_hart_start(unsigned hart, bool fences);
/* The same in two steps. */
void sim_hart_starting(unsigned hart);
void sim_hart_online(unsigned hart, bool fences);
void sim_hart_stop(unsigned hart);
/* @fn(@arg) runs once, while the next fence is under way: it has begun and is not complete. */
void sim_during_fence(void (*fn)(void *), void *arg);
/* The hart changes to @root, with its ASID 0, and fences in full. */
void sim_set_root(unsigned hart, paddr_t root);

/* Which of them the SBI has. */
void sim_have(bool rfence, bool ipi);
/* What the next @times calls of arch_rfence() or arch_ipi_call() return; they reach nobody then. */
void sim_fail_shootdown(enum err err, unsigned times);

/* One access of @hart. Never changes the machine. */
struct sim_result sim_access(unsigned hart, vaddr_t va, enum sim_kind kind, enum sim_view view);
/* Every result that the architecture allows now, different ones, the newest first. */
unsigned sim_outcomes(unsigned hart, vaddr_t va, enum sim_kind kind, struct sim_result *out,
		      unsigned max);

/* Harts that may still hold an entry of any table as it was before a change. */
struct hartset sim_holders(void);

/* Run @fn(@arg); true if it ended in panic(), whose message is then sim_panic_text(). */
bool sim_panics(void (*fn)(void *), void *arg);
const char *sim_panic_text(void);

/* Broken rules of lock.h: deadlock is a panic, a wrong order or kind is counted and printed. */
unsigned sim_lock_errors(void);

uint64_t sim_rand(void);
uint64_t sim_below(uint64_t n);

/* ---- harts that take turns at each step: for weave.h */

/*
 * What a step touches. Two steps of two harts may be swapped unless both touch one thing and one of
 * them changes it; additions of which nobody sees the sum can be swapped too.
 */
enum sim_touch {
	SIM_READS,
	SIM_WRITES,
	SIM_ADDS,
	SIM_GIVES, /* what it did comes before what a later step that takes does */
	SIM_TAKES,
};

enum sim_thing {
	SIM_SLOT = 1, /* an entry, by its address */
	SIM_TABLE,    /* all entries of a page */
	SIM_HELD,     /* what a hart holds */
	SIM_HISTORY,  /* what was stored, and harts that come and go */
	SIM_ONLINE,
	SIM_IRQS,  /* whether a hart takes interrupts */
	SIM_CALLS, /* interrupts that a hart is to take */
	SIM_ANSWERS,
	SIM_LOCK, /* by its address here; and any other word */
};

struct spinlock;
struct sim_weaver {
	/* Before each step: another hart may run now. */
	void (*point)(void);
	/* The same; there is nothing to do until another hart made a step. */
	void (*yield)(void);
	void (*touch)(enum sim_touch how, enum sim_thing kind, uint64_t which);
	/* Returns when @l is free. */
	void (*lock)(const struct spinlock *l);
	void (*locked)(const struct spinlock *l, bool held);
	void (*rfence)(const struct hartset *targets, const struct fence_op *op);
	enum err (*ipi)(const struct hartset *targets, void (*fn)(void *), const void *arg,
			size_t size);
	/* The page that holds @p may be written to from here on. */
	void (*page)(const void *p);
	/* Does not return. */
	void (*panic)(const char *what) noreturn_fn;
};

void sim_weave(const struct sim_weaver *w);
const struct sim_weaver *sim_weaver(void);
/* One hart's part of a fence. */
void sim_fence_now(unsigned hart, const struct fence_op *op);
bool sim_irqs_on(unsigned hart);
void sim_set_irqs(unsigned hart, bool on);
/* Piece @i of memory as it lies here; false behind the last. */
bool sim_mem_piece(unsigned i, struct region *r, uint8_t **bytes);

#endif
