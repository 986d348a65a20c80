/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI host bridges of odd trees: configuration space, windows, the wiring of pins. */
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

#define ECAM UINT64_C(0x30000000)
#define MEM32 0x02000000U
#define MEM64 0x43000000U /* prefetchable */
#define IO 0x01000000U
#define OTHER 0x77U /* another controller: an address cell, two interrupt cells */
#define MAX_CELLS 64

static struct tree tree;

/* What the next tree has; each case changes some of it. */
static struct {
	uint64_t ecam, size;
	uint32_t address_cells, size_cells;
	uint32_t buses[2];
	unsigned nr_buses;
	uint32_t ranges[MAX_CELLS];
	unsigned nr_ranges;
	uint32_t mask[4];
	unsigned nr_mask;
	uint32_t map[MAX_CELLS];
	unsigned nr_map;
	bool twice;
	bool no_plic;
	bool shifted; /* on a bus that harts see 0x1000000000 higher */
} in;

static void usual(void)
{
	memset(&in, 0, sizeof(in));
	in.ecam = ECAM;
	in.size = SZ_1G / 4;
	in.address_cells = 3;
	in.size_cells = 2;
	shape_fill(in, buses, 0, 255);
	shape_fill(in, ranges, IO, 0, 0, 0, 0x3000000, 0, 0x10000, MEM32, 0, 0x40000000, 0,
		   0x40000000, 0, 0x40000000, MEM64, 4, 0, 4, 0, 4, 0);
	shape_fill(in, mask, 0x1800, 0, 0, 7);
	/* QEMU's swizzle of two pins in two slots. */
	shape_fill(in, map, 0, 0, 0, 1, SHAPE_PLIC, 32, 0, 0, 0, 2, SHAPE_PLIC, 33, 0x800, 0, 0, 1,
		   SHAPE_PLIC, 33, 0x800, 0, 0, 2, SHAPE_PLIC, 34);
}

static void put_host(struct tree *t, uint64_t ecam)
{
	tree_openf(t, "pci@%llx", (unsigned long long)ecam);
	tree_string(t, "compatible", "pci-host-ecam-generic");
	tree_string(t, "device_type", "pci");
	tree_cells(t, "#address-cells", in.address_cells);
	tree_cells(t, "#size-cells", in.size_cells);
	tree_cells(t, "#interrupt-cells", 1);
	tree_reg(t, "reg", ecam, in.size);
	if (in.nr_buses != 0)
		tree_put_cells(t, "bus-range", in.buses, in.nr_buses);
	tree_put_cells(t, "ranges", in.ranges, in.nr_ranges);
	if (in.nr_mask != 0)
		tree_put_cells(t, "interrupt-map-mask", in.mask, in.nr_mask);
	tree_put_cells(t, "interrupt-map", in.map, in.nr_map);
	tree_close(t);
}

static void put_soc(struct tree *t)
{
	shape_soc_open(t, in.shifted);
	put_host(t, in.ecam);
	if (in.twice)
		put_host(t, in.ecam + SZ_1G / 4);
	tree_open(t, "other");
	tree_cells(t, "phandle", OTHER);
	tree_cells(t, "#interrupt-cells", 2);
	tree_cells(t, "#address-cells", 1);
	tree_close(t);
	tree_close(t);
	if (in.no_plic)
		return;
	shape_plic_open(t, 0xc000000, SHAPE_PLIC);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(0), 9);
	tree_close(t);
}

static const struct machine *machine(void)
{
	enum err err;

	shape_build(&tree, &(struct shape){.soc = put_soc});
	return read_tree(&tree, UINT64_MAX, &err);
}

static void test_usual(void)
{
	const struct machine_pci *p;

	usual();
	p = &machine()->pci;
	tap_ok(p->ecam == ECAM && p->size == SZ_1G / 4 && p->bus == 0, "configuration space");
	tap_ok(p->nr_windows == 2 && p->windows[0].bus == 0x40000000 &&
		       p->windows[0].cpu == 0x40000000 && p->windows[0].size == SZ_1G &&
		       p->windows[1].bus == UINT64_C(0x400000000) &&
		       p->windows[1].size == UINT64_C(0x400000000),
	       "two windows of memory, none of I/O");
	tap_ok(p->irq[0][0] == 32 && p->irq[0][1] == 33 && p->irq[1][0] == 33 &&
		       p->irq[1][1] == 34 && p->irq[0][2] == 0 && p->irq[2][0] == 0,
	       "pins by slot");
	tap_ok(p->irq[4][0] == 32 && p->irq[29][1] == 34 && !p->irq_by_function,
	       "the mask makes slots alike");
	usual();
	in.shifted = true;
	p = &machine()->pci;
	tap_ok(p->ecam == ECAM + UINT64_C(0x1000000000) &&
		       p->windows[0].cpu == UINT64_C(0x1040000000) &&
		       p->windows[0].bus == 0x40000000,
	       "through the bus above");
	usual();
	in.twice = true;
	tap_ok(machine()->pci.ecam == ECAM &&
		       machine_has_note(machine(),
					"2 PCI host bridges, only the one at 0x30000000"),
	       "two host bridges");
	usual();
	in.nr_buses = 0;
	tap_ok(machine()->pci.size != 0, "no bus-range");
	usual();
	shape_fill(in, buses, 64, 127);
	shape_fill(in, map, 0x400800, 0, 0, 1, SHAPE_PLIC, 5);
	in.nr_mask = 0;
	p = &machine()->pci;
	tap_ok(p->bus == 64 && p->irq[1][0] == 5 && p->irq[0][0] == 0 && p->irq_by_function,
	       "bus 64; without a mask all bits count");
}

