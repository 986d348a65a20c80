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

/* What the controller calls the i-th of its contexts; -1: that one cannot be used. */
static int32_t context_name(const struct dt *dt, const struct dt_intc *c, const struct dt_imsic *f,
			    int32_t i)
{
	uint32_t index = (uint32_t)i;
	const fdt32_t *indexes;
	int len;

	if (c->kind == INTC_APLIC_MSI)
		return dt_imsic_hart_index(f, (uint64_t)i);
	if (c->kind == INTC_PLIC) {
		/* Its registers would lie behind the end of reg. */
		if (PLIC_CONTEXT_BASE + ((uint64_t)i + 1) * PLIC_CONTEXT_SIZE > c->reg.size)
			return -1;
		return i;
	}
	indexes = dt_prop(dt, c->node, "riscv,hart-indexes", &len);
	if (indexes != NULL)
		index = len / 4 <= i ? UINT32_MAX : fdt32_ld(indexes + i);
	if (index > DT_MAX_HART_INDEX ||
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
	struct dt_imsic f = {0};
	unsigned outside = 0;
	unsigned without = 0;

	if (cells != NULL && len % 8 != 0)
		machine_note(m, "%s: interrupts-extended ends in %d odd bytes, ignored", name,
			     len % 8);
	if (c->kind == INTC_APLIC_MSI && !dt_imsic_open(&f, dt, node, (unsigned)nr)) {
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
		if (c->kind == INTC_APLIC_MSI && m->intc.context[cpu] >= 0)
			m->intc.file[cpu] = dt_imsic_file(&f, (uint64_t)i);
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
	contexts = c->kind == INTC_APLIC_MSI ? dt_imsic_find(dt, c->node) : c->node;
	if (contexts < 0)
		m->intc.kind = INTC_NONE;
	else
		read_contexts(dt, c, contexts);
	if (m->intc.kind == INTC_APLIC_MSI)
		dt->imsic_node = contexts;
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
	machine_read_pci_messages(dt);
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
	machine_drop_messages(m);
}
