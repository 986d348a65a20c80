/* SPDX-License-Identifier: BSD-2-Clause */
/* What holds for every reading of every tree, however damaged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/trees/shapes.h"

static bool text_ok(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	if (len == size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
	}
	return true;
}

/* Sorted, disjoint, not touching, whole pages. */
static bool regions_ok(const struct region *r, unsigned nr, unsigned max)
{
	if (nr > max)
		return false;
	for (unsigned i = 0; i < nr; i++) {
		if (r[i].size == 0 || r[i].size > UINT64_MAX - r[i].start)
			return false;
		if (!is_aligned(r[i].start, PAGE_SIZE) || !is_aligned(r[i].size, PAGE_SIZE))
			return false;
		if (i != 0 && r[i].start <= region_end(r[i - 1]))
			return false;
	}
	return true;
}

static const char *cpus_insane(const struct machine *m)
{
	if (m->nr_cpus > MAX_HARTS)
		return "too many cpus";
	for (unsigned i = 0; i < MAX_HARTS; i++) {
		if (m->intc.context[i] < -1)
			return "a context below -1";
		if (m->intc.context[i] >= 0 && (i >= m->nr_cpus || m->intc.kind == INTC_NONE))
			return "a context without cpu or controller";
		if (m->intc.context[i] >= 0 && m->intc.kind == INTC_APLIC &&
		    0x4000 + 32 * ((uint64_t)m->intc.context[i] + 1) > m->intc.size)
			return "a hart index outside the APLIC";
		if (m->intc.context[i] >= 0 && m->intc.kind == INTC_PLIC &&
		    0x200000 + 0x1000 * ((uint64_t)m->intc.context[i] + 1) > m->intc.size)
			return "a context outside the PLIC";
		for (unsigned j = i + 1; i < m->nr_cpus && j < m->nr_cpus; j++) {
			if (m->cpus[i].hartid == m->cpus[j].hartid)
				return "a hart twice";
		}
	}
	return NULL;
}

static const char *messages_insane(const struct machine *m)
{
	bool by_message = m->intc.kind == INTC_APLIC_MSI;
	bool any = false;

	for (unsigned i = 0; i < MAX_HARTS; i++) {
		paddr_t file = m->intc.file[i];

		any |= file != 0;
		if (file % PAGE_SIZE != 0 || file >= UINT64_C(1) << 56)
			return "an interrupt file that is no page";
		for (unsigned n = 0; n < m->nr_ram; n++) {
			if (file != 0 && file >= m->ram[n].start && file < region_end(m->ram[n]))
				return "an interrupt file in RAM";
		}
	}
	for (unsigned i = 0; i < MACHINE_PCI_FUNCTIONS / 64; i++)
		any |= m->pci.messages[i] != 0;
	return any && !by_message ? "messages without an IMSIC" : NULL;
}

static const char *pci_insane(const struct machine *m)
{
	const struct machine_pci *p = &m->pci;

	if (p->nr_windows > MACHINE_MAX_PCI_WINDOWS)
		return "too many PCI windows";
	if (p->size != 0 && (p->size < 0x100000 || p->ecam % 0x100000 != 0))
		return "a PCI host bridge without a bus";
	for (unsigned i = 0; i < p->nr_windows; i++) {
		const struct machine_pci_window *w = &p->windows[i];

		if (w->size == 0 || w->size > UINT64_MAX - w->bus ||
		    w->size > (UINT64_C(1) << 56) || w->cpu > (UINT64_C(1) << 56) - w->size)
			return "a PCI window that cannot be";
	}
	for (unsigned i = 0; i < MACHINE_PCI_SLOTS * MACHINE_PCI_PINS; i++) {
		if (p->irq[i / MACHINE_PCI_PINS][i % MACHINE_PCI_PINS] > m->intc.sources)
			return "a pin that leads to no source";
	}
	return NULL;
}

