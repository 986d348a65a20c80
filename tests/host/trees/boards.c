/* SPDX-License-Identifier: BSD-2-Clause */
/* Boards whose trees differ from QEMU's in ways that have broken somebody's parser. */
#include "tests/host/trees/shapes.h"

#define SIFIVE_ISA "rv64imafdc"

/* Hart 0 has no MMU. Firmware switches such a hart off, or drops mmu-type, or neither. */
static void put_monitor_hart(struct tree *t)
{
	tree_open(t, "cpu@0");
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", 0);
	tree_string(t, "status", "disabled");
	tree_string(t, "riscv,isa", "rv64imac");
	tree_open(t, "interrupt-controller");
	tree_empty(t, "interrupt-controller");
	tree_cells(t, "phandle", SHAPE_INTC(0));
	tree_close(t);
	tree_close(t);
}

static void put_five_harts(struct tree *t)
{
	shape_cpus_open(t);
	put_monitor_hart(t);
	for (uint32_t i = 1; i < 5; i++)
		shape_cpu(t, i, "riscv,sv39", SIFIVE_ISA);
	tree_close(t);
}

/* Context 0 is hart 0 in M-mode; each other hart has an M and an S context. */
static void put_five_hart_plic(struct tree *t)
{
	shape_plic_open(t, 0xc000000, SHAPE_PLIC);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(1), 11, SHAPE_INTC(1), 9,
		   SHAPE_INTC(2), 11, SHAPE_INTC(2), 9, SHAPE_INTC(3), UINT32_MAX, SHAPE_INTC(3), 9,
		   SHAPE_INTC(4), 11, SHAPE_INTC(4), 9);
	tree_close(t);
}

void shape_sifive_u(struct tree *t)
{
	tree_start(t);
	tree_open_root(t, 2, 2);
	tree_string(t, "model", "SiFive HiFive Unleashed A00");
	shape_memory(t, 0x80000000, 2 * SZ_1G);
	put_five_harts(t);
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	put_five_hart_plic(t);
	tree_close(t);
	tree_finish(t);
}

/* What OpenSBI asks of a tree, beside harts and memory: timer and software interrupts, a console.
 */
static void put_clint(struct tree *t)
{
	tree_open(t, "clint@2000000");
	tree_string(t, "compatible", "riscv,clint0");
	tree_reg(t, "reg", 0x2000000, 0xc000);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 3, SHAPE_INTC(0), 7, SHAPE_INTC(1), 3,
		   SHAPE_INTC(1), 7, SHAPE_INTC(2), 3, SHAPE_INTC(2), 7, SHAPE_INTC(3), 3,
		   SHAPE_INTC(3), 7, SHAPE_INTC(4), 3, SHAPE_INTC(4), 7);
	tree_close(t);
}

/* The second UART: HSS keeps the first. */
static void put_mmuart1(struct tree *t)
{
	tree_open(t, "serial@20100000");
	tree_string(t, "compatible", "ns16550a");
	tree_reg(t, "reg", 0x20100000, 0x400);
	tree_cells(t, "reg-shift", 2);
	tree_cells(t, "reg-io-width", 4);
	tree_cells(t, "clock-frequency", 150000000);
	tree_cells(t, "current-speed", 115200);
	tree_close(t);
}

/* PolarFire Icicle: memory@1000000000 lies at 0x1040000000. */
void shape_icicle(struct tree *t)
{
	tree_start(t);
	tree_open_root(t, 2, 2);
	tree_string(t, "model", "Microchip PolarFire-SoC Icicle Kit");
	shape_memory(t, 0x80000000, SZ_1G);
	tree_open(t, "memory@1000000000");
	tree_string(t, "device_type", "memory");
	tree_reg(t, "reg", 0x1040000000, SZ_1G);
	tree_string(t, "status", "okay");
	tree_close(t);
	tree_open(t, "reserved-memory");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	tree_open(t, "region@BFC00000");
	tree_reg(t, "reg", 0xbfc00000, 0x400000);
	tree_empty(t, "no-map");
	tree_close(t);
	tree_close(t);
	put_five_harts(t);
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	put_five_hart_plic(t);
	put_clint(t);
	put_mmuart1(t);
	tree_close(t);
	tree_open(t, "chosen");
	tree_string(t, "stdout-path", "/soc/serial@20100000:115200n8");
	tree_close(t);
	tree_finish(t);
}

/* K230: one C908 hart, RAM from address 0, interrupt controllers above 60 GiB. */
void shape_k230(struct tree *t)
{
	tree_start(t);
	tree_open_root(t, 2, 2);
	tree_string(t, "model", "Kendryte K230");
	tree_string(t, "compatible", "canaan,kendryte-k230");
	shape_memory(t, 0, 2 * SZ_1G);
	shape_cpus_open(t);
	shape_cpu(t, 0, "riscv,sv39", "rv64imafdc_zicsr_zifencei_svpbmt");
	tree_close(t);
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	shape_plic_open(t, 0xf00000000, SHAPE_PLIC);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(0), 9);
	tree_close(t);
	tree_open(t, "clint@f04000000");
	tree_string(t, "compatible", "riscv,clint0");
	tree_reg(t, "reg", 0xf04000000, 0xc000);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 3, SHAPE_INTC(0), 7);
	tree_close(t);
	tree_open(t, "serial@91400000");
	tree_string(t, "compatible", "snps,dw-apb-uart");
	tree_reg(t, "reg", 0x91400000, 0x1000);
	tree_cells(t, "reg-shift", 2);
	tree_cells(t, "reg-io-width", 4);
	tree_cells(t, "clock-frequency", 50000000);
	tree_close(t);
	tree_close(t);
	tree_open(t, "chosen");
	tree_string(t, "stdout-path", "/soc/serial@91400000");
	tree_close(t);
	tree_finish(t);
}

/* One cell for addresses and sizes; the payload lies below OpenSBI. */
void shape_litex(struct tree *t)
{
	tree_start(t);
	tree_open_root(t, 1, 1);
	tree_string(t, "model", "LiteX");
	tree_open(t, "memory@40000000");
	tree_string(t, "device_type", "memory");
	tree_cells(t, "reg", 0x40000000, 0x10000000);
	tree_close(t);
	tree_open(t, "reserved-memory");
	tree_cell_counts(t, 1, 1);
	tree_empty(t, "ranges");
	tree_open(t, "opensbi@40f00000");
	tree_cells(t, "reg", 0x40f00000, 0x80000);
	tree_close(t);
	tree_close(t);
	shape_cpus_open(t);
	shape_cpu(t, 0, "riscv,sv39", "rv64imafd");
	tree_close(t);
	tree_open(t, "soc");
	tree_cell_counts(t, 1, 1);
	tree_empty(t, "ranges");
	tree_open(t, "interrupt-controller@f0c00000");
	tree_string(t, "compatible", "sifive,plic-1.0.0");
	tree_cells(t, "phandle", SHAPE_PLIC);
	tree_cells(t, "riscv,ndev", 32);
	tree_cells(t, "reg", 0xf0c00000, 0x400000);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(0), 11, SHAPE_INTC(0), 9);
	tree_close(t);
	tree_close(t);
	tree_finish(t);
}

/* Upstream trees of some boards leave the memory to the firmware, which may forget it. */
void shape_p550(struct tree *t)
{
	shape_build(t, &(struct shape){.memory = shape_none});
}
