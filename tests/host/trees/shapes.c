/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole machines as trees, chapter by chapter. */
#include <string.h>

#include "tests/host/trees/shapes.h"

#define QEMU_ISA "rv64imafdch_zicsr_zifencei_zihintpause_zba_zbb_zbc_zbs_sstc_svadu_svvptc"

void shape_none(struct tree *t)
{
	(void)t;
}

void shape_memory(struct tree *t, uint64_t start, uint64_t size)
{
	tree_openf(t, "memory@%llx", (unsigned long long)start);
	tree_string(t, "device_type", "memory");
	tree_reg(t, "reg", start, size);
	tree_close(t);
}

void shape_cpu(struct tree *t, uint32_t hartid, const char *mmu, const char *isa)
{
	tree_openf(t, "cpu@%x", (unsigned)hartid);
	tree_string(t, "device_type", "cpu");
	tree_cells(t, "reg", hartid);
	tree_string(t, "status", "okay");
	tree_string(t, "compatible", "riscv");
	if (isa != NULL)
		tree_string(t, "riscv,isa", isa);
	if (mmu != NULL)
		tree_string(t, "mmu-type", mmu);
	tree_open(t, "interrupt-controller");
	tree_cells(t, "#interrupt-cells", 1);
	tree_empty(t, "interrupt-controller");
	tree_string(t, "compatible", "riscv,cpu-intc");
	tree_cells(t, "phandle", SHAPE_INTC(hartid));
	tree_close(t);
	tree_close(t);
}

void shape_cpus_open(struct tree *t)
{
	tree_open(t, "cpus");
	tree_cell_counts(t, 1, 0);
	tree_cells(t, "timebase-frequency", 10000000);
}

void shape_soc_open(struct tree *t, bool shifted)
{
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	if (shifted)
		tree_cells(t, "ranges", 0, 0, 0x10, 0, 0x10, 0);
	else
		tree_empty(t, "ranges");
}

void shape_virtio(struct tree *t, uint64_t base, uint32_t irq)
{
	tree_openf(t, "virtio_mmio@%llx", (unsigned long long)base);
	tree_cells(t, "interrupts", irq);
	tree_cells(t, "interrupt-parent", SHAPE_PLIC);
	tree_reg(t, "reg", base, 0x1000);
	tree_string(t, "compatible", "virtio,mmio");
	tree_close(t);
}

void shape_plic_open(struct tree *t, uint64_t base, uint32_t phandle)
{
	static const char names[] = "sifive,plic-1.0.0\0riscv,plic0";

	tree_openf(t, "plic@%llx", (unsigned long long)base);
	tree_bytes(t, "compatible", names, sizeof(names));
	tree_cells(t, "phandle", phandle);
	tree_cells(t, "riscv,ndev", 96);
	tree_reg(t, "reg", base, 0x600000);
	tree_empty(t, "interrupt-controller");
	tree_cells(t, "#interrupt-cells", 1);
	tree_cells(t, "#address-cells", 0);
}

static void put_root(struct tree *t)
{
	tree_string(t, "compatible", "riscv-virtio");
	tree_string(t, "model", "riscv-virtio,qemu");
}

static void put_memory(struct tree *t)
{
	shape_memory(t, 0x80000000, SZ_1G);
}

static void put_cpus(struct tree *t, unsigned harts)
{
	shape_cpus_open(t);
	for (uint32_t i = 0; i < harts; i++)
		shape_cpu(t, i, "riscv,sv57", QEMU_ISA);
	tree_open(t, "cpu-map");
	tree_open(t, "cluster0");
	tree_close(t);
	tree_close(t);
	tree_close(t);
}

static void put_two_cpus(struct tree *t)
{
	put_cpus(t, 2);
}

static void put_chosen(struct tree *t)
{
	tree_open(t, "chosen");
	tree_string(t, "bootargs", "test=boot.* seed=7");
	tree_cells(t, "rng-seed", 0x5b9c1e43, 0x8eb7d89, 0x6d766dfb, 0x79ec5227);
	tree_string(t, "stdout-path", "/soc/serial@10000000");
	tree_close(t);
}

