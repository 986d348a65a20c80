/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of PCI functions: which of them reach the interrupt files of the harts. */
#include <libfdt.h>
#include <string.h>

#include "firmware/machine_priv.h"

/* Binding pci-msi: (first requester, controller, first specifier, requesters) a line. */
#define MAP_CELLS 4

struct msi_map {
	const fdt32_t *cells;
	unsigned nr; /* 0: there is none */
	uint32_t mask;
};

static const fdt32_t *read_cells(const struct dt *dt, const char *prop, unsigned *nr)
{
	int len;
	const fdt32_t *cells = dt_prop(dt, dt->pci_node, prop, &len);

	*nr = cells == NULL ? 0 : (unsigned)len / 4;
	return cells;
}

/*
 * msi-parent: controllers, each with as many cells as it asks for (an IMSIC for none). Without
 * sideband data to tell functions apart it is the same for all of them.
 */
static bool parent_is_imsic(const struct dt *dt)
{
	unsigned left;
	const fdt32_t *cells = read_cells(dt, "msi-parent", &left);
	uint32_t skip;

	for (; left != 0; left -= 1 + skip, cells += 1 + skip) {
		int node = dt_by_phandle(dt, fdt32_ld(cells));

		if (node == dt->imsic_node)
			return true;
		skip = 0;
		if (node >= 0)
			(void)dt_u32(dt, node, "#msi-cells", &skip);
		if (node < 0 || skip >= left)
			break;
	}
	return false;
}

/* The first line that has @requester counts; *@imsic stays where none has. */
static void map_find(const struct dt *dt, const struct msi_map *map, uint32_t requester,
		     bool *imsic)
{
	const fdt32_t *line = map->cells;

	for (unsigned left = map->nr; left >= MAP_CELLS; left -= MAP_CELLS, line += MAP_CELLS) {
		uint32_t first = fdt32_ld(line);

		if ((requester & map->mask) < first ||
		    (requester & map->mask) - first >= fdt32_ld(line + MAP_CELLS - 1))
			continue;
		*imsic = dt_by_phandle(dt, fdt32_ld(line + 1)) == dt->imsic_node;
		return;
	}
}

/* Returns how many functions' messages arrive. */
static unsigned mark_functions(struct dt *dt)
{
	struct machine_pci *pci = &dt->m->pci;
	struct msi_map map = {.mask = UINT32_MAX};
	bool by_parent = parent_is_imsic(dt);
	unsigned nr = 0;

	map.cells = read_cells(dt, "msi-map", &map.nr);
	(void)dt_u32(dt, dt->pci_node, "msi-map-mask", &map.mask);
	for (uint32_t n = 0; n < MACHINE_PCI_FUNCTIONS; n++) {
		bool imsic = by_parent;

		/* A requester is called bus << 8 | slot << 3 | function. */
		map_find(dt, &map, (uint32_t)pci->bus << 8 | n, &imsic);
		if (imsic)
			pci->messages[n / 64] |= UINT64_C(1) << (n % 64);
		nr += imsic;
	}
	return nr;
}

void machine_read_pci_messages(struct dt *dt)
{
	if (dt->m->pci.size == 0 || (dt_prop(dt, dt->pci_node, "msi-parent", NULL) == NULL &&
				     dt_prop(dt, dt->pci_node, "msi-map", NULL) == NULL))
		return;
	if (dt->imsic_node == 0 || mark_functions(dt) == 0)
		machine_note(dt->m, "pci: messages lead to no IMSIC that is used, ignored");
}

void machine_drop_messages(struct machine *m)
{
	memset(m->pci.messages, 0, sizeof(m->pci.messages));
}
