/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver: a device that was given up starts anew, and one that is let go. */

#include "firmware/console.h"
#include "mm/dma.h"
#include "platform/intc.h"
#include "platform/virtio_mem.h"
#include "platform/virtio_mem_blocks.h"
#include "platform/virtio_mem_request.h"

/* Bytes of [@at, @end) from @at on that are (not) in the driver's accounts. */
static uint64_t run_bytes(const struct virtio_mem *v, paddr_t at, paddr_t end, bool plugged)
{
	uint64_t block = v->geo.block_size;
	paddr_t pos = at;

	while (pos < end && (vmblocks_plugged(v, pos, block) != 0) == plugged)
		pos += block;
	return pos - at;
}

/* Plugged, and nobody here knows of it: a PLUG whose answer was lost, so nobody uses it. */
static enum err drop_strangers(struct virtio_mem *v, paddr_t at, paddr_t end)
{
	while (at < end) {
		uint64_t size = run_bytes(v, at, end, false);
		enum err e;

		if (size != 0) {
			e = vmreq_send(v, VIRTIO_MEM_REQ_UNPLUG, at, size, NULL);
			if (e == ERR_BUSY || e == ERR_NACK)
				return vmreq_give_up(v, e, "leftovers cannot be unplugged");
			if (e != OK)
				return e;
			note("%s: %#llx+%#llx was plugged unknown, unplugged", v->dev.name,
			     (unsigned long long)at, (unsigned long long)size);
			at += size;
		}
		at += run_bytes(v, at, end, true);
	}
	return OK;
}

static enum err compare_run(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged)
{
	if (plugged)
		return drop_strangers(v, addr, addr + size_bytes);
	if (vmblocks_plugged(v, addr, size_bytes) == 0)
		return OK;
	return vmreq_give_up(v, ERR_IO, "%#llx bytes of %#llx+%#llx are no longer plugged",
			     (unsigned long long)vmblocks_plugged(v, addr, size_bytes),
			     (unsigned long long)addr, (unsigned long long)size_bytes);
}

static enum err revive(struct virtio_mem *v)
{
	enum err e = virtio_reset(&v->dev);

	if (e != OK)
		return vmreq_give_up(v, e, "cannot be reset");
	/* The reset is confirmed: the queue is the driver's again (2.4, 4.2.3). */
	if (v->queue.mem != NULL)
		virtq_free(&v->queue);
	e = vmreq_start(v);
	if (e != OK)
		return e;
	v->broken = false;
	e = vmreq_walk(v, compare_run);
	if (e == OK)
		e = vmreq_refresh(v);
	if (e == OK && v->geo.plugged_size != v->plugged_bytes)
		e = vmreq_give_up(v, ERR_IO, "plugged_size %#llx, driver counts %#llx",
				  (unsigned long long)v->geo.plugged_size,
				  (unsigned long long)v->plugged_bytes);
	return e;
}

enum err virtio_mem_revive(struct virtio_mem *v)
{
	enum err e = ERR_INVAL;

	spin_lock(&v->lock);
	if (v->bitmap != NULL)
		e = revive(v);
	spin_unlock(&v->lock);
	return e;
}

enum err virtio_mem_close(struct virtio_mem *v)
{
	uint32_t irq = v->dev.irq;
	enum err e;

	spin_lock(&v->lock);
	virtio_set_interrupt(&v->dev, false);
	if (!v->polled)
		intc_disable(irq);
	v->polled = true;
	v->broken = true;
	e = virtio_reset(&v->dev);
	if (e == OK && v->queue.mem != NULL)
		virtq_free(&v->queue);
	if (e == OK && v->bitmap != NULL) {
		dma_free(v->msg, sizeof(*v->msg));
		v->msg = NULL;
		vmblocks_free(v);
	}
	spin_unlock(&v->lock);
	return e;
}
