/* SPDX-License-Identifier: BSD-2-Clause */
/* hotwalk-sim: a RISC-V machine that hides nothing, see docs/sim.md. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/sim/bus.h"
#include "host/sim/fdt.h"
#include "host/sim/load.h"
#include "host/sim/machine.h"
#include "host/sim/sbi_small.h"

#define KERNEL_OFFSET (UINT64_C(2) << 20)
#define DTB_BYTES (UINT64_C(64) << 10)
#define STATUS_USAGE 2

/* What fw_dynamic finds at a2 (OpenSBI, "Firmware with Dynamic Information"). */
struct dynamic_info {
	uint64_t magic, version, next_addr, next_mode, options, boot_hart;
};

#define DYNAMIC_MAGIC UINT64_C(0x4942534f)
#define ANY_HART UINT64_MAX

static int dump_dtb(const struct config *c)
{
	static uint8_t dtb[DTB_BYTES];
	size_t size = fdt_make(c, dtb, sizeof(dtb));
	FILE *f = fopen(c->dump_dtb, "wb");
	bool ok = f != NULL && size != 0 && fwrite(dtb, 1, size, f) == size;

	if (f != NULL)
		ok = fclose(f) == 0 && ok;
	if (!ok)
		fprintf(stderr, "hotwalk-sim: %s cannot be written\n", c->dump_dtb);
	return ok ? 0 : STATUS_USAGE;
}

/* Images, device tree and boot information into memory; all harts at the start of the firmware. */
static bool boot(struct machine *m, const struct config *c)
{
	struct dynamic_info info = {DYNAMIC_MAGIC, 2, c->ram_base + KERNEL_OFFSET,
				    PRIV_S,	   0, ANY_HART};
	uint64_t dtb = c->ram_base + c->ram_bytes - DTB_BYTES;
	uint64_t entry = 0;

	/* Aligned as OpenSBI and kernels like it; in the last 64 KiB of less than 4 MiB. */
	if (c->ram_bytes >= 2 * KERNEL_OFFSET)
		dtb &= ~(KERNEL_OFFSET - 1);
	if ((!c->sbi_small && !load_file(m, c->bios, c->ram_base, &entry)) ||
	    (c->kernel != NULL && !load_file(m, c->kernel, info.next_addr, &info.next_addr)))
		return false;
	if (fdt_make(c, bus_ram(m, dtb, DTB_BYTES), DTB_BYTES) == 0) {
		fprintf(stderr, "hotwalk-sim: no room for the device tree: --append too long?\n");
		return false;
	}
	if (c->sbi_small) {
		sbi_small_start(m, info.next_addr, dtb);
		return true;
	}
	memcpy(m->rom, &info, sizeof(info));
	machine_start(m, entry, dtb, ROM_BASE);
	return true;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct machine m;
	struct config c;
	double start;
	int status = config_parse(&c, argc, argv);

	if (status != 0)
		return status == 1 ? 0 : status;
	if (c.dump_dtb != NULL)
		return dump_dtb(&c);
	if (!machine_init(&m, &c)) {
		fprintf(stderr, "hotwalk-sim: no memory for %llu bytes of RAM\n",
			(unsigned long long)c.ram_bytes);
		return STATUS_USAGE;
	}
	status = STATUS_USAGE;
	if (boot(&m, &c)) {
		start = now_s();
		status = machine_run(&m);
		if (c.stats)
			machine_print_stats(&m, now_s() - start);
	}
	machine_free(&m);
	return status;
}
