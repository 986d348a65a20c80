/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of odd trees, rule by rule: PLIC, virtio slots, exit device, buses. */
#include <string.h>

#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

/* The root is depth 0, the slot at most depth 8. */
#define DEEPEST_BUS 7

static struct tree tree;

static struct machine *read_soc(chapter_fn soc)
{
	enum err err;

	shape_build(&tree, &(struct shape){.soc = soc});
	return read_tree(&tree, UINT64_MAX, &err);
}

static void open_bus(struct tree *t, const char *name, uint32_t na, uint32_t ns)
{
	tree_open(t, name);
	tree_cell_counts(t, na, ns);
}

/* A device of two cells each, without an interrupt. */
static void put_device(struct tree *t, const char *compatible, uint64_t base, uint64_t size)
{
	tree_openf(t, "device@%llx", (unsigned long long)base);
	tree_string(t, "compatible", compatible);
	tree_reg(t, "reg", base, size);
	tree_close(t);
}

static void put_plic(struct tree *t)
{
	shape_plic_open(t, 0xc000000, SHAPE_PLIC);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(0), 9, SHAPE_INTC(1), 11,
		   SHAPE_INTC(1), 9);
	tree_close(t);
}

static void interrupts(struct tree *t)
{
	put_plic(t);
	open_bus(t, "soc", 2, 2);
	tree_cells(t, "interrupt-parent", SHAPE_PLIC);
	tree_empty(t, "ranges");
	tree_open(t, "inherited");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x1000, 0x1000);
	tree_cells(t, "interrupts", 5, 4); /* two cells, as some PLICs have it */
	tree_close(t);
	tree_open(t, "extended");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x2000, 0x1000);
	tree_cells(t, "interrupts-extended", SHAPE_PLIC, 6);
	tree_close(t);
	tree_open(t, "elsewhere");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x3000, 0x1000);
	tree_cells(t, "interrupts", 7);
	tree_cells(t, "interrupt-parent", SHAPE_PLIC + 7);
	tree_close(t);
	tree_open(t, "beyond");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x4000, 0x1000);
	tree_cells(t, "interrupts", 97);
	tree_close(t);
	tree_open(t, "half");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x6000, 0x1000);
	tree_cells(t, "interrupts-extended", SHAPE_PLIC);
	tree_cells(t, "interrupts", 8);
	tree_close(t);
	tree_open(t, "short");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x5000, 0x1000);
	tree_bytes(t, "interrupts", "\0\0\1", 3);
	tree_close(t);
	tree_close(t);
}

static void test_interrupts(void)
{
	const struct machine *m = read_soc(interrupts);

	tap_ok(m->nr_virtio == 6, "six slots");
	tap_ok(m->virtio[0].irq == 5, "irq: the parent is inherited, the first cell counts");
	tap_ok(m->virtio[1].irq == 6, "irq: interrupts-extended");
	tap_ok(m->virtio[2].irq == 0, "irq: none through another controller");
	tap_ok(m->virtio[3].irq == 0, "irq: none that the PLIC does not have");
	tap_ok(m->virtio[4].irq == 0, "irq: none in three bytes");
	tap_ok(m->virtio[5].irq == 8, "irq: half of interrupts-extended does not count");
	tap_ok(machine_has_note(m, "2 interrupts do not lead"), "irq: noted");
}

static void no_plic(struct tree *t)
{
	open_bus(t, "soc", 2, 2);
	tree_empty(t, "ranges");
	shape_virtio(t, 0x1000, 1);
	tree_close(t);
}

static void odd_slots(struct tree *t)
{
	put_device(t, "virtio,mmio", 0x5000, 0x1000);
	put_device(t, "virtio,mmio", 0x4000, 0x100);
	put_device(t, "virtio,mmio", 0x3001, 0x1000);
	put_device(t, "virtio,mmio", 0x2000, 0);
	put_device(t, "virtio,mmio", 0x80000000, 0x1000);
	put_device(t, "virtio,mmio", UINT64_C(1) << 56, 0x1000);
	put_device(t, "virtio,mmio", 0x1000, 0x200);
	tree_open(t, "again");
	put_device(t, "virtio,mmio", 0x9000, 0x1000);
	tree_close(t);
	tree_open(t, "twice");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x5000, 0x2000);
	tree_close(t);
	tree_open(t, "off");
	tree_string(t, "compatible", "virtio,mmio");
	tree_string(t, "status", "disabled");
	tree_reg(t, "reg", 0x6000, 0x2000);
	tree_close(t);
}

