/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine for the virtio-mem driver: device/ behind registers, and knobs to make it misbehave. */
#ifndef TESTS_HOST_TEST_VMEM_DRIVER_RIG_H
#define TESTS_HOST_TEST_VMEM_DRIVER_RIG_H

/*
 * Defines what platform/ asks of the layers below it (firmware/, mm/, the interrupt controller), so
 * one file of a program includes it. Memory addresses are identical, time moves by being read.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/mmio.h"
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/lock.h"
#include "firmware/mmio.h"
#include "firmware/time.h"
#include "mm/dma.h"
#include "mm/io.h"
#include "platform/intc.h"
#include "platform/virtio_mem.h"
#include "platform/virtio_mmio.h"
#include "tests/host/tap.h"

#define RIG_REGS UINT64_C(0x10008000)
#define RIG_ADDR UINT64_C(0x100000000)
#define RIG_IRQ 5
/* A fuzzer's to change: cheaper timeouts, and no word of what happens a thousand times a second. */
#ifndef RIG_TICKS_PER_MS
#define RIG_QUIET false
#define RIG_TICKS_PER_MS 100
#endif
#define RIG_MAX_ALLOCS 8

struct rig {
	struct vmem vm;
	struct vmmio io;
	struct schedule sched;
	uint64_t *storage;
	struct virtio_device t;
	struct virtio_mem v;
	/* Knobs. */
	uint16_t answer; /* for the next answer_left requests that would be granted */
	unsigned answer_skip;
	unsigned answer_left;
	bool deaf;				      /* notifications get lost */
	void (*after_notify)(void);		      /* what else the device does to the queue */
	uint32_t (*read)(uint64_t off, uint32_t val); /* what the driver sees in a register */
	uint32_t (*load)(vaddr_t reg);		      /* another device than io */
	void (*store)(vaddr_t reg, uint32_t value);
	unsigned fail_alloc; /* the n-th allocation fails; 0: none */
	/* Watched. */
	uint64_t accesses;
	uint64_t ticks;
	char note[CONSOLE_LINE];
	unsigned nr_allocs;
	void *allocs[RIG_MAX_ALLOCS];
	uint64_t alloc_bytes[RIG_MAX_ALLOCS];
	unsigned live_allocs;
	int locked;
	void (*irq_fn)(void *);
	void *irq_arg;
	bool irq_off;
	unsigned irqs;
};

static struct rig rig;

/* firmware/console.h: notes are kept, to see that they name the value. */
void vsay(const char *prefix, const char *fmt, va_list ap)
{
	vsnprintf(rig.note, sizeof(rig.note), fmt, ap);
	if (!RIG_QUIET)
		fprintf(stderr, "%s%s\n", prefix, rig.note);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("# ", fmt, ap);
	va_end(ap);
}

/* firmware/time.h */
uint64_t time_ticks(void)
{
	return rig.ticks++;
}

uint64_t time_deadline_ms(uint64_t ms)
{
	return rig.ticks + ms * RIG_TICKS_PER_MS;
}

uint64_t time_after_ms(uint64_t ms)
{
	return time_deadline_ms(ms);
}

bool time_past(uint64_t deadline)
{
	return time_ticks() >= deadline;
}

/* firmware/arch.h, firmware/lock.h */
void arch_yield(void)
{
}

unsigned arch_hart(void)
{
	return 0;
}

void spin_lock(struct spinlock *l)
{
	if (l->held != 0)
		abort(); /* a deadlock, with one hart */
	l->held = 1;
	rig.locked++;
}

void spin_unlock(struct spinlock *l)
{
	l->held = 0;
	rig.locked--;
}

/* firmware/mmio.h: one thread, so the order is the program's. */
void dma_wmb(void)
{
}

void dma_rmb(void)
{
}

void dma_mb(void)
{
}

void mmio_post(void)
{
}

uint32_t mmio_read32(vaddr_t reg)
{
	uint64_t off = reg - RIG_REGS;
	uint32_t value;

	rig.accesses++;
	if (rig.load != NULL)
		return rig.load(reg);
	value = (uint32_t)vmmio_read(&rig.io, off, 4);
	return rig.read != NULL ? rig.read(off, value) : value;
}

void mmio_write32(vaddr_t reg, uint32_t value)
{
	uint64_t off = reg - RIG_REGS;

	rig.accesses++;
	if (rig.store != NULL) {
		rig.store(reg, value);
		return;
	}
	if (off == VMMIO_REG_QUEUE_NOTIFY && rig.deaf)
		return;
	vmmio_write(&rig.io, off, value, 4);
	if (off == VMMIO_REG_QUEUE_NOTIFY && rig.after_notify != NULL)
		rig.after_notify();
}

