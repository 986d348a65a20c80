/* SPDX-License-Identifier: BSD-2-Clause */
/* Device registers: one plain load or store each; barriers between hart and device. */
#include "firmware/mmio.h"

#include "firmware/fence.h"

#define MMIO_ACCESSORS(bits)                                                                       \
	uint##bits##_t mmio_read##bits(vaddr_t reg)                                                \
	{                                                                                          \
		return *(volatile uint##bits##_t *)reg;                                            \
	}                                                                                          \
	void mmio_write##bits(vaddr_t reg, uint##bits##_t v)                                       \
	{                                                                                          \
		*(volatile uint##bits##_t *)reg = v;                                               \
	}

MMIO_ACCESSORS(8)
MMIO_ACCESSORS(16)
MMIO_ACCESSORS(32)

void dma_wmb(void)
{
	raw_fence_w_w();
}

void dma_rmb(void)
{
	raw_fence_r_r();
}

void dma_mb(void)
{
	raw_fence_rw_rw();
}

void mmio_post(void)
{
	raw_fence_w_o();
}
