/* SPDX-License-Identifier: BSD-2-Clause */
/* What a virtio-mem driver is asked for: plug, unplug, state, and whether accounts agree. */

#include <stdio.h>

#include "platform/virtio_mem.h"

#include "firmware/console.h"
#include "platform/virtio_mem_blocks.h"
#include "platform/virtio_mem_request.h"

/* OK if a request for the range would be well-formed and lies in the usable region. */
static enum err range_check(const struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	if (v->broken)
		return ERR_IO;
	if (size_bytes == 0 || !is_aligned(addr | size_bytes, v->geo.block_size))
		return ERR_INVAL;
	if (addr < v->geo.addr || addr - v->geo.addr >= v->geo.usable_size ||
	    size_bytes > v->geo.usable_size - (addr - v->geo.addr))
		return ERR_RANGE;
	return OK;
}

/* PLUG or UNPLUG a checked range. @done: how far it got, and the accounts with it. Lock held. */
static enum err change(struct virtio_mem *v, uint16_t type, paddr_t addr, uint64_t size_bytes,
		       uint64_t *done)
{
	*done = 0;
	while (*done < size_bytes) {
		uint64_t chunk = vmreq_chunk_bytes(v, size_bytes - *done);
		enum err e = vmreq_send(v, type, addr + *done, chunk, NULL);

		if (e != OK)
			return e;
		vmblocks_account(v, addr + *done, chunk, type == VIRTIO_MEM_REQ_PLUG);
		*done += chunk;
	}
	return OK;
}

enum err virtio_mem_plug(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	uint64_t done, undone;
	enum err e;

	spin_lock(&v->lock);
	e = range_check(v, addr, size_bytes);
	if (e == OK && vmblocks_plugged(v, addr, size_bytes) != 0)
		e = ERR_EXIST;
	if (e != OK)
		goto out_unlock;
	e = change(v, VIRTIO_MEM_REQ_PLUG, addr, size_bytes, &done);
	if (e != OK && done != 0 && !v->broken &&
	    change(v, VIRTIO_MEM_REQ_UNPLUG, addr, done, &undone) != OK)
		note("%s: %#llx+%#llx stays plugged, unused", v->dev.name,
		     (unsigned long long)(addr + undone), (unsigned long long)(done - undone));
out_unlock:
	spin_unlock(&v->lock);
	return e;
}

enum err virtio_mem_unplug(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	uint64_t done;
	enum err e;

	spin_lock(&v->lock);
	e = range_check(v, addr, size_bytes);
	if (e == OK && vmblocks_plugged(v, addr, size_bytes) != size_bytes)
		e = ERR_NOENT;
	if (e == OK)
		e = change(v, VIRTIO_MEM_REQ_UNPLUG, addr, size_bytes, &done);
	spin_unlock(&v->lock);
	return e;
}

enum err virtio_mem_state(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, uint16_t *state)
{
	uint16_t all = 0;
	uint64_t chunk;
	enum err e;

	spin_lock(&v->lock);
	e = range_check(v, addr, size_bytes);
	for (uint64_t done = 0; e == OK && done < size_bytes; done += chunk) {
		uint16_t one;

		chunk = vmreq_chunk_bytes(v, size_bytes - done);
		e = vmreq_send(v, VIRTIO_MEM_REQ_STATE, addr + done, chunk, &one);
		if (e != OK)
			break;
		if (done == 0)
			all = one;
		else if (one != all)
			all = VIRTIO_MEM_STATE_MIXED;
	}
	spin_unlock(&v->lock);
	if (e == OK)
		*state = all;
	return e;
}

enum err virtio_mem_ready(struct virtio_mem *v)
{
	uint16_t state;
	enum err e = ERR_IO;

	spin_lock(&v->lock);
	if (!v->broken)
		e = vmreq_try(v, VIRTIO_MEM_REQ_STATE, v->geo.addr, 1, &state, VMREQ_BUSY_TRIES);
	/* 5.15.6.6: the one right answer to a block outside the usable region. */
	if (e == ERR_INVAL && v->geo.usable_size == 0)
		e = OK;
	else if (e == ERR_INVAL || e == ERR_NACK)
		e = vmreq_give_up(v, ERR_IO, "STATE refused");
	spin_unlock(&v->lock);
	return e;
}

enum err vmreq_refresh(struct virtio_mem *v)
{
	struct virtio_mem_geometry now;
	enum err e;

