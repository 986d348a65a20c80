/* SPDX-License-Identifier: BSD-2-Clause */
/* Harts that do not come back: left out, and told as far as anybody else can tell where they are.
 */
#include "firmware/arch.h"
#include "firmware/arch_priv.h"
#include "firmware/console.h"
#include "firmware/csr.h"
#include "firmware/hart_priv.h"
#include "firmware/sbi.h"
#include "firmware/time.h"

/* For a hart that can still be interrupted: it has nothing to do but to park. */
#define LAST_CALL_MS 1000

/* No sleep: on a hart without a timer of its own only the lost one could end it. */
static bool parks(const struct hart *h)
{
	uint64_t deadline = time_deadline_ms(LAST_CALL_MS);

	while (__atomic_load_n(&h->parked, __ATOMIC_ACQUIRE) == 0) {
		if (time_past(deadline))
			return false;
		hart_ipi_poll();
		arch_yield();
	}
	return true;
}

static const char *state_name(int64_t state)
{
	static const char *const names[] = {"started",	     "stopped",	  "start pending",
					    "stop pending",  "suspended", "suspend pending",
					    "resume pending"};

	if (!sbi()->hsm)
		return "nothing";
	return state >= 0 && state < (int64_t)ARRAY_LEN(names) ? names[state] : "an error";
}

/* By its own last word; @asleep was read before it was interrupted once more. */
static const char *work_of(const struct hart *h, bool asleep)
{
	switch (__atomic_load_n(&h->job_state, __ATOMIC_RELAXED)) {
	case JOB_NONE:
		return "it never came in";
	case JOB_POSTED:
		return asleep ? "it sleeps, its work not taken up" : "its work not taken up";
	case JOB_RUNNING:
		return "its work not ended";
	default:
		return asleep ? "it sleeps, without work" : "without work";
	}
}

/*
 * Whether a second interrupt arrives tells a first one that got lost from a hart that none
 * reaches. Who sleeps has its interrupts on, so then it is nothing that this program could have
 * done: M-mode has the hart, or nothing wakes it.
 */
static const char *second_call(const struct hart *h, bool sent, bool asleep)
{
	if (!sent)
		return "SBI does not interrupt it";
	if (parks(h))
		return asleep ? "a second interrupt woke it: the first one was lost"
			      : "a second interrupt reached it";
	return asleep ? "a second interrupt does not wake it either: SBI firmware has it, or the "
			"machine lost it"
		      : "a second interrupt does not reach it either: its interrupts are off, or "
			"SBI firmware has it";
}

void hart_lose(unsigned hart)
{
	struct hart *h = hart_get(hart);
	bool asleep = __atomic_load_n(&h->asleep, __ATOMIC_RELAXED) != 0;
	const char *work = work_of(h, asleep);
	int64_t state = sbi_hart_state(h->hartid);
	bool sent;

	hartset_del(&hart_peer_set, hart);
	__atomic_store_n(&h->lost, 1, __ATOMIC_RELAXED);
	arch_hart_offline(hart);
	sent = sbi_send_ipi(1, h->hartid) == SBI_OK;
	note("hart%u: SBI says %s; %s; %s", hart, state_name(state), work,
	     second_call(h, sent, asleep));
}

void hart_park_if_lost(struct hart *h)
{
	/* Offline: it gets no fences, so it must not touch memory that is in use. */
	if (__atomic_load_n(&h->lost, __ATOMIC_RELAXED) == 0)
		return;
	__atomic_store_n(&h->parked, 1, __ATOMIC_RELEASE);
	hart_park();
}

void hart_park(void)
{
	csr_write_sie(0);
	for (;;)
		hart_wfi();
}
