/* SPDX-License-Identifier: BSD-2-Clause */
/* APLIC and IMSIC of odd trees: which is chosen, what the harts are called, what is left alone. */
#include "tests/host/tap.h"
#include "tests/host/trees/shapes.h"

#define IMSICS UINT32_C(0x42)
#define AIA_ISA "rv64imac_ssaia"

static struct tree tree;

/* What the next tree has; set by name below. */
static struct imsic_row {
	uint32_t ids;
	uint32_t guest_bits, hart_bits, group_bits, group_shift; /* 0: not said */
	uint64_t second; /* start of a second piece of reg, each of one file then */
	const char *status;
	const char *isa; /* of the second hart */
	int32_t want[2]; /* hart indexes */
	enum intc_kind kind;
	const char *noted; /* NULL: nothing may be */
} row;

static bool direct;
static uint32_t level; /* 9: S-mode's, 11: M-mode's */
static const uint32_t *indexes;

static void put_slot(struct tree *t)
{
	tree_open(t, "virtio_mmio@10001000");
	tree_string(t, "compatible", "virtio,mmio");
	tree_reg(t, "reg", 0x10001000, 0x1000);
	tree_cells(t, "interrupts-extended", SHAPE_PLIC, 7, 8);
	tree_close(t);
}

static void put_pairs(struct tree *t)
{
	tree_cells(t, "interrupts-extended", SHAPE_INTC(1), level, SHAPE_INTC(0), level);
}

static void put_aplic(struct tree *t, uint64_t base, uint32_t phandle)
{
	tree_openf(t, "aplic@%llx", (unsigned long long)base);
	tree_string(t, "compatible", "riscv,aplic");
	tree_cells(t, "phandle", phandle);
	tree_cells(t, "riscv,num-sources", 96);
	tree_reg(t, "reg", base, 0x8000);
	if (direct)
		put_pairs(t);
	else
		tree_cells(t, "msi-parent", IMSICS);
	if (indexes != NULL)
		tree_cells(t, "riscv,hart-indexes", indexes[0], indexes[1]);
	tree_close(t);
}

static void put_bits(struct tree *t, const char *name, uint32_t bits)
{
	if (bits != 0)
		tree_cells(t, name, bits);
}

static void put_imsics(struct tree *t)
{
	tree_open(t, "imsics@28000000");
	tree_string(t, "compatible", "riscv,imsics");
	tree_cells(t, "phandle", IMSICS);
	if (row.status != NULL)
		tree_string(t, "status", row.status);
	tree_cells(t, "riscv,num-ids", row.ids);
	put_bits(t, "riscv,guest-index-bits", row.guest_bits);
	put_bits(t, "riscv,hart-index-bits", row.hart_bits);
	put_bits(t, "riscv,group-index-bits", row.group_bits);
	put_bits(t, "riscv,group-index-shift", row.group_shift);
	if (row.second != 0)
		tree_cells(t, "reg", 0, 0x28000000, 0, (uint32_t)(0x1000 << row.guest_bits),
			   (uint32_t)(row.second >> 32), (uint32_t)row.second, 0,
			   (uint32_t)(0x1000 << row.guest_bits));
	else
		tree_reg(t, "reg", 0x28000000, 0x2000 << row.guest_bits);
	put_pairs(t);
	tree_close(t);
}

static void put_soc(struct tree *t)
{
	tree_open(t, "soc");
	tree_cell_counts(t, 2, 2);
	tree_empty(t, "ranges");
	put_slot(t);
	put_aplic(t, 0xd000000, SHAPE_PLIC);
	if (!direct)
		put_imsics(t);
	tree_close(t);
}

static void put_cpus(struct tree *t)
{
	shape_cpus_open(t);
	shape_cpu(t, 0, "riscv,sv48", AIA_ISA);
	shape_cpu(t, 1, "riscv,sv48", row.isa != NULL ? row.isa : AIA_ISA);
	tree_close(t);
}

static struct machine *read_soc(void)
{
	enum err err;

	shape_build(&tree, &(struct shape){.soc = put_soc, .cpus = put_cpus});
	return read_tree(&tree, UINT64_MAX, &err);
}

static void test_direct(void)
{
	static const uint32_t other[] = {5, 16384};
	const struct machine *m;

	direct = true;
	level = 9;
	m = read_soc();
	tap_ok(m->intc.kind == INTC_APLIC && m->intc.base == 0xd000000 && m->intc.sources == 96,
	       "direct: an APLIC");
	tap_ok(m->intc.context[0] == 1 && m->intc.context[1] == 0, "direct: harts by their place");
	tap_ok(m->virtio[0].irq == 7 && m->virtio[0].trigger == TRIGGER_LEVEL_LOW &&
		       m->nr_notes == 0,
	       "direct: the slot's source, with its trigger");
	indexes = other;
	m = read_soc();
	tap_ok(m->intc.context[1] == 5 && m->intc.context[0] == -1 &&
		       machine_has_note(m, "1 contexts outside"),
	       "direct: harts by riscv,hart-indexes, as far as they can be");
	indexes = NULL;
	level = 11;
	m = read_soc();
	tap_ok(m->intc.kind == INTC_NONE && m->virtio[0].irq == 0,
	       "direct: M-mode's domain is not touched");
}

static void test_rows(void)
{
	static const struct imsic_row rows[] = {
		{.ids = 255, .want = {1, 0}, .kind = INTC_APLIC_MSI},
		{.ids = 255, .guest_bits = 3, .want = {1, 0}, .kind = INTC_APLIC_MSI},
		{.ids = 255,
		 .hart_bits = 2,
		 .group_bits = 1,
		 .group_shift = 24,
		 .second = 0x29000000,
		 .want = {4, 0},
		 .kind = INTC_APLIC_MSI},
		{.ids = 63, .want = {1, 0}, .kind = INTC_APLIC_MSI, .noted = "63 identities"},
		{.ids = 0, .kind = INTC_NONE, .noted = "num-ids 0"},
		{.ids = 2048, .kind = INTC_NONE, .noted = "num-ids 2048"},
		{.ids = 255, .status = "disabled", .kind = INTC_NONE, .noted = "no IMSIC"},
		{.ids = 255, .isa = "rv64imac", .kind = INTC_NONE, .noted = "claim ssaia"},
		{.ids = 255, .guest_bits = 8, .kind = INTC_NONE, .noted = "index bits"},
		{.ids = 255, .group_shift = 60, .kind = INTC_NONE, .noted = "index bits"},
	};

	direct = false;
	level = 9;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		const struct machine *m;
		bool good;

		row = rows[i];
		m = read_soc();
		good = m->intc.kind == row.kind &&
		       (m->virtio[0].irq == 7) == (row.kind != INTC_NONE);
		if (row.kind != INTC_NONE)
			good = good && m->intc.context[0] == row.want[0] &&
			       m->intc.context[1] == row.want[1] &&
			       m->intc.sources == (row.ids < 96 ? row.ids : 96);
		good = good &&
		       (row.noted != NULL ? machine_has_note(m, row.noted) : m->nr_notes == 0);
		if (!tap_ok(good, "msi: row %u", i))
			machine_print_notes(m);
	}
}

int main(void)
{
	test_direct();
	test_rows();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
