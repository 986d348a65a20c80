/* SPDX-License-Identifier: BSD-2-Clause */
/* Wait for a device's answer to the one request that is under way. */
#ifndef PLATFORM_VIRTIO_WAIT_H
#define PLATFORM_VIRTIO_WAIT_H

#include "platform/virtio.h"

#define VIRTIO_ANSWER_TIMEOUT_MS 2000

/*
 * Wait until the chain @head of @q is used; @len_bytes gets what the device wrote. ERR_TIMEOUT: no
 * answer in VIRTIO_ANSWER_TIMEOUT_MS; ERR_IO: the used ring is broken, or the device needs a reset.
 * @why says it then. The queue and its buffers are the device's for good after an error.
 */
enum err must_check virtio_wait_used(const struct virtio_device *d, struct virtq *q, uint16_t head,
				     uint32_t *len_bytes, const char **why);

#endif
