/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that arrives and leaves. */
#include "platform/plug.h"

#include "firmware/console.h"
#include "firmware/time.h"
#include "mm/fault.h"
#include "mm/model.h"

/* From the answer on the device may do with the memory what it likes. */
enum err plug_give_back(struct virtio_mem *v, struct region phys)
{
	model_frames_unplugged(phys);
	return virtio_mem_unplug(v, phys.start, phys.size);
}

enum err plug_use(struct virtio_mem *v, struct region phys, uint64_t prot, struct hot_region **out,
		  struct hot_report *rep)
{
	enum err err = hot_add(phys, prot, out, rep);

	if (err != OK)
		return err;
	/* Before anybody can allocate from it. */
	if (!fault_armed(FAULT_NODE_LOST))
		(*out)->zone.node = virtio_mem_node(v, NULL);
	err = hot_online(*out);
	/* Never online, so nothing lies in it. */
	if (err != OK && hot_remove(*out, NULL) != OK)
		note("hot-plug: region 0x%llx stays mapped", (unsigned long long)phys.start);
	return err;
}

enum err plug_add(struct virtio_mem *v, struct region phys, uint64_t prot, struct hot_region **out,
		  struct hot_report *rep)
{
	uint64_t start = time_us();
	enum err err = virtio_mem_plug(v, phys.start, phys.size);

	if (err != OK)
		return err;
	err = plug_use(v, phys, prot, out, rep);
	if (err != OK)
		goto out_unplug;
	if (rep != NULL)
		rep->us = time_us() - start;
	return OK;

out_unplug:
	/* Some hart may still have it mapped: then it stays plugged, for good. */
	if (hot_look_up(phys.start) != NULL || fault_armed(FAULT_PLUG_KEPT))
		return err;
	if (plug_give_back(v, phys) != OK)
		note("vmem: 0x%llx+0x%llx stays plugged, unused", (unsigned long long)phys.start,
		     (unsigned long long)phys.size);
	return err;
}

static enum err remove_region(struct virtio_mem *v, struct hot_region *r, struct evacuation *e,
			      struct hot_report *rep)
{
	struct region phys = r->phys;
	bool online = r->state != HOT_MAPPED && r->state != HOT_DEVICE;
	enum err err;

	*e = (struct evacuation){.stuck = {.pa = FRAME_NONE}};
	err = online ? hot_offline(r, e) : OK;
	if (err != OK)
		return err;
	if (fault_armed(FAULT_UNPLUG_EARLY)) {
		err = plug_give_back(v, phys);
		if (err != OK)
			return err;
		return hot_remove(r, rep);
	}
	err = hot_remove(r, rep); /* unlinked and shot down on every hart */
	if (err == ERR_NOMEM && online && hot_online(r) != OK)
		note("hot-plug: region 0x%llx stays offline", (unsigned long long)phys.start);
	if (err != OK)
		return err;
	return plug_give_back(v, phys); /* only now */
}

enum err plug_remove(struct virtio_mem *v, struct hot_region *r, struct evacuation *e,
		     struct hot_report *rep)
{
	uint64_t start = time_us();
	enum err err = remove_region(v, r, e, rep);

	if (err == OK && rep != NULL) {
		rep->us = time_us() - start;
		rep->moved = e->moved;
	}
	return err;
}

/* Undo a cut that led to nothing. */
static void rejoin(struct hot_region *r)
{
	enum err err = hot_merge(r, NULL);

	if (err != OK)
		note("hot-plug: region 0x%llx stays cut: %s", (unsigned long long)r->phys.start,
		     err_name(err));
}

enum err plug_remove_range(struct virtio_mem *v, struct region phys, struct evacuation *e,
			   struct hot_report *rep)
{
	struct hot_region *r = hot_look_up(phys.start);
	struct hot_region *lower = NULL;
	struct hot_region *upper = NULL;
	enum err err;

	if (r == NULL || phys.size == 0 || region_end(phys) > region_end(r->phys))
		return ERR_NOENT;
	if (phys.start > r->phys.start) {
		lower = r;
		err = hot_split(lower, phys.start, &r);
		if (err != OK)
			return err;
	}
	err = OK;
	if (region_end(phys) < region_end(r->phys))
		err = hot_split(r, region_end(phys), &upper);
	if (err == OK)
		err = plug_remove(v, r, e, rep);
	/* Still there and online: the cuts go. */
	if (err != OK && hot_look_up(phys.start) == r && r->state == HOT_ONLINE) {
		if (upper != NULL)
			rejoin(r);
		if (lower != NULL)
			rejoin(lower);
	}
	return err;
}