static const char *devices_insane(const struct machine *m)
{
	if (m->nr_virtio > MACHINE_MAX_VIRTIO)
		return "too many virtio slots";
	for (unsigned i = 0; i < m->nr_virtio; i++) {
		const struct machine_virtio *v = &m->virtio[i];

		if (i != 0 && v->base <= m->virtio[i - 1].base)
			return "virtio slots out of order";
		if (v->size <= 0x100 || v->size > UINT64_MAX - v->base || v->base % 4 != 0)
			return "a virtio slot without registers";
		if (v->irq != 0 && v->irq > m->intc.sources)
			return "an interrupt that the PLIC does not have";
	}
	if (m->intc.sources > 1023)
		return "more sources than a PLIC can have";
	if (m->exitdev.kind != EXIT_NONE && (m->exitdev.size < 4 || m->exitdev.base % 4 != 0))
		return "an exit device without a register";
	if (messages_insane(m) != NULL)
		return messages_insane(m);
	return pci_insane(m);
}

static bool inside(const char *p, const char *blob, size_t size)
{
	return p >= blob && p < blob + size && memchr(p, '\0', size - (size_t)(p - blob)) != NULL;
}

const char *machine_insane(const struct machine *m, enum err err, const void *blob, size_t size)
{
	const char *what;

	if (m->nr_notes > MACHINE_MAX_NOTES)
		return "too many notes";
	for (unsigned i = 0; i < m->nr_notes; i++) {
		if (!text_ok(m->notes[i], MACHINE_NOTE_LEN) || m->notes[i][0] == '\0')
			return "an unprintable note";
	}
	if (err == ERR_INVAL)
		return m->nr_notes == 1 ? NULL : "no tree, and not one note";
	if (err != OK && err != ERR_NOENT)
		return "an undocumented result";
	if ((err == OK) != (m->nr_ram != 0 && m->nr_cpus != 0))
		return "the result does not fit RAM and cpus";
	if (!regions_ok(m->ram, m->nr_ram, MACHINE_MAX_RAM))
		return "the RAM table";
	if (m->nr_ram != 0 && region_end(m->ram[m->nr_ram - 1]) > UINT64_C(1) << 56)
		return "RAM that no entry can map";
	if (!regions_ok(m->reserved, m->nr_reserved, MACHINE_MAX_RESERVED))
		return "the reserved table";
	if (!text_ok(m->model, MACHINE_STR_LEN) || !text_ok(m->compatible, MACHINE_STR_LEN))
		return "model or compatible";
	if (m->bootargs[0] != '\0' && !inside(m->bootargs, blob, size))
		return "bootargs outside the tree";
	what = cpus_insane(m);
	return what != NULL ? what : devices_insane(m);
}

static unsigned readings;
static unsigned insane;

unsigned insane_readings(void)
{
	return insane;
}

struct machine *read_blob(const void *blob, size_t size, uint64_t mem_limit, enum err *err)
{
	static struct machine m;
	static void *copy;
	const char *what;

	readings++;
	free(copy);
	copy = malloc(size == 0 ? 1 : size); /* aligned to 16 */
	if (copy == NULL)
		exit(99);
	memcpy(copy, blob, size);
	memset(&m, 0xa5, sizeof(m));
	*err = machine_read(&m, copy, size, mem_limit);
	what = machine_insane(&m, *err, copy, size);
	if (what != NULL) {
		insane++;
		printf("# reading %u gives %s\n", readings, what);
		machine_print_notes(&m);
	}
	return &m;
}

struct machine *read_tree(const struct tree *t, uint64_t mem_limit, enum err *err)
{
	return read_blob(t->blob, t->size, mem_limit, err);
}

bool machine_has_note(const struct machine *m, const char *part)
{
	for (unsigned i = 0; i < m->nr_notes; i++) {
		if (strstr(m->notes[i], part) != NULL)
			return true;
	}
	return false;
}

void machine_print_notes(const struct machine *m)
{
	for (unsigned i = 0; i < m->nr_notes; i++)
		printf("# dt: %s\n", m->notes[i]);
	if (m->notes_lost != 0)
		printf("# dt: and %u more\n", m->notes_lost);
}
