/* SPDX-License-Identifier: BSD-2-Clause */
/* A root bus whose configuration space, and a virtio device whose registers, may say anything. */
#ifndef TESTS_HOST_TEST_PCI_RIG_H
#define TESTS_HOST_TEST_PCI_RIG_H

/* Defines functions of firmware/, mm/ and platform/: one file of a program includes it. */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/mmio.h"
#include "mm/io.h"
#include "platform/intc.h"
#include "platform/virtio_pci.h"
#include "tests/host/tap.h"

#define ECAM UINT64_C(0x30000000)
#define WINDOW UINT64_C(0x40000000)
#define WIDE_WINDOW UINT64_C(0x400000000)
#define CPU_OFFSET UINT64_C(0x1000000000) /* of what harts see of a window */
#define MEM_ID 24
#define SLOT(n) ((n)*8U)

/* MSI-X of the device in slot 1, and what the controller has for it. */
#define MSIX 0x40
#define MSIX_CONTROL (MSIX + 2)
#define MSIX_ON 0x8000U
#define MSIX_MASK_ALL 0x4000U
#define MSIX_TABLE 0x800 /* in BAR 1 */
#define VECTORS 4
#define NO_VECTOR 0xffffU
#define FILE_AT UINT64_C(0x1228000000)
#define IDENTITY 97

/* One function: its configuration space, and which bits of its BARs can be written. */
struct fake {
	bool there;
	uint8_t config[256];
	uint32_t writable[PCI_BARS];
};

static struct {
	struct fake f[PCI_FUNCTIONS];
	uint8_t regs[0x4000]; /* behind BAR 4 of the device in slot 1 */
	paddr_t regs_at;
	char note[CONSOLE_LINE];
	unsigned notes;
	unsigned hot;	 /* a BAR was written while it decoded */
	bool dead_queue; /* queue_enable stays as it is */
	unsigned odd;	 /* an access to nowhere, or a store to what is read-only */

	uint8_t table[0x1000]; /* behind BAR 1, in the same slot */
	paddr_t table_at;
	unsigned hot_table; /* a vector was changed while it could be sent */
	unsigned isr_reads;
	bool stuck_table;	 /* it holds nothing */
	unsigned stuck_word;	 /* word of a vector that does not, plus 1 */
	unsigned refused_vector; /* register that takes none: its offset; 0: all take one */
	bool keeps_queue;	 /* a queue is mapped, whatever is written */
	bool waits;		 /* an event of a masked vector */
	bool left_pending;	 /* vector 1 is, since an earlier stage */
	unsigned sent;		 /* messages, and the last one: */
	uint64_t sent_to;
	uint32_t sent_data;
	bool no_messages; /* the controller takes none */
	unsigned asked;	  /* for a message */

	struct machine_pci host;
	struct pci_bus bus;
	struct pci_function function;
	struct virtio_device dev;
} rig;

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(rig.note, sizeof(rig.note), fmt, ap);
	va_end(ap);
	fprintf(stderr, "# %s\n", rig.note);
	rig.notes++;
}

void mmio_post(void)
{
}

enum err io_map(paddr_t pa, uint64_t size, vaddr_t *va)
{
	(void)size;
	*va = pa;
	return OK;
}

unsigned arch_hart(void)
{
	return 3;
}

enum err intc_message(unsigned hart, uint32_t *irq, struct intc_message *m)
{
	rig.asked++;
	*irq = IDENTITY;
	*m = (struct intc_message){.address = FILE_AT, .data = IDENTITY};
	return rig.no_messages || hart != 3 ? ERR_NOSYS : OK;
}

static uint32_t table_word(unsigned vector, unsigned at)
{
	uint32_t v;

	memcpy(&v, &rig.table[MSIX_TABLE + vector * 16 + at], 4);
	return v;
}

static bool is_masked(unsigned vector)
{
	uint16_t control;

	memcpy(&control, &rig.f[SLOT(1)].config[MSIX_CONTROL], 2);
	return (control & (MSIX_ON | MSIX_MASK_ALL)) != MSIX_ON ||
	       (table_word(vector, 12) & 1) != 0;
}

/* PCIe 6.1.4.4 and 6.1.4.5: sent when nothing masks it, remembered until then. */
static void send_waiting(void)
{
	uint16_t vector;

	rig.sent += rig.left_pending && !is_masked(1);
	memcpy(&vector, &rig.regs[0x10], 2);
	if (!rig.waits || vector >= VECTORS || is_masked(vector))
		return;
	rig.waits = false;
	rig.sent++;
	rig.sent_to = table_word(vector, 0) | (uint64_t)table_word(vector, 4) << 32;
	rig.sent_data = table_word(vector, 8);
}

