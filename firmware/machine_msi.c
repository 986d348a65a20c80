/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of PCI functions: which of them reach the interrupt files of the harts. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

/* Binding pci-msi: (first requester, controller, first specifier, requesters) a line. */
#define MAP_CELLS 4

static bool is_imsic(const struct dt *dt, uint32_t phandle)
{
	return fdt_node_offset_by_phandle(dt->fdt, phandle) == dt->imsic_node;
}

/*
 * msi-parent: controllers, each with as many cells as it asks for (an IMSIC for none). Without
 * sideband data to tell functions apart it is the same for all of them.
 */
static bool parent_is_imsic(const struct dt *dt)
{
	int len;
	const fdt32_t *cells = fdt_getprop(dt->fdt, dt->pci_node, "msi-parent", &len);
	unsigned left = cells == NULL ? 0 : (unsigned)len / 4;
	uint32_t skip;

	for (; left != 0; left -= 1 + skip, cells += 1 + skip) {
		int node;

		if (is_imsic(dt, fdt32_ld(cells)))
			return true;
		node = fdt_node_offset_by_phandle(dt->fdt, fdt32_ld(cells));
		skip = 0;
		if (node >= 0)
			(void)dt_u32(dt, node, "#msi-cells", &skip);
		if (node < 0 || skip >= left)
			break;
	}
	return false;
}

/* msi-map: the first line that has the requester counts; *@imsic stays where none has. */
static void map_find(const struct dt *dt, uint32_t requester, bool *imsic)
{
	uint32_t mask = UINT32_MAX;
	int len;
	const fdt32_t *cells = fdt_getprop(dt->fdt, dt->pci_node, "msi-map", &len);
	unsigned left = cells == NULL ? 0 : (unsigned)len / 4;

	(void)dt_u32(dt, dt->pci_node, "msi-map-mask", &mask);
	for (; left >= MAP_CELLS; left -= MAP_CELLS, cells += MAP_CELLS) {
		uint32_t first = fdt32_ld(cells);

		if ((requester & mask) < first ||
		    (requester & mask) - first >= fdt32_ld(cells + MAP_CELLS - 1))
			continue;
		*imsic = is_imsic(dt, fdt32_ld(cells + 1));
		return;
	}
}

/* Returns how many functions' messages arrive. */
static unsigned mark_functions(struct dt *dt)
{
	struct machine_pci *pci = &dt->m->pci;
	bool by_parent = parent_is_imsic(dt);
	unsigned nr = 0;

	for (uint32_t n = 0; n < MACHINE_PCI_FUNCTIONS; n++) {
		bool imsic = by_parent;

		/* A requester is called bus << 8 | slot << 3 | function. */
		map_find(dt, (uint32_t)pci->bus << 8 | n, &imsic);
		if (imsic)
			pci->messages[n / 64] |= UINT64_C(1) << (n % 64);
		nr += imsic;
	}
	return nr;
}

void machine_read_pci_messages(struct dt *dt)
{
	if (dt->m->pci.size == 0 ||
	    (fdt_getprop(dt->fdt, dt->pci_node, "msi-parent", NULL) == NULL &&
	     fdt_getprop(dt->fdt, dt->pci_node, "msi-map", NULL) == NULL))
		return;
	if (dt->imsic_node == 0 || mark_functions(dt) == 0)
		machine_note(dt->m, "pci: messages lead to no IMSIC that is used, ignored");
}

void machine_drop_messages(struct machine *m)
{
	memset(m->pci.messages, 0, sizeof(m->pci.messages));
}
