/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt controller: a PLIC, or an APLIC with or without IMSICs behind it. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

#define IRQ_S_EXTERNAL 9

/* RISC-V PLIC specification, "Memory Map": one page of registers for each context. */
#define PLIC_CONTEXT_BASE UINT64_C(0x200000)
#define PLIC_CONTEXT_SIZE UINT64_C(0x1000)
/* AIA 1.0, 4.5: what a hart of a domain without messages reads from. */
#define APLIC_IDC_BASE UINT64_C(0x4000)
#define APLIC_IDC_SIZE UINT64_C(32)
/* Both controllers number their sources with ten bits. */
#define MAX_SOURCES 1023
/* AIA 1.0, 3.1 and 4.5.16: identities, and hart indexes of a target register. */
#define MAX_IDS 2047
#define MAX_HART_INDEX 16383

static const struct {
	const char *compatible;
	enum intc_kind kind;
} kinds[] = {
	{"sifive,plic-1.0.0", INTC_PLIC},
	{"riscv,plic0", INTC_PLIC},
	{"thead,c900-plic", INTC_PLIC},
	{"riscv,aplic", INTC_APLIC},
};

bool dt_intcs_add(struct dt_intcs *c, const struct dt *dt, const struct dt_path *path,
		  const char *names, int len)
{
	struct dt_intc new = {.node = path->node[path->depth], .kind = INTC_NONE};

	for (size_t i = 0; i < ARRAY_LEN(kinds) && new.kind == INTC_NONE; i++) {
		if (fdt_stringlist_contains(names, len, kinds[i].compatible) != 0)
			new.kind = kinds[i].kind;
	}
	if (new.kind == INTC_NONE)
		return false;
	if (new.kind == INTC_APLIC && dt_prop(dt, new.node, "msi-parent", NULL) != NULL)
		new.kind = INTC_APLIC_MSI;
	new.phandle = dt_phandle(dt, new.node);
	if (!dt_device_region(dt, path, &new.reg))
		return true;
	if (c->nr == DT_MAX_INTCS)
		c->lost++;
	else
		c->list[c->nr++] = new;
	return true;
}

/* The first controller that a virtio slot is wired to, else the first of all. NULL: none. */
static const struct dt_intc *choose(const struct dt *dt, const struct dt_intcs *c,
				    const uint32_t *parents)
{
	for (unsigned i = 0; i < c->nr; i++) {
		for (unsigned v = 0; v < dt->m->nr_virtio; v++) {
			if (c->list[i].phandle != 0 && parents[v] == c->list[i].phandle)
				return &c->list[i];
		}
	}
	return c->nr != 0 ? &c->list[0] : NULL;
}

const char *machine_intc_name(const struct machine *m)
{
	return m->intc.kind == INTC_PLIC ? "plic" : "aplic";
}

static int cpu_of_intc(const struct dt *dt, uint32_t phandle)
{
	for (unsigned i = 0; i < dt->m->nr_cpus; i++) {
		if (dt->cpu_intc[i] == phandle)
			return (int)i;
	}
	return -1;
}

/* How an IMSIC's interrupt files lie, and what of an address is the hart index (AIA 1.0, 3.6). */
struct imsic {
	const struct dt *dt;
	int node;
	unsigned na;
	unsigned ns;
	uint32_t guest_bits;
	uint32_t hart_bits;
	uint32_t group_bits;
	uint32_t group_shift;
};

static bool imsic_read(struct imsic *f, const struct dt *dt, int node, unsigned files)
{
	int bus = fdt_parent_offset(dt->fdt, node);

	*f = (struct imsic){.dt = dt, .node = node, .na = 2, .ns = 1, .group_shift = 24};
	while (f->hart_bits < 14 && 1U << f->hart_bits < files)
		f->hart_bits++;
	(void)dt_u32(dt, node, "riscv,guest-index-bits", &f->guest_bits);
	(void)dt_u32(dt, node, "riscv,hart-index-bits", &f->hart_bits);
	(void)dt_u32(dt, node, "riscv,group-index-bits", &f->group_bits);
	(void)dt_u32(dt, node, "riscv,group-index-shift", &f->group_shift);
	if (bus < 0 || !dt_cell_counts(dt, bus, &f->na, &f->ns))
		return false;
	return f->guest_bits <= 7 && f->hart_bits <= 15 && f->group_bits <= 7 &&
	       f->group_shift >= 24 && f->group_shift <= 55;
}