static bool in_table(vaddr_t reg)
{
	return rig.table_at != 0 && reg >= rig.table_at && reg - rig.table_at < sizeof(rig.table);
}

/* Where @len bytes at @reg are; NULL: nowhere, which reads as all ones. */
static uint8_t *bytes_at(vaddr_t reg, unsigned len)
{
	uint64_t off = reg - ECAM;

	if (off < SZ_2M / 2 && (off & 0xfff) + len <= 256)
		return rig.f[off >> 12].there ? &rig.f[off >> 12].config[off & 0xfff] : NULL;
	/* PCIe 6.1.4.2: nothing else is defined. */
	if (in_table(reg) && len == 4 && (rig.f[SLOT(1)].config[PCI_COMMAND] & 2) != 0)
		return &rig.table[reg - rig.table_at];
	if (reg >= rig.regs_at && reg - rig.regs_at <= sizeof(rig.regs) - len)
		return &rig.regs[reg - rig.regs_at];
	rig.odd++;
	return NULL;
}

static uint32_t fake_read(vaddr_t reg, unsigned len)
{
	const uint8_t *p = bytes_at(reg, len);
	uint32_t v = UINT32_MAX;

	if (reg % len != 0)
		rig.odd++;
	rig.isr_reads += reg == rig.regs_at + 0x1000;
	if (p != NULL) {
		v = 0;
		memcpy(&v, p, len);
	}
	return v;
}

/* BARs, and what says whether messages are sent; the rest cannot be written. */
static void config_write(unsigned number, unsigned at, uint32_t v, unsigned len)
{
	struct fake *f = &rig.f[number];
	unsigned bar = (at - PCI_BAR(0)) / 4;
	uint32_t old;

	if (at == PCI_COMMAND || (number == SLOT(1) && at == MSIX_CONTROL && len == 2)) {
		memcpy(&f->config[at], &v, len);
		return;
	}
	if (bar >= PCI_BARS || len != 4) {
		rig.odd++;
		return;
	}
	rig.hot += (f->config[PCI_COMMAND] & PCI_COMMAND_MEMORY) != 0;
	memcpy(&old, &f->config[at], 4);
	v = (old & ~f->writable[bar]) | (v & f->writable[bar]);
	memcpy(&f->config[at], &v, 4);
}

/* Registers of virtio that do not hold whatever is written. */
static uint32_t regs_write(uint64_t at, uint32_t v)
{
	uint16_t control;

	memcpy(&control, &rig.f[SLOT(1)].config[MSIX_CONTROL], 2);
	if (rig.keeps_queue && at == 0x1a)
		return 0;
	if ((at == 0x10 || at == 0x1a) &&
	    (v >= VECTORS || rig.refused_vector == at || (control & MSIX_ON) == 0))
		return NO_VECTOR;
	return v;
}

static void fake_write(vaddr_t reg, uint32_t v, unsigned len)
{
	uint64_t off = reg - ECAM;
	uint8_t *p = bytes_at(reg, len);
	bool config = off < SZ_2M / 2;

	if (rig.dead_queue && reg == rig.regs_at + 0x1c)
		return;
	if (p == NULL || reg % len != 0) {
		rig.odd++;
		return;
	}
	if (config) {
		config_write((unsigned)(off >> 12), off & 0xfff, v, len);
	} else if (in_table(reg)) {
		off = reg - rig.table_at - MSIX_TABLE;
		rig.hot_table +=
			off % 16 < 12 && off / 16 < VECTORS && !is_masked((unsigned)off / 16);
		if (off % 16 == 12 || (!rig.stuck_table && rig.stuck_word != off % 16 + 1))
			memcpy(p, &v, len);
	} else {
		v = regs_write(reg - rig.regs_at, v);
		memcpy(p, &v, len);
	}
	send_waiting();
}

uint8_t mmio_read8(vaddr_t reg)
{
	return (uint8_t)fake_read(reg, 1);
}

uint16_t mmio_read16(vaddr_t reg)
{
	return (uint16_t)fake_read(reg, 2);
}

uint32_t mmio_read32(vaddr_t reg)
{
	return fake_read(reg, 4);
}

void mmio_write8(vaddr_t reg, uint8_t v)
{
	fake_write(reg, v, 1);
}

