/* SPDX-License-Identifier: BSD-2-Clause */
/* Device memory of tests: plugged blocks that stay out of the allocator, and their tidying up. */
#ifndef TESTS_ACTORS_DEVICE_H
#define TESTS_ACTORS_DEVICE_H

#include "mm/devmem.h"
#include "tests/hotcase.h"

#define DEVICES_MAX 2u

struct device {
	struct devmem mem;
	struct region plugged; /* by this test; size 0: the memory is there by itself */
	bool held;	       /* devmem_get() by the conductor */
};

/* Zeroed by devices_begin(), which also has what is left tidied up when the test is left. */
extern struct device devices[DEVICES_MAX];
void devices_begin(struct test_run *t);

/* Plug @r of the virtio-mem device and map it as device @i, which must succeed with one shootdown.
 */
void device_open(struct test_run *t, unsigned i, struct region r);
/* Map memory that needs no plugging. */
void device_map(struct test_run *t, unsigned i, struct region r);
/* Unmap it, with one shootdown, and give the blocks back. */
void device_close(struct test_run *t, unsigned i);

#endif