/*
 * The hart index of file @i: its place in "reg", whose pieces are one file a hart (and its guests'
 * behind it), then the bits of that address. A bus in between moves high bits only, if any; those
 * of the index stay. -1: it lies outside reg.
 */
static int32_t imsic_hart_index(const struct imsic *f, uint64_t i)
{
	uint64_t step = PAGE_SIZE << f->guest_bits;
	uint64_t off = i * step;
	struct dt_tuples t;
	struct region r;
	uint64_t at, index;

	(void)dt_tuples_open(&t, f->dt, f->node, "reg", f->na, f->ns);
	do {
		if (!dt_tuples_next(&t, &r))
			return -1;
		at = r.start + off;
		off -= min_u64(off, align_up(r.size, step));
	} while (at - r.start >= r.size);
	index = at >> (PAGE_SHIFT + f->guest_bits) & ((UINT64_C(1) << f->hart_bits) - 1);
	index |= (at >> f->group_shift & ((UINT64_C(1) << f->group_bits) - 1)) << f->hart_bits;
	return index > MAX_HART_INDEX ? -1 : (int32_t)index;
}

/* What the controller calls the i-th of its contexts; -1: that one cannot be used. */
static int32_t context_name(const struct dt *dt, const struct dt_intc *c, const struct imsic *f,
			    int32_t i)
{
	uint32_t index = (uint32_t)i;
	const fdt32_t *indexes;
	int len;

	if (c->kind == INTC_APLIC_MSI)
		return imsic_hart_index(f, (uint64_t)i);
	if (c->kind == INTC_PLIC) {
		/* Its registers would lie behind the end of reg. */
		if (PLIC_CONTEXT_BASE + ((uint64_t)i + 1) * PLIC_CONTEXT_SIZE > c->reg.size)
			return -1;
		return i;
	}
	indexes = dt_prop(dt, c->node, "riscv,hart-indexes", &len);
	if (indexes != NULL)
		index = len / 4 <= i ? UINT32_MAX : fdt32_ld(indexes + i);
	if (index > MAX_HART_INDEX ||
	    APLIC_IDC_BASE + ((uint64_t)index + 1) * APLIC_IDC_SIZE > c->reg.size)
		return -1;
	return (int32_t)index;
}

/*
 * Context i is the i-th <cpu interrupt controller, interrupt> pair of interrupts-extended of @node
 * (bindings sifive,plic-1.0.0, riscv,aplic, riscv,imsics). Pairs of disabled cpus and of M-mode
 * still count.
 */
static void read_contexts(struct dt *dt, const struct dt_intc *c, int node)
{
	struct machine *m = dt->m;
	const char *name = machine_intc_name(m);
	int len;
	const fdt32_t *cells = dt_prop(dt, node, "interrupts-extended", &len);
	const int32_t nr = cells == NULL ? 0 : len / 8;
	struct imsic f = {0};
	unsigned outside = 0;
	unsigned without = 0;

	if (cells != NULL && len % 8 != 0)
		machine_note(m, "%s: interrupts-extended ends in %d odd bytes, ignored", name,
			     len % 8);
	if (c->kind == INTC_APLIC_MSI && !imsic_read(&f, dt, node, (unsigned)nr)) {
		machine_note(m, "imsic: cannot use its index bits");
		m->intc.kind = INTC_NONE;
		return;
	}
	for (int32_t i = 0; i < nr; i++) {
		uint32_t phandle = fdt32_ld(cells + 2 * i);
		int cpu = phandle == 0 ? -1 : cpu_of_intc(dt, phandle);

		if (cpu < 0 || fdt32_ld(cells + 2 * i + 1) != IRQ_S_EXTERNAL ||
		    m->intc.context[cpu] >= 0)
			continue;
		m->intc.context[cpu] = context_name(dt, c, &f, i);
		outside += m->intc.context[cpu] < 0 ? 1 : 0;
	}
	for (unsigned i = 0; i < m->nr_cpus; i++)
		without += m->intc.context[i] < 0 ? 1 : 0;
	if (outside != 0)
		machine_note(m, "%s: %u contexts outside reg, ignored", name, outside);
	if (without != 0)
		machine_note(m, "%s: %u of %u harts have no S-mode context", name, without,
			     m->nr_cpus);
	/* M-mode's domain looks the same: whose nobody here is must not even be touched. */
	if (without == m->nr_cpus && c->kind != INTC_PLIC)
		m->intc.kind = INTC_NONE;
}

