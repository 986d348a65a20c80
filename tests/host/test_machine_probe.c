/* SPDX-License-Identifier: BSD-2-Clause */
/* RAM that is not what the tree says: missing, deaf, there twice, wrapping; on simulated memory. */
#include <stdlib.h>
#include <string.h>

#include "firmware/image.h"
#include "firmware/probe.h"
#include "firmware/ramprobe.h"
#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

#define TOP UINT64_C(0x80000000)
#define IMAGE (TOP + SZ_2M)
#define BLOB (TOP + 0x7e00000)
#define ANSWERS UINT64_MAX /* a value that a deaf bus returns */

/* What is really there: a window of addresses on cells. Elsewhere each access traps. */
struct bank {
	struct region at;
	paddr_t cells; /* address of the first cell: the same for two banks that are one */
	uint64_t wrap; /* cells repeat after that many bytes, 0: never */
	bool deaf;     /* loads give all ones, stores are lost */
	bool rom;      /* stores trap */
};

static struct bank banks[8];
static unsigned nr_banks;
static struct machine machine;

/* Words that were written, by cell: as many as a probing of 4096 spots can leave. */
#define CELLS 65536
static struct cell {
	paddr_t at;
	uint64_t value;
	bool used;
} cells[CELLS];
static unsigned forbidden; /* stores to what is never to be touched */

static struct cell *cell_of(paddr_t at)
{
	size_t i = (size_t)(at * UINT64_C(0x9e3779b97f4a7c15) >> 48);

	while (cells[i].used && cells[i].at != at)
		i = (i + 1) % CELLS;
	return &cells[i];
}

/* What a cell holds before anybody writes it. */
static uint64_t initial(paddr_t at)
{
	return at * UINT64_C(0xd1342543de82ef95) + 1;
}

static const struct bank *bank_of(paddr_t pa)
{
	for (unsigned i = 0; i < nr_banks; i++) {
		if (pa >= banks[i].at.start && pa - banks[i].at.start < banks[i].at.size)
			return &banks[i];
	}
	return NULL;
}

static paddr_t cell_address(const struct bank *b, paddr_t pa)
{
	uint64_t offset = pa - b->at.start;

	return b->cells + (b->wrap != 0 ? offset % b->wrap : offset);
}

/* ---- what the firmware stands on */

static paddr_t shown[EARLY_WINDOW_PAGES];
static unsigned nr_shown;
#define WINDOW UINT64_C(0x40000000)

vaddr_t early_window_pages(const paddr_t *pa, unsigned nr)
{
	if (nr > EARLY_WINDOW_PAGES)
		exit(99);
	for (unsigned i = 0; i < nr; i++)
		shown[i] = pa[i];
	nr_shown = nr;
	return WINDOW;
}

paddr_t image_to_pa(const void *p)
{
	(void)p;
	return IMAGE + SZ_2M + 0x3458;
}

static paddr_t translate(vaddr_t va)
{
	uint64_t page = (va - WINDOW) >> PAGE_SHIFT;

	if (va < WINDOW || page >= nr_shown)
		exit(98);
	return shown[page] + va % PAGE_SIZE;
}

struct probe probe_load(vaddr_t va)
{
	paddr_t pa = translate(va);
	const struct bank *b = bank_of(pa);
	struct cell *c;

	if (b == NULL)
		return (struct probe){.trapped = true};
	if (b->deaf)
		return (struct probe){.value = ANSWERS};
	c = cell_of(cell_address(b, pa));
	return (struct probe){.value = c->used ? c->value : initial(cell_address(b, pa))};
}

struct probe probe_load32(vaddr_t va)
{
	return probe_load(va);
}

static bool is_forbidden(paddr_t pa)
{
	for (unsigned i = 0; i < machine.nr_reserved; i++) {
		if (pa >= machine.reserved[i].start && pa < region_end(machine.reserved[i]))
			return true;
	}
	return (pa >= IMAGE && pa < IMAGE + 2 * SZ_2M && pa != image_to_pa(NULL)) ||
	       (pa >= BLOB && pa < BLOB + 0x2000);
}

