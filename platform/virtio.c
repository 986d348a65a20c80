/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio device as its driver sees it: what is the same on every bus. */

#include <string.h>

#include "platform/virtio.h"

#include "device/mmio.h" /* status bits only */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/mmio.h"
#include "firmware/time.h"

#define RESET_TIMEOUT_MS 1000
#define CONFIG_TRIES 32

enum err virtio_reset(struct virtio_device *d)
{
	uint64_t deadline = time_deadline_ms(RESET_TIMEOUT_MS);
	bool late = false;

	d->bus->set_status(d, 0);
	/* Asked once more after the deadline: this hart may have been held up in between. */
	while (d->bus->status(d) != 0) {
		if (late) {
			note("%s: reset does not end", d->name);
			return ERR_TIMEOUT;
		}
		late = time_past(deadline);
		arch_yield();
	}
	return OK;
}

static void status_add(struct virtio_device *d, uint32_t bits)
{
	d->bus->set_status(d, d->bus->status(d) | bits);
}

void virtio_fail(struct virtio_device *d)
{
	status_add(d, VIRTIO_STATUS_FAILED);
}

enum err virtio_negotiate(struct virtio_device *d, uint64_t wanted, uint64_t required,
			  uint64_t *accepted)
{
	uint64_t offered;

	status_add(d, VIRTIO_STATUS_ACKNOWLEDGE);
	status_add(d, VIRTIO_STATUS_DRIVER);
	offered = d->bus->features(d, 0);
	offered |= (uint64_t)d->bus->features(d, 1) << 32;
	if ((required & ~offered) != 0) {
		note("%s: features %#llx lack %#llx", d->name, (unsigned long long)offered,
		     (unsigned long long)(required & ~offered));
		virtio_fail(d);
		return ERR_NOSYS;
	}
	*accepted = offered & (wanted | required);
	d->bus->set_features(d, 0, (uint32_t)*accepted);
	d->bus->set_features(d, 1, (uint32_t)(*accepted >> 32));
	status_add(d, VIRTIO_STATUS_FEATURES_OK);
	/* 3.1.1, step 6: the device may refuse, and says so by taking the bit back. */
	if ((d->bus->status(d) & VIRTIO_STATUS_FEATURES_OK) == 0) {
		note("%s: device refuses features %#llx of %#llx", d->name,
		     (unsigned long long)*accepted, (unsigned long long)offered);
		virtio_fail(d);
		return ERR_NOSYS;
	}
	return OK;
}

uint32_t virtio_queue_max(struct virtio_device *d, uint32_t index)
{
	return d->bus->queue_max(d, index);
}

enum err virtio_queue_start(struct virtio_device *d, uint32_t index, const struct virtq *q)
{
	enum err e = index < VIRTIO_MAX_QUEUES ? d->bus->queue_start(d, index, q) : ERR_RANGE;

	if (e == ERR_IO)
		note("%s: queue %u does not become ready", d->name, (unsigned)index);
	return e;
}

void virtio_driver_ok(struct virtio_device *d)
{
	status_add(d, VIRTIO_STATUS_DRIVER_OK);
}

bool virtio_is_alive(const struct virtio_device *d)
{
	uint32_t status = d->bus->status(d);

	return (status & (VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_NEEDS_RESET)) ==
	       VIRTIO_STATUS_DRIVER_OK;
}

void virtio_notify(const struct virtio_device *d, uint32_t index)
{
	mmio_post();
	d->bus->notify(d, index);
}

uint32_t virtio_take_interrupts(const struct virtio_device *d)
{
	return d->bus->take_interrupts(d);
}

void virtio_choose_interrupt(struct virtio_device *d)
{
	if (d->bus->choose_interrupt != NULL)
		d->bus->choose_interrupt(d);
}

void virtio_set_interrupt(struct virtio_device *d, bool on)
{
	if (d->bus->set_interrupt != NULL)
		d->bus->set_interrupt(d, on);
}

static void config_copy(const struct virtio_device *d, uint32_t offset, uint8_t *buf, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 4) {
		uint32_t word = d->bus->config32(d, offset + i);

		memcpy(buf + i, &word, sizeof(word));
	}
}

enum err virtio_read_config(const struct virtio_device *d, uint32_t offset, void *buf,
			    uint32_t len_bytes)
{
	uint8_t again[VIRTIO_MAX_CONFIG];

	if (len_bytes > sizeof(again) || (offset | len_bytes) % 4 != 0 ||
	    (uint64_t)offset + len_bytes > d->config_size)
		return ERR_RANGE;
	for (unsigned i = 0; i < CONFIG_TRIES; i++) {
		uint32_t generation = d->bus->generation(d);

		/*
		 * The generation alone (4.2.2.2) is not enough behind a vhost-user device: its
		 * process changes the fields first, and the generation moves when the message
		 * about it arrives.
		 */
		config_copy(d, offset, buf, len_bytes);
		config_copy(d, offset, again, len_bytes);
		if (memcmp(buf, again, len_bytes) == 0 && d->bus->generation(d) == generation)
			return OK;
		arch_yield();
	}
	note("%s: configuration does not hold still", d->name);
	return ERR_IO;
}
