/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices: the PLIC, virtio-mmio slots, the exit device; in one pass over the tree. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

#define IRQ_S_EXTERNAL 9

/* RISC-V PLIC specification, "Memory Map": one page of registers for each context. */
#define PLIC_CONTEXT_BASE UINT64_C(0x200000)
#define PLIC_CONTEXT_SIZE UINT64_C(0x1000)
#define PLIC_MAX_SOURCES 1023

/* virtio specification 4.2.2: configuration space begins here, a slot is larger. */
#define VIRTIO_MMIO_CONFIG 0x100

/* A machine of several sockets has several. */
#define MAX_PLICS 8

struct plic {
	int node;
	uint32_t phandle;
	struct region reg;
};

struct device_scan {
	struct dt *dt;
	struct dt_path path;
	struct plic plic[MAX_PLICS];
	unsigned nr_plics;
	unsigned plics_lost;
	uint32_t virtio_parent[MACHINE_MAX_VIRTIO]; /* phandles, same index as m->virtio */
	unsigned virtio_lost;
	unsigned too_deep;
	unsigned in_ram;
};

static const char *const plic_names[] = {"sifive,plic-1.0.0", "riscv,plic0", "thead,c900-plic"};
static const char *const virtio_names[] = {"virtio,mmio"};
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

