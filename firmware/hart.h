/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts: start through HSM, jobs for idle harts, interrupts between harts. */
#ifndef FIRMWARE_HART_H
#define FIRMWARE_HART_H

#include "firmware/hartset.h"
#include "firmware/lock_order.h"
#include "firmware/machine.h"
#include "firmware/trap.h"
#include "firmware/types.h"

/* Registers that survive a call; context_resume() unwinds to context_save(). */
struct context {
	uint64_t ra, sp, s[12];
};

int context_save(struct context *c) __attribute__((returns_twice));
void context_resume(struct context *c) noreturn_fn;
/* Behind context_save() != 0: what the work that was left may have set in sstatus is cleared. */
void context_left(void);

enum job_state { JOB_NONE, JOB_POSTED, JOB_RUNNING, JOB_DONE, JOB_TRAPPED };

/* tp points here on every hart. The first fields are known to trap_entry.S (offsets.h). */
struct hart {
	uint64_t probe_resume; /* where an expected trap continues, 0: none is expected */
	bool probe_trapped;
	uint64_t probe_cause;
	uint64_t probe_tval;
	uint64_t probe_epc;

	unsigned index;
	uint64_t hartid;
	unsigned cpu; /* index in struct machine's cpus[] */
	struct lock_stack locks;

	/* Where an unexpected trap or a deadline leaves to; NULL: it is a panic. */
	struct context *recover;

	void (*job)(void *);
	void *job_arg;
	uint32_t job_state;  /* enum job_state; written with release */
	uint32_t job_number; /* of the job that was posted last */
	uint32_t job_ended;  /* of the job that ended last: a late end is not taken for another */
	uint32_t lost;	     /* 1: nobody counts on it any more; it parks as soon as it notices */
	uint32_t parked;     /* 1: it has noticed */
	uint32_t asleep; /* 1: no work: it sleeps until there is some, interrupts enabled in sie */

	uint32_t ipi_pending; /* number of the inter-hart call that waits for this hart, 0: none */
	uint32_t ipi_done;    /* number of the last one that it answered */
	uint32_t waiting;     /* 1: sleeps until another hart is done with something */
};

static inline struct hart *hart_self(void)
{
	register struct hart *tp __asm__("tp");

	return tp;
}

struct hart *hart_get(unsigned hart);

/*
 * Take over the machine's enabled harts: the boot hart gets index 0, the others follow in the
 * tree's order, at most @limit. Returns their number. A boot hart that the tree does not list
 * runs alone (noted).
 */
unsigned hart_init(const struct machine *m, uint64_t boot_hartid, uint64_t limit);
unsigned hart_count(void);
unsigned hart_cpu_index(unsigned hart);

/*
 * Start every hart but the boot hart with the root table in @satp, and wait for each, at most
 * @timeout_ms. @stacks: one of HART_STACK_SIZE for each hart index, [0] unused. A hart that does
 * not arrive is noted and left out.
 */
#define HART_STACK_SIZE 16384
void hart_start_all(uint64_t satp, char *stacks, uint64_t timeout_ms);

/* Harts that idle and take jobs, besides the boot hart. See also hart_life.h. */
struct hartset hart_peers(void);
/* Harts that arrived after hart_start_all(), the boot hart included, also those lost since. */
struct hartset hart_arrived(void);

/*
 * Run @fn(@arg) on each hart of @harts (idle peers; the boot hart, if in the set, runs it itself
 * while the others do). Waits until all are done, at most @timeout_ms.
 * OK; ERR_TIMEOUT: some hart did not finish, it is named in *@lost and leaves the peers for good;
 * ERR_IO: some hart trapped (its trap has been printed), it is in *@lost but stays a peer;
 * ERR_INVAL: some hart is no peer (any more), it is in *@lost and was not asked.
 */
enum err must_check hart_run(const struct hartset *harts, void (*fn)(void *), void *arg,
			     uint64_t timeout_ms, struct hartset *lost);

/* Post and wait apart, for jobs that run beside the boot hart's own work. */
void hart_post(const struct hartset *harts, void (*fn)(void *), void *arg);
/* Without the interrupt: who sleeps goes on sleeping. For seeded faults only. */
void hart_post_unsent(const struct hartset *harts, void (*fn)(void *), void *arg);
enum err must_check hart_wait(const struct hartset *harts, uint64_t timeout_ms,
			      struct hartset *lost);

/*
 * Wait until @done(@arg), at most until @deadline (time_deadline_ms()); false if that came first.
 * Spins for a moment, then sleeps; answers inter-hart calls meanwhile, also with interrupts off.
 * Whoever makes it true calls hart_wake() behind its store.
 */
bool hart_wait_until(bool (*done)(void *), void *arg, uint64_t deadline);
/* The same, but in WFI at once, for who wants to be fenced there. */
bool hart_sleep_until(bool (*done)(void *), void *arg, uint64_t deadline);
void hart_wake(unsigned hart);

/* One SBI call's worth of harts: bit i is hart id base + i. */
struct hart_mask {
	uint64_t mask, base;
};
/* Take the next of them out of @left; false: it was empty. Hart ids may be sparse. */
bool hart_mask_next(struct hartset *left, struct hart_mask *m);

/* Answer an inter-hart call that waits for this hart; for loops that spin with interrupts off. */
void hart_ipi_poll(void);

void hart_park(void) noreturn_fn;

#endif
