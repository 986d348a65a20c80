/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of PCI functions in odd trees: whose reach the harts, and where their files are. */
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

#define ECAM UINT64_C(0x30000000)
#define FILES UINT64_C(0x28000000)
#define AIA_ISA "rv64imac_ssaia"
#define IMSICS 0x42U
#define OTHER 0x77U /* a controller of messages that asks for four cells more */
#define ROOT 0x55U
#define NOBODY 0x99U
#define MAX_CELLS 16

static struct tree tree;

/* What the next tree has; each case changes some of it. */
static struct {
	uint32_t parents[MAX_CELLS], map[MAX_CELLS];
	unsigned nr_parents, nr_map;
	uint32_t mask; /* 0: none */
	uint32_t bus;
	uint64_t files, second; /* of a second piece of reg, one file each then; 0: none */
	uint32_t guest_bits;
	uint32_t hart_bits; /* 0: not said */
	bool shifted;	    /* on a bus that harts see 0x1000000000 higher */
	bool deeper;	    /* the IMSICs: on another bus on that, 0x2000000000 higher */
	bool no_aia;
} in;

static void usual(void)
{
	memset(&in, 0, sizeof(in));
	in.files = FILES;
	shape_fill(in, parents, IMSICS);
}

static void put_host(struct tree *t)
{
	tree_open(t, "pci@30000000");
	tree_string(t, "compatible", "pci-host-ecam-generic");
	tree_cells(t, "#address-cells", 3);
	tree_cells(t, "#size-cells", 2);
	tree_reg(t, "reg", ECAM, SZ_1G / 4);
	tree_cells(t, "bus-range", in.bus, 255);
	tree_cells(t, "ranges", 0x02000000, 0, 0x40000000, 0, 0x40000000, 0, 0x40000000);
	if (in.nr_parents != 0)
		tree_put_cells(t, "msi-parent", in.parents, in.nr_parents);
	if (in.nr_map != 0)
		tree_put_cells(t, "msi-map", in.map, in.nr_map);
	if (in.mask != 0)
		tree_cells(t, "msi-map-mask", in.mask);
	tree_close(t);
}

static void put_imsics(struct tree *t)
{
	uint32_t step = 0x1000U << in.guest_bits;

	tree_openf(t, "imsics@%llx", (unsigned long long)in.files);
	tree_string(t, "compatible", "riscv,imsics");
	tree_cells(t, "phandle", IMSICS);
	tree_cells(t, "#msi-cells", 0);
	tree_cells(t, "riscv,num-ids", 255);
	tree_cells(t, "riscv,guest-index-bits", in.guest_bits);
	if (in.hart_bits != 0)
		tree_cells(t, "riscv,hart-index-bits", in.hart_bits);
	if (in.second != 0)
		tree_cells(t, "reg", (uint32_t)(in.files >> 32), (uint32_t)in.files, 0, step,
			   (uint32_t)(in.second >> 32), (uint32_t)in.second, 0, step);
	else
		tree_reg(t, "reg", in.files, 2 * step);
	/* The second cpu's file comes first. */
	tree_cells(t, "interrupts-extended", SHAPE_INTC(1), 9, SHAPE_INTC(0), 9);
	tree_close(t);
}

static void put_soc(struct tree *t)
{
	shape_soc_open(t, in.shifted);
	tree_open(t, "aplic@d000000");
	tree_string(t, "compatible", "riscv,aplic");
	tree_cells(t, "phandle", SHAPE_PLIC);
	tree_cells(t, "riscv,num-sources", 96);
	tree_reg(t, "reg", 0xd000000, 0x8000);
	tree_cells(t, "msi-parent", IMSICS);
	tree_close(t);
	if (in.deeper) {
		tree_open(t, "bus@0");
		tree_cell_counts(t, 2, 2);
		tree_cells(t, "ranges", 0, 0, 0x20, 0, 0x10, 0);
		put_imsics(t);
		tree_close(t);
	} else {
		put_imsics(t);
	}
	tree_open(t, "other");
	tree_cells(t, "phandle", OTHER);
	tree_cells(t, "#msi-cells", 4);
	tree_close(t);
	put_host(t);
	tree_close(t);
}

