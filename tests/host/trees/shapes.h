/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole machines as trees, chapter by chapter, and what every reading of one has to keep. */
#ifndef TESTS_HOST_TREES_SHAPES_H
#define TESTS_HOST_TREES_SHAPES_H

#include <string.h>

#include "firmware/machine.h"
#include "tests/host/trees/tree.h"

typedef void (*chapter_fn)(struct tree *t);

/*
 * A machine like QEMU's virt. A chapter that is not given is the usual one; shape_none leaves it
 * out. Each is called inside the root, reserve before it.
 */
struct shape {
	chapter_fn reserve; /* tree_memreserve() calls */
	uint32_t address_cells;
	uint32_t size_cells; /* 0: two each, for both */
	chapter_fn root;     /* further properties of the root: model and compatible */
	chapter_fn memory;   /* 1 GiB at 0x80000000 */
	chapter_fn reserved; /* /reserved-memory as OpenSBI leaves it: none by default */
	chapter_fn cpus;     /* two harts */
	chapter_fn chosen;   /* bootargs, rng-seed */
	chapter_fn soc;	     /* virtio, PLIC, test device */
};

/* These cells into the field @what of @in, and how many they are into nr_@what. */
#define shape_fill(in, what, ...)                                                                  \
	do {                                                                                       \
		const uint32_t cells_[] = {__VA_ARGS__};                                           \
		memcpy((in).what, cells_, sizeof(cells_));                                         \
		(in).nr_##what = ARRAY_LEN(cells_);                                                \
	} while (0)

void shape_none(struct tree *t);
void shape_build(struct tree *t, const struct shape *s);

/* Pieces for chapters. */
void shape_memory(struct tree *t, uint64_t start, uint64_t size);
void shape_cpu(struct tree *t, uint32_t hartid, const char *mmu, const char *isa);
void shape_cpus_open(struct tree *t);
/* /soc, two cells each; @shifted: harts see it 0x1000000000 higher. tree_close() ends it. */
void shape_soc_open(struct tree *t, bool shifted);
void shape_virtio(struct tree *t, uint64_t base, uint32_t irq);
#define SHAPE_PLIC UINT32_C(0x40)			/* its phandle */
#define SHAPE_INTC(hartid) (UINT32_C(0x100) + (hartid)) /* phandle inside a cpu */
void shape_plic_open(struct tree *t, uint64_t base, uint32_t phandle);

/* Boards that people have. */
void shape_virt(struct tree *t, unsigned harts); /* QEMU virt after OpenSBI */
void shape_virt_sockets(struct tree *t);	 /* two NUMA nodes, two PLICs */
void shape_sifive_u(struct tree *t);
void shape_icicle(struct tree *t); /* hart 0 off, two memories, unit addresses that lie */
void shape_k230(struct tree *t);   /* RAM from 0, one hart, devices above 60 GiB */
void shape_litex(struct tree *t);  /* one cell each, no PLIC context beyond one hart */
void shape_p550(struct tree *t);   /* no memory node */

/*
 * machine_read() of an exact-size copy on the heap, so that a sanitizer sees one byte too many.
 * The copy lives until the next call. Each reading is held against machine_insane().
 */
struct machine *read_tree(const struct tree *t, uint64_t mem_limit, enum err *err);
struct machine *read_blob(const void *blob, size_t size, uint64_t mem_limit, enum err *err);

/* Readings so far that broke a promise of machine.h: to be 0 at the end of each test. */
unsigned insane_readings(void);

/* NULL if @m is what machine.h promises for @err, else what is wrong with it. */
const char *machine_insane(const struct machine *m, enum err err, const void *blob, size_t size);

bool machine_has_note(const struct machine *m, const char *part);
void machine_print_notes(const struct machine *m);

#endif