static void many_slots(struct tree *t)
{
	for (uint64_t i = 0; i < MACHINE_MAX_VIRTIO + 4; i++)
		put_device(t, "virtio,mmio", 0x1000 * (100 - i), 0x1000);
}

static void test_slots(void)
{
	const struct machine *m = read_soc(no_plic);

	tap_ok(m->intc.kind == INTC_NONE && m->nr_virtio == 1 && m->virtio[0].irq == 0,
	       "no PLIC: no interrupts");
	m = read_soc(odd_slots);
	tap_ok(m->nr_virtio == 2 && m->virtio[0].base == 0x1000 && m->virtio[1].base == 0x5000 &&
		       m->virtio[1].size == 0x1000,
	       "slots: small, unaligned, empty, double, disabled and unreachable ones are left "
	       "out");
	tap_ok(machine_has_note(m, "lies in RAM") && machine_has_note(m, "beyond 56 bits"),
	       "slots: nothing is written to inside RAM");
	m = read_soc(many_slots);
	tap_ok(m->nr_virtio == MACHINE_MAX_VIRTIO && machine_has_note(m, "4 left out"),
	       "slots: too many");
}

static void translated(struct tree *t)
{
	open_bus(t, "outer", 1, 1);
	/* child, parent (two cells), size */
	tree_cells(t, "ranges", 0x10000000, 1, 0x20000000, 0x1000000, 0x0, 0, 0x7000000, 0x1000000);
	open_bus(t, "inner", 1, 1);
	tree_cells(t, "ranges", 0x5000, 0x10008000, 0x2000);
	tree_open(t, "slot");
	tree_string(t, "compatible", "virtio,mmio");
	tree_cells(t, "reg", 0x6000, 0x1000);
	tree_close(t);
	tree_open(t, "outside");
	tree_string(t, "compatible", "virtio,mmio");
	tree_cells(t, "reg", 0x6000, 0x1001);
	tree_close(t);
	tree_close(t);
	tree_open(t, "exit");
	tree_string(t, "compatible", "sifive,test0");
	tree_cells(t, "reg", 0x100, 0x10);
	tree_close(t);
	tree_close(t);
}

static void second_range(struct tree *t)
{
	open_bus(t, "soc", 1, 1);
	tree_cells(t, "ranges", 0, 0, 0x1000, 0x100, 0x10000, 0, 0x20000, 0x1000);
	tree_open(t, "slot");
	tree_string(t, "compatible", "virtio,mmio");
	tree_cells(t, "reg", 0x10000, 0x1000);
	tree_close(t);
	tree_close(t);
}

static void no_ranges(struct tree *t)
{
	open_bus(t, "i2c", 2, 2);
	put_device(t, "virtio,mmio", 0x1000, 0x1000);
	tree_close(t);
}

static void wrapping_ranges(struct tree *t)
{
	open_bus(t, "soc", 2, 2);
	tree_cells(t, "ranges", 0, 0, UINT32_MAX, 0xfffff000, UINT32_MAX, UINT32_MAX, 7, 7);
	put_device(t, "virtio,mmio", 0x1000, 0x1000);
	tree_close(t);
}

static void disabled_bus(struct tree *t)
{
	open_bus(t, "before", 2, 2); /* an enabled bus, lest its neighbour is forgotten */
	tree_empty(t, "ranges");
	tree_close(t);
	open_bus(t, "soc", 2, 2);
	tree_empty(t, "ranges");
	tree_string(t, "status", "disabled");
	tree_open(t, "deeper");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	put_device(t, "virtio,mmio", 0x1000, 0x1000);
	tree_close(t);
	tree_close(t);
	put_device(t, "virtio,mmio", 0x2000, 0x1000);
}

static void bad_cells(struct tree *t)
{
	open_bus(t, "soc", 2, 0);
	tree_empty(t, "ranges");
	put_device(t, "virtio,mmio", 0x1000, 0x1000);
	tree_close(t);
}

static unsigned bus_depth;

static void deep(struct tree *t)
{
	for (unsigned i = 0; i < bus_depth; i++) {
		open_bus(t, "bus", 2, 2);
		tree_empty(t, "ranges");
	}
	put_device(t, "virtio,mmio", 0x1000, 0x1000);
	for (unsigned i = 0; i < bus_depth; i++)
		tree_close(t);
}

