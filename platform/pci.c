/* SPDX-License-Identifier: BSD-2-Clause */
/* The root bus of a PCI host bridge: its functions, their registers, their capabilities. */
#include <stdio.h>

#include "platform/pci_bar.h"

#include "firmware/console.h"
#include "firmware/mmio.h"
#include "mm/fault.h"
#include "mm/io.h"

#define FUNCTION_BYTES UINT64_C(0x1000)
#define NO_FUNCTION 0xffffU /* vendor of what is not there */

#define STATUS 0x06
#define STATUS_CAPABILITIES 0x0010U
#define HEADER_TYPE 0x7fU
#define HEADER_BRIDGE 1U
#define HEADER_MULTI 0x80U
#define CAPABILITIES 0x34
#define CAPABILITIES_FIRST 0x40U
#define CAPABILITY_NEXT 1
/* A list of more has met one twice: they are 4 bytes large at least. */
#define MAX_CAPABILITIES ((0x100U - CAPABILITIES_FIRST) / 4)

/* Windows of a bridge (PCI-to-PCI Bridge Architecture Specification 3.2.5). */
#define BRIDGE_MEMORY 0x20
#define BRIDGE_PREFETCH 0x24
#define BRIDGE_PREFETCH_BASE_HIGH 0x28
#define BRIDGE_PREFETCH_LIMIT_HIGH 0x2c
#define BRIDGE_GRANULE 0xfffffU

unsigned pci_next_function(pci_read_fn read, void *ctx, unsigned number, uint32_t *id)
{
	for (; number < PCI_FUNCTIONS; number++) {
		unsigned first = number & ~7U;

		/* What decodes no function number answers as function 0 for each. */
		if (number != first &&
		    ((read(ctx, first, PCI_ID) & 0xffff) == NO_FUNCTION ||
		     (read(ctx, first, PCI_HEADER & ~3U) >> 16 & HEADER_MULTI) == 0)) {
			number |= 7;
			continue;
		}
		*id = read(ctx, number, PCI_ID);
		if ((*id & 0xffff) != NO_FUNCTION && *id != 0)
			return number;
	}
	return PCI_FUNCTIONS;
}

static uint32_t read_mapped(void *ctx, unsigned number, uint32_t offset)
{
	const struct pci_bus *b = ctx;

	return mmio_read32(b->config + number * FUNCTION_BYTES + offset);
}

uint32_t pci_function_id(struct pci_bus *b, unsigned number)
{
	return read_mapped(b, number, PCI_ID);
}

static uint32_t function_irq(const struct machine_pci *host, unsigned number, vaddr_t config)
{
	uint8_t pin = mmio_read8(config + PCI_PIN);

	if (pin == 0 || pin > MACHINE_PCI_PINS || (number % 8 != 0 && host->irq_by_function))
		return 0;
	if (fault_armed(FAULT_PCI_PIN_FIRST))
		number = 0;
	return host->irq[number / 8][pin - 1];
}

static void function_at(struct pci_bus *b, unsigned number, struct pci_function *f)
{
	vaddr_t config = b->config + number * FUNCTION_BYTES;

	*f = (struct pci_function){.parent = b, .config = config, .number = number};
	f->irq = function_irq(b->host, number, config);
	f->messages = (b->host->messages[number / 64] >> (number % 64) & 1) != 0;
	snprintf(f->name, sizeof(f->name), "pci@%02x:%02x.%x", b->host->bus, number / 8,
		 number % 8);
}

/* Size the BARs with decoding off: all ones are an address too. @command: as it was. */
static enum err measure(struct pci_function *f, uint16_t *command)
{
	*command = mmio_read16(f->config + PCI_COMMAND);
	mmio_write16(f->config + PCI_COMMAND, *command & (uint16_t)~PCI_COMMAND_MEMORY);
	return pci_bars_size(f);
}

/* What a bridge passes on; registers hold address bits 31 to 20 of base and of the last byte. */
static enum err take_bridge(struct pci_bus *b, vaddr_t config)
{
	uint32_t memory = mmio_read32(config + BRIDGE_MEMORY);
	uint32_t prefetch = mmio_read32(config + BRIDGE_PREFETCH);
	uint64_t base = (memory & 0xfff0U) << 16;
	uint64_t last = (memory & 0xfff00000U) | BRIDGE_GRANULE;
	enum err e = OK;

	if (last >= base)
		e = pci_take(b, (struct region){base, last - base + 1});
	base = (prefetch & 0xfff0U) << 16;
	last = (prefetch & 0xfff00000U) | BRIDGE_GRANULE;
	if ((prefetch & 1) != 0) {
		base |= (uint64_t)mmio_read32(config + BRIDGE_PREFETCH_BASE_HIGH) << 32;
		last |= (uint64_t)mmio_read32(config + BRIDGE_PREFETCH_LIMIT_HIGH) << 32;
	}
	if (e == OK && last >= base && last != UINT64_MAX)
		e = pci_take(b, (struct region){base, last - base + 1});
	return e;
}

