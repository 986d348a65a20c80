/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of devices that the device tree claims: those that trap are not used. */
#include "firmware/ramprobe.h"

#include "firmware/image.h"
#include "firmware/machine_priv.h"
#include "firmware/probe.h"

static vaddr_t window;

/* Only traps tell: any value may be right, and a store might do anything. */
static bool answers(struct machine *m, const char *what, paddr_t base, unsigned page)
{
	bool trapped = probe_load32(window + page * PAGE_SIZE + base % PAGE_SIZE).trapped;

	if (trapped)
		machine_note(m, "%s at 0x%llx does not answer, not used", what,
			     (unsigned long long)base);
	return !trapped;
}

/*
 * Interrupt files, as far as somebody might store to them: firmware below may keep them to itself.
 * A load of one has no effect and is zero (AIA 1.0, 3.5).
 */
static void try_files(struct machine *m)
{
	unsigned deaf = 0;

	for (unsigned i = 0; i < m->nr_cpus; i++) {
		if (m->intc.file[i] == 0)
			continue;
		window = early_window_pages(&m->intc.file[i], 1);
		if (!probe_load32(window).trapped)
			continue;
		m->intc.file[i] = 0;
		deaf++;
	}
	if (deaf != 0)
		machine_note(m, "imsic: files of %u harts do not answer, no messages to them",
			     deaf);
}

void ramprobe_devices(struct machine *m)
{
	const unsigned intc = m->nr_virtio;
	const unsigned exitdev = intc + 1;
	const unsigned pci = intc + 2;
	paddr_t pages[MACHINE_MAX_VIRTIO + 3];
	unsigned n = 0;

	for (unsigned i = 0; i < m->nr_virtio; i++)
		pages[i] = align_down(m->virtio[i].base, PAGE_SIZE);
	pages[intc] = align_down(m->intc.base, PAGE_SIZE);
	pages[exitdev] = align_down(m->exitdev.base, PAGE_SIZE);
	pages[pci] = m->pci.ecam;
	window = early_window_pages(pages, pci + 1);
	for (unsigned i = 0; i < intc; i++) {
		if (answers(m, "virtio", m->virtio[i].base, i))
			m->virtio[n++] = m->virtio[i];
	}
	m->nr_virtio = n;
	if (m->intc.kind != INTC_NONE && !answers(m, machine_intc_name(m), m->intc.base, intc))
		machine_drop_intc(m);
	if (m->exitdev.kind != EXIT_NONE && !answers(m, "exit device", m->exitdev.base, exitdev))
		m->exitdev = (struct machine_exit){.kind = EXIT_NONE};
	if (m->pci.size != 0 && !answers(m, "pci", m->pci.ecam, pci))
		m->pci.size = 0;
	if (m->pci.size != 0)
		try_files(m);
	(void)early_window_pages(NULL, 0);
}