static void test_buses(void)
{
	const struct machine *m = read_soc(translated);

	tap_ok(m->nr_virtio == 1 && m->virtio[0].base == 0x120009000, "ranges: two buses deep");
	tap_ok(m->exitdev.base == 0x7000100, "ranges: the second of two");
	tap_ok(machine_has_note(m, "ranges of inner"), "ranges: a device outside them");
	m = read_soc(second_range);
	tap_ok(m->nr_virtio == 1 && m->virtio[0].base == 0x20000, "ranges: behind the first");
	m = read_soc(no_ranges);
	tap_ok(m->nr_virtio == 0 && machine_has_note(m, "ranges of i2c"), "ranges: absent");
	m = read_soc(wrapping_ranges);
	tap_ok(m->nr_virtio == 0 && machine_has_note(m, "ranges of soc"), "ranges: wrapping");
	m = read_soc(disabled_bus);
	tap_ok(m->nr_virtio == 1 && m->virtio[0].base == 0x2000, "a disabled bus hides all below");
	m = read_soc(bad_cells);
	tap_ok(m->nr_virtio == 0 && machine_has_note(m, "#size-cells 0"), "no size cells");
	bus_depth = DEEPEST_BUS;
	m = read_soc(deep);
	tap_ok(m->nr_virtio == 1 && m->nr_notes == 0, "as deep as it may be");
	bus_depth = DEEPEST_BUS + 1;
	m = read_soc(deep);
	tap_ok(m->nr_virtio == 0 && machine_has_note(m, "1 nodes deeper"), "too deep");
	bus_depth = 1000;
	m = read_soc(deep);
	tap_ok(m->nr_virtio == 0 && machine_has_note(m, "nodes deeper"), "a thousand buses");
}

static void odd_plic(struct tree *t)
{
	tree_open(t, "plic@c000000");
	tree_string(t, "compatible", "thead,c900-plic");
	tree_cells(t, "phandle", SHAPE_PLIC);
	tree_cells(t, "riscv,ndev", 5000);
	tree_reg(t, "reg", 0xc000000, 0x203000); /* three contexts */
	tree_cells(t, "interrupts-extended", 0, 9, SHAPE_INTC(0), UINT32_MAX, SHAPE_INTC(0), 9,
		   SHAPE_INTC(1), 9, SHAPE_INTC(7), 9, SHAPE_INTC(0), 9, 1);
	tree_close(t);
}

static void bare_plic(struct tree *t)
{
	tree_open(t, "plic");
	tree_string(t, "compatible", "riscv,plic0");
	tree_reg(t, "reg", 0xc000000, 0x4000000);
	tree_close(t);
	shape_virtio(t, 0x1000, 1);
}

static void many_plics(struct tree *t)
{
	for (uint32_t i = 0; i < 12; i++) {
		shape_plic_open(t, 0x10000000 + 0x1000000 * i, SHAPE_PLIC + 11 - i);
		tree_close(t);
	}
	put_device(t, "riscv,plic0", 0x1000, 0);
	shape_virtio(t, 0x1000, 1);
}

static void test_plic(void)
{
	const struct machine *m = read_soc(odd_plic);

	tap_ok(m->intc.kind == INTC_PLIC && m->intc.sources == 1023, "plic: too many sources");
	tap_ok(m->intc.context[0] == 2 && m->intc.context[1] == -1,
	       "plic: contexts inside reg only");
	tap_ok(machine_has_note(m, "1 contexts outside") && machine_has_note(m, "4 odd bytes") &&
		       machine_has_note(m, "1 of 2 harts"),
	       "plic: noted");
	m = read_soc(bare_plic);
	tap_ok(m->intc.kind == INTC_PLIC && m->intc.sources == 0 && m->virtio[0].irq == 0 &&
		       machine_has_note(m, "no riscv,ndev"),
	       "plic: without phandle, sources and harts");
	m = read_soc(many_plics);
	tap_ok(m->intc.kind == INTC_PLIC && machine_has_note(m, "12 interrupt controllers"),
	       "plic: too many");
}

static void exits(struct tree *t)
{
	put_device(t, "sifive,test0", 0x3000, 2);
	put_device(t, "sifive,test0", 0x2002, 0x1000);
	put_device(t, "sifive,test1", 0x1000, 0x1000);
	put_device(t, "sifive,test1", 0x4000, 0x1000);
}

static void test_exit(void)
{
	const struct machine *m = read_soc(exits);

	tap_ok(m->exitdev.kind == EXIT_SIFIVE_TEST && m->exitdev.base == 0x1000,
	       "exit: the first with an aligned word");
	m = read_soc(shape_none);
	tap_ok(m->exitdev.kind == EXIT_NONE && m->nr_virtio == 0 && m->nr_notes == 0, "no devices");
}

int main(void)
{
	test_interrupts();
	test_slots();
	test_buses();
	test_plic();
	test_exit();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
