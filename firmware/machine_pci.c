/* SPDX-License-Identifier: BSD-2-Clause */
/* A PCI host bridge: configuration space, windows of memory space, the wiring of its pins. */
#include <libfdt.h>

#include "firmware/machine_priv.h"

/* Binding pci-bus (IEEE 1275): phys.hi, phys.mid, phys.lo; #size-cells 2; #interrupt-cells 1. */
#define PCI_NA 3
#define PCI_NS 2
#define PCI_SPACE(hi) ((hi) >> 24 & 3)
#define PCI_SPACE_MEM32 2
#define PCI_SPACE_MEM64 3
#define PCI_SLOT_SHIFT 11
#define PCI_FUNCTION_MASK 0x700U

#define ECAM_BUS_BYTES UINT64_C(0x100000)

#define MAX_PARENT_CELLS 4

/* bus-range: the first bus is the one that reg begins with (binding host-generic-pci). */
static bool read_bus(const struct dt *dt, int node, uint8_t *bus)
{
	int len;
	const fdt32_t *cells = dt_prop(dt, node, "bus-range", &len);
	uint32_t first, last;

	*bus = 0;
	if (cells == NULL)
		return true;
	if (len != 8) {
		machine_note(dt->m, "%.32s: bus-range has %d bytes, skipped", dt_name(dt, node),
			     len);
		return false;
	}
	first = fdt32_ld(cells);
	last = fdt32_ld(cells + 1);
	if (first > last || last > UINT8_MAX) {
		machine_note(dt->m, "%.32s: bus-range %u to %u, skipped", dt_name(dt, node),
			     (unsigned)first, (unsigned)last);
		return false;
	}
	*bus = (uint8_t)first;
	return true;
}

/* NULL, or why harts cannot use the window. */
static const char *wrong_with(const struct dt *dt, const struct dt_path *p,
			      const struct machine_pci_window *w, struct region *cpu)
{
	if (w->size > UINT64_MAX - w->bus || w->size > UINT64_MAX - cpu->start)
		return "wraps";
	if (!dt_to_cpu(dt, p, cpu))
		return "is out of the harts' reach";
	if (cpu->start >= DT_PA_END || cpu->size > DT_PA_END - cpu->start)
		return "lies beyond 56 bits";
	/* What a device decodes there would hide RAM, or RAM it. */
	return dt_in_ram(dt, *cpu) ? "lies in RAM" : NULL;
}

static void add_window(struct dt *dt, const struct dt_path *p, const fdt32_t *cells, unsigned up_na)
{
	struct machine_pci *pci = &dt->m->pci;
	uint32_t space = PCI_SPACE(fdt32_ld(cells));
	struct machine_pci_window w;
	struct region cpu;
	const char *wrong = "is beyond 64 bits";

	if (space != PCI_SPACE_MEM32 && space != PCI_SPACE_MEM64)
		return;
	if (dt_cells_value(cells + 1, 2, &w.bus) &&
	    dt_cells_value(cells + PCI_NA, up_na, &cpu.start) &&
	    dt_cells_value(cells + PCI_NA + up_na, PCI_NS, &w.size)) {
		if (w.size == 0)
			return;
		cpu.size = w.size;
		wrong = wrong_with(dt, p, &w, &cpu);
		w.cpu = cpu.start;
	}
	if (wrong == NULL && pci->nr_windows == MACHINE_MAX_PCI_WINDOWS)
		wrong = "is one too many";
	if (wrong != NULL) {
		machine_note(dt->m, "%.32s: window with phys.hi 0x%x %s, ignored",
			     dt_name(dt, p->node[p->depth]), (unsigned)fdt32_ld(cells), wrong);
		return;
	}
	pci->windows[pci->nr_windows++] = w;
}

static void read_windows(struct dt *dt, const struct dt_path *p)
{
	int node = p->node[p->depth];
	unsigned up_na = 2;
	unsigned up_ns = 1;
	const fdt32_t *cells;
	int len;

	if (!dt_cell_counts(dt, p->node[p->depth - 1], &up_na, &up_ns))
		return;
	cells = dt_prop(dt, node, "ranges", &len);
	if (cells == NULL)
		return;
	for (unsigned step = PCI_NA + up_na + PCI_NS, left = (unsigned)len / 4; left >= step;
	     left -= step, cells += step)
		add_window(dt, p, cells, up_na);
}

