/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mmio version 2 registers in front of a device with one queue. */

#include <string.h>

#include "device/mmio.h"

static void interrupt_update(struct vmmio *dev, uint32_t status)
{
	bool was = dev->interrupt_status != 0;
	bool is = status != 0;

	dev->interrupt_status = status;
	if (was != is && dev->ops->set_interrupt != NULL)
		dev->ops->set_interrupt(dev->ctx, is);
}

void vmmio_config_changed(struct vmmio *dev)
{
	/* 2.1: no notification before DRIVER_OK. The driver reads the configuration later anyway.
	 */
	if ((dev->status & VIRTIO_STATUS_DRIVER_OK) != 0)
		interrupt_update(dev, dev->interrupt_status | VMMIO_INT_CONFIG);
}

void vmmio_used_buffer(void *ctx)
{
	struct vmmio *dev = ctx;

	interrupt_update(dev, dev->interrupt_status | VMMIO_INT_USED);
}

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	struct vmmio *dev = ctx;

	return dev->ops->translate(dev->ctx, addr, len_bytes, is_write);
}

/* 2.1.2: the device cannot go on, and says so; with DRIVER_OK a notification is due. */
static void needs_reset(struct vmmio *dev, int error)
{
	dev->error = error;
	dev->status |= VIRTIO_STATUS_NEEDS_RESET;
	vmmio_config_changed(dev);
}

/* 2.4, 4.2.3: registers only. Blocks and their contents stay (5.15.5). */
static void device_reset(struct vmmio *dev)
{
	dev->status = 0;
	dev->device_features_sel = 0;
	dev->driver_features_sel = 0;
	dev->driver_features = 0;
	dev->queue_sel = 0;
	dev->queue_num = 0;
	dev->queue_ready = false;
	dev->queue_desc = 0;
	dev->queue_driver = 0;
	dev->queue_device = 0;
	dev->error = 0;
	(void)vring_stop(&dev->ring);
	interrupt_update(dev, 0);
}

void vmmio_init_kind(struct vmmio *dev, const struct vmmio_kind *kind, void *model,
		     const struct vmmio_ops *ops, void *ctx)
{
	memset(dev, 0, sizeof(*dev));
	dev->kind = kind;
	dev->model = model;
	dev->ops = ops;
	dev->ctx = ctx;
}

void vmmio_system_reset(struct vmmio *dev)
{
	device_reset(dev);
	if (dev->kind->system_reset != NULL)
		dev->kind->system_reset(dev);
}

static uint32_t half(uint64_t value, uint32_t sel)
{
	if (sel > 1)
		return 0;
	return (uint32_t)(value >> (32 * sel));
}

static void half_set(uint64_t *value, unsigned sel, uint32_t to)
{
	*value &= ~(0xffffffffULL << (32 * sel));
	*value |= (uint64_t)to << (32 * sel);
}

static uint64_t config_read(const struct vmmio *dev, uint64_t offset, unsigned size_bytes)
{
	uint8_t bytes[VMMIO_CONFIG_BYTES] = {0};

	dev->kind->config(dev->model, bytes);
	switch (size_bytes) {
	case 1:
		return bytes[offset];
	case 2:
		return le16_load(bytes + offset);
	case 4:
		return le32_load(bytes + offset);
	default:
		return le64_load(bytes + offset);
	}
}

