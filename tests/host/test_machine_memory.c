/* SPDX-License-Identifier: BSD-2-Clause */
/* RAM of odd trees, rule by rule. */
#include "tests/host/tap.h"
#include "tests/host/trees/region_rows.h"

#define TOP 0x80000000u

static struct tree tree;

static void open_memory(struct tree *t, const char *name)
{
	tree_open(t, name);
	tree_string(t, "device_type", "memory");
}

static void two_tuples(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_cells(t, "reg", 1, 0, 0, 0x40000000, 0, TOP, 0, 0x40000000);
	tree_close(t);
}

static void by_name(struct tree *t)
{
	tree_open(t, "memory@80000000");
	tree_reg(t, "reg", TOP, SZ_1G);
	tree_close(t);
}

static void other_name(struct tree *t)
{
	open_memory(t, "ddr");
	tree_reg(t, "reg", TOP, SZ_1G);
	tree_close(t);
}

static void not_in_root(struct tree *t)
{
	shape_memory(t, TOP, SZ_1G);
	tree_open(t, "bus");
	shape_memory(t, 0x100000000, SZ_1G);
	tree_close(t);
}

static void with_status(struct tree *t, const char *status)
{
	open_memory(t, "memory@80000000");
	tree_reg(t, "reg", TOP, SZ_1G);
	tree_string(t, "status", status);
	tree_close(t);
}

static void status_ok(struct tree *t)
{
	with_status(t, "ok");
}

static void status_disabled(struct tree *t)
{
	with_status(t, "disabled");
}

static void status_empty(struct tree *t)
{
	open_memory(t, "memory@80000000");
	tree_reg(t, "reg", TOP, SZ_1G);
	tree_empty(t, "status");
	tree_close(t);
}

static void usable(struct tree *t)
{
	open_memory(t, "memory@80000000");
	tree_reg(t, "reg", TOP, SZ_1G);
	tree_reg(t, "linux,usable-memory", TOP + SZ_2M, SZ_2M);
	tree_close(t);
}

static void no_reg(struct tree *t)
{
	open_memory(t, "memory@80000000");
	tree_close(t);
}

static void zero_sized(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_cells(t, "reg", 0, 0, 0, 0, 0, TOP, 0, 0x40000000);
	tree_close(t);
}

static void partial_tuple(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_cells(t, "reg", 0, TOP, 0, 0x40000000, 1, 2, 3);
	tree_close(t);
}

static void odd_bytes(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_bytes(t, "reg", "\0\0\0\0\x80\0\0\0\0\0\0\0\x40\0\0\0\1", 17);
	tree_close(t);
}

static void unaligned(struct tree *t)
{
	shape_memory(t, TOP + 1, 0x3000);
}

static void below_a_page(struct tree *t)
{
	shape_memory(t, TOP, 0x800);
	shape_memory(t, TOP + 0x1000, 0xfff);
}

static void two_halves(struct tree *t)
{
	shape_memory(t, TOP, 0x1800);
	shape_memory(t, TOP + 0x1800, 0x800);
}

static void overlapping(struct tree *t)
{
	shape_memory(t, TOP, 0x3000);
	shape_memory(t, TOP + 0x5000, 0x1000);
	shape_memory(t, TOP + 0x2000, 0x2000);
}

static void bridging(struct tree *t)
{
	shape_memory(t, TOP, 0x1000);
	shape_memory(t, TOP + 0x4000, 0x1000);
	shape_memory(t, TOP + 0x1000, 0x3000);
}

static void wrapping(struct tree *t)
{
	shape_memory(t, TOP, 0x1000);
	shape_memory(t, 0xfffffffffffff000, 0x2000);
}

static void wrapping_all(struct tree *t)
{
	shape_memory(t, TOP, UINT64_MAX);
}

static void beyond_56_bits(struct tree *t)
{
	shape_memory(t, (UINT64_C(1) << 56) - 0x1000, 0x2000);
}

static void three_cells_zero(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_cells(t, "reg", 0, 0, TOP, 0, 0, 0x40000000);
	tree_close(t);
}

static void three_cells_high(struct tree *t)
{
	open_memory(t, "memory@0");
	tree_cells(t, "reg", 1, 0, TOP, 0, 0, 0x40000000, 0, 1, 0, 0, 0, 0x1000);
	tree_close(t);
}

static void many(struct tree *t)
{
	for (uint64_t i = 0; i < MACHINE_MAX_RAM + 4; i++)
		shape_memory(t, TOP + 0x100000 * i, i % 20 == 7 && i < 60 ? 0x1000 : 0x2000);
}

static void low_and_high(struct tree *t)
{
	shape_memory(t, 0x100000000, SZ_1G);
	shape_memory(t, TOP, SZ_1G);
}

