/* SPDX-License-Identifier: BSD-2-Clause */
/* MSI-X of a PCI function: its vectors, each a message that is stored where the table says. */
#ifndef PLATFORM_PCI_MSIX_H
#define PLATFORM_PCI_MSIX_H

#include "platform/pci.h"

/*
 * PCI Express Base Specification 5.0, 6.1.4 and 7.7.2. What is masked is remembered by the function
 * (its pending bits), and sent when the mask goes: nothing is lost between start and the handler.
 */
struct pci_msix {
	vaddr_t control;  /* 0: the function has no MSI-X that can be used */
	vaddr_t table;	  /* 16 bytes a vector */
	unsigned vectors; /* 1 to 2048 */
};

/*
 * Find MSI-X of @f, which is open, and switch it off should an earlier stage have left it on: what
 * sends messages raises no pin, and a virtio device keeps no ISR status then. Returns OK;
 * ERR_NOENT: it has none; ERR_RANGE (noted): its table cannot be where it says; ERR_NOMEM.
 */
enum err must_check pci_msix_open(const struct pci_function *f, struct pci_msix *x);

/* Switch it on, each vector masked. From here on the function must not raise its pin (6.1.4). */
void pci_msix_start(const struct pci_msix *x);
void pci_msix_stop(const struct pci_msix *x);

/*
 * What vector @n, which is masked and below x->vectors, stores where. Returns OK; ERR_IO: the
 * table does not hold it.
 */
enum err must_check pci_msix_set(const struct pci_msix *x, unsigned n, paddr_t address,
				 uint32_t data);

/* On return of a mask nothing more is sent (6.1.4.6). */
void pci_msix_set_masked(const struct pci_msix *x, unsigned n, bool masked);

#endif