static void put_soc(struct tree *t, unsigned harts)
{
	static const char exits[] = "sifive,test1\0sifive,test0\0syscon";
	uint32_t pairs[4 * MAX_HARTS];

	for (uint32_t i = 0; i < harts; i++) {
		pairs[4 * i] = SHAPE_INTC(i);
		pairs[4 * i + 1] = 11;
		pairs[4 * i + 2] = SHAPE_INTC(i);
		pairs[4 * i + 3] = 9;
	}
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_string(t, "compatible", "simple-bus");
	tree_empty(t, "ranges");
	tree_open(t, "test@100000");
	tree_bytes(t, "compatible", exits, sizeof(exits));
	tree_reg(t, "reg", 0x100000, 0x1000);
	tree_close(t);
	for (uint32_t i = 8; i > 0; i--)
		shape_virtio(t, 0x10000000 + 0x1000 * i, i);
	shape_plic_open(t, 0xc000000, SHAPE_PLIC);
	tree_put_cells(t, "interrupts-extended", pairs, 4 * harts);
	tree_close(t);
	tree_close(t);
}

static void put_two_hart_soc(struct tree *t)
{
	put_soc(t, 2);
}

static void put_chapter(struct tree *t, chapter_fn given, chapter_fn usual)
{
	(given == NULL ? usual : given)(t);
}

void shape_build(struct tree *t, const struct shape *s)
{
	tree_start(t);
	put_chapter(t, s->reserve, shape_none);
	if (s->size_cells == 0)
		tree_open_root(t, 2, 2);
	else
		tree_open_root(t, s->address_cells, s->size_cells);
	put_chapter(t, s->root, put_root);
	put_chapter(t, s->reserved, shape_none);
	put_chapter(t, s->chosen, put_chosen);
	put_chapter(t, s->memory, put_memory);
	put_chapter(t, s->cpus, put_two_cpus);
	put_chapter(t, s->soc, put_two_hart_soc);
	tree_finish(t);
}

static void put_opensbi_reserved(struct tree *t)
{
	tree_open(t, "reserved-memory");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	tree_open(t, "mmode_resv1@80000000");
	tree_reg(t, "reg", 0x80000000, 0x40000);
	tree_empty(t, "no-map");
	tree_close(t);
	tree_open(t, "mmode_resv0@80040000");
	tree_reg(t, "reg", 0x80040000, 0x20000);
	tree_empty(t, "no-map");
	tree_close(t);
	tree_close(t);
}

void shape_virt(struct tree *t, unsigned harts)
{
	tree_start(t);
	tree_open_root(t, 2, 2);
	put_root(t);
	put_opensbi_reserved(t);
	put_chosen(t);
	put_memory(t);
	put_cpus(t, harts);
	put_soc(t, harts);
	tree_finish(t);
}

static void put_plic_of_two(struct tree *t, uint64_t base, uint32_t phandle, uint32_t first)
{
	shape_plic_open(t, base, phandle);
	tree_cells(t, "interrupts-extended", SHAPE_INTC(first), 11, SHAPE_INTC(first), 9,
		   SHAPE_INTC(first + 1), 11, SHAPE_INTC(first + 1), 9);
	tree_close(t);
}

/* QEMU gives each socket a PLIC, and wires virtio to the second one. */
void shape_virt_sockets(struct tree *t)
{
	tree_start(t);
	tree_open_root(t, 2, 2);
	put_root(t);
	shape_memory(t, 0x80000000, SZ_1G / 2);
	shape_memory(t, 0xa0000000, SZ_1G / 2);
	put_cpus(t, 4);
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	shape_virtio(t, 0x10002000, 2);
	shape_virtio(t, 0x10001000, 1);
	put_plic_of_two(t, 0xc000000, SHAPE_PLIC + 1, 0);
	put_plic_of_two(t, 0xc600000, SHAPE_PLIC, 2);
	tree_close(t);
	tree_finish(t);
}
