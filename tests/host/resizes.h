/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random resizes through everything: the world of test_resizes.c, which is one device, its driver,
 * follow and hot-plug on a simulated machine, and movable memory in use.
 *
 * The device's memory exists in the simulated machine while it is plugged, and only then. So code
 * that touches a block before it has it or after it gave it away finds no memory, and panics.
 */
#ifndef TESTS_HOST_RESIZES_H
#define TESTS_HOST_RESIZES_H

#include "device/mmio.h"
#include "device/vmem.h"
#include "mm/movable.h"
#include "platform/follow.h"

#define BLOCK SZ_2M
#define BLOCKS 64u /* one word of a bitmap */
#define THINGS 48u
#define PINS 3u
#define REGS UINT64_C(0x10008000)
#define IRQ 5u

/* A movable object and what was written to it. */
struct thing {
	struct movable m;
	uint64_t word; /* 0: not allocated */
};

struct pin {
	paddr_t pa; /* FRAME_NONE: none */
	unsigned order;
};

struct world {
	struct vmem vm;
	struct vmmio io;
	uint64_t storage[1];
	struct virtio_mem v;
	struct follow f;
	uint64_t region_start;
	struct thing things[THINGS];
	struct pin pins[PINS];
	bool control; /* a fault is armed: count what is found, do not fail */
	unsigned found;
	uint64_t ticks;
	void (*irq_fn)(void *);
	void *irq_arg;
	unsigned harts;
	unsigned op_hart;
	/* For the operation under way. */
	uint16_t answer; /* to the next answer_left requests that it can be an answer to */
	unsigned answer_left;
	unsigned refused; /* requests that got it */
	unsigned fail_at;
	bool fickle; /* the device may change its mind in between ... */
	bool changed_mind;
	bool bystanders; /* other harts use their memory in between */
};

/* Of all scenarios, each in a process of its own. */
struct totals {
	uint64_t resizes, reached, removals, removed, moved;
	uint64_t refused_pinned, refused_device, no_memory;
	uint64_t left_plugged, minds, in_between, discarded, requests;
};

extern struct world world;
extern struct totals *totals;

/* ---- resizes_device.c, which also is what platform/ asks of the layers below */

/* The device of world.region_start behind its registers; nothing is plugged or requested. */
void world_make_device(void);

/* ---- resizes_things.c. Content that is lost fails the scenario, or counts in a control. */

/* @n times something with one of them: allocate, free, write or verify. */
void things_use(unsigned n);
void things_verify_all(void);
void things_free_all(void);
/* In the middle of an operation, on harts that have no part in it. The argument is not used. */
void things_in_between(void *unused);

/* ---- resizes_checks.c */

/* The blocks of @r, a bit each, as the bitmaps of driver and device have them. */
uint64_t world_bits_of(struct region r);
/*
 * Device, driver, hot-plug and what harts reach agree. What the device did not take back is offered
 * again, and taken, before.
 */
void world_check(const char *when);
/* The same of all tables and of all that was written; slow. */
void world_audit(const char *when);

/* ---- resizes_ops.c. Each draws what goes wrong in it and ends with world_check(). */

/* A size to request next, in bytes. */
uint64_t world_some_size(void);
void world_resize(uint64_t size);
/* Take a range from under whatever is there, or be refused for a reason. */
void world_remove_range(void);
/* Pin frames of hot-added memory, or let go of them. */
void world_change_pin(struct pin *p);

#endif
