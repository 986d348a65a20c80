/* SPDX-License-Identifier: BSD-2-Clause */
/* A view of memory that the direct map does not show: for the built-in device alone. */
#ifndef MM_WINDOW_H
#define MM_WINDOW_H

#include "firmware/types.h"

/* Reserve address space for views of up to @size bytes. Once. ERR_NOMEM. */
enum err must_check window_init(uint64_t size);

/*
 * Show [@pa, @pa + @size), page aligned, at *@p until window_unmap(). One view at a time; both
 * edges are shot down on every hart, since any of them may walk there speculatively.
 * ERR_RANGE (larger than reserved), ERR_EXIST (a view is open), ERR_NOMEM.
 */
enum err must_check window_map(paddr_t pa, uint64_t size, void **p);
void window_unmap(void);

#endif
