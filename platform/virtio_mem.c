/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem driver: what a device offers, what of it is plugged, requests one at a time. */

#include <stdio.h>
#include <string.h>

#include "platform/virtio_mem.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/dma.h"
#include "mm/fault.h"
#include "platform/intc.h"
#include "platform/virtio_mem_request.h"

#define BUSY_TRIES_INIT 12 /* leftovers: some 2 s in all */
#define MAX_IDLE_INTERRUPTS 1000

#define FEATURE(bit) (UINT64_C(1) << (bit))

/* Blocks [first, end) of the bitmap that are plugged. A word at a time. */
static uint64_t blocks_count(const struct virtio_mem *v, uint64_t first, uint64_t end)
{
	uint64_t n = 0;

	while (first < end) {
		uint64_t word = v->bitmap[first / 64] >> (first % 64);
		uint64_t nr = min_u64(64 - first % 64, end - first);

		if (nr < 64)
			word &= (UINT64_C(1) << nr) - 1;
		for (; word != 0; word &= word - 1)
			n++;
		first += nr;
	}
	return n;
}

void vmreq_account(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged)
{
	uint64_t first = (addr - v->geo.addr) / v->geo.block_size;
	uint64_t end = first + size_bytes / v->geo.block_size;

	while (first < end) {
		uint64_t nr = min_u64(64 - first % 64, end - first);
		uint64_t mask = nr < 64 ? (UINT64_C(1) << nr) - 1 : UINT64_MAX;

		if (plugged)
			v->bitmap[first / 64] |= mask << (first % 64);
		else
			v->bitmap[first / 64] &= ~(mask << (first % 64));
		first += nr;
	}
	if (plugged)
		v->plugged_bytes += size_bytes;
	else
		v->plugged_bytes -= size_bytes;
}

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

