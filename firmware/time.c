/* SPDX-License-Identifier: BSD-2-Clause */
/* The time CSR in units that people read. */
#include "firmware/time.h"

#include "firmware/console.h"
#include "firmware/csr.h"

#define DEFAULT_HZ 10000000

static uint64_t hz = DEFAULT_HZ;
static uint64_t start;
static uint64_t stretch = 100; /* percent */

void time_init(uint64_t timebase_hz)
{
	if (timebase_hz == 0)
		note("dt: no timebase-frequency, 10 MHz assumed: times may be wrong");
	else
		hz = timebase_hz;
	start = csr_read_time();
}

uint64_t time_ticks(void)
{
	return csr_read_time();
}

uint64_t time_us(void)
{
	uint64_t t = csr_read_time() - start;

	/* In two steps: a product of t and 10^6 would overflow within weeks at 10 MHz. */
	return t / hz * 1000000 + t % hz * 1000000 / hz;
}

uint64_t time_ms_to_ticks(uint64_t ms)
{
	return ms * hz / 1000;
}

void time_stretch(uint64_t percent)
{
	stretch = percent;
}

uint64_t time_deadline_ms(uint64_t ms)
{
	return stretch == 0 ? UINT64_MAX : csr_read_time() + time_ms_to_ticks(ms) * stretch / 100;
}

uint64_t time_after_ms(uint64_t ms)
{
	return stretch == 0 ? csr_read_time() + time_ms_to_ticks(ms) : time_deadline_ms(ms);
}

bool time_past(uint64_t deadline)
{
	return csr_read_time() >= deadline;
}
