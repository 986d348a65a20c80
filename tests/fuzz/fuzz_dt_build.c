/* SPDX-License-Identifier: BSD-2-Clause */
/* A device tree built as a fuzzer's input says. */
#include "tests/fuzz/fuzz_dt_build.h"

#include <libfdt.h>

#include "firmware/types.h"

#define ROOM 16384
#define MAX_DEPTH 12
#define MAX_CELLS 24

static const char *const nodes[] = {
	"memory@80000000",
	"memory",
	"reserved-memory",
	"cpus",
	"cpu@0",
	"cpu@1",
	"interrupt-controller",
	"chosen",
	"soc",
	"bus@1",
	"virtio_mmio@10008000",
	"plic@c000000",
	"test@100000",
	"mmode@80000000",
	"memory-controller",
	"x",
};

static const char *const props[] = {
	"reg",
	"device_type",
	"status",
	"compatible",
	"#address-cells",
	"#size-cells",
	"ranges",
	"linux,usable-memory",
	"phandle",
	"interrupts",
	"interrupt-parent",
	"interrupts-extended",
	"interrupt-controller",
	"riscv,ndev",
	"riscv,isa",
	"riscv,isa-extensions",
	"mmu-type",
	"timebase-frequency",
	"bootargs",
	"rng-seed",
	"linux,initrd-start",
	"linux,initrd-end",
	"model",
	"linux,phandle",
};

static const char *const texts[] = {
	"memory",
	"cpu",
	"okay",
	"ok",
	"disabled",
	"virtio,mmio",
	"riscv,plic0",
	"sifive,plic-1.0.0",
	"riscv,aplic",
	"riscv,imsics",
	"sifive,test1",
	"riscv,cpu-intc",
	"riscv,sv39",
	"riscv,sv48",
	"riscv,sv57",
	"riscv,none",
	"rv64imafdch_svinval_svnapot1p0_sstc",
	"rv64gcsu_svadu",
	"test=tlb.* mem=64M",
	"svpbmt",
};

/* Cells that mean something, or are at an edge. */
static const uint32_t numbers[] = {
	0,	    1,		2,	    3,		4,	    9,		11,
	0xfff,	    0x1000,	0x1001,	    0x200000,	0x4000000,  0x7fffffff, 0x80000000,
	0x80200000, 0xfffff000, 0xfffffff0, 0xffffffff, 0x00ffffff, 0x01000000, 0x10008000,
	0x0c000000, 0x00100000, 0x40,	    0x100,	0x101,
};

static int put_cells(void *fdt, struct feed *f, const char *prop, bool known)
{
	fdt32_t cell[MAX_CELLS];
	unsigned nr = feed_below(f, MAX_CELLS + 1);

	for (unsigned i = 0; i < nr; i++)
		cell[i] = cpu_to_fdt32(known ? numbers[feed_below(f, ARRAY_LEN(numbers))]
					     : feed_u32(f));
	return fdt_property(fdt, prop, cell, (int)(nr * sizeof(cell[0])));
}

static int put_bytes(void *fdt, struct feed *f, const char *prop)
{
	uint8_t bytes[64];
	unsigned nr = feed_below(f, sizeof(bytes) + 1);

	for (unsigned i = 0; i < nr; i++)
		bytes[i] = feed_u8(f);
	return fdt_property(fdt, prop, bytes, (int)nr);
}

static int put_property(void *fdt, struct feed *f, unsigned kind)
{
	const char *prop = props[feed_below(f, ARRAY_LEN(props))];
	const char *text;

	switch (kind) {
	case 0:
	case 1:
		return put_cells(fdt, f, prop, true);
	case 2:
		return put_cells(fdt, f, prop, false);
	case 3:
		return put_bytes(fdt, f, prop);
	default:
		text = texts[feed_below(f, ARRAY_LEN(texts))];
		return fdt_property(fdt, prop, text, (int)strlen(text) + 1);
	}
}

/* Nodes until the input ends. 0, or libfdt's error. */
static int put_nodes(void *fdt, struct feed *f)
{
	unsigned depth = 0;
	/* libfdt wants properties before nodes; behind a node they are left out. */
	bool fresh = true;
	int err = 0;

	while (f->left != 0 && err == 0) {
		unsigned step = feed_below(f, 8);

		if (step == 0 && depth < MAX_DEPTH) {
			err = fdt_begin_node(fdt, nodes[feed_below(f, ARRAY_LEN(nodes))]);
			depth++;
			fresh = true;
		} else if (step == 1 && depth != 0) {
			err = fdt_end_node(fdt);
			depth--;
			fresh = false;
		} else if (step >= 2 && fresh) {
			err = put_property(fdt, f, step - 2);
		}
	}
	while (err == 0 && depth-- != 0)
		err = fdt_end_node(fdt);
	return err;
}

static int build(void *fdt, struct feed *f)
{
	unsigned nr = feed_below(f, 4);
	int err = fdt_create(fdt, ROOM);

	for (unsigned i = 0; i < nr && err == 0; i++) {
		uint64_t start = feed_u64(f);

		err = fdt_add_reservemap_entry(fdt, start, feed_u64(f));
	}
	if (err == 0)
		err = fdt_finish_reservemap(fdt);
	if (err == 0)
		err = fdt_begin_node(fdt, "");
	if (err == 0)
		err = put_nodes(fdt, f);
	if (err == 0)
		err = fdt_end_node(fdt);
	return err == 0 ? fdt_finish(fdt) : err;
}

void *fuzz_dt_build(struct feed f, size_t *size)
{
	void *room = malloc(ROOM);
	void *blob = NULL;

	if (room != NULL && build(room, &f) == 0) {
		*size = fdt_totalsize(room);
		blob = malloc(*size);
		if (blob != NULL)
			memcpy(blob, room, *size);
	}
	free(room);
	return blob;
}