static void add_plic(struct device_scan *s, int node)
{
	struct plic p = {.node = node, .phandle = dt_phandle(s->dt, node)};

	if (!dt_device_region(s->dt, &s->path, &p.reg))
		return;
	if (s->nr_plics == MAX_PLICS) {
		s->plics_lost++;
		return;
	}
	s->plic[s->nr_plics++] = p;
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
static uint32_t read_irq(const struct device_scan *s, uint32_t *parent)
{
	const struct dt *dt = s->dt;
	int node = s->path.node[s->path.depth];
	int len;
	const fdt32_t *cells = fdt_getprop(dt->fdt, node, "interrupts-extended", &len);

	*parent = 0;
	if (cells != NULL && len >= 8) {
		*parent = fdt32_ld(cells);
		return fdt32_ld(cells + 1);
	}
	cells = fdt_getprop(dt->fdt, node, "interrupts", &len);
	if (cells == NULL || len < 4)
		return 0;
	for (unsigned i = s->path.depth + 1; i > 0; i--) {
		if (dt_u32(dt, s->path.node[i - 1], "interrupt-parent", parent))
			break;
	}
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
	v.irq = read_irq(s, &parent);
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
	const char *list = fdt_getprop(s->dt->fdt, node, "compatible", &len);

	if (list == NULL || len <= 0)
		return;
	if (has_one_of(list, len, virtio_names, ARRAY_LEN(virtio_names)))
		add_virtio(s);
	else if (has_one_of(list, len, plic_names, ARRAY_LEN(plic_names)))
		add_plic(s, node);
	else if (has_one_of(list, len, exit_names, ARRAY_LEN(exit_names)))
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
	    fdt_getprop(dt->fdt, s->path.node[s->path.depth], "reg", NULL) == NULL)
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
	for (node = fdt_next_node(dt->fdt, 0, &depth); node >= 0 && depth > 0;
	     node = fdt_next_node(dt->fdt, node, &depth)) {
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

/* The first controller that a virtio slot is wired to, else the first of all. NULL: none. */
static const struct plic *choose_plic(const struct device_scan *s)
{
	for (unsigned p = 0; p < s->nr_plics; p++) {
		for (unsigned v = 0; v < s->dt->m->nr_virtio; v++) {
			if (s->plic[p].phandle != 0 && s->virtio_parent[v] == s->plic[p].phandle)
				return &s->plic[p];
		}
	}
	return s->nr_plics != 0 ? &s->plic[0] : NULL;
}

static int cpu_of_intc(const struct dt *dt, uint32_t phandle)
{
	for (unsigned i = 0; i < dt->m->nr_cpus; i++) {
		if (dt->cpu_intc[i] == phandle)
			return (int)i;
	}
	return -1;
}

/*
 * Context i is the i-th <cpu interrupt controller, interrupt> pair of interrupts-extended
 * (binding sifive,plic-1.0.0). Pairs of disabled cpus and of M-mode still count.
 */
static void read_contexts(struct dt *dt, const struct plic *p)
{
	struct machine *m = dt->m;
	int len;
	const fdt32_t *cells = fdt_getprop(dt->fdt, p->node, "interrupts-extended", &len);
	const int32_t nr = cells == NULL ? 0 : len / 8;
	unsigned outside = 0;
	unsigned without = 0;

	if (cells != NULL && len % 8 != 0)
		machine_note(m, "plic: interrupts-extended ends in %d odd bytes, ignored", len % 8);
	for (int32_t i = 0; i < nr; i++) {
		uint32_t phandle = fdt32_ld(cells + 2 * i);
		int cpu = phandle == 0 ? -1 : cpu_of_intc(dt, phandle);

		if (cpu < 0 || fdt32_ld(cells + 2 * i + 1) != IRQ_S_EXTERNAL ||
		    m->intc.context[cpu] >= 0)
			continue;
		/* Its registers would lie behind the end of reg. */
		if (PLIC_CONTEXT_BASE + ((uint64_t)i + 1) * PLIC_CONTEXT_SIZE > p->reg.size)
			outside++;
		else
			m->intc.context[cpu] = i;
	}
	for (unsigned i = 0; i < m->nr_cpus; i++)
		without += m->intc.context[i] < 0 ? 1 : 0;
	if (outside != 0)
		machine_note(m, "plic: %u contexts outside reg, ignored", outside);
	if (without != 0)
		machine_note(m, "plic: %u of %u harts have no S-mode context", without, m->nr_cpus);
}

static void read_plic(struct dt *dt, const struct plic *p)
{
	struct machine *m = dt->m;

	m->intc.kind = INTC_PLIC;
	m->intc.base = p->reg.start;
	m->intc.size = p->reg.size;
	if (!dt_u32(dt, p->node, "riscv,ndev", &m->intc.sources))
		machine_note(m, "plic: no riscv,ndev");
	if (m->intc.sources > PLIC_MAX_SOURCES) {
		machine_note(m, "plic: riscv,ndev %u, taken as %d", (unsigned)m->intc.sources,
			     PLIC_MAX_SOURCES);
		m->intc.sources = PLIC_MAX_SOURCES;
	}
	read_contexts(dt, p);
}

/* What the chosen controller cannot deliver is polled: irq 0. */
static void check_virtio_irqs(struct device_scan *s, const struct plic *plic)
{
	struct machine *m = s->dt->m;
	unsigned foreign = 0;

	for (unsigned i = 0; i < m->nr_virtio; i++) {
		struct machine_virtio *v = &m->virtio[i];

		if (v->irq == 0)
			continue;
		if (plic == NULL || plic->phandle == 0 || s->virtio_parent[i] != plic->phandle ||
		    v->irq > m->intc.sources) {
			v->irq = 0;
			foreign++;
		}
	}
	if (foreign != 0)
		machine_note(m, "virtio: %u interrupts do not lead to a PLIC, ignored", foreign);
}

void machine_drop_intc(struct machine *m)
{
	m->intc = (struct machine_intc){.kind = INTC_NONE};
	for (unsigned i = 0; i < MAX_HARTS; i++)
		m->intc.context[i] = -1;
	for (unsigned i = 0; i < m->nr_virtio; i++)
		m->virtio[i].irq = 0;
}

void machine_read_devices(struct dt *dt)
{
	struct device_scan s = {.dt = dt};
	struct machine *m = dt->m;
	const struct plic *plic;

	scan(&s);
	plic = choose_plic(&s);
	if (plic != NULL)
		read_plic(dt, plic);
	check_virtio_irqs(&s, plic);
	if (s.nr_plics + s.plics_lost > 1)
		machine_note(m, "%u PLICs, only the one at 0x%llx is used",
			     s.nr_plics + s.plics_lost, (unsigned long long)m->intc.base);
	if (s.virtio_lost != 0)
		machine_note(m, "more than %d virtio slots: %u left out", MACHINE_MAX_VIRTIO,
			     s.virtio_lost);
	if (s.in_ram != 0)
		machine_note(m, "%u devices have registers in RAM: reserved, from 0x%llx on",
			     s.in_ram, (unsigned long long)dt->registers.r[0].start);
	if (s.too_deep != 0)
		machine_note(m, "%u nodes deeper than %d levels, not looked at", s.too_deep,
			     DT_MAX_DEPTH);
}