struct probe probe_store(vaddr_t va, uint64_t value)
{
	paddr_t pa = translate(va);
	const struct bank *b = bank_of(pa);
	struct cell *c;

	if (b == NULL || b->rom)
		return (struct probe){.trapped = true};
	/* By cell: what the other view of it shows is hit as well. */
	forbidden += !b->deaf && is_forbidden(cell_address(b, pa)) ? 1 : 0;
	if (!b->deaf) {
		c = cell_of(cell_address(b, pa));
		*c = (struct cell){cell_address(b, pa), value, true};
	}
	return (struct probe){0};
}

/* ---- rows */

struct probe_row {
	const char *name;
	struct region claimed[3];
	struct bank banks[4];
	struct region want[4];
	const char *note; /* NULL: none at all */
};

static const struct probe_row rows[] = {
	{"all there", {{TOP, SZ_1G}}, {{{TOP, SZ_1G}, TOP, 0, 0, 0}}, {{TOP, SZ_1G}}, NULL},
	{"half is missing",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G / 2}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G / 2}},
	 "does not answer, cut: 0xa0000000-0xbfffffff"},
	{"the last page is missing",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G - PAGE_SIZE}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G - SZ_2M}},
	 "0xbfe00000-0xbfffffff"},
	{"an end within 2 MiB",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G / 2 + 0x100000}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G / 2}},
	 "0xa0000000-0xbfffffff"},
	{"a hole of 2 MiB",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G / 2}, TOP, 0, 0, 0},
	  {{TOP + SZ_1G / 2 + SZ_2M, SZ_1G / 2 - SZ_2M}, TOP + SZ_1G, 0, 0, 0}},
	 {{TOP, SZ_1G / 2}, {TOP + SZ_1G / 2 + SZ_2M, SZ_1G / 2 - SZ_2M}},
	 "0xa0000000-0xa01fffff"},
	{"deaf at the end",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G / 4}, TOP, 0, 0, 0}, {{TOP + SZ_1G / 4, SZ_1G}, 0, 0, 1, 0}},
	 {{TOP, SZ_1G / 4}},
	 "does not answer, cut: 0x90000000-0xbfffffff"},
	{"read-only at the end",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G / 4}, TOP, 0, 0, 0}, {{TOP + SZ_1G / 4, SZ_1G}, 0, 0, 0, 1}},
	 {{TOP, SZ_1G / 4}},
	 "does not answer, cut: 0x90000000-0xbfffffff"},
	{"1 TiB, 3 GiB and 6 MiB are there",
	 {{TOP, UINT64_C(1) << 40}},
	 {{{TOP, 3 * SZ_1G + 3 * SZ_2M}, TOP, 0, 0, 0}},
	 {{TOP, 3 * SZ_1G + 3 * SZ_2M}},
	 "0x140600000-0x1007fffffff"},
	{"wraps every 256 MiB",
	 {{TOP, SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, SZ_1G / 4, 0, 0}},
	 {{TOP, SZ_1G / 4}},
	 "there twice, cut: 0x90000000-0xbfffffff"},
	{"a node that is the first one again",
	 {{TOP, SZ_1G}, {0x1000000000, SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0}, {{0x1000000000, SZ_1G}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G}},
	 "there twice, cut: 0x1000000000-0x103fffffff"},
	{"a power of two away",
	 {{TOP, SZ_1G}, {TOP + SZ_1G * 4, SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0}, {{TOP + SZ_1G * 4, SZ_1G}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G}},
	 "there twice, cut: 0x180000000-0x1bfffffff"},
	{"a second node that wraps",
	 {{TOP, SZ_1G}, {0x1000000000, 4 * SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0}, {{0x1000000000, 4 * SZ_1G}, 0x1000000000, SZ_1G, 0, 0}},
	 {{TOP, SZ_1G}, {0x1000000000, SZ_1G}},
	 "there twice, cut: 0x1040000000-0x10ffffffff"},
	{"a large one that wraps",
	 {{TOP, SZ_1G}, {0x1000000000, 64 * SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0},
	  {{0x1000000000, 64 * SZ_1G}, 0x1000000000, 16 * SZ_1G, 0, 0}},
	 {{TOP, SZ_1G}, {0x1000000000, 16 * SZ_1G}},
	 "there twice, cut: 0x1400000000-0x1fffffffff"},
	{"the second node is missing",
	 {{TOP, SZ_1G}, {0x1000000000, SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0}},
	 {{TOP, SZ_1G}},
	 "0x1000000000-0x103fffffff"},
	{"nothing",
	 {{0x1000000000, SZ_1G}},
	 {{{TOP, SZ_1G}, TOP, 0, 0, 0}},
	 {{0}},
	 "no RAM answers"},
};