/*
 * The node that has the contexts of @c, with what it says of itself: @c's own, or the IMSICs that
 * @c sends to. Negative: there is none that S-mode can use.
 */
static int read_imsics(struct dt *dt, const struct dt_intc *c)
{
	struct machine *m = dt->m;
	uint32_t parent = 0;
	int node = -1;

	if (c->kind != INTC_APLIC_MSI)
		return c->node;
	if (dt_u32(dt, c->node, "msi-parent", &parent) && parent != 0 && parent != UINT32_MAX)
		node = dt_by_phandle(dt, parent);
	if (node < 0 || !dt_enabled(dt, node) || !dt_compatible(dt, node, "riscv,imsics")) {
		machine_note(m, "aplic: msi-parent leads to no IMSIC");
		return -1;
	}
	if (!dt_u32(dt, node, "riscv,num-ids", &m->intc.ids) || m->intc.ids == 0 ||
	    m->intc.ids > MAX_IDS) {
		machine_note(m, "imsic: cannot use riscv,num-ids %u", (unsigned)m->intc.ids);
		return -1;
	}
	/* Its files are reached through registers that such a hart would not know. */
	if ((m->isa & ISA_SSAIA) == 0) {
		machine_note(m, "imsic: not all harts claim ssaia");
		return -1;
	}
	/* Source n is sent as identity n (platform/aplic.c). */
	if (m->intc.sources > m->intc.ids) {
		machine_note(m, "imsic: %u identities for %u sources, the others are left out",
			     (unsigned)m->intc.ids, (unsigned)m->intc.sources);
		m->intc.sources = m->intc.ids;
	}
	return node;
}

static void read_chosen(struct dt *dt, const struct dt_intc *c)
{
	struct machine *m = dt->m;
	const char *prop = c->kind == INTC_PLIC ? "riscv,ndev" : "riscv,num-sources";
	int contexts;

	m->intc.kind = c->kind;
	m->intc.base = c->reg.start;
	m->intc.size = c->reg.size;
	if (!dt_u32(dt, c->node, prop, &m->intc.sources))
		machine_note(m, "%s: no %s", machine_intc_name(m), prop);
	if (m->intc.sources > MAX_SOURCES) {
		machine_note(m, "%s: %s %u, taken as %d", machine_intc_name(m), prop,
			     (unsigned)m->intc.sources, MAX_SOURCES);
		m->intc.sources = MAX_SOURCES;
	}
	contexts = read_imsics(dt, c);
	if (contexts < 0)
		m->intc.kind = INTC_NONE;
	else
		read_contexts(dt, c, contexts);
}

static void check_virtio_irqs(struct machine *m, const struct dt_intc *c, const uint32_t *parents)
{
	unsigned foreign = 0;

	for (unsigned i = 0; i < m->nr_virtio; i++) {
		struct machine_virtio *v = &m->virtio[i];

		if (v->irq == 0)
			continue;
		if (c == NULL || c->phandle == 0 || m->intc.kind == INTC_NONE ||
		    parents[i] != c->phandle || v->irq > m->intc.sources) {
			v->irq = 0;
			foreign++;
		}
	}
	if (foreign != 0)
		machine_note(m, "virtio: %u interrupts do not lead to a PLIC or APLIC, ignored",
			     foreign);
}

void machine_read_intc(struct dt *dt, const struct dt_intcs *c, const uint32_t *parents)
{
	struct machine *m = dt->m;
	const struct dt_intc *chosen = choose(dt, c, parents);

	if (chosen != NULL)
		read_chosen(dt, chosen);
	check_virtio_irqs(m, chosen, parents);
	machine_read_pci_irqs(dt,
			      chosen != NULL && m->intc.kind != INTC_NONE ? chosen->phandle : 0);
	if (c->nr + c->lost > 1)
		machine_note(m, "%u interrupt controllers, only the one at 0x%llx is used",
			     c->nr + c->lost, (unsigned long long)m->intc.base);
}

void machine_drop_intc(struct machine *m)
{
	m->intc = (struct machine_intc){.kind = INTC_NONE};
	for (unsigned i = 0; i < MAX_HARTS; i++)
		m->intc.context[i] = -1;
	for (unsigned i = 0; i < m->nr_virtio; i++)
		m->virtio[i].irq = 0;
	memset(m->pci.irq, 0, sizeof(m->pci.irq));
}
