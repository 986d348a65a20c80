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

/* The later half: what is plugged comes into use, with its device's node. Errors of hot_add(). */
enum err must_check plug_use(struct virtio_mem *v, struct region phys, uint64_t prot,
			     struct hot_region **out, struct hot_report *rep);

/*
 * online, or offline already -> unmapped -> unplugged. ERR_BUSY, ERR_NOMEM of hot_offline() with
 * @e->stuck, or ERR_NOMEM of hot_remove(): as before. When the device refuses, the memory is
 * unmapped and still plugged; the error says so. @rep may be NULL.
 */
enum err must_check plug_remove(struct virtio_mem *v, struct hot_region *r, struct evacuation *e,
				struct hot_report *rep);

/*
 * The same for a part of what was added, in multiples of HOTPLUG_GRANULE and of the device's block,
 * inside one region; the rest stays as it is. ERR_NOENT if no region holds it.
 */
enum err must_check plug_remove_range(struct virtio_mem *v, struct region phys,
				      struct evacuation *e, struct hot_report *rep);

/* Give memory back to the device that is plugged and mapped nowhere: what it refused before. */
enum err must_check plug_give_back(struct virtio_mem *v, struct region phys);

#endif
