/* SPDX-License-Identifier: BSD-2-Clause */
/* The root bus of a PCI host bridge: its functions, their registers, their capabilities. */
#ifndef PLATFORM_PCI_H
#define PLATFORM_PCI_H

#include "firmware/machine.h"

/*
 * PCI Express Base Specification, 7.2.2 (ECAM) and 7.5.1 (configuration space). Only the root bus
 * is looked at; a bridge is noted. Nothing is believed that configuration space says: a value that
 * cannot be is noted, and its function left alone. Conductor only, at start.
 */

#define PCI_FUNCTIONS 256U /* of a bus: slot << 3 | function */
#define PCI_BARS 6U
#define PCI_MAX_TAKEN 32
#define PCI_NAME_LEN 20

#define PCI_ID 0x00
#define PCI_COMMAND 0x04
#define PCI_HEADER 0x0e
#define PCI_BAR(n) (0x10U + 4U * (n))
#define PCI_PIN 0x3d

#define PCI_COMMAND_MEMORY 0x0002U
#define PCI_COMMAND_MASTER 0x0004U
#define PCI_COMMAND_INTX_OFF 0x0400U

/* PCI's own addresses, and what they are for harts. */
struct pci_bar {
	uint64_t size; /* bytes; 0: there is none, or it is of I/O space */
	uint64_t bus;
	paddr_t cpu;
	bool wide; /* 64 bits: takes the next register too */
};

struct pci_bus {
	const struct machine_pci *host; /* NULL: not open */
	vaddr_t config;			/* of function 0; the others follow, a page each */
	/* Memory space that decoding functions have, so that no other gets it. */
	struct region taken[PCI_MAX_TAKEN];
	unsigned nr_taken;
};

struct pci_function {
	struct pci_bus *parent;
	vaddr_t config;
	unsigned number; /* slot << 3 | function */
	char name[PCI_NAME_LEN];
	uint32_t irq;  /* of its pin; 0: none */
	bool messages; /* what it sends reaches the interrupt files of the harts */
	struct pci_bar bars[PCI_BARS];
};

/* 32 bits of the configuration space of function @number at @offset, a multiple of 4. */
typedef uint32_t (*pci_read_fn)(void *ctx, unsigned number, uint32_t offset);

/*
 * The first function from @number on that is there; PCI_FUNCTIONS if there is none. @id gets its
 * vendor (low half) and device. Works before anything is mapped, too: @read is the caller's.
 */
unsigned pci_next_function(pci_read_fn read, void *ctx, unsigned number, uint32_t *id);

/*
 * Map the root bus of @host and look what its functions have been given already. Nothing is
 * changed, but that a function decodes nothing while its BARs are sized. Returns OK; ERR_NOSYS:
 * there is no host bridge; ERR_RANGE: more is given away than PCI_MAX_TAKEN (noted); ERR_NOMEM.
 */
enum err must_check pci_bus_open(struct pci_bus *b, const struct machine_pci *host);

/* Vendor (low half) and device of function @number. */
uint32_t pci_function_id(struct pci_bus *b, unsigned number);

/*
 * Make the memory of function @number reachable, and it master of the bus, its pin off. What
 * firmware has placed inside the windows and apart from others stays there; else it is placed here.
 * Returns OK; ERR_NOSYS: it is a bridge; ERR_RANGE: a BAR that cannot be; ERR_NOMEM: no window has
 * room for it; ERR_IO: a BAR does not hold what was written. All noted, with the value; the
 * function decodes nothing then.
 */
enum err must_check pci_function_open(struct pci_bus *b, unsigned number, struct pci_function *f);

/* It decodes nothing and is no master any more: for what was opened and cannot be used. */
void pci_function_close(const struct pci_function *f);

/* Let a function raise its pin, or not. @config: of a function that was opened. */
void pci_set_pin(vaddr_t config, bool on);

struct pci_walk {
	unsigned at; /* offset of the capability in configuration space */
	unsigned steps;
};

/*
 * The next capability of @f; @w is all zero at first. Returns OK; ERR_NOENT at the end; ERR_RANGE
 * (noted) for a list that leads below 0x40 or has no end.
 */
enum err must_check pci_next_capability(const struct pci_function *f, struct pci_walk *w);

#endif