static void set_up(const struct probe_row *row)
{
	memset(&machine, 0, sizeof(machine));
	memset(cells, 0, sizeof(cells));
	forbidden = 0;
	nr_banks = 0;
	for (unsigned i = 0; i < ARRAY_LEN(row->banks) && row->banks[i].at.size != 0; i++)
		banks[nr_banks++] = row->banks[i];
	for (unsigned i = 0; i < ARRAY_LEN(row->claimed) && row->claimed[i].size != 0; i++)
		machine.ram[machine.nr_ram++] = row->claimed[i];
	machine.reserved[machine.nr_reserved++] = (struct region){TOP, 0x60000};
	machine.reserved[machine.nr_reserved++] = (struct region){TOP + 0x4000000, 0x1000};
}

/* True if every word is what it was; the beacon's alone may differ. */
static bool all_restored(void)
{
	for (size_t i = 0; i < CELLS; i++) {
		if (cells[i].used && cells[i].value != initial(cells[i].at) &&
		    cells[i].at != image_to_pa(NULL))
			return false;
	}
	return true;
}

static bool ram_is(const struct region *want, size_t max)
{
	unsigned n = 0;

	while (n < max && want[n].size != 0)
		n++;
	if (machine.nr_ram != n)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (machine.ram[i].start != want[i].start || machine.ram[i].size != want[i].size)
			return false;
	}
	return true;
}

static void test_row(const struct probe_row *row)
{
	struct ramprobe_stats stats;
	enum err err;

	set_up(row);
	err = ramprobe_run(&machine, (struct region){IMAGE, 2 * SZ_2M},
			   (struct region){BLOB + 0x10, 0x1234}, &stats);
	tap_ok(ram_is(row->want, ARRAY_LEN(row->want)) &&
		       err == (row->want[0].size == 0 ? ERR_NOENT : OK),
	       "%s: what is left", row->name);
	tap_ok(row->note == NULL ? machine.nr_notes == 0 : machine_has_note(&machine, row->note),
	       "%s: note", row->name);
	tap_ok(all_restored(), "%s: every word is back", row->name);
	tap_ok(forbidden == 0, "%s: %u stores where none may be", row->name, forbidden);
	tap_ok(stats.spots <= 4096 && stats.written <= stats.spots, "%s: %u spots, %u written",
	       row->name, stats.spots, stats.written);
	if (!ram_is(row->want, ARRAY_LEN(row->want)))
		for (unsigned i = 0; i < machine.nr_ram; i++)
			printf("# 0x%llx+0x%llx\n", (unsigned long long)machine.ram[i].start,
			       (unsigned long long)machine.ram[i].size);
	machine_print_notes(&machine);
}