/* Registers that read as one value. */
static uint32_t register_read(struct vmmio *dev, uint64_t offset)
{
	bool queue = dev->queue_sel == 0; /* there is one queue */

	switch (offset) {
	case VMMIO_REG_MAGIC:
		return VMMIO_MAGIC;
	case VMMIO_REG_VERSION:
		return VMMIO_VERSION;
	case VMMIO_REG_DEVICE_ID:
		return dev->kind->device_id;
	case VMMIO_REG_VENDOR_ID:
		return VMMIO_VENDOR;
	case VMMIO_REG_DEVICE_FEATURES:
		return half(dev->kind->features(dev->model), dev->device_features_sel);
	case VMMIO_REG_QUEUE_NUM_MAX:
		return queue ? VRING_MAX_SIZE : 0;
	case VMMIO_REG_QUEUE_READY:
		return queue && dev->queue_ready;
	case VMMIO_REG_INTERRUPT_STATUS:
		return dev->interrupt_status;
	case VMMIO_REG_STATUS:
		return dev->status;
	case VMMIO_REG_SHM_LEN_LOW: /* 4.2.2: a region that does not exist reads all ones */
	case VMMIO_REG_SHM_LEN_HIGH:
	case VMMIO_REG_SHM_BASE_LOW:
	case VMMIO_REG_SHM_BASE_HIGH:
		return 0xffffffffU;
	case VMMIO_REG_CONFIG_GENERATION:
		return dev->kind->generation(dev->model);
	default: /* write-only or unknown */
		dev->misuses++;
		return 0;
	}
}

static bool access_ok(uint64_t offset, unsigned size_bytes)
{
	if (size_bytes != 1 && size_bytes != 2 && size_bytes != 4 && size_bytes != 8)
		return false;
	if (offset >= VMMIO_WINDOW_BYTES || offset % size_bytes != 0)
		return false;
	return offset >= VMMIO_REG_CONFIG || size_bytes == 4;
}

uint64_t vmmio_read(struct vmmio *dev, uint64_t offset, unsigned size_bytes)
{
	if (!access_ok(offset, size_bytes)) {
		dev->misuses++;
		return 0;
	}
	if (offset >= VMMIO_REG_CONFIG)
		return config_read(dev, offset - VMMIO_REG_CONFIG, size_bytes);
	return register_read(dev, offset);
}

static void status_write(struct vmmio *dev, uint32_t value)
{
	uint32_t sticky = dev->status; /* 2.1.1: a driver clears no bit but by writing 0 */

	if (value == 0) {
		device_reset(dev);
		if (dev->ops->was_reset != NULL)
			dev->ops->was_reset(dev->ctx);
		return;
	}
	if ((sticky & ~value & ~VIRTIO_STATUS_NEEDS_RESET) != 0)
		dev->misuses++;
	value &= 0xffU & ~VIRTIO_STATUS_NEEDS_RESET; /* the device's own bit */
	/* 2.2.2: the driver reads back whether its choice of features was taken. */
	if ((value & ~sticky & VIRTIO_STATUS_FEATURES_OK) != 0 &&
	    !dev->kind->features_ok(dev->model, dev->driver_features))
		value &= ~VIRTIO_STATUS_FEATURES_OK;
	if ((value & VIRTIO_STATUS_DRIVER_OK) != 0 &&
	    ((value | sticky) & VIRTIO_STATUS_FEATURES_OK) == 0) {
		dev->misuses++;
		value &= ~VIRTIO_STATUS_DRIVER_OK;
	}
	dev->status = sticky | value;
}

static void driver_features_write(struct vmmio *dev, uint32_t value)
{
	/* 2.2.1: none may be accepted once FEATURES_OK is set. */
	if ((dev->status & VIRTIO_STATUS_FEATURES_OK) != 0)
		dev->misuses++;
	else if (dev->driver_features_sel <= 1)
		half_set(&dev->driver_features, dev->driver_features_sel, value);
	else if (value != 0)
		dev->misuses++;
}

static void queue_ready_write(struct vmmio *dev, uint32_t value)
{
	struct vring_params params = {
		.size = dev->queue_num <= VRING_MAX_SIZE ? (uint16_t)dev->queue_num : 0,
		.desc = dev->queue_desc,
		.avail = dev->queue_driver,
		.used = dev->queue_device,
		.ring_translate = translate,
		.translate = translate,
		.ctx = dev,
	};
	int error;

	if (value == 0) {
		(void)vring_stop(&dev->ring);
		dev->queue_ready = false;
		return;
	}
	/* 3.1.1: queues come after the features. */
	if (value != 1 || dev->queue_ready || (dev->status & VIRTIO_STATUS_FEATURES_OK) == 0) {
		dev->misuses++;
		return;
	}
	error = vring_start(&dev->ring, &params);
	if (error != VRING_OK)
		needs_reset(dev, error);
	else
		dev->queue_ready = true;
}