static const struct region_row ram_rows[] = {
	{"two tuples, sorted",
	 {.memory = two_tuples},
	 0,
	 2,
	 {{TOP, SZ_1G}, {0x100000000, 0x40000000}},
	 NULL},
	{"a name is no device_type", {.memory = by_name}, 0, 0, {{0}}, "no device_type"},
	{"any name will do", {.memory = other_name}, 0, 1, {{TOP, SZ_1G}}, NULL},
	{"only below the root", {.memory = not_in_root}, 0, 1, {{TOP, SZ_1G}}, NULL},
	{"status ok", {.memory = status_ok}, 0, 1, {{TOP, SZ_1G}}, NULL},
	{"status disabled", {.memory = status_disabled}, 0, 0, {{0}}, "disabled"},
	{"status empty", {.memory = status_empty}, 0, 0, {{0}}, "disabled"},
	{"linux,usable-memory", {.memory = usable}, 0, 1, {{TOP + SZ_2M, SZ_2M}}, NULL},
	{"no reg", {.memory = no_reg}, 0, 0, {{0}}, "without reg"},
	{"size zero", {.memory = zero_sized}, 0, 1, {{TOP, SZ_1G}}, NULL},
	{"partial tuple", {.memory = partial_tuple}, 0, 1, {{TOP, SZ_1G}}, "12 odd bytes"},
	{"an odd byte", {.memory = odd_bytes}, 0, 1, {{TOP, SZ_1G}}, "1 odd bytes"},
	{"edges go inwards",
	 {.memory = unaligned},
	 0,
	 1,
	 {{TOP + 0x1000, 0x2000}},
	 "parts of pages"},
	{"less than a page", {.memory = below_a_page}, 0, 0, {{0}}, "parts of pages"},
	{"halves of a page", {.memory = two_halves}, 0, 1, {{TOP, 0x2000}}, NULL},
	{"overlapping",
	 {.memory = overlapping},
	 0,
	 2,
	 {{TOP, 0x4000}, {TOP + 0x5000, 0x1000}},
	 "twice"},
	{"filling a gap", {.memory = bridging}, 0, 1, {{TOP, 0x5000}}, NULL},
	{"wrapping", {.memory = wrapping}, 0, 1, {{TOP, 0x1000}}, "wraps"},
	{"everything",
	 {.memory = wrapping_all},
	 0,
	 1,
	 {{TOP, (UINT64_C(1) << 56) - TOP}},
	 "beyond 56 bits"},
	{"beyond 56 bits",
	 {.memory = beyond_56_bits},
	 0,
	 1,
	 {{(UINT64_C(1) << 56) - 0x1000, 0x1000}},
	 "beyond 56 bits"},
	{"three cells, zero",
	 {.memory = three_cells_zero, .address_cells = 3, .size_cells = 3, .soc = shape_none},
	 0,
	 1,
	 {{TOP, SZ_1G}},
	 NULL},
	{"three cells, not zero",
	 {.memory = three_cells_high, .address_cells = 3, .size_cells = 3, .soc = shape_none},
	 0,
	 1,
	 {{0x100000000, 0x1000}},
	 "beyond 64 bits"},
	{"four cells", {.address_cells = 4, .size_cells = 2}, 0, 0, {{0}}, "#address-cells 4"},
	{"no address cells",
	 {.address_cells = 0, .size_cells = 2},
	 0,
	 0,
	 {{0}},
	 "#address-cells 0"},
	{"2^32-1 cells",
	 {.address_cells = UINT32_MAX, .size_cells = UINT32_MAX},
	 0,
	 0,
	 {{0}},
	 "#address-cells 4294967295"},
	{"too many pieces",
	 {.memory = many},
	 0,
	 MACHINE_MAX_RAM,
	 {{TOP, 0x2000}},
	 "4 smallest dropped, 0x5000 bytes"},
	{"mem= below all", {.memory = low_and_high}, 0x1000, 1, {{TOP, 0x1000}}, NULL},
	{"mem= inside the first", {.memory = low_and_high}, 0x1fff, 1, {{TOP, 0x1000}}, NULL},
	{"mem= the first", {.memory = low_and_high}, SZ_1G, 1, {{TOP, SZ_1G}}, NULL},
	{"mem= inside the second",
	 {.memory = low_and_high},
	 SZ_1G + SZ_2M,
	 2,
	 {{TOP, SZ_1G}, {0x100000000, SZ_2M}},
	 NULL},
	{"mem= more than there is",
	 {.memory = low_and_high},
	 UINT64_C(1) << 50,
	 2,
	 {{TOP, SZ_1G}, {0x100000000, SZ_1G}},
	 NULL},
	{"mem= less than a page", {.memory = low_and_high}, 0xfff, 0, {{0}}, "left by mem="},
};

static void test_ram_cut(void)
{
	enum err err;

	shape_build(&tree, &(struct shape){.memory = low_and_high});
	tap_ok(read_tree(&tree, UINT64_MAX, &err)->ram_cut == 0, "nothing cut off");
	tap_ok(read_tree(&tree, SZ_1G, &err)->ram_cut == SZ_1G, "1 GiB cut off");
	tap_ok(read_tree(&tree, 0x1fff, &err)->ram_cut == 2 * SZ_1G - 0x1000, "cut at 4 KiB");
	tap_ok(read_tree(&tree, 0, &err)->ram_cut == 2 * SZ_1G && err == ERR_NOENT, "all cut off");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(ram_rows); i++)
		tap_ok(region_row_holds(&ram_rows[i], false), "ram: %s", ram_rows[i].name);
	test_ram_cut();
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