/* As many holes as there is room for, and more: less RAM, never RAM that is not there. */
static void test_many_holes(void)
{
	static const struct probe_row row = {.claimed = {{TOP, 2 * SZ_1G}}};
	struct ramprobe_stats stats;
	bool good = true;

	set_up(&row);
	/* 100 holes do not fit into banks[]; every second region of a full table is missing. */
	machine.nr_ram = 0;
	for (unsigned i = 0; i < MACHINE_MAX_RAM; i++)
		machine.ram[machine.nr_ram++] =
			(struct region){TOP + i * 16 * SZ_2M, (i % 2 == 0 ? 8 : 4) * SZ_2M};
	banks[0] = (struct bank){.at = {TOP, 400 * SZ_2M}, .cells = TOP};
	banks[1] = (struct bank){.at = {TOP + 402 * SZ_2M, 600 * SZ_2M}, .cells = TOP + SZ_1G};
	nr_banks = 2;
	tap_ok(ramprobe_run(&machine, (struct region){IMAGE, 2 * SZ_2M}, (struct region){BLOB, 8},
			    &stats) == OK,
	       "a full table");
	for (unsigned i = 0; i < machine.nr_ram; i++)
		good &= bank_of(machine.ram[i].start) != NULL &&
			bank_of(machine.ram[i].start) ==
				bank_of(region_end(machine.ram[i]) - PAGE_SIZE);
	tap_ok(good && machine.nr_ram > 32 && machine.nr_ram <= MACHINE_MAX_RAM,
	       "a full table: only what is there is left");
	tap_ok(all_restored() && forbidden == 0, "a full table: every word is back");
}

static void test_devices(void)
{
	static const struct probe_row row = {.banks = {{{0x10000000, 0x3000}, 0, 0, 0, 0}}};

	set_up(&row);
	for (unsigned i = 0; i < 4; i++)
		machine.virtio[machine.nr_virtio++] =
			(struct machine_virtio){.base = 0x10000000 + i * 0x1000, .irq = 1 + i};
	machine.intc.kind = INTC_PLIC;
	machine.intc.base = 0xc000000;
	machine.exitdev.kind = EXIT_SIFIVE_TEST;
	machine.exitdev.base = 0x10000004;
	ramprobe_devices(&machine);
	tap_ok(machine.nr_virtio == 3 && machine_has_note(&machine, "virtio at 0x10003000"),
	       "a slot that does not answer");
	tap_ok(machine.intc.kind == INTC_NONE && machine.intc.context[0] == -1 &&
		       machine.virtio[0].irq == 0 &&
		       machine_has_note(&machine, "plic at 0xc000000"),
	       "a PLIC that does not answer takes the interrupts along");
	tap_ok(machine.exitdev.kind == EXIT_SIFIVE_TEST, "what answers stays");
	machine.exitdev.base = 0x100000;
	machine.pci.size = SZ_2M;
	machine.pci.ecam = 0x10000000;
	ramprobe_devices(&machine);
	tap_ok(machine.exitdev.kind == EXIT_NONE, "an exit device that does not answer");
	tap_ok(machine.pci.size != 0, "configuration space that answers");
	machine.intc = (struct machine_intc){.kind = INTC_APLIC_MSI,
					     .base = 0x10000000,
					     .file = {0x10001000, 0x28001000, 0, 0x28002000}};
	machine.nr_cpus = 4;
	ramprobe_devices(&machine);
	tap_ok(machine.intc.kind == INTC_APLIC_MSI && machine.intc.file[0] == 0x10001000 &&
		       machine.intc.file[1] == 0 && machine.intc.file[3] == 0 &&
		       machine_has_note(&machine, "files of 2 harts do not answer"),
	       "interrupt files: those that answer stay");
	machine.pci.ecam = 0x30000000;
	ramprobe_devices(&machine);
	tap_ok(machine.pci.size == 0 && machine_has_note(&machine, "pci at 0x30000000"),
	       "and that does not");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		test_row(&rows[i]);
	test_many_holes();
	test_devices();
	return tap_done();
}
