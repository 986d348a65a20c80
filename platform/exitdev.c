/* SPDX-License-Identifier: BSD-2-Clause */
/* The end of a run: exit device, else SBI shutdown, else park. */

#include "platform/exitdev.h"

#include "firmware/arch.h"
#include "firmware/hart.h"
#include "firmware/mmio.h"
#include "firmware/sbi.h"
#include "firmware/time.h"
#include "mm/io.h"

/* sifive,test0: one 32-bit register, status in the upper half. */
#define FINISHER_FAIL 0x3333U
#define FINISHER_PASS 0x5555U
#define FINISHER_BYTES 4

#define EXIT_WAIT_MS 1000

static vaddr_t finisher; /* 0: not mapped */
static bool tried;	 /* mapping was tried: never twice, io_map() itself may have crashed */

void exitdev_init(const struct machine *m)
{
	vaddr_t va;

	if (tried || m->exitdev.kind != EXIT_SIFIVE_TEST)
		return;
	tried = true;
	if (io_map(m->exitdev.base, FINISHER_BYTES, &va) == OK)
		finisher = va;
}

void machine_exit_run(const struct machine *m, unsigned code)
{
	uint32_t status = code & 0xffff;

	if (code != 0 && status == 0)
		status = 1;
	exitdev_init(m);
	if (finisher != 0) {
		uint64_t deadline = time_after_ms(EXIT_WAIT_MS);

		mmio_post();
		mmio_write32(finisher, code == 0 ? FINISHER_PASS : status << 16 | FINISHER_FAIL);
		/*
		 * QEMU ends a moment later, and SBI's shutdown would write the same register
		 * with a status of its own.
		 */
		while (!time_past(deadline))
			arch_yield();
	}
	sbi_shutdown(code != 0);
	hart_park();
}
