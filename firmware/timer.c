/* SPDX-License-Identifier: BSD-2-Clause */
/* Timer interrupts by stimecmp or by SBI. */
#include "firmware/timer.h"

#include "firmware/arch.h"
#include "firmware/csr.h"
#include "firmware/hartset.h"
#include "firmware/probe.h"
#include "firmware/sbi.h"

static enum timer_way used = TIMER_SBI;

static struct {
	uint64_t count;
	uint64_t when;
} arrived[MAX_HARTS];

const char *timer_way_name(enum timer_way w)
{
	static const char *const names[NR_TIMER_WAYS] = {"SBI TIME", "stimecmp"};

	return names[w];
}

bool timer_stimecmp_here(void)
{
	return !probe_stimecmp().trapped;
}

void timer_use(enum timer_way w)
{
	used = w;
}

enum timer_way timer_used(void)
{
	return used;
}

bool timer_has(enum timer_way w)
{
	return w == TIMER_SBI ? sbi()->time : used == TIMER_STIMECMP;
}

void timer_set_by(enum timer_way w, uint64_t ticks)
{
	if (w == TIMER_STIMECMP)
		csr_write_stimecmp(ticks);
	else if (sbi()->time)
		(void)sbi_set_timer(ticks);
}

void timer_set(uint64_t ticks)
{
	timer_set_by(used, ticks);
}

void timer_arrived(void)
{
	arrived[arch_hart()].count++;
	arrived[arch_hart()].when = csr_read_time();
}

uint64_t timer_count(uint64_t *when)
{
	*when = arrived[arch_hart()].when;
	return arrived[arch_hart()].count;
}
