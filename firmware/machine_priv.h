/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of machine_read() share: bounded reads of a checked tree, notes, one context. */
#ifndef FIRMWARE_MACHINE_PRIV_H
#define FIRMWARE_MACHINE_PRIV_H

#include "firmware/machine.h"
#include "firmware/types.h"

/* Physical addresses of an rv64 entry end at 56 bits; what lies above can never be mapped. */
#define DT_PA_END (UINT64_C(1) << 56)

/*
 * Regions sorted by start; disjoint, and not touching either. One slot more than the public
 * arrays have, so that the newcomer can be weighed against the others.
 */
#define REGIONS_MAX MACHINE_MAX_RAM
_Static_assert(MACHINE_MAX_RAM == MACHINE_MAX_RESERVED, "one struct serves both");

struct regions {
	struct region r[REGIONS_MAX + 1];
	unsigned nr;
};

/* One reading of one tree. Nodes are libfdt's structure offsets. */
struct dt {
	const void *fdt;
	struct machine *m;
	unsigned root_na; /* #address-cells of the root */
	unsigned root_ns; /* #size-cells of the root */
	/* phandle of the interrupt controller inside each cpu, same index as m->cpus; 0: none */
	uint32_t cpu_intc[MAX_HARTS];
	/* Registers of devices that lie in RAM, as the tree has it: nobody may touch them. */
	struct regions registers;
	/* The PCI host bridge in m->pci, 0: none; how many more there are. */
	int pci_node;
	unsigned pcis_lost;
	/* The IMSICs whose files m->intc tells of, 0: none. */
	int imsic_node;
};

/* Add a line to the notes; unprintable bytes become '?'. The last line is kept for a fatal one. */
void machine_note(struct machine *m, const char *fmt, ...) printf_fn(2, 3);
void machine_note_fatal(struct machine *m, const char *fmt, ...) printf_fn(2, 3);

/* Copy a string that came from the tree: at most @len bytes of @from, printable ASCII only. */
void machine_copy_text(char *to, size_t to_size, const char *from, int len);

/*
 * Keep what libfdt says of the nodes and properties of @fdt, which passed fdt_check_full() and
 * stays as it is, until the next call. For speed alone: of other trees the functions below ask
 * libfdt.
 */
void dt_keep(const void *fdt);

/*
 * The node behind @node in the tree's order; @depth goes along, above 0 below the node where it was
 * 0. Below 0: none is left below that one. As fdt_next_node().
 */
int dt_next_node(const struct dt *dt, int node, int *depth);

/* The children of @parent in turn; below 0 behind the last. Linux: for_each_child_of_node(). */
int dt_first_child(const struct dt *dt, int parent);
int dt_next_child(const struct dt *dt, int child);
#define dt_for_each_child(node, dt, parent)                                                        \
	for ((node) = dt_first_child((dt), (parent)); (node) >= 0;                                 \
	     (node) = dt_next_child((dt), (node)))

/* The child of the root with that name, with or without a unit address; below 0: none. */
int dt_find(const struct dt *dt, const char *name);

/* The node with that phandle; below 0: none, or 0 or -1, which are no phandles. */
int dt_by_phandle(const struct dt *dt, uint32_t phandle);

/* The value of a property and its length in bytes, for @len that is not NULL; NULL: there is none.
 */
const void *dt_prop(const struct dt *dt, int node, const char *prop, int *len);

/* Name with unit address, for notes and prefix matches only; never NULL. */
const char *dt_name(const struct dt *dt, int node);

/* "memory" matches memory and memory@0, not memory-controller. */
bool dt_name_is(const struct dt *dt, int node, const char *base);

/* True if the property is exactly this string, terminator included. */
bool dt_prop_is(const struct dt *dt, int node, const char *prop, const char *value);

/* A property that is a terminated string, else NULL. */
const char *dt_string(const struct dt *dt, int node, const char *prop);

/* status absent, "okay" or "ok". */
bool dt_enabled(const struct dt *dt, int node);

/* 0 if the node has none; 0 and 0xffffffff never name a node. */
uint32_t dt_phandle(const struct dt *dt, int node);

bool dt_compatible(const struct dt *dt, int node, const char *want);

/* A property of one cell; false if it is absent or of another length. */
bool dt_u32(const struct dt *dt, int node, const char *prop, uint32_t *value);

/* A property of one or two cells, told by its length; false if absent, odd lengths are noted. */
bool dt_u64(const struct dt *dt, int node, const char *prop, uint64_t *value);

/* @n big-endian cells at @at as one number; false if it needs more than 64 bits. */
bool dt_cells_value(const void *at, unsigned n, uint64_t *value);

#define DT_MAX_CELLS 3

/*
 * #address-cells and #size-cells of @node for its children, @na and @ns unchanged where absent.
 * False if they are not usable (1 to 3, the third as zero only): noted.
 */
bool dt_cell_counts(const struct dt *dt, int node, unsigned *na, unsigned *ns);

