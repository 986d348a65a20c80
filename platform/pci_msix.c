/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X of a PCI function: its vectors, each a message that is stored where the table says. */
#include "platform/pci_msix.h"

#include "firmware/console.h"
#include "firmware/mmio.h"
#include "mm/fault.h"
#include "mm/io.h"

/* The capability (7.7.2.1 to 7.7.2.4). */
#define CAP_MSIX 0x11
#define CAP_BYTES 12U
#define CAP_CONTROL 2
#define CAP_TABLE 4
#define CONFIG_BYTES 0x100U
#define CONTROL_LAST 0x07ffU /* vectors, less one: there is no way to say none */
#define CONTROL_MASK_ALL 0x4000U
#define CONTROL_ENABLE 0x8000U
#define TABLE_BAR 7U

/* A line of the table (7.7.2.5 to 7.7.2.8); accesses of 4 bytes, aligned (6.1.4.2). */
#define VECTOR_BYTES UINT64_C(16)
#define VECTOR_ADDRESS 0
#define VECTOR_ADDRESS_HIGH 4
#define VECTOR_DATA 8
#define VECTOR_CONTROL 12
#define VECTOR_MASKED 1U

static void control_change(const struct pci_msix *x, uint16_t clear, uint16_t set)
{
	mmio_write16(x->control, (uint16_t)((mmio_read16(x->control) & ~clear) | set));
}

static enum err refuse(const struct pci_function *f, unsigned at, const char *what, uint64_t value,
		       const char *why)
{
	note("%s: MSI-X at %#x: %s %#llx %s, not used", f->name, at, what,
	     (unsigned long long)value, why);
	return ERR_RANGE;
}

/* Where the table is for harts, if it is inside one of the function's BARs. */
static enum err table_find(const struct pci_function *f, unsigned at, unsigned vectors,
			   paddr_t *table)
{
	uint32_t where = mmio_read32(f->config + at + CAP_TABLE);
	uint64_t end = (where & ~TABLE_BAR) + vectors * VECTOR_BYTES;
	unsigned bar = where & TABLE_BAR;

	/* 6 and 7 are reserved; without a BAR of memory there is no table. */
	if (bar >= PCI_BARS || f->bars[bar].size == 0)
		return refuse(f, at, "BAR", bar, "is no memory");
	if (end > f->bars[bar].size)
		return refuse(f, at, "end of the table", end, "leaves the BAR");
	*table = f->bars[bar].cpu + (where & ~TABLE_BAR);
	return OK;
}

enum err pci_msix_open(const struct pci_function *f, struct pci_msix *x)
{
	struct pci_walk w = {0};
	struct pci_msix found;
	paddr_t table;
	enum err e;

	*x = (struct pci_msix){0};
	do {
		e = pci_next_capability(f, &w);
		if (e != OK)
			return e;
	} while (mmio_read8(f->config + w.at) != CAP_MSIX);
	if (w.at + CAP_BYTES > CONFIG_BYTES)
		return refuse(f, w.at, "capability", w.at, "leaves configuration space");
	found.control = f->config + w.at + CAP_CONTROL;
	found.vectors = (mmio_read16(found.control) & CONTROL_LAST) + 1;
	control_change(&found, CONTROL_ENABLE, 0);
	e = table_find(f, w.at, found.vectors, &table);
	if (e == OK)
		e = io_map(table, found.vectors * VECTOR_BYTES, &found.table);
	if (e == OK)
		*x = found;
	return e;
}

static vaddr_t vector_at(const struct pci_msix *x, unsigned n)
{
	return x->table + n * VECTOR_BYTES;
}

/* The control word's other bits are another's, and to be kept (7.7.2.8). */
static void set_masked(const struct pci_msix *x, unsigned n, bool masked)
{
	vaddr_t reg = vector_at(x, n) + VECTOR_CONTROL;
	uint32_t word = mmio_read32(reg) & ~VECTOR_MASKED;

	mmio_write32(reg, masked ? word | VECTOR_MASKED : word);
}

/*
 * All masked before the first of them is on: a reset masks them, an earlier stage may have left
 * others. The function's own mask holds them back meanwhile; the table may be dead while MSI-X is
 * off (de facto: Linux enables first, too).
 */
void pci_msix_start(const struct pci_msix *x)
{
	control_change(x, 0, CONTROL_ENABLE | CONTROL_MASK_ALL);
	for (unsigned n = 0; n < x->vectors; n++)
		set_masked(x, n, true);
	(void)mmio_read32(vector_at(x, x->vectors - 1) + VECTOR_CONTROL);
	control_change(x, CONTROL_MASK_ALL, 0);
}

void pci_msix_stop(const struct pci_msix *x)
{
	control_change(x, CONTROL_ENABLE, 0);
}

enum err pci_msix_set(const struct pci_msix *x, unsigned n, paddr_t address, uint32_t data)
{
	vaddr_t v = vector_at(x, n);

	mmio_write32(v + VECTOR_ADDRESS, (uint32_t)address);
	mmio_write32(v + VECTOR_ADDRESS_HIGH, (uint32_t)(address >> 32));
	mmio_write32(v + VECTOR_DATA, data);
	if (mmio_read32(v + VECTOR_ADDRESS) != (uint32_t)address ||
	    mmio_read32(v + VECTOR_ADDRESS_HIGH) != (uint32_t)(address >> 32) ||
	    mmio_read32(v + VECTOR_DATA) != data)
		return ERR_IO;
	return OK;
}

void pci_msix_set_masked(const struct pci_msix *x, unsigned n, bool masked)
{
	if (!masked && fault_armed(FAULT_MSIX_MASKED))
		return;
	set_masked(x, n, masked);
	/* Stores are posted: a load from the same function pushes them, and all it sent before. */
	(void)mmio_read32(vector_at(x, n) + VECTOR_CONTROL);
}