/* Nothing of it can be used. */
static void refused(const char *says, const char *what)
{
	const struct machine *m = machine();

	tap_ok(m->pci.size == 0 && machine_has_note(m, says), "%s", what);
}

static void test_refused(void)
{
	usual();
	in.size = 0x80000;
	refused("0x30000000+0x80000 has no bus", "half a bus");
	usual();
	in.ecam = ECAM + 0x1000;
	refused("has no bus", "not aligned to a bus");
	usual();
	in.ecam = 0x90000000;
	refused("reg lies in RAM", "configuration space in RAM");
	usual();
	in.address_cells = 2;
	refused("2 address and 2 size cells are not PCI's", "two address cells");
	usual();
	shape_fill(in, buses, 9, 8);
	refused("bus-range 9 to 8", "buses from 9 to 8");
	usual();
	shape_fill(in, buses, 0, 256);
	refused("bus-range 0 to 256", "256 is no bus");
	usual();
	in.nr_buses = 1;
	refused("bus-range has 4 bytes", "half a bus-range");
}

/* One window, and none is left. */
static void no_window(const char *says, const char *what)
{
	const struct machine *m = machine();

	tap_ok(m->pci.size != 0 && m->pci.nr_windows == 0 && machine_has_note(m, says) &&
		       machine_has_note(m, "no window of memory space"),
	       "%s", what);
}

static void test_windows(void)
{
	usual();
	shape_fill(in, ranges, MEM32, 0, 0x40000000, 0, 0x90000000, 0, 0x1000000);
	no_window("phys.hi 0x2000000 lies in RAM", "a window onto RAM");
	shape_fill(in, ranges, MEM64, 0, 0x40000000, 0x1000000, 0, 0, 0x1000000);
	no_window("phys.hi 0x43000000 lies beyond 56 bits", "a window beyond 56 bits");
	shape_fill(in, ranges, MEM64, 0xffffffff, 0xfff00000, 0, 0x40000000, 0, 0x200000);
	no_window("wraps", "it wraps on PCI");
	shape_fill(in, ranges, MEM64, 0, 0x40000000, 0xffffffff, 0xfff00000, 0, 0x200000);
	no_window("wraps", "it wraps for harts");
	shape_fill(in, ranges, MEM32, 0, 0x40000000, 0, 0x40000000, 0, 0);
	no_window("no window", "an empty one");
	shape_fill(in, ranges, MEM32, 0, 0x40000000, 0, 0x40000000, 0);
	no_window("no window", "one that is cut off");
	usual();
	in.shifted = true;
	shape_fill(in, ranges, MEM64, 0, 0x40000000, 0x20, 0, 0, 0x200000);
	no_window("is out of the harts' reach", "ranges above do not lead there");
	usual();
	shape_fill(in, ranges, MEM32, 0, 0x40000000, 0, 0x40000000, 0, 0x1000, MEM32, 0, 0x41000000,
		   0, 0x41000000, 0, 0x1000, MEM32, 0, 0x42000000, 0, 0x42000000, 0, 0x1000, MEM32,
		   0, 0x43000000, 0, 0x43000000, 0, 0x1000, MEM32, 0, 0x44000000, 0, 0x44000000, 0,
		   0x1000);
	tap_ok(machine()->pci.nr_windows == 4 && machine_has_note(machine(), "is one too many"),
	       "the fifth");
}

static void test_map(void)
{
	const struct machine *m;

	usual();
	shape_fill(in, map, 0, 0, 0, 1, OTHER, 0, 7, 4, 0x800, 0, 0, 1, SHAPE_PLIC, 97, 0x1000, 0,
		   0, 1, SHAPE_PLIC, 9, 0x1000, 0, 0, 1, SHAPE_PLIC, 10);
	m = machine();
	tap_ok(m->pci.irq[0][0] == 0 && m->pci.irq[1][0] == 0 &&
		       machine_has_note(m, "pci: 2 interrupts do not lead to a PLIC"),
	       "another controller, a source that is not there");
	tap_ok(m->pci.irq[2][0] == 9, "lines of another length before it; the first one counts");
	shape_fill(in, map, 0, 0, 0, 1, SHAPE_PLIC, 5, 0, 0, 0, 2, 0x99, 6, 0, 0, 0, 3, SHAPE_PLIC,
		   7);
	m = machine();
	tap_ok(m->pci.irq[0][0] == 5 && m->pci.irq[0][2] == 0 &&
		       machine_has_note(m, "interrupt-map is unreadable 12 cells from its end"),
	       "a controller that is nowhere ends it");
	shape_fill(in, map, 0, 0, 0, 1, SHAPE_PLIC, 5, 0, 0, 0, 2, SHAPE_PLIC);
	m = machine();
	tap_ok(m->pci.irq[0][0] == 5 && machine_has_note(m, "unreadable 5 cells"), "cut off");
	usual();
	in.no_plic = true;
	tap_ok(machine()->pci.irq[0][0] == 0 && machine()->pci.size != 0, "no PLIC: polled");
}

int main(void)
{
	test_usual();
	test_refused();
	test_windows();
	test_map();
	tap_ok(insane_readings() == 0, "no reading broke a promise");
	return tap_done();
}
