/* SPDX-License-Identifier: BSD-2-Clause */
/* C's side of flight_insns.S. */
#include "tests/mmu/flight.h"

#include <stddef.h>

#include "firmware/hart.h"

#define AT(field, number)                                                                          \
	_Static_assert(offsetof(struct flight, field) == (number), "flight_insns.S")
AT(va, FLIGHT_VA);
AT(stride, FLIGHT_STRIDE);
AT(satp, FLIGHT_SATP);
AT(probe_va, FLIGHT_PROBE_VA);
AT(seen, FLIGHT_SEEN);

void flight_insns(struct flight *f);

struct probe flight_run(struct flight *f)
{
	struct hart *h = hart_self();

	h->probe_trapped = false;
	flight_insns(f);
	return (struct probe){h->probe_trapped, f->seen, h->probe_cause, h->probe_tval,
			      h->probe_epc};
}
