/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads a device tree as the firmware would and prints what it makes of it: usage: fdt_read FILE.
 * Exit status 0: usable, 1: not, 2: no such file, 3: a promise of machine.h is broken.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/host/trees/shapes.h"

/* As much as the firmware takes; what a short file lacks is zero, as RAM behind it may be. */
#define ROOM (512 * 1024)

static unsigned char blob[ROOM];

static uint32_t be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void print_regions(const char *what, const struct region *r, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		printf("%s: 0x%llx-0x%llx\n", what, (unsigned long long)r[i].start,
		       (unsigned long long)region_end(r[i]) - 1);
}

static void print_machine(const struct machine *m)
{
	static const char *const mmu[] = {"unknown", "none", "sv39", "sv48", "sv57"};

	print_regions("ram", m->ram, m->nr_ram);
	print_regions("reserved", m->reserved, m->nr_reserved);
	for (unsigned i = 0; i < m->nr_cpus; i++)
		printf("cpu: hart 0x%llx mmu %s context %d\n",
		       (unsigned long long)m->cpus[i].hartid, mmu[m->cpus[i].mmu],
		       (int)m->intc.context[i]);
	printf("timebase: %llu\n", (unsigned long long)m->timebase_hz);
	for (unsigned i = 0; i < m->nr_virtio; i++)
		printf("virtio: 0x%llx irq %u\n", (unsigned long long)m->virtio[i].base,
		       (unsigned)m->virtio[i].irq);
	if (m->intc.kind == INTC_PLIC)
		printf("plic: 0x%llx sources %u\n", (unsigned long long)m->intc.base,
		       (unsigned)m->intc.sources);
	if (m->exitdev.kind != EXIT_NONE)
		printf("exit: 0x%llx\n", (unsigned long long)m->exitdev.base);
}

int main(int argc, char **argv)
{
	const struct machine *m;
	enum err err;
	size_t size;
	FILE *f;

	f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	if (f == NULL) {
		fprintf(stderr, "usage: fdt_read FILE\n");
		return 2;
	}
	(void)!fread(blob, 1, sizeof(blob), f);
	fclose(f);
	size = be32(blob + 4);
	if (be32(blob) != UINT32_C(0xd00dfeed) || size > sizeof(blob)) {
		printf("dt: not copied: magic 0x%x, %zu bytes\n", (unsigned)be32(blob), size);
		return 1;
	}
	m = read_blob(blob, size, UINT64_MAX, &err);
	if (err != ERR_INVAL)
		print_machine(m);
	for (unsigned i = 0; i < m->nr_notes; i++)
		printf("dt: %s\n", m->notes[i]);
	if (insane_readings() != 0)
		return 3;
	return err == OK ? 0 : 1;
}
