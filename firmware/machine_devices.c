/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: interrupt controllers, virtio-mmio slots, the exit device; in one pass over the tree. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

/* virtio specification 4.2.2: configuration space begins here, a slot is larger. */
#define VIRTIO_MMIO_CONFIG 0x100

struct device_scan {
	struct dt *dt;
	struct dt_path path;
	struct dt_intcs intcs;
	uint32_t virtio_parent[MACHINE_MAX_VIRTIO]; /* phandles, same index as m->virtio */
	unsigned virtio_lost;
	unsigned too_deep;
	unsigned in_ram;
};

static const char *const virtio_names[] = {"virtio,mmio"};
static const char *const pci_names[] = {"pci-host-ecam-generic"};
static const char *const exit_names[] = {"sifive,test1", "sifive,test0"};

/* One of the node's "compatible" strings, @list of @len bytes. */
static bool has_one_of(const char *list, int len, const char *const *names, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (fdt_stringlist_contains(list, len, names[i]) != 0)
			return true;
	}
	return false;
}

static void add_exit(struct device_scan *s)
{
	struct machine_exit *e = &s->dt->m->exitdev;
	struct region r;

	if (e->kind != EXIT_NONE || !dt_device_region(s->dt, &s->path, &r))
		return;
	if (r.size < sizeof(uint32_t) || !is_aligned(r.start, sizeof(uint32_t))) {
		machine_note(s->dt->m, "exit device at 0x%llx: no aligned word, skipped",
			     (unsigned long long)r.start);
		return;
	}
	e->kind = EXIT_SIFIVE_TEST;
	e->base = r.start;
	e->size = r.size;
}

/*
 * Source number and controller of the last node of the path: interrupts-extended, or interrupts
 * with the nearest interrupt-parent above. Only the first interrupt counts.
 */
static uint32_t read_irq(const struct device_scan *s, uint32_t *parent, uint32_t *trigger)
{
	const struct dt *dt = s->dt;
	int node = s->path.node[s->path.depth];
	int len;
	const fdt32_t *cells = dt_prop(dt, node, "interrupts-extended", &len);

	*parent = 0;
	*trigger = TRIGGER_UNKNOWN;
	if (cells != NULL && len >= 8) {
		*parent = fdt32_ld(cells);
		if (len == 12)
			*trigger = fdt32_ld(cells + 2);
		return fdt32_ld(cells + 1);
	}
	cells = dt_prop(dt, node, "interrupts", &len);
	if (cells == NULL || len < 4)
		return 0;
	for (unsigned i = s->path.depth + 1; i > 0; i--) {
		if (dt_u32(dt, s->path.node[i - 1], "interrupt-parent", parent))
			break;
	}
	if (len == 8)
		*trigger = fdt32_ld(cells + 1);
	return fdt32_ld(cells);
}

static void add_virtio(struct device_scan *s)
{
	struct machine *m = s->dt->m;
	struct machine_virtio v;
	struct region r;
	uint32_t parent;
	unsigned at;

	if (!dt_device_region(s->dt, &s->path, &r))
		return;
	if (r.size <= VIRTIO_MMIO_CONFIG || !is_aligned(r.start, sizeof(uint32_t))) {
		machine_note(m, "virtio at 0x%llx+0x%llx: no slot of registers, skipped",
			     (unsigned long long)r.start, (unsigned long long)r.size);
		return;
	}
	v = (struct machine_virtio){.base = r.start, .size = r.size};
	v.irq = read_irq(s, &parent, &v.trigger);
	for (at = 0; at < m->nr_virtio && m->virtio[at].base < v.base; at++)
		;
	if (at < m->nr_virtio && m->virtio[at].base == v.base) {
		machine_note(m, "virtio at 0x%llx is there twice, skipped",
			     (unsigned long long)v.base);
		return;
	}
	if (m->nr_virtio == MACHINE_MAX_VIRTIO) {
		s->virtio_lost++;
		return;
	}
	memmove(&m->virtio[at + 1], &m->virtio[at], (m->nr_virtio - at) * sizeof(v));
	memmove(&s->virtio_parent[at + 1], &s->virtio_parent[at],
		(m->nr_virtio - at) * sizeof(parent));
	m->virtio[at] = v;
	s->virtio_parent[at] = parent;
	m->nr_virtio++;
}

