/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that arrives and leaves. */
#include "platform/plug.h"

#include "firmware/console.h"
#include "mm/fault.h"
#include "mm/model.h"

enum err plug_add(struct virtio_mem *v, struct region phys, uint64_t prot, struct hot_region **out,
		  struct hot_report *rep)
{
	enum err err = virtio_mem_plug(v, phys.start, phys.size);

	if (err != OK)
		return err;
	err = hot_add(phys, prot, out, rep);
	if (err != OK)
		goto out_unplug;
	hot_online(*out);
	return OK;

out_unplug:
	/* Some hart may still have it mapped: then it stays plugged, for good. */
	if (hot_find(phys.start) != NULL)
		return err;
	if (virtio_mem_unplug(v, phys.start, phys.size) != OK)
		note("vmem: 0x%llx+0x%llx stays plugged, unused", (unsigned long long)phys.start,
		     (unsigned long long)phys.size);
	return err;
}

/* From the answer on the device may do with the memory what it likes. */
static enum err tell_device(struct virtio_mem *v, struct region phys)
{
	model_frames_unplugged(phys);
	return virtio_mem_unplug(v, phys.start, phys.size);
}

enum err plug_remove(struct virtio_mem *v, struct hot_region *r, paddr_t *busy,
		     struct hot_report *rep)
{
	struct region phys = r->phys;
	enum err err = hot_offline(r, busy);

	if (err != OK)
		return err;
	if (fault_armed(FAULT_UNPLUG_EARLY)) {
		err = tell_device(v, phys);
		if (err != OK)
			return err;
		return hot_remove(r, rep);
	}
	err = hot_remove(r, rep); /* unlinked and shot down on every hart */
	if (err != OK)
		return err;
	return tell_device(v, phys); /* only now */
}