static void put_cpus(struct tree *t)
{
	shape_cpus_open(t);
	shape_cpu(t, 0, "riscv,sv48", in.no_aia ? "rv64imac" : AIA_ISA);
	shape_cpu(t, 1, "riscv,sv48", AIA_ISA);
	tree_close(t);
}

static void put_root(struct tree *t)
{
	tree_string(t, "compatible", "riscv-virtio");
	tree_cells(t, "phandle", ROOT);
}

static struct machine *machine(void)
{
	enum err err;

	shape_build(&tree, &(struct shape){.root = put_root, .soc = put_soc, .cpus = put_cpus});
	return read_tree(&tree, UINT64_MAX, &err);
}

/* Functions [@first, @end) and no others. */
static bool only(const struct machine *m, unsigned first, unsigned end)
{
	for (unsigned n = 0; n < MACHINE_PCI_FUNCTIONS; n++) {
		if ((m->pci.messages[n / 64] >> (n % 64) & 1) != (n >= first && n < end))
			return false;
	}
	return true;
}

static bool all(const struct machine *m)
{
	return only(m, 0, MACHINE_PCI_FUNCTIONS) && m->nr_notes == 0;
}

static bool none(const struct machine *m)
{
	return only(m, 0, 0) && machine_has_note(m, "pci: messages lead to no IMSIC");
}

static void test_parent(void)
{
	usual();
	tap_ok(all(machine()), "msi-parent");
	shape_fill(in, parents, OTHER, IMSICS, IMSICS, IMSICS, IMSICS, IMSICS);
	tap_ok(all(machine()), "behind a controller with cells");
	shape_fill(in, parents, OTHER, IMSICS, IMSICS, IMSICS, IMSICS);
	tap_ok(none(machine()), "only in the cells of another");
	shape_fill(in, parents, OTHER, 1);
	shape_fill(in, map, IMSICS, NOBODY, 0, 0); /* where the next controller would be */
	tap_ok(none(machine()), "cut off");
	in.nr_map = 0;
	shape_fill(in, parents, NOBODY, IMSICS);
	tap_ok(none(machine()), "behind somebody unknown");
	shape_fill(in, parents, 0, IMSICS);
	tap_ok(none(machine()), "no phandle");
	in.nr_parents = 0;
	tap_ok(only(machine(), 0, 0) && machine()->nr_notes == 0, "nothing said");
	usual();
	in.no_aia = true;
	tap_ok(only(machine(), 0, 0) && machine_has_note(machine(), "messages lead to no IMSIC") &&
		       machine()->intc.file[0] == 0,
	       "IMSICs that are not used");
	shape_fill(in, parents, ROOT);
	tap_ok(only(machine(), 0, 0), "nor is the root of the tree taken for them");
}

static void test_map(void)
{
	usual();
	in.nr_parents = 0;
	shape_fill(in, map, 0, IMSICS, 0, 0x10000);
	tap_ok(all(machine()), "msi-map of all");
	shape_fill(in, map, 8, IMSICS, 0, 16);
	tap_ok(only(machine(), 8, 24) && machine()->nr_notes == 0, "of two slots");
	shape_fill(in, map, 0, OTHER, 0, 8, 0, IMSICS, 0, 16);
	tap_ok(only(machine(), 8, 16), "the first line counts");
	shape_fill(in, map, 0, NOBODY, 0, 0x10000);
	tap_ok(none(machine()), "to somebody unknown");
	shape_fill(in, map, 0, IMSICS, 0, 0);
	tap_ok(none(machine()), "of none");
	shape_fill(in, map, 0, IMSICS, 0);
	tap_ok(none(machine()), "cut off");
	shape_fill(in, map, 0xfffffff0, IMSICS, 0, 0xffffffff);
	tap_ok(none(machine()), "it wraps");
	in.bus = 2;
	shape_fill(in, map, 0x0100, IMSICS, 0, 0x100, 0x208, IMSICS, 0, 8);
	tap_ok(only(machine(), 8, 16), "with the number of the bus");
	in.mask = 0xff;
	shape_fill(in, map, 8, IMSICS, 0, 8);
	tap_ok(only(machine(), 8, 16), "or without, by its mask");
	usual();
	shape_fill(in, map, 0, OTHER, 0, 250);
	tap_ok(only(machine(), 250, 256) && machine()->nr_notes == 0,
	       "msi-parent for those that it leaves out");
}

