/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory modules. */
#include "platform/dimm.h"

#include "device/vmem_abi.h"
#include "mm/fault.h"

enum err dimm_insert(struct dimm *d, struct virtio_mem *v, struct region phys,
		     struct hot_report *rep)
{
	enum err err;

	if (d->r != NULL)
		return ERR_EXIST;
	/* Two requests are two moments, and between them half of a module. */
	if (phys.size / v->geo.block_size > VIRTIO_MEM_MAX_BLOCKS)
		return ERR_RANGE;
	err = plug_add(v, phys, PROT_RW, &d->r, rep);
	if (err != OK) {
		d->r = NULL;
		return err;
	}
	d->v = v;
	d->phys = phys;
	return OK;
}

/* Seeded: the upper half is forgotten. */
static enum err eject_half(struct dimm *d, struct evacuation *e, struct hot_report *rep)
{
	struct region half = {d->phys.start, align_up(d->phys.size / 2, d->v->geo.block_size)};
	enum err err = plug_remove_range(d->v, half, e, rep);

	if (err == OK)
		d->r = NULL;
	return err;
}

enum err dimm_eject(struct dimm *d, struct evacuation *e, struct hot_report *rep)
{
	enum err err, back;

	if (d->r == NULL)
		return ERR_NOENT;
	if (fault_armed(FAULT_DIMM_HALF) && d->phys.size > d->v->geo.block_size)
		return eject_half(d, e, rep);
	err = plug_remove(d->v, d->r, e, rep);
	if (err != OK && hot_look_up(d->phys.start) != NULL)
		return err; /* as before, or stuck: its region says which */
	d->r = NULL;
	if (err == OK || virtio_mem_plugged(d->v, d->phys.start, d->phys.size) != d->phys.size ||
	    fault_armed(FAULT_DIMM_LOST))
		return err;
	/* Unmapped, and the device keeps it plugged: a module is in use or not there. */
	back = plug_use(d->v, d->phys, PROT_RW, &d->r, NULL);
	if (back != OK)
		d->r = NULL;
	return back == OK ? err : back;
}
