/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that devices read and write: boot memory only, contiguous, never unplugged. */
#ifndef MM_DMA_H
#define MM_DMA_H

#include "firmware/types.h"

/*
 * @size bytes of zeroed, page-aligned, physically contiguous boot memory (owner `dma`).
 * @pa: what the device is told; returns where the firmware sees it, or NULL if there is none.
 */
void *dma_alloc(uint64_t size, paddr_t *pa);
void dma_free(void *p, uint64_t size);

#endif
