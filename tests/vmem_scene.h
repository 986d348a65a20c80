/* SPDX-License-Identifier: BSD-2-Clause */
/* What the vmem.* tests have in common: memory in use, a watch, the way back. */
#ifndef TESTS_VMEM_SCENE_H
#define TESTS_VMEM_SCENE_H

#include "mm/hotplug.h"
#include "tests/probes.h"
#include "tests/test.h"

struct virtio_mem *vmem(const struct test_run *t);

/* Units that device and direct map can both do: the @n from the @first on; how many there are. */
uint64_t unit(const struct test_run *t);
struct region units(const struct test_run *t, uint64_t first, uint64_t n);
uint64_t nr_units(const struct test_run *t);

/* @n units are there, and the built-in device if @builtin; else skips with the reason. */
bool can_do(struct test_run *t, uint64_t n, bool builtin);

/* misbehave(), which has to know @list. */
void begin_fault(struct test_run *t, const char *list);

/* Memory that all harts use while the device does what it does. */
struct user {
	struct hot_region *r;
	struct region phys;
	struct spots s;
};

struct user user_add(struct test_run *t, struct virtio_mem *v, struct region phys);
/* Content as it was, loads and stores, frames to be had: nothing happened to it. */
void user_check(struct test_run *t, const struct user *u);
/* Removed, and every hart traps there. */
void user_remove(struct test_run *t, struct virtio_mem *v, const struct user *u);

/* What the driver did since the start of the watch, and how long it took. */
struct watch {
	const struct virtio_mem *v;
	uint64_t start_us, requests, busy;
	uint64_t patience; /* deadline: stretched by timeout= as the driver's own are */
};

struct watch watch_start(const struct virtio_mem *v);
uint64_t watch_ms(const struct watch *w);
/* One line of it; fails if it took far too long. */
void watch_say(struct test_run *t, const struct watch *w, const char *fault, enum err err);

/*
 * What most tests of one fault begin with: unit 0 of @n is in use by @u, then @fault is armed and
 * @w watches. False: skipped, as by can_do().
 */
bool begin_beside(struct test_run *t, uint64_t n, const char *fault, struct user *u,
		  struct watch *w);

/*
 * No fault any more, the device in use again and in agreement, all hot-added memory but @kept's
 * (or NULL) removed.
 */
void recover(struct test_run *t, const struct user *kept);

/* Nothing is in use: nothing is plugged. */
void unplug_rest(struct test_run *t);

/*
 * Plug from the region's start, or unplug from the end of what is plugged, until plugged is what is
 * requested: at most @looks times, since the device may change its mind as often as it likes.
 * False: not reached. @look is called with each size that was seen; or NULL.
 */
bool follow(struct test_run *t, unsigned looks, void (*look)(struct test_run *t));

/*
 * A device of our make takes STATE for "ready" and runs its schedule: to its end, where all is
 * plugged that it asks for and it is quiet. Returns how often it asked for another size.
 */
unsigned run_schedule(struct test_run *t, void (*look)(struct test_run *t));

/* STATE was asked for: back to a quiet device with nothing plugged. */
void settle(struct test_run *t);

#endif
