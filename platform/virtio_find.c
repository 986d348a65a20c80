/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio devices of a type, on whatever bus the machine has them. */

#include "platform/virtio_find.h"

#include "device/mmio.h" /* the magic word only */
#include "firmware/image.h"
#include "platform/virtio_mmio.h"
#include "platform/virtio_pci.h"

static struct pci_bus bus;

static bool is_slot(const struct machine_virtio *v, uint32_t device_id)
{
	const volatile uint32_t *regs = early_window(v->base, 16);

	return regs != NULL && regs[VMMIO_REG_MAGIC / 4] == VMMIO_MAGIC &&
	       regs[VMMIO_REG_DEVICE_ID / 4] == device_id;
}

static uint32_t read_early(void *ctx, unsigned number, uint32_t offset)
{
	const struct machine_pci *host = ctx;
	const volatile uint32_t *word =
		early_window(host->ecam + number * PAGE_SIZE + offset, sizeof(*word));

	return word == NULL ? UINT32_MAX : *word;
}

unsigned virtio_find(const struct machine *m, uint32_t device_id, struct virtio_place *places,
		     unsigned max)
{
	struct machine_pci host = m->pci;
	unsigned nr = 0;
	uint32_t id;

	for (unsigned i = 0; i < m->nr_virtio; i++) {
		if (!is_slot(&m->virtio[i], device_id))
			continue;
		if (nr < max)
			places[nr] = (struct virtio_place){.slot = &m->virtio[i]};
		nr++;
	}
	for (unsigned n = 0; host.size != 0; n++) {
		n = pci_next_function(read_early, &host, n, &id);
		if (n == PCI_FUNCTIONS)
			break;
		if (id != VIRTIO_PCI_ID(device_id))
			continue;
		if (nr < max)
			places[nr] = (struct virtio_place){.function = n};
		nr++;
	}
	return nr;
}

enum err virtio_open(struct virtio_device *d, const struct machine *m,
		     const struct virtio_place *place, uint32_t device_id)
{
	enum err e = OK;

	if (place->slot != NULL)
		return virtio_mmio_open_slot(d, place->slot, device_id);
	if (bus.host == NULL)
		e = pci_bus_open(&bus, &m->pci);
	return e == OK ? virtio_pci_open(d, &bus, place->function, device_id) : e;
}
