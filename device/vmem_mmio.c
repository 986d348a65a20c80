/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mem behind virtio-mmio registers. */

#include <string.h>

#include "device/mmio.h"

static uint64_t features(const void *model)
{
	return vmem_features(model);
}

static bool features_ok(const void *model, uint64_t accepted)
{
	return vmem_features_ok(model, accepted);
}

static void config(const void *model, uint8_t *bytes)
{
	struct virtio_mem_config raw;

	vmem_config(model, &raw);
	memcpy(bytes, &raw, sizeof(raw));
}

static uint32_t generation(const void *model)
{
	return ((const struct vmem *)model)->generation;
}

static int process(struct vmmio *dev)
{
	return vmemq_process(&dev->q);
}

static void system_reset(struct vmmio *dev)
{
	if (dev->q.sched != NULL)
		schedule_init(dev->q.sched, dev->q.sched->sizes, dev->q.sched->count);
	(void)vmem_system_reset(dev->vm);
}

static const struct vmmio_kind vmem_kind = {
	.device_id = VIRTIO_ID_MEM,
	.features = features,
	.features_ok = features_ok,
	.config = config,
	.generation = generation,
	.process = process,
	.system_reset = system_reset,
};

void vmmio_init(struct vmmio *dev, struct vmem *vm, struct schedule *sched,
		const struct vmmio_ops *ops, void *ctx)
{
	vmmio_init_kind(dev, &vmem_kind, vm, ops, ctx);
	dev->vm = vm;
	dev->q.vm = vm;
	dev->q.ring = &dev->ring;
	dev->q.sched = sched;
	dev->q.interrupt = vmmio_used_buffer;
	dev->q.ctx = dev;
}
