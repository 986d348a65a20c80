/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that arrives and leaves: the device's blocks and the kernel's hot-plug in one step. */
#ifndef PLATFORM_PLUG_H
#define PLATFORM_PLUG_H

#include "mm/hotplug.h"
#include "platform/virtio_mem.h"

/*
 * absent -> plugged -> mapped -> online, or undone and an error: those of virtio_mem_plug() and
 * hot_add(). @rep may be NULL.
 */
enum err must_check plug_add(struct virtio_mem *v, struct region phys, uint64_t prot,
			     struct hot_region **out, struct hot_report *rep);

/*
 * online -> offline -> unmapped -> unplugged. ERR_BUSY with *@busy when a frame is in use: online
 * as before. When the device refuses, the memory is unmapped and still plugged; the error says so.
 */
enum err must_check plug_remove(struct virtio_mem *v, struct hot_region *r, paddr_t *busy,
				struct hot_report *rep);

#endif
