/* SPDX-License-Identifier: BSD-2-Clause */
/* Reserved memory of odd trees, rule by rule: nodes, /memreserve/, initrd. */
#include "tests/host/tap.h"
#include "tests/host/trees/region_rows.h"

#define TOP 0x80000000u

static void open_reserved(struct tree *t, uint32_t na, uint32_t ns)
{
	tree_open(t, "reserved-memory");
	tree_cell_counts(t, na, ns);
	tree_empty(t, "ranges");
}

static void comma_names(struct tree *t)
{
	open_reserved(t, 2, 2);
	tree_open(t, "mmode_resv1@1,0");
	tree_reg(t, "reg", 0x100000000, 0x1000);
	tree_close(t);
	tree_open(t, "anything");
	tree_cells(t, "reg", 0, 0xd4282000, 0, 0x1000, 0, 0xd4290000, 0, 0x1000);
	tree_empty(t, "no-map");
	tree_close(t);
	tree_close(t);
}

static void dynamic(struct tree *t)
{
	open_reserved(t, 2, 2);
	tree_open(t, "linux,cma");
	tree_cells(t, "size", 0, 0x1000000);
	tree_empty(t, "reusable");
	tree_close(t);
	tree_close(t);
}

static void other_cells(struct tree *t)
{
	open_reserved(t, 1, 1);
	tree_open(t, "fw@80000000");
	tree_cells(t, "reg", TOP, 0x1000);
	tree_close(t);
	tree_close(t);
}

static void absent_cells(struct tree *t)
{
	tree_open(t, "reserved-memory");
	tree_open(t, "fw@80000000");
	tree_reg(t, "reg", TOP, 0x1000);
	tree_close(t);
	tree_close(t);
}

static void disabled_child(struct tree *t)
{
	open_reserved(t, 2, 2);
	tree_open(t, "fw@80000000");
	tree_reg(t, "reg", TOP, 0x1000);
	tree_string(t, "status", "disabled");
	tree_close(t);
	tree_close(t);
}

static void bad_cells(struct tree *t)
{
	open_reserved(t, 2, 0);
	tree_open(t, "fw@80000000");
	tree_reg(t, "reg", TOP, 0x1000);
	tree_close(t);
	tree_close(t);
}

static void outwards(struct tree *t)
{
	open_reserved(t, 2, 2);
	tree_open(t, "fw");
	tree_cells(t, "reg", 0, TOP + 0xfff, 0, 2, 0, TOP + 0x5000, 0, 0);
	tree_close(t);
	tree_close(t);
}

static void at_the_top(struct tree *t)
{
	open_reserved(t, 2, 2);
	tree_open(t, "fw");
	tree_cells(t, "reg", UINT32_MAX, 0xffffe000, 0, 0x2000, UINT32_MAX, UINT32_MAX, 0, 1);
	tree_close(t);
	tree_close(t);
}

static void memreserves(struct tree *t)
{
	tree_memreserve(t, TOP + 0x800, 0x1000);
	tree_memreserve(t, UINT64_MAX - 0x2fff, UINT64_MAX);
	tree_memreserve(t, TOP + 0x10000, 0); /* an end, as libfdt has it */
	tree_memreserve(t, TOP + 0x20000, 0x1000);
}

static void both(struct tree *t)
{
	comma_names(t);
}

/* Gaps grow, but for three of one page. */
static void many_reserved(struct tree *t)
{
	uint64_t at = TOP;

	open_reserved(t, 2, 2);
	for (uint64_t i = 0; i < MACHINE_MAX_RESERVED + 3; i++) {
		tree_openf(t, "r%u", (unsigned)i);
		tree_reg(t, "reg", at, 0x1000);
		tree_close(t);
		at += i < 3 ? 0x2000 : 0x10000 + i * 0x1000;
	}
	tree_close(t);
}

