/* SPDX-License-Identifier: BSD-2-Clause */
/* A view of memory that the direct map does not show, such as unplugged memory. */
#ifndef MM_WINDOW_H
#define MM_WINDOW_H

#include "firmware/types.h"

/*
 * Reserve address space for views of up to @size bytes. It lasts: whoever comes later and needs no
 * more has it. ERR_RANGE (more than is reserved), ERR_NOMEM.
 */
enum err must_check window_init(uint64_t size);

/*
 * Show [@pa, @pa + @size), page aligned, at *@p with rights @prot until window_unmap(). One view
 * at a time; both edges are shot down on every hart, since any of them may walk there
 * speculatively. ERR_RANGE (larger than reserved), ERR_EXIST (a view is open), ERR_NOMEM.
 */
enum err must_check window_map(paddr_t pa, uint64_t size, uint64_t prot, void **p);
void window_unmap(void);

#endif