void machine_add_pci(struct dt *dt, const struct dt_path *p)
{
	int node = p->node[p->depth];
	unsigned na = 0;
	unsigned ns = 0;
	struct region r;
	uint8_t bus;

	if (!dt_device_region(dt, p, &r) || !dt_cell_counts(dt, node, &na, &ns))
		return;
	if (na != PCI_NA || ns != PCI_NS) {
		machine_note(dt->m, "%.32s: %u address and %u size cells are not PCI's, skipped",
			     dt_name(dt, node), na, ns);
		return;
	}
	if (r.size < ECAM_BUS_BYTES || !is_aligned(r.start, ECAM_BUS_BYTES)) {
		machine_note(dt->m, "%.32s: 0x%llx+0x%llx has no bus, skipped", dt_name(dt, node),
			     (unsigned long long)r.start, (unsigned long long)r.size);
		return;
	}
	if (!read_bus(dt, node, &bus))
		return;
	if (dt->m->pci.size != 0) {
		dt->pcis_lost++;
		return;
	}
	dt->m->pci = (struct machine_pci){.ecam = r.start, .size = r.size, .bus = bus};
	dt->pci_node = node;
	read_windows(dt, p);
	if (dt->m->pci.nr_windows == 0)
		machine_note(dt->m, "%.32s: no window of memory space", dt_name(dt, node));
}

/* Lines of interrupt-map (Devicetree Specification 2.4.3), of any length each. */
struct map_line {
	uint32_t unit[PCI_NA];
	uint32_t pin;
	uint32_t parent;
	uint32_t source;
};

/* Cells of the line at @cells, of which @left are there; 0: it cannot be told, or is cut off. */
static unsigned map_line_read(const struct dt *dt, const fdt32_t *cells, unsigned left,
			      struct map_line *l)
{
	const unsigned head = PCI_NA + 2;
	uint32_t na = 0; /* an interrupt controller needs none */
	uint32_t ni;
	int parent;

	if (left < head)
		return 0;
	for (unsigned i = 0; i < PCI_NA; i++)
		l->unit[i] = fdt32_ld(cells + i);
	l->pin = fdt32_ld(cells + PCI_NA);
	l->parent = fdt32_ld(cells + PCI_NA + 1);
	parent = dt_by_phandle(dt, l->parent);
	if (parent < 0 || !dt_u32(dt, parent, "#interrupt-cells", &ni))
		return 0;
	(void)dt_u32(dt, parent, "#address-cells", &na);
	if (na > MAX_PARENT_CELLS || ni == 0 || ni > MAX_PARENT_CELLS || left - head < na + ni)
		return 0;
	l->source = fdt32_ld(cells + head + na);
	return head + na + ni;
}

/* Enter the line for each slot and pin that it means; an earlier line goes first. */
static void map_line_enter(struct machine *m, const struct map_line *l, const uint32_t *mask)
{
	for (uint32_t slot = 0; slot < MACHINE_PCI_SLOTS; slot++) {
		uint32_t hi = (uint32_t)m->pci.bus << 16 | slot << PCI_SLOT_SHIFT;

		if (((hi ^ l->unit[0]) & mask[0]) != 0 || (l->unit[1] & mask[1]) != 0 ||
		    (l->unit[2] & mask[2]) != 0)
			continue;
		for (uint32_t pin = 0; pin < MACHINE_PCI_PINS; pin++) {
			uint16_t *irq = &m->pci.irq[slot][pin];

			if ((((pin + 1) ^ l->pin) & mask[PCI_NA]) == 0 && *irq == 0)
				*irq = (uint16_t)l->source;
		}
	}
}

void machine_read_pci_irqs(struct dt *dt, uint32_t controller)
{
	uint32_t mask[PCI_NA + 1] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	struct machine *m = dt->m;
	const fdt32_t *cells;
	unsigned foreign = 0;
	unsigned left, used;
	struct map_line l;
	int len;

	if (m->pci.size == 0 || controller == 0)
		return;
	cells = dt_prop(dt, dt->pci_node, "interrupt-map-mask", &len);
	for (unsigned i = 0; cells != NULL && len == (int)sizeof(mask) && i < ARRAY_LEN(mask); i++)
		mask[i] = fdt32_ld(cells + i);
	m->pci.irq_by_function = (mask[0] & PCI_FUNCTION_MASK) != 0;
	cells = dt_prop(dt, dt->pci_node, "interrupt-map", &len);
	left = cells == NULL ? 0 : (unsigned)len / 4;
	for (; left != 0; left -= used, cells += used) {
		used = map_line_read(dt, cells, left, &l);
		if (used == 0) {
			machine_note(m, "%.32s: interrupt-map is unreadable %u cells from its end",
				     dt_name(dt, dt->pci_node), left);
			break;
		}
		if (l.parent != controller || l.source == 0 || l.source > m->intc.sources)
			foreign++;
		else
			map_line_enter(m, &l, mask);
	}
	if (foreign != 0)
		machine_note(m, "pci: %u interrupts do not lead to a PLIC or APLIC, ignored",
			     foreign);
}
