/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers that are emulated: a window that nothing is mapped at, and what its traps are. */
#ifndef PLATFORM_MMIO_TRAP_H
#define PLATFORM_MMIO_TRAP_H

#include "firmware/types.h"

/*
 * The driver's loads and stores fault, are decoded and carried out on the hart that made them, with
 * interrupts off. Only S-mode's.
 */
struct mmio_trap {
	const char *name; /* for the one note about a machine whose stval is wrong */
	uint64_t size;	  /* bytes of registers */
	uint64_t (*load)(uint64_t offset, unsigned size_bytes);
	/* @value has @size_bytes, the rest is 0. */
	void (*store)(uint64_t offset, uint64_t value, unsigned size_bytes);
	/* Of this module. */
	vaddr_t va; /* 0: not added */
	struct mmio_trap *next;
	bool stval_noted;
};

/*
 * Reserve address space for @m and trap what is done there, for good. Before other harts look.
 * Returns OK, with m->va; ERR_NOMEM.
 */
enum err must_check mmio_trap_add(struct mmio_trap *m);

#endif