uint64_t vmreq_plugged(const struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	uint64_t first = (addr - v->geo.addr) / v->geo.block_size;

	return blocks_count(v, first, first + size_bytes / v->geo.block_size) * v->geo.block_size;
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
		vmreq_account(v, addr + *done, chunk, type == VIRTIO_MEM_REQ_PLUG);
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
	if (e == OK && vmreq_plugged(v, addr, size_bytes) != 0)
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
	if (e == OK && vmreq_plugged(v, addr, size_bytes) != size_bytes)
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

uint64_t virtio_mem_plugged(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes)
{
	paddr_t start = max_u64(addr, v->geo.addr);
	paddr_t end = v->geo.addr + v->geo.region_size;
	uint64_t bytes = 0;

	/* No end of @addr + @size_bytes is ever computed: it may wrap. */
	if (addr < end && size_bytes < end - addr)
		end = addr + size_bytes;
	spin_lock(&v->lock);
	if (v->bitmap != NULL && start < end)
		bytes = vmreq_plugged(v, start, end - start);
	spin_unlock(&v->lock);
	return bytes;
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

static void forget_all(struct virtio_mem *v)
{
	memset(v->bitmap, 0, (v->nr_blocks + 63) / 64 * sizeof(*v->bitmap));
	v->plugged_bytes = 0;
}

static enum err adopt_run(struct virtio_mem *v, paddr_t addr, uint64_t size_bytes, bool plugged)
{
	if (plugged)
		vmreq_account(v, addr, size_bytes, true);
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
		forget_all(v);
		e = vmreq_walk(v, adopt_run);
	}
	return e == OK ? ERR_BUSY : ERR_IO;
}

/* Lock held. */
static enum err unplug_all(struct virtio_mem *v, unsigned tries)
{
	enum err e;

	/* Even a busy device may change the usable region on the way (5.15.4.2). */
	v->may_shrink = true;
	e = vmreq_try(v, VIRTIO_MEM_REQ_UNPLUG_ALL, 0, 0, NULL, tries);
	if (e == ERR_INVAL || e == ERR_NACK)
		return vmreq_give_up(v, ERR_IO, "UNPLUG_ALL refused");
	if (e != OK)
		return e;
	forget_all(v);
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
		e = unplug_all(v, VMREQ_BUSY_TRIES);
	if (e == ERR_BUSY)
		e = look_after_busy(v);
	spin_unlock(&v->lock);
	return e;
}

/* Takes no lock: registers and an atomic flag only. */
static uint32_t poll(struct virtio_mem *v)
{
	uint32_t bits = virtio_take_interrupts(&v->dev);

	if ((bits & VIRTIO_INT_CONFIG) != 0 && !fault_armed(FAULT_CONFIG_CHANGE_LOST))
		__atomic_store_n(&v->config_changed, 1, __ATOMIC_RELEASE);
	return bits;
}

void virtio_mem_poll(struct virtio_mem *v)
{
	(void)poll(v);
}

static void interrupt(void *arg)
{
	struct virtio_mem *v = arg;

	/* A line that stays up and says nothing would keep this hart in here for good. */
	v->idle_interrupts = poll(v) == 0 ? v->idle_interrupts + 1 : 0;
	if (v->idle_interrupts > MAX_IDLE_INTERRUPTS) {
		intc_disable(v->dev.irq);
		virtio_set_interrupt(&v->dev, false);
		v->polled = true;
		note("%s: interrupt %u never ends, polling", v->dev.name, (unsigned)v->dev.irq);
	}
}

bool virtio_mem_config_changed(struct virtio_mem *v)
{
	if (v->polled && !v->broken)
		virtio_mem_poll(v);
	return __atomic_exchange_n(&v->config_changed, 0, __ATOMIC_ACQ_REL) != 0;
}

/* What is not there yet, up to the queue: nothing of this is seen by the device. */
static enum err alloc(struct virtio_mem *v, uint32_t queue_max)
{
	bool first = v->bitmap == NULL;
	enum err e = ERR_NOMEM;
	paddr_t unused;

	if (first) {
		v->nr_blocks = v->geo.region_size / v->geo.block_size;
		v->bitmap = dma_alloc((v->nr_blocks + 63) / 64 * sizeof(*v->bitmap), &unused);
		if (v->bitmap == NULL)
			return ERR_NOMEM;
		v->msg = dma_alloc(sizeof(*v->msg), &v->msg_pa);
		if (v->msg == NULL)
			goto out_bitmap;
	}
	e = virtq_init(&v->queue, queue_max);
	if (e != OK && first)
		goto out_msg;
	return e;
out_msg:
	dma_free(v->msg, sizeof(*v->msg));
	v->msg = NULL;
out_bitmap:
	dma_free(v->bitmap, (v->nr_blocks + 63) / 64 * sizeof(*v->bitmap));
	v->bitmap = NULL;
	return e;
}

/* The first time whatever can be true; from then on what a reset may not change is compared. */
static enum err read_config(struct virtio_mem *v)
{
	struct virtio_mem_geometry now;
	enum err e;

	if (v->bitmap == NULL)
		return virtio_mem_config_read(&v->dev, &v->geo);
	e = virtio_mem_config_reread(&v->dev, &v->geo, v->may_shrink, &now);
	if (e == OK)
		v->geo = now;
	return e;
}

enum err vmreq_start(struct virtio_mem *v)
{
	uint32_t queue_max;
	enum err e = virtio_negotiate(&v->dev,
				      FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE) |
					      FEATURE(VIRTIO_MEM_F_ACPI_PXM),
				      FEATURE(VIRTIO_F_VERSION_1), &v->features);

	if (e != OK)
		return vmreq_give_up(v, e, "cannot be started");
	e = read_config(v);
	if (e != OK)
		return vmreq_give_up(v, e, "bad configuration");
	queue_max = virtio_queue_max(&v->dev, VMREQ_QUEUE);
	if (queue_max < 2)
		return vmreq_give_up(v, ERR_NOENT, "request queue of %u", (unsigned)queue_max);
	e = alloc(v, queue_max);
	if (e != OK)
		return vmreq_give_up(v, e, "no memory for %llu blocks",
				     (unsigned long long)v->nr_blocks);
	e = virtio_queue_start(&v->dev, VMREQ_QUEUE, &v->queue);
	if (e != OK)
		return vmreq_give_up(v, e, "no request queue");
	virtio_driver_ok(&v->dev);
	__atomic_store_n(&v->config_changed, 1, __ATOMIC_RELEASE);
	return OK;
}

enum err virtio_mem_init(struct virtio_mem *v, const struct virtio_device *dev)
{
	char text[24];
	enum err e;

	*v = (struct virtio_mem){.dev = *dev, .lock = SPINLOCK(LOCK_DRIVER), .polled = true};
	e = virtio_reset(&v->dev);
	if (e != OK)
		return vmreq_give_up(v, e, "cannot be started");
	e = vmreq_start(v);
	if (e != OK)
		return e;
	v->polled = dev->irq == 0 || intc_enable(dev->irq, arch_hart(), interrupt, v) != OK;
	if (!v->polled)
		virtio_set_interrupt(&v->dev, true);
	if (v->geo.plugged_size == 0 || fault_armed(FAULT_LEFTOVERS_TRUSTED))
		return OK;
	note("%s: %s left plugged by an earlier run", v->dev.name,
	     virtio_mem_size_text(v->geo.plugged_size, text, sizeof(text)));
	spin_lock(&v->lock);
	e = unplug_all(v, BUSY_TRIES_INIT);
	if (e == ERR_BUSY)
		e = vmreq_give_up(v, e, "leftovers cannot be unplugged");
	spin_unlock(&v->lock);
	return e;
}

uint16_t virtio_mem_node(const struct virtio_mem *v, bool *told)
{
	bool pxm = (v->features & FEATURE(VIRTIO_MEM_F_ACPI_PXM)) != 0;

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
		 (v->features & FEATURE(VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE)) != 0
			 ? "unplugged-inaccessible"
			 : "unplugged-readable",
		 node);
}