/* What function @number has of the windows, if it decodes. */
static enum err take_function(struct pci_bus *b, unsigned number)
{
	struct pci_function f;
	uint8_t header;
	uint16_t command;
	enum err e;

	function_at(b, number, &f);
	header = mmio_read8(f.config + PCI_HEADER) & HEADER_TYPE;
	if (header == HEADER_BRIDGE)
		note("%s: is a bridge, what is behind it is not looked at", f.name);
	if ((mmio_read16(f.config + PCI_COMMAND) & PCI_COMMAND_MEMORY) == 0)
		return OK;
	if (header == HEADER_BRIDGE)
		return take_bridge(b, f.config);
	if (header != 0)
		return OK;
	e = measure(&f, &command);
	mmio_write16(f.config + PCI_COMMAND, command);
	/* One of a BAR that cannot be is refused when somebody wants it. */
	return e == OK ? pci_bars_take(&f) : OK;
}

enum err pci_bus_open(struct pci_bus *b, const struct machine_pci *host)
{
	uint32_t id;
	enum err e;

	*b = (struct pci_bus){0};
	if (host->size == 0)
		return ERR_NOSYS;
	b->host = host;
	e = io_map(host->ecam, PCI_FUNCTIONS * FUNCTION_BYTES, &b->config);
	for (unsigned n = 0; e == OK; n++) {
		n = pci_next_function(read_mapped, b, n, &id);
		if (n == PCI_FUNCTIONS)
			break;
		e = take_function(b, n);
	}
	if (e != OK)
		b->host = NULL;
	return e;
}

/* Its own BARs are in nobody's way while it is opened. */
static void untake(struct pci_bus *b, const struct pci_function *f)
{
	for (unsigned n = 0; n < PCI_BARS; n++) {
		for (unsigned i = 0; i < b->nr_taken; i++) {
			if (f->bars[n].size != 0 && b->taken[i].start == f->bars[n].bus &&
			    b->taken[i].size == f->bars[n].size) {
				b->taken[i] = b->taken[--b->nr_taken];
				break;
			}
		}
	}
}

enum err pci_function_open(struct pci_bus *b, unsigned number, struct pci_function *f)
{
	uint16_t command;
	uint8_t header;
	enum err e;

	function_at(b, number, f);
	header = mmio_read8(f->config + PCI_HEADER) & HEADER_TYPE;
	if (header != 0) {
		note("%s: header of type %u is no device's", f->name, header);
		return ERR_NOSYS;
	}
	e = measure(f, &command);
	if (e != OK)
		return e;
	if ((command & PCI_COMMAND_MEMORY) != 0)
		untake(b, f);
	/* Without decoding the content of a BAR means nothing. */
	if ((command & PCI_COMMAND_MEMORY) == 0 || !pci_bars_fit(f))
		e = pci_bars_place(f);
	if (e == OK)
		e = pci_bars_take(f);
	if (e == OK)
		mmio_write16(f->config + PCI_COMMAND, command | PCI_COMMAND_MEMORY |
							      PCI_COMMAND_MASTER |
							      PCI_COMMAND_INTX_OFF);
	return e;
}

void pci_function_close(const struct pci_function *f)
{
	uint16_t command = mmio_read16(f->config + PCI_COMMAND);

	mmio_write16(f->config + PCI_COMMAND,
		     command & (uint16_t) ~(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER));
}

void pci_set_pin(vaddr_t config, bool on)
{
	uint16_t command = mmio_read16(config + PCI_COMMAND) & (uint16_t)~PCI_COMMAND_INTX_OFF;

	mmio_write16(config + PCI_COMMAND, on ? command : command | PCI_COMMAND_INTX_OFF);
}

enum err pci_next_capability(const struct pci_function *f, struct pci_walk *w)
{
	unsigned from = w->at == 0 ? CAPABILITIES : w->at + CAPABILITY_NEXT;

	if (w->at == 0 && (mmio_read16(f->config + STATUS) & STATUS_CAPABILITIES) == 0)
		return ERR_NOENT;
	/* 7.5.1.1.11: the bottom two bits are reserved, and to be masked. */
	w->at = mmio_read8(f->config + from) & ~3U;
	if (w->at == 0)
		return ERR_NOENT;
	if (w->at < CAPABILITIES_FIRST) {
		note("%s: capability at %#x lies in the header", f->name, w->at);
		return ERR_RANGE;
	}
	if (++w->steps > MAX_CAPABILITIES) {
		note("%s: capability at %#x is met again, the list has no end", f->name, w->at);
		return ERR_RANGE;
	}
	return OK;
}