/* The (address, size) tuples of one property. */
struct dt_tuples {
	const struct dt *dt;
	const char *name; /* of the node */
	const char *prop;
	const unsigned char *at;
	size_t left; /* bytes */
	unsigned na;
	unsigned ns;
};

/* False if there is no such property. */
bool dt_tuples_open(struct dt_tuples *t, const struct dt *dt, int node, const char *prop,
		    unsigned na, unsigned ns);
/*
 * The next tuple as it stands there, neither aligned nor empty. Tuples of size zero are skipped;
 * a wrapping one is clipped, numbers beyond 64 bits and trailing cells are left out: noted.
 */
bool dt_tuples_next(struct dt_tuples *t, struct region *r);

/* Deepest node that is looked at: a bus within a bus, eight times. */
#define DT_MAX_DEPTH 8

/* The way from the root (depth 0, node[0]) to a node. */
struct dt_path {
	int node[DT_MAX_DEPTH + 1];
	unsigned depth;
};

/*
 * First "reg" tuple of the last node of @p as a CPU address: through the "ranges" of each bus
 * above it. False, and noted, if there is none, it cannot be reached or it lies in RAM.
 */
bool dt_device_region(const struct dt *dt, const struct dt_path *p, struct region *r);
/* The same wherever it lies, and without a note. */
bool dt_any_region(const struct dt *dt, const struct dt_path *p, struct region *r);
/*
 * @r from the addresses that "reg" of the last node of @p has to those of a CPU; false, and not
 * noted, if no ranges lead there.
 */
bool dt_to_cpu(const struct dt *dt, const struct dt_path *p, struct region *r);
bool dt_in_ram(const struct dt *dt, struct region r);

/* Insert @r (not empty), merged with all that it overlaps or touches. True if it overlapped. */
bool regions_add(struct regions *set, struct region r);
void regions_del(struct regions *set, unsigned i);
/* Make one of the two neighbours with the smallest gap. Needs two regions. */
void regions_close_smallest_gap(struct regions *set);

/* A machine of several sockets has several. */
#define DT_MAX_INTCS 8

struct dt_intc {
	int node;
	uint32_t phandle;
	struct region reg;
	enum intc_kind kind;
};

/* Interrupt controllers seen so far. */
struct dt_intcs {
	struct dt_intc list[DT_MAX_INTCS];
	unsigned nr;
	unsigned lost; /* for which there was no room */
};

/*
 * If the last node of @path is an interrupt controller, by its "compatible" strings (@names, @len
 * bytes), keep it. False if it is none.
 */
bool dt_intcs_add(struct dt_intcs *c, const struct dt *dt, const struct dt_path *path,
		  const char *names, int len);
/*
 * Choose one of them and read it; @parents are the phandles that the virtio slots are wired to,
 * same index as m->virtio. What the chosen one cannot deliver is polled: irq 0.
 */
void machine_read_intc(struct dt *dt, const struct dt_intcs *c, const uint32_t *parents);

/* AIA 1.0, 4.5.16: of a target register. */
#define DT_MAX_HART_INDEX 16383

/* How the interrupt files of IMSICs lie, and what of an address is the hart index (AIA 1.0, 3.6).
 */
struct dt_imsic {
	const struct dt *dt;
	struct dt_path path;
	unsigned na;
	unsigned ns;
	uint32_t guest_bits;
	uint32_t hart_bits;
	uint32_t group_bits;
	uint32_t group_shift;
};

/*
 * The IMSICs that the APLIC @aplic sends to; what they and it have in common is taken over.
 * Negative: there are none that S-mode can use, noted.
 */
int dt_imsic_find(struct dt *dt, int aplic);
/* Of @files interrupt files. False if its numbers cannot be used. */
bool dt_imsic_open(struct dt_imsic *f, const struct dt *dt, int node, unsigned files);
/* Hart index of file @i; -1: it lies outside reg. */
int32_t dt_imsic_hart_index(const struct dt_imsic *f, uint64_t i);
/* Where file @i is for harts, and devices; 0: they cannot reach it. */
paddr_t dt_imsic_file(const struct dt_imsic *f, uint64_t i);

/* The chapters of machine_read(), in this order. */
void machine_read_ram(struct dt *dt, uint64_t mem_limit);
void machine_read_cpus(struct dt *dt);
void machine_read_devices(struct dt *dt);
void machine_read_reserved(struct dt *dt);

/* The last node of @p is a PCI host bridge: what harts reach of it. The first one counts. */
void machine_add_pci(struct dt *dt, const struct dt_path *p);
/* The sources of its pins, as far as they lead to @controller (a phandle, 0: none). */
void machine_read_pci_irqs(struct dt *dt, uint32_t controller);
/* The functions whose messages reach the files of m->intc. */
void machine_read_pci_messages(struct dt *dt);

/* After the reading: take @hole out of the RAM. */
void machine_cut_ram(struct machine *m, struct region hole);

#endif
