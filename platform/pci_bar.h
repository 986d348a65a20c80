/* SPDX-License-Identifier: BSD-2-Clause */
/* Base address registers: how large they are, and where there is room for them. */
#ifndef PLATFORM_PCI_BAR_H
#define PLATFORM_PCI_BAR_H

#include "platform/pci.h"

/* For pci.c alone. */

/*
 * Size the BARs of @f and read where they are; cpu stays 0. Its decoding must be off. Returns OK or
 * ERR_RANGE, noted: one of a reserved type, of a size that is no power of two, or half of one.
 */
enum err must_check pci_bars_size(struct pci_function *f);

/*
 * Whether the BARs of @f may stay where they are: each in a window, and apart from all
 * that is taken and from each other. Sets cpu.
 */
bool pci_bars_fit(struct pci_function *f);

/*
 * Find each BAR of @f a place in a window (the lowest in the first that has one) and write it.
 * Returns OK; ERR_NOMEM: no room; ERR_IO: it does not hold the address; noted.
 */
enum err must_check pci_bars_place(struct pci_function *f);

/* Enter the BARs of @f as taken. ERR_RANGE: there is no room for that, noted. */
enum err must_check pci_bars_take(const struct pci_function *f);
enum err must_check pci_take(struct pci_bus *b, struct region r);

#endif