static void look_at(struct device_scan *s, int node)
{
	int len;
	const char *list = dt_prop(s->dt, node, "compatible", &len);

	if (list == NULL || len <= 0)
		return;
	if (has_one_of(list, len, virtio_names, ARRAY_LEN(virtio_names)))
		add_virtio(s);
	else if (has_one_of(list, len, pci_names, ARRAY_LEN(pci_names)))
		machine_add_pci(s->dt, &s->path);
	else if (!dt_intcs_add(&s->intcs, s->dt, &s->path, list, len) &&
		 has_one_of(list, len, exit_names, ARRAY_LEN(exit_names)))
		add_exit(s);
}

/* No device in RAM that is larger than a whole PLIC is believed. */
#define REGISTERS_MAX (UINT64_C(64) << 20)

/*
 * Registers where the tree has RAM as well, of whatever device: what is taken for a word of RAM
 * might switch the machine off, so nobody gets it. The memory of such a tree is wrong, or its
 * device; that much less RAM is survived. Memory and cpus are no devices.
 */
static void reserve_registers(struct device_scan *s)
{
	struct dt *dt = s->dt;
	struct region r;

	if (dt_prop_is(dt, s->path.node[1], "device_type", "memory") ||
	    dt_name_is(dt, s->path.node[1], "reserved-memory") ||
	    dt_name_is(dt, s->path.node[1], "cpus") ||
	    dt_prop(dt, s->path.node[s->path.depth], "reg", NULL) == NULL)
		return;
	if (!dt_any_region(dt, &s->path, &r) || !dt_in_ram(dt, r) || r.size > REGISTERS_MAX)
		return;
	(void)regions_add(&dt->registers, r);
	if (dt->registers.nr > REGIONS_MAX)
		regions_close_smallest_gap(&dt->registers);
	s->in_ram++;
}

/* All enabled nodes below enabled nodes; a disabled bus takes its children along. */
static void scan(struct device_scan *s)
{
	const struct dt *dt = s->dt;
	int hidden_below = -1; /* depth of the disabled node whose children go by, -1: none */
	int depth = 0;
	int node;

	s->path.node[0] = 0;
	for (node = dt_next_node(dt, 0, &depth); node >= 0 && depth > 0;
	     node = dt_next_node(dt, node, &depth)) {
		if (hidden_below >= 0 && depth > hidden_below)
			continue;
		hidden_below = -1;
		if (!dt_enabled(dt, node)) {
			hidden_below = depth;
			continue;
		}
		if (depth > DT_MAX_DEPTH) {
			s->too_deep++;
			continue;
		}
		s->path.depth = (unsigned)depth;
		s->path.node[depth] = node;
		reserve_registers(s);
		look_at(s, node);
	}
}

void machine_read_devices(struct dt *dt)
{
	struct device_scan s = {.dt = dt};
	struct machine *m = dt->m;

	scan(&s);
	machine_read_intc(dt, &s.intcs, s.virtio_parent);
	if (s.virtio_lost != 0)
		machine_note(m, "more than %d virtio slots: %u left out", MACHINE_MAX_VIRTIO,
			     s.virtio_lost);
	if (dt->pcis_lost != 0)
		machine_note(m, "%u PCI host bridges, only the one at 0x%llx is used",
			     dt->pcis_lost + 1, (unsigned long long)m->pci.ecam);
	if (s.in_ram != 0)
		machine_note(m, "%u devices have registers in RAM: reserved, from 0x%llx on",
			     s.in_ram, (unsigned long long)dt->registers.r[0].start);
	if (s.too_deep != 0)
		machine_note(m, "%u nodes deeper than %d levels, not looked at", s.too_deep,
			     DT_MAX_DEPTH);
}
