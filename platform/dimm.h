/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A memory module, as pc-dimm's: it appears and disappears as a whole. Here it is a run of blocks
 * of a virtio-mem device, or its one block, plugged by one request.
 */
#ifndef PLATFORM_DIMM_H
#define PLATFORM_DIMM_H

#include "platform/plug.h"

/* Read members freely, write none. Zeroed: no module. */
struct dimm {
	struct virtio_mem *v;
	struct hot_region *r; /* NULL: it is not there */
	struct region phys;
};

/*
 * The module at [@phys] appears: plugged in one request, mapped, online. ERR_RANGE if it takes more
 * than one request, ERR_EXIST if @d has one already; errors of plug_add(), undone. @rep may be
 * NULL. Source: Linux acpi_memory_enable_device(), add_memory_resource().
 */
enum err must_check dimm_insert(struct dimm *d, struct virtio_mem *v, struct region phys,
				struct hot_report *rep);

/*
 * It is ejected, all of it or nothing. ERR_BUSY, ERR_NOMEM with @e->stuck while something of it is
 * in use and cannot move. When the device does not let it go (ERR_BUSY, ERR_NACK), or a
 * removal fails, the module is back in use before this returns its error. Other errors of
 * plug_remove(), and of plug_use() on the way back: the device or a hart is lost.
 * Source: Linux acpi_scan_hot_remove(), try_remove_memory().
 */
enum err must_check dimm_eject(struct dimm *d, struct evacuation *e, struct hot_report *rep);

#endif
