/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that devices read and write. */
#include "mm/dma.h"

#include <string.h>

#include "firmware/arch.h"
#include "mm/frame.h"

static unsigned order_of(uint64_t size)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < size)
		order++;
	return order;
}

void *dma_alloc(uint64_t size, paddr_t *pa)
{
	if (size == 0 || size > PAGE_SIZE << FRAME_MAX_ORDER)
		return NULL;
	*pa = frame_alloc(order_of(size), OWNER_DMA);
	if (*pa == FRAME_NONE)
		return NULL;
	return memset(phys_to_ptr(*pa), 0, PAGE_SIZE << order_of(size));
}

void dma_free(void *p, uint64_t size)
{
	frame_free(ptr_to_phys(p), order_of(size), OWNER_DMA);
}
