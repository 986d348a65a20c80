/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory whose frame table comes from elsewhere than usual: plugged, added and removed by hand. */
#ifndef TESTS_ACTORS_MEMMAP_H
#define TESTS_ACTORS_MEMMAP_H

#include <limits.h>

#include "mm/hotplug.h"
#include "tests/hotcase.h"
#include "tests/test.h"

#define KIND_CARVED UINT_MAX

/*
 * Plug [@r] and add it: KIND_CARVED, with its records in it, else as a device's in pages of that
 * order. Errors of hot_add_*(), unplugged again then; a refusal of the device ends the test.
 */
enum err must_check memmap_try_add(struct test_run *t, struct region r, unsigned kind,
				   struct hot_region **out);
/* The same, which must succeed. */
struct hot_region *memmap_add(struct test_run *t, struct region r, unsigned kind);
/* Spots in the records of @r. */
struct spots memmap_spots(const struct test_run *t, struct region r);

/* Every allocation of an add fails once: refused, and all is as it was. */
void memmap_nomem(struct test_run *t, struct region r, unsigned kind);

/* Device pages of 4 MiB, so that memory can be cut inside of one. */
#define DEVICE_ORDER 10u
#define DEVICE_PAGE (PAGE_SIZE << DEVICE_ORDER)

/*
 * Of the device page at @device_page: one page for the first records, one for all others, and the
 * count says for how many.
 */
void dax_expect_shared(struct test_run *t, paddr_t device_page);

#endif