void mmio_write16(vaddr_t reg, uint16_t v)
{
	fake_write(reg, v, 2);
}

void mmio_write32(vaddr_t reg, uint32_t v)
{
	fake_write(reg, v, 4);
}

static void put(unsigned number, unsigned at, uint32_t v, unsigned len)
{
	memcpy(&rig.f[number].config[at], &v, len);
}

static uint32_t get(unsigned number, unsigned at, unsigned len)
{
	uint32_t v = 0;

	memcpy(&v, &rig.f[number].config[at], len);
	return v;
}

/* BAR @n of @size bytes; @flags: 0 of 32 bits, 4 of 64, 1 of I/O space. */
static void put_bar(unsigned number, unsigned n, uint64_t size, uint32_t flags)
{
	uint32_t low = flags == 1 ? 3 : 15;

	put(number, PCI_BAR(n), flags, 4);
	rig.f[number].writable[n] = (uint32_t) ~(size - 1) & ~low;
	if ((flags & 6) == 4)
		rig.f[number].writable[n + 1] = (uint32_t)(~(size - 1) >> 32);
}

static void put_function(unsigned number, uint32_t id)
{
	rig.f[number].there = true;
	put(number, PCI_ID, id, 4);
}

/* A virtio capability; the list is kept in order of their offsets. */
static void put_cap(unsigned at, unsigned next, unsigned type, uint32_t offset, uint32_t length)
{
	put(SLOT(1), at, 0x09, 1);
	put(SLOT(1), at + 1, next, 1);
	put(SLOT(1), at + 2, type == 2 ? 20 : 16, 1);
	put(SLOT(1), at + 3, type, 1);
	put(SLOT(1), at + 4, 4, 1);
	put(SLOT(1), at + 8, offset, 4);
	put(SLOT(1), at + 12, length, 4);
}

/* As QEMU has it: MSI-X in BAR 1, the rest in BAR 4, which has 64 bits. */
static void rig_make(void)
{
	memset(&rig, 0, sizeof(rig));
	rig.host = (struct machine_pci){.ecam = ECAM, .size = SZ_1G / 4, .nr_windows = 2};
	rig.host.windows[0] = (struct machine_pci_window){WINDOW, WINDOW + CPU_OFFSET, SZ_1G};
	rig.host.windows[1] =
		(struct machine_pci_window){WIDE_WINDOW, WIDE_WINDOW + CPU_OFFSET, 16 * SZ_1G};
	rig.host.irq[1][0] = 33;
	put_function(SLOT(0), 0x00081b36);
	put_function(SLOT(1), VIRTIO_PCI_ID(MEM_ID));
	put(SLOT(1), 0x06, 0x10, 2);
	put(SLOT(1), PCI_PIN, 1, 1);
	put(SLOT(1), 0x34, 0x40, 1);
	put_bar(SLOT(1), 1, 0x1000, 0);
	put_bar(SLOT(1), 4, sizeof(rig.regs), 4);
	put(SLOT(1), MSIX, 0x11, 1);
	put(SLOT(1), MSIX + 1, 0x50, 1);
	put(SLOT(1), MSIX_CONTROL, VECTORS - 1, 2);
	put(SLOT(1), MSIX + 4, MSIX_TABLE | 1, 4);
	put(SLOT(1), MSIX + 8, 0xc00 | 1, 4);
	for (unsigned n = 0; n < VECTORS; n++)
		rig.table[MSIX_TABLE + n * 16 + 12] = 1; /* as after a reset */
	put_cap(0x50, 0x60, 1, 0, 0x1000);
	put_cap(0x60, 0x70, 3, 0x1000, 0x1000);
	put_cap(0x70, 0x80, 4, 0x2000, 0x1000);
	put_cap(0x80, 0xa0, 2, 0x3000, 0x1000);
	put(SLOT(1), 0x90, 4, 4); /* multiplier */
	put_cap(0xa0, 0, 5, 0, 0);
}

static enum err open_bus(void)
{
	return pci_bus_open(&rig.bus, &rig.host);
}

/* Also finds where the registers came to lie, for the accesses that follow. */
static enum err open_virtio(void)
{
	enum err e = open_bus();

	rig.regs_at = CPU_OFFSET + WINDOW + sizeof(rig.regs);
	rig.table_at = CPU_OFFSET + WINDOW;
	return e == OK ? virtio_pci_open(&rig.dev, &rig.bus, SLOT(1), MEM_ID) : e;
}

static bool noted(const char *what)
{
	return strstr(rig.note, what) != NULL;
}

#endif