	if (v->broken)
		return ERR_IO;
	/* A device that needs a reset says so by the same interrupt (2.1.2). */
	if (!virtio_is_alive(&v->dev))
		return vmreq_give_up(v, ERR_IO, "needs a reset");
	e = virtio_mem_config_reread(&v->dev, &v->geo, v->may_shrink, &now);
	if (e != OK)
		return vmreq_give_up(v, e, "bad configuration");
	v->geo = now;
	v->may_shrink = false;
	return OK;
}

enum err virtio_mem_refresh(struct virtio_mem *v)
{
	enum err e;

	spin_lock(&v->lock);
	e = vmreq_refresh(v);
	spin_unlock(&v->lock);
	return e;
}

enum err virtio_mem_check(struct virtio_mem *v)
{
	enum err e;

	spin_lock(&v->lock);
	e = vmreq_refresh(v);
	if (e == OK && v->geo.plugged_size != v->plugged_bytes) {
		note("%s: plugged_size %#llx, driver counts %#llx", v->dev.name,
		     (unsigned long long)v->geo.plugged_size, (unsigned long long)v->plugged_bytes);
		e = ERR_IO;
	}
	spin_unlock(&v->lock);
	return e == ERR_RANGE ? ERR_IO : e;
}

static enum err adopt_run(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged)
{
	if (plugged)
		vmblocks_account(v, addr, size_bytes, true);
	return OK;
}

/*
 * UNPLUG_ALL was BUSY to the last. No clause says that nothing came of it: the usable region may
 * have changed, and some blocks may be gone, so that the device has to be asked for each.
 */
static enum err look_after_busy(struct virtio_mem *v)
{
	enum err e = vmreq_refresh(v);

	if (e == OK && v->geo.plugged_size != v->plugged_bytes) {
		vmblocks_forget(v);
		e = vmreq_walk(v, adopt_run);
	}
	return e == OK ? ERR_BUSY : ERR_IO;
}

enum err vmreq_unplug_all(struct virtio_mem *v, unsigned tries)
{
	enum err e;

	/* Even a busy device may change the usable region on the way (5.15.4.2). */
	v->may_shrink = true;
	e = vmreq_try(v, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL, tries);
	if (e == ERR_INVAL || e == ERR_NACK)
		return vmreq_give_up(v, ERR_IO, "UNPLUG_ALL refused");
	if (e != OK)
		return e;
	vmblocks_forget(v);
	/* Neither is told about otherwise: what changed during UNPLUG_ALL comes without notice. */
	__atomic_store_n(&v->config_changed, 1, __ATOMIC_RELEASE);
	e = vmreq_refresh(v);
	if (e != OK)
		return ERR_IO;
	if (v->geo.plugged_size != 0)
		return vmreq_give_up(v, ERR_IO, "plugged_size %#llx after UNPLUG_ALL",
				     (unsigned long long)v->geo.plugged_size);
	return OK;
}

enum err virtio_mem_unplug_all(struct virtio_mem *v)
{
	enum err e = ERR_IO;

	spin_lock(&v->lock);
	if (!v->broken)
		e = vmreq_unplug_all(v, VMREQ_BUSY_TRIES);
	if (e == ERR_BUSY)
		e = look_after_busy(v);
	spin_unlock(&v->lock);
	return e;
}

static bool has_feature(const struct virtio_mem *v, unsigned bit)
{
	return (v->features >> bit & 1) != 0;
}

uint16_t virtio_mem_node(const struct virtio_mem *v, bool *told)
{
	bool pxm = has_feature(v, VIRTIO_MEM_F_ACPI_PXM);

	if (told != NULL)
		*told = pxm;
	return pxm ? v->geo.node_id : 0;
}

void virtio_mem_describe(const struct virtio_mem *v, char *buf, size_t len)
{
	char region[24], block[24], node[16] = "";
	bool told;
	unsigned number = virtio_mem_node(v, &told);

	if (told)
		snprintf(node, sizeof(node), ", node %u", number);
	snprintf(buf, len, "%s region %#llx+%s, block %s, %s%s", v->dev.name,
		 (unsigned long long)v->geo.addr,
		 virtio_mem_size_text(v->geo.region_size, region, sizeof(region)),
		 virtio_mem_size_text(v->geo.block_size, block, sizeof(block)),
		 has_feature(v, VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE) ? "unplugged-inaccessible"
								     : "unplugged-readable",
		 node);
}