/* A queue's own registers; 4.2.2.2: not to be touched while it is ready, but for QueueReady. */
static void queue_write(struct vmmio *dev, uint64_t offset, uint32_t value)
{
	if (dev->queue_sel != 0 || (dev->queue_ready && offset != VMMIO_REG_QUEUE_READY)) {
		dev->misuses++;
		return;
	}
	switch (offset) {
	case VMMIO_REG_QUEUE_NUM:
		dev->queue_num = value;
		break;
	case VMMIO_REG_QUEUE_READY:
		queue_ready_write(dev, value);
		break;
	case VMMIO_REG_QUEUE_DESC_LOW:
	case VMMIO_REG_QUEUE_DESC_HIGH:
		half_set(&dev->queue_desc, offset == VMMIO_REG_QUEUE_DESC_HIGH, value);
		break;
	case VMMIO_REG_QUEUE_DRIVER_LOW:
	case VMMIO_REG_QUEUE_DRIVER_HIGH:
		half_set(&dev->queue_driver, offset == VMMIO_REG_QUEUE_DRIVER_HIGH, value);
		break;
	default:
		half_set(&dev->queue_device, offset == VMMIO_REG_QUEUE_DEVICE_HIGH, value);
		break;
	}
}

static void notify_write(struct vmmio *dev, uint32_t value)
{
	int rc;

	/* 2.1.2: nothing is taken from a queue before DRIVER_OK, nor after NEEDS_RESET. */
	if (value != 0 || !dev->queue_ready || (dev->status & VIRTIO_STATUS_DRIVER_OK) == 0) {
		dev->misuses++;
		return;
	}
	if ((dev->status & VIRTIO_STATUS_NEEDS_RESET) != 0)
		return;
	rc = dev->kind->process(dev);
	if (rc < 0)
		needs_reset(dev, rc);
}

void vmmio_write(struct vmmio *dev, uint64_t offset, uint64_t value, unsigned size_bytes)
{
	uint32_t word = (uint32_t)value;

	if (!access_ok(offset, size_bytes) || offset >= VMMIO_REG_CONFIG) {
		dev->misuses++;
		return;
	}
	switch (offset) {
	case VMMIO_REG_DEVICE_FEATURES_SEL:
		dev->device_features_sel = word;
		break;
	case VMMIO_REG_DRIVER_FEATURES:
		driver_features_write(dev, word);
		break;
	case VMMIO_REG_DRIVER_FEATURES_SEL:
		dev->driver_features_sel = word;
		break;
	case VMMIO_REG_QUEUE_SEL:
		dev->queue_sel = word;
		break;
	case VMMIO_REG_QUEUE_NUM:
	case VMMIO_REG_QUEUE_READY:
	case VMMIO_REG_QUEUE_DESC_LOW:
	case VMMIO_REG_QUEUE_DESC_HIGH:
	case VMMIO_REG_QUEUE_DRIVER_LOW:
	case VMMIO_REG_QUEUE_DRIVER_HIGH:
	case VMMIO_REG_QUEUE_DEVICE_LOW:
	case VMMIO_REG_QUEUE_DEVICE_HIGH:
		queue_write(dev, offset, word);
		break;
	case VMMIO_REG_QUEUE_NOTIFY:
		notify_write(dev, word);
		break;
	case VMMIO_REG_INTERRUPT_ACK:
		interrupt_update(dev, dev->interrupt_status & ~word);
		break;
	case VMMIO_REG_STATUS:
		status_write(dev, word);
		break;
	case VMMIO_REG_SHM_SEL: /* none exists: every selection reads the same */
		break;
	default: /* read-only or unknown */
		dev->misuses++;
		break;
	}
}
