/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Harts that go and come back: SBI HSM's stop and start, and suspension that loses their state.
 * All of it is called by the boot hart, for one idle peer. While a hart is away it is no peer and
 * not online: it gets no jobs and no fences, and the TLB model takes it to hold nothing.
 */
#ifndef FIRMWARE_HART_LIFE_H
#define FIRMWARE_HART_LIFE_H

#include "firmware/types.h"

enum hart_away { HART_STOP, HART_SUSPEND };

/* How a hart comes back; kept until it does. */
struct hart_return {
	/* satp that it starts with; the image must be mapped there as the kernel maps it. */
	uint64_t satp;
	/* SFENCE.VMA before satp is written, as ought to be; left out by controls only. */
	bool fence;
	/*
	 * Called before anything else, with interrupts off, in that root; NULL: nothing is. The
	 * kernel's table and a full fence follow.
	 */
	void (*first)(void *arg);
	void *arg;
};

/*
 * Send the idle peer @hart away and wait until SBI says that it is, at most @timeout_ms. A
 * suspended hart may come back at any time by itself, also before this returns: @r->first has to
 * wait where that matters.
 * OK; ERR_NOSYS: SBI refused, *@rc is its error, the hart is a peer as before; ERR_TIMEOUT: it is
 * neither here nor away, and is lost.
 */
enum err must_check hart_off(unsigned hart, enum hart_away how, const struct hart_return *r,
			     uint64_t timeout_ms, int64_t *rc);

/*
 * Let it come back: start it, or interrupt it. Does not wait. Returns the SBI error; when there is
 * one the hart is lost.
 */
int64_t hart_on(unsigned hart);

/*
 * Wait until it is an idle peer again, at most @timeout_ms. OK; ERR_TIMEOUT: lost; ERR_IO: @first
 * trapped, it is a peer all the same.
 */
enum err must_check hart_on_wait(unsigned hart, uint64_t timeout_ms);

/*
 * The boot hart: until @done(@arg), at most @timeout_ms; false if that came first. For what nobody
 * says (hart_wait_until() waits for who does): looks again and again, and sleeps in between.
 */
bool hart_poll_until(bool (*done)(void *), void *arg, uint64_t timeout_ms);

#endif