static void put_initrd(struct tree *t, uint64_t start, uint64_t end, bool wide)
{
	tree_open(t, "chosen");
	if (wide) {
		tree_u64(t, "linux,initrd-start", start);
		tree_u64(t, "linux,initrd-end", end);
	} else {
		tree_cells(t, "linux,initrd-start", (uint32_t)start);
		tree_cells(t, "linux,initrd-end", (uint32_t)end);
	}
	tree_close(t);
}

static void initrd_4(struct tree *t)
{
	put_initrd(t, 0x88000000, 0x88000123, false);
}

static void initrd_8(struct tree *t)
{
	put_initrd(t, 0x188000000, 0x188001000, true);
}

static void initrd_backwards(struct tree *t)
{
	put_initrd(t, 0x88001000, 0x88000000, true);
}

static void initrd_empty(struct tree *t)
{
	put_initrd(t, 0x88001000, 0x88001000, true);
}

static void initrd_half(struct tree *t)
{
	tree_open(t, "chosen");
	tree_u64(t, "linux,initrd-start", 0x88000000);
	tree_close(t);
}

static void initrd_odd(struct tree *t)
{
	tree_open(t, "chosen");
	tree_bytes(t, "linux,initrd-start", "\x88\0\0\0\0\0", 6);
	tree_u64(t, "linux,initrd-end", 0x88000000);
	tree_close(t);
}

static const struct region_row reserved_rows[] = {
	{"whatever the name, with no-map or not",
	 {.reserved = comma_names},
	 0,
	 3,
	 {{0xd4282000, 0x1000}, {0xd4290000, 0x1000}, {0x100000000, 0x1000}},
	 NULL},
	{"dynamic", {.reserved = dynamic}, 0, 0, {{0}}, "1 without reg"},
	{"cells of its own", {.reserved = other_cells}, 0, 1, {{TOP, 0x1000}}, "cells 1/1"},
	{"no cells", {.reserved = absent_cells}, 0, 1, {{TOP, 0x1000}}, NULL},
	{"a disabled child", {.reserved = disabled_child}, 0, 1, {{TOP, 0x1000}}, NULL},
	{"no size cells", {.reserved = bad_cells}, 0, 0, {{0}}, "#size-cells 0"},
	{"edges go outwards", {.reserved = outwards}, 0, 1, {{TOP, 0x2000}}, NULL},
	{"the last page", {.reserved = at_the_top}, 0, 1, {{0xffffffffffffe000, 0x1000}}, "wraps"},
	{"memreserve",
	 {.reserve = memreserves},
	 0,
	 2,
	 {{TOP, 0x2000}, {0xffffffffffffd000, 0x2000}},
	 "wraps"},
	{"memreserve and nodes",
	 {.reserve = memreserves, .reserved = both},
	 0,
	 5,
	 {{TOP, 0x2000}, {0xd4282000, 0x1000}, {0xd4290000, 0x1000}, {0x100000000, 0x1000}},
	 "wraps"},
	{"too many pieces",
	 {.reserved = many_reserved},
	 0,
	 MACHINE_MAX_RESERVED,
	 {{TOP, 0x7000}, {TOP + 0x19000, 0x1000}},
	 "3 gaps"},
	{"initrd, 4 bytes", {.chosen = initrd_4}, 0, 1, {{0x88000000, 0x1000}}, NULL},
	{"initrd, 8 bytes", {.chosen = initrd_8}, 0, 1, {{0x188000000, 0x1000}}, NULL},
	{"initrd backwards", {.chosen = initrd_backwards}, 0, 0, {{0}}, "initrd"},
	{"initrd empty", {.chosen = initrd_empty}, 0, 0, {{0}}, NULL},
	{"initrd without end", {.chosen = initrd_half}, 0, 0, {{0}}, "initrd"},
	{"initrd of 6 bytes", {.chosen = initrd_odd}, 0, 0, {{0}}, "6 bytes"},
};

int main(void)
{
	for (size_t i = 0; i < ARRAY_LEN(reserved_rows); i++)
		tap_ok(region_row_holds(&reserved_rows[i], true), "reserved: %s",
		       reserved_rows[i].name);
	tap_ok(insane_readings() == 0, "every reading keeps the promises of machine.h");
	return tap_done();
}
