/* SPDX-License-Identifier: BSD-2-Clause */
/* How a virtio-mem device starts, and what it says by itself: its interrupt. */
#include "platform/virtio_mem.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "mm/dma.h"
#include "mm/fault.h"
#include "platform/intc.h"
#include "platform/virtio_mem_blocks.h"
#include "platform/virtio_mem_request.h"

#define BUSY_TRIES_INIT 12 /* leftovers: some 2 s in all */
#define MAX_IDLE_INTERRUPTS 1000

#define FEATURE(bit) (UINT64_C(1) << (bit))

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

	if (first) {
		if (vmblocks_alloc(v) != OK)
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
	vmblocks_free(v);
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

/* A device that took its vector before the reset may refuse it now. */
static void choose_interrupt(struct virtio_mem *v)
{
	uint32_t had = v->dev.irq;

	virtio_choose_interrupt(&v->dev);
	if (v->polled || v->dev.irq == had)
		return;
	intc_disable(had);
	v->polled = true;
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
	choose_interrupt(v);
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
	v->polled = v->dev.irq == 0 || intc_enable(v->dev.irq, arch_hart(), interrupt, v) != OK;
	virtio_set_interrupt(&v->dev, !v->polled);
	if (v->geo.plugged_size == 0 || fault_armed(FAULT_LEFTOVERS_TRUSTED))
		return OK;
	note("%s: %s left plugged by an earlier run", v->dev.name,
	     virtio_mem_size_text(v->geo.plugged_size, text, sizeof(text)));
	spin_lock(&v->lock);
	e = vmreq_unplug_all(v, BUSY_TRIES_INIT);
	if (e == ERR_BUSY)
		e = vmreq_give_up(v, e, "leftovers cannot be unplugged");
	spin_unlock(&v->lock);
	return e;
}
