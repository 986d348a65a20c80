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
 * and shoots down: no caller may hold the kernel table's lock. Any hart may send requests, one at a
 * time (the driver's lock); what says so below is for the conductor's. Harts that wait for a lock
 * answer shootdowns, also with interrupts off (spin_lock()).
 */

struct vmem;
struct vmem_request;
struct vmmio;

/*
 * Who stands between the driver and the device, sees what passes and changes it: see
 * platform/misbehave.h. Called with the device's lock held and interrupts off; any member may be
 * NULL.
 */
struct builtin_hooks {
	/* The driver loads @size_bytes at @offset; returns what it gets, @value being the truth. */
	uint64_t (*read)(struct vmmio *io, uint64_t offset, unsigned size_bytes, uint64_t value);
	/* It stores, and @value may be changed. False: the device never sees it. */
	bool (*write)(struct vmmio *io, uint64_t offset, uint64_t *value);
	/* The device has seen the store. */
	void (*wrote)(struct vmmio *io, uint64_t offset);
	/* A request would be granted: VIRTIO_MEM_RESP_ACK, or what is answered instead. */
	uint16_t (*admit)(const struct vmem_request *req);
	/* A request was carried out, and is not yet answered. */
	void (*carried_out)(struct vmem *vm, const struct vmem_request *req, uint16_t type);
	/* The usable region changed. */
	void (*usable_changed)(struct vmem *vm);
	/* Blocks become unplugged: true if their content is to stay as it is. */
	bool (*keeps_content)(void);
};

struct builtin_params {
	paddr_t region; /* RAM that nothing else uses; with its size a multiple of @block */
	uint64_t size;	/* bytes */
	uint64_t block; /* bytes, power of two, at least a page */
	bool has_node;	/* it tells its node */
	uint16_t node;
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
 * Set the device up; once. @regs gets the address of its registers, @regs_size their extent.
 * Reserves the window of mm/window.h. Returns OK; ERR_INVAL (noted) for sizes or a schedule that
 * cannot be; ERR_EXIST for a second one; ERR_NOMEM.
 */
enum err must_check builtin_init(const struct builtin_params *p, vaddr_t *regs,
				 uint64_t *regs_size);

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

/* From now on; NULL: nobody. */
void builtin_hook(const struct builtin_hooks *hooks);

/* Call @fn with the device, under its lock and with interrupts off. False: there is no device. */
bool builtin_with(void (*fn)(struct vmmio *io, void *arg), void *arg);

/*
 * Nobody hooked, no answers in store, schedule and requested size as at start. Blocks stay as they
 * are; the driver hears of what changed.
 */
void builtin_calm(void);

/*
 * A system reset of a machine that was rebuilt: another device, whose region starts @offset bytes
 * into the memory of builtin_init(), in blocks of @block, nothing plugged, asking for everything.
 * The driver has to start anew. ERR_BUSY: something is plugged. ERR_INVAL: sizes that cannot be,
 * or more blocks than there is room for (4096, or what builtin_init() had).
 */
enum err must_check builtin_reshape(uint64_t offset, uint64_t size, uint64_t block);

/* The last @n violations were made on purpose: they no longer count. */
void builtin_forgive(uint64_t n);

/* Accesses to the registers that virtio does not allow; the driver's mistakes. */
uint64_t builtin_misuses(void);

#endif