static void test_drop(void)
{
	struct machine *m;
	char unknown[8];

	usual();
	m = machine();
	machine_drop_messages(m);
	tap_ok(only(m, 0, 0) && m->intc.kind == INTC_APLIC_MSI, "no messages: wires stay");
	m = machine();
	machine_drop_intc(m);
	tap_ok(only(m, 0, 0) && m->intc.kind == INTC_NONE && m->intc.file[0] == 0, "nor wires");
	m = machine();
	tap_ok(machine_forget_isa(m, "-ssaia", unknown, sizeof(unknown)) == OK && only(m, 0, 0),
	       "without Ssaia: nothing");
}

/* Where the files of the cpus 0 and 1 are. */
static bool files_at(paddr_t first, paddr_t second)
{
	const struct machine *m = machine();

	return m->intc.file[0] == first && m->intc.file[1] == second &&
	       m->intc.kind == INTC_APLIC_MSI;
}

static void test_files(void)
{
	usual();
	tap_ok(files_at(FILES + 0x1000, FILES), "a page a hart, in the order of its pairs");
	in.guest_bits = 3;
	tap_ok(files_at(FILES + 0x8000, FILES), "its guests' behind it");
	in.guest_bits = 0;
	in.second = 0x29000000;
	tap_ok(files_at(0x29000000, FILES), "in two pieces");
	in.shifted = true;
	tap_ok(files_at(UINT64_C(0x1029000000), UINT64_C(0x1028000000)), "through the bus above");
	usual();
	in.deeper = true;
	tap_ok(files_at(FILES + UINT64_C(0x2000001000), FILES + UINT64_C(0x2000000000)) &&
		       all(machine()),
	       "through two buses");
	usual();
	in.hart_bits = 15;
	in.second = 0x24000000;
	tap_ok(files_at(0, FILES), "of a hart index that is too large");
	usual();
	in.files = 0x80000000;
	tap_ok(files_at(0, 0), "in RAM: nobody stores there");
	in.files = 0x7ffff000;
	tap_ok(files_at(0, 0x7ffff000), "one of them in RAM");
	usual();
	in.files = FILES + 0x800;
	tap_ok(files_at(0, 0), "no whole pages");
	usual();
	in.files = UINT64_C(0xfffffffffff000);
	in.second = FILES;
	tap_ok(files_at(FILES, UINT64_C(0xfffffffffff000)), "the last page of 56 bits");
	in.files += PAGE_SIZE;
	tap_ok(files_at(FILES, 0), "beyond 56 bits");
	usual();
	in.shifted = true;
	in.second = UINT64_C(0x1000000000);
	tap_ok(files_at(0, FILES + UINT64_C(0x1000000000)), "the ranges above do not lead there");
}

/* Each byte of a tree with all of that, wrong in some ways: promises are kept (machine_insane()).
 */
static void test_damage(void)
{
	static const unsigned char flips[] = {0x01, 0x80};
	unsigned char *blob = (unsigned char *)tree.blob;
	unsigned read = 0;
	enum err err;

	usual();
	in.guest_bits = 1;
	in.hart_bits = 1;
	in.mask = 0xffff;
	shape_fill(in, parents, OTHER, 1, 2, 3, 4, IMSICS);
	shape_fill(in, map, 0, OTHER, 0, 8, 8, IMSICS, 0, 8);
	(void)machine();
	for (size_t i = 0; i < tree.size; i++) {
		for (unsigned n = 0; n < ARRAY_LEN(flips); n++) {
			blob[i] ^= flips[n];
			(void)read_tree(&tree, UINT64_MAX, &err);
			read += err == OK;
			blob[i] ^= flips[n];
		}
	}
	tap_ok(read > tree.size / 2 && insane_readings() == 0, "%u damaged trees that can be read",
	       read);
}

int main(void)
{
	test_parent();
	test_map();
	test_drop();
	test_files();
	test_damage();
	tap_ok(insane_readings() == 0, "no reading broke a promise");
	return tap_done();
}