/* mm/dma.h, mm/io.h */
void *dma_alloc(uint64_t size, paddr_t *pa)
{
	uint64_t bytes = align_up(size, PAGE_SIZE);
	unsigned slot = 0;
	void *p;

	if (++rig.nr_allocs == rig.fail_alloc)
		return NULL;
	while (slot < RIG_MAX_ALLOCS && rig.allocs[slot] != NULL)
		slot++;
	if (slot == RIG_MAX_ALLOCS)
		abort();
	p = aligned_alloc(PAGE_SIZE, bytes);
	if (p == NULL)
		abort();
	memset(p, 0, bytes);
	*pa = (paddr_t)(uintptr_t)p;
	rig.allocs[slot] = p;
	rig.alloc_bytes[slot] = bytes;
	rig.live_allocs++;
	return p;
}

void dma_free(void *p, uint64_t size)
{
	for (unsigned i = 0; i < RIG_MAX_ALLOCS; i++) {
		if (p == NULL || rig.allocs[i] != p)
			continue;
		if (rig.alloc_bytes[i] != align_up(size, PAGE_SIZE))
			abort();
		free(p);
		rig.allocs[i] = NULL;
		rig.live_allocs--;
		return;
	}
	abort();
}

enum err io_map(paddr_t pa, uint64_t size, vaddr_t *va)
{
	(void)size;
	*va = pa;
	return OK;
}

/* platform/intc.h: one line, delivered while it is up. */
enum err intc_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg)
{
	(void)hart;
	if (irq != RIG_IRQ)
		return ERR_RANGE;
	rig.irq_fn = fn;
	rig.irq_arg = arg;
	return OK;
}

void intc_disable(unsigned irq)
{
	rig.irq_off = irq == RIG_IRQ;
}

static void rig_interrupt(void)
{
	if (rig.irq_fn == NULL || rig.irq_off)
		return;
	rig.irqs++;
	rig.irq_fn(rig.irq_arg);
}

/* The device's side. */
static void rig_set_line(void *ctx, bool asserted)
{
	(void)ctx;
	if (asserted)
		rig_interrupt();
}

static void *rig_translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	(void)is_write;
	for (unsigned i = 0; i < RIG_MAX_ALLOCS; i++) {
		uint64_t start = (uint64_t)(uintptr_t)rig.allocs[i];

		if (rig.allocs[i] != NULL && addr >= start && len_bytes <= rig.alloc_bytes[i] &&
		    addr - start <= rig.alloc_bytes[i] - len_bytes)
			return (void *)(uintptr_t)addr;
	}
	return NULL;
}

static uint16_t rig_admit(void *ctx, const struct vmem_request *req)
{
	(void)ctx;
	(void)req;
	if (rig.answer_skip != 0) {
		rig.answer_skip--;
		return VIRTIO_MEM_RESP_ACK;
	}
	if (rig.answer_left == 0)
		return VIRTIO_MEM_RESP_ACK;
	rig.answer_left--;
	return rig.answer;
}

static void rig_notify_config(void *ctx)
{
	(void)ctx;
	vmmio_config_changed(&rig.io);
}

static const struct vmem_ops rig_vmem_ops = {.admit = rig_admit,
					     .notify_config = rig_notify_config};
static const struct vmmio_ops rig_vmmio_ops = {.translate = rig_translate,
					       .set_interrupt = rig_set_line};

/* A machine with one device that asks for @requested bytes. */
static inline void rig_make(uint64_t region, uint64_t block, uint64_t requested)
{
	struct vmem_params p = {.addr = RIG_ADDR,
				.region_size = region,
				.block_size = block,
				.requested_size = requested};
	size_t bytes = vmem_storage_bytes(region, block);

	memset(&rig, 0, sizeof(rig));
	rig.storage = calloc(1, bytes);
	if (rig.storage == NULL ||
	    vmem_init(&rig.vm, &p, rig.storage, bytes, &rig_vmem_ops, NULL) != VMEM_OK)
		abort();
	schedule_init(&rig.sched, NULL, 0);
	vmmio_init(&rig.io, &rig.vm, &rig.sched, &rig_vmmio_ops, NULL);
}

static inline enum err rig_open(uint32_t irq)
{
	struct machine_virtio slot = {.base = RIG_REGS, .size = VMMIO_WINDOW_BYTES, .irq = irq};

	return virtio_mmio_open_slot(&rig.t, &slot, VIRTIO_ID_MEM);
}

static inline enum err rig_init(uint32_t irq)
{
	enum err e = rig_open(irq);

	return e == OK ? virtio_mem_init(&rig.v, &rig.t) : e;
}

/* The usual one: 64 blocks of 2 MiB, 48 asked for, started, polled. */
static inline void rig_start(void)
{
	rig_make(64 * SZ_2M, SZ_2M, 48 * SZ_2M);
	if (rig_init(0) != OK)
		abort();
}

static inline void rig_end(void)
{
	for (unsigned i = 0; i < RIG_MAX_ALLOCS; i++)
		free(rig.allocs[i]);
	free(rig.storage);
	if (rig.locked != 0)
		abort();
}

/* Driver and device agree, block by block, and by each's own sum. */
static inline bool rig_agrees(void)
{
	for (uint64_t i = 0; i < (rig.vm.nb_blocks + 63) / 64; i++) {
		if (rig.vm.bitmap[i] != rig.v.bitmap[i])
			return false;
	}
	return rig.vm.plugged_size == rig.v.plugged_bytes;
}

#endif
