/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device registers and the barriers between a hart and a device. The accessors are the plainest
 * load and store there is, so that the built-in device can decode the instruction that trapped.
 */
#ifndef FIRMWARE_MMIO_H
#define FIRMWARE_MMIO_H

#include "firmware/types.h"

uint8_t mmio_read8(vaddr_t reg);
uint16_t mmio_read16(vaddr_t reg);
uint32_t mmio_read32(vaddr_t reg);
void mmio_write8(vaddr_t reg, uint8_t v);
void mmio_write16(vaddr_t reg, uint16_t v);
void mmio_write32(vaddr_t reg, uint32_t v);

/*
 * Names by what they order (RVWMO, FENCE with I/O bits):
 * dma_wmb:    stores to memory that a device reads, before later stores to memory (fence w,w)
 * dma_rmb:    loads from memory that a device wrote, before later loads (fence r,r)
 * dma_mb:     stores before later loads of memory shared with a device (fence rw,rw)
 * mmio_post:  memory before a later register write, e.g. a notification (fence w,o)
 */
void dma_wmb(void);
void dma_rmb(void);
void dma_mb(void);
void mmio_post(void);

#endif
