/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in virtio-mem device, for machines that have none: registers by trap, memory from RAM.
 */
#ifndef PLATFORM_BUILTIN_H
#define PLATFORM_BUILTIN_H

#include "firmware/types.h"

/*
 * The device model of device/ behind a window of address space that nothing is mapped at. The
 * driver's loads and stores trap, are decoded and carried out, on the hart that made them, under a
 * lock with interrupts off. The driver finds a virtio-mmio device there and polls it (irq 0).
 *
 * An unplugged block is filled with a scribble of its own addresses, so its content is gone, and
 * a store to it is found when it is plugged again. The fill goes through mm/window.h, which maps
 * and shoots down: no caller may hold the kernel table's lock, and only the conductor's hart may
 * send requests to this device, or call what says so below. Harts that wait for the lock answer
 * shootdowns (arch_yield()).
 */

struct builtin_params {
	paddr_t region; /* RAM that nothing else uses; with its size a multiple of @block */
	uint64_t size;	/* bytes */
	uint64_t block; /* bytes, power of two, at least a page */
	/* Requested sizes (device/schedule.h); NULL: "100%,0". */
	const char *schedule;
	/*
	 * Where the firmware sees @len bytes at @pa, if all of it is memory that devices may use
	 * (dma memory), else NULL.
	 */
	void *(*ptr)(void *ctx, uint64_t pa, uint64_t len, bool write);
	void *ctx;
	/* Scribble the whole region at start too, so that stores before the first plug show. */
	bool fill;
};

/*
 * Set the device up; once. @window gets the address of its registers, @window_size their extent.
 * Reserves the window of mm/window.h. Returns OK; ERR_INVAL (noted) for sizes or a schedule that
 * cannot be; ERR_EXIST for a second one; ERR_NOMEM.
 */
enum err must_check builtin_init(const struct builtin_params *p, vaddr_t *window,
				 uint64_t *window_size);

/*
 * 64-bit words of unplugged memory that were found written to, so far; @first gets the address of
 * the first one found, if there is any, and may be NULL. Found when a block is plugged again, and
 * by builtin_scan().
 */
uint64_t builtin_violations(paddr_t *first);

/* Look at every block that is unplugged now (and was plugged, or filled, before). Conductor only.
 */
void builtin_scan(void);

/* Answer the next @count requests that would be granted by @type (VIRTIO_MEM_RESP_*) instead. */
void builtin_answer_next(uint16_t type, unsigned count);

/*
 * Ask the driver for another size, at once and beside the schedule. Returns OK, or ERR_INVAL if
 * it is no multiple of the block size or exceeds the region.
 */
enum err must_check builtin_set_requested(uint64_t size_bytes);

/* Accesses to the registers that virtio does not allow; the driver's mistakes. */
uint64_t builtin_misuses(void);

#endif
