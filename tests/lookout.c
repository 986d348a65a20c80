/* SPDX-License-Identifier: BSD-2-Clause */
/* Who watches the boot hart. */
#include "tests/lookout.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/hart.h"
#include "firmware/time.h"
#include "firmware/timer.h"
#include "firmware/trap.h"

/*
 * Longer than any stretch with interrupts off, and than any SBI call of a sound firmware: OpenSBI
 * takes 100 ms a fence and hart where harts share a processor.
 */
#define SILENCE_MS 30000
#define LOOK_MS 1000

static void (*on_expired)(uint64_t ms);
static uint64_t deadline; /* of the boot hart's next sign of life */
static uint64_t stale_at; /* nobody has looked for long when this is past */

static void next_look(void)
{
	timer_set(time_ticks() + time_ms_to_ticks(LOOK_MS));
}

static void begin_looking(void *arg)
{
	(void)arg;
	next_look();
	irq_enable_local(IRQ_TIMER);
}

void lookout_start(void (*expired)(uint64_t ms))
{
	struct hartset peers = hart_peers(), one, lost;

	on_expired = expired;
	__atomic_store_n(&stale_at, time_deadline_ms(5 * LOOK_MS), __ATOMIC_RELAXED);
	lookout_tick();
	if (!timer_has(TIMER_SBI) && !timer_has(TIMER_STIMECMP))
		return;
	hartset_for_each(h, &peers) {
		one = hartset_of(h);
		if (hart_run(&one, begin_looking, NULL, SILENCE_MS, &lost) == OK)
			return;
	}
}

void lookout_renew(void)
{
	if (on_expired != NULL && time_past(__atomic_load_n(&stale_at, __ATOMIC_RELAXED)))
		lookout_start(on_expired);
}

void lookout_tick(void)
{
	if (arch_hart() == 0) {
		__atomic_store_n(&deadline, time_deadline_ms(SILENCE_MS), __ATOMIC_RELAXED);
		return;
	}
	__atomic_store_n(&stale_at, time_deadline_ms(5 * LOOK_MS), __ATOMIC_RELAXED);
	next_look();
	if (time_past(__atomic_load_n(&deadline, __ATOMIC_RELAXED)) && on_expired != NULL) {
		void (*expired)(uint64_t) = on_expired;

		on_expired = NULL;
		expired(SILENCE_MS);
	}
}
