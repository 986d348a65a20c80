/* SPDX-License-Identifier: BSD-2-Clause */
/* Wait for a device's answer. */
#include "platform/virtio_wait.h"

#include "firmware/arch.h"
#include "firmware/time.h"

#define ALIVE_EVERY_MS 10

enum err virtio_wait_used(const struct virtio_device *d, struct virtq *q, uint16_t head,
			  uint32_t *len_bytes, const char **why)
{
	uint64_t deadline = time_deadline_ms(VIRTIO_ANSWER_TIMEOUT_MS);
	uint64_t look = time_after_ms(ALIVE_EVERY_MS);
	bool late = false;
	uint16_t used;
	enum err e;

	for (;;) {
		e = virtq_take_used(q, &used, len_bytes);
		if (e != ERR_NOENT)
			break;
		/* Only after one more look: this hart may have been held up, not the device. */
		if (late) {
			*why = "no answer in 2000 ms";
			return ERR_TIMEOUT;
		}
		if (time_past(look)) {
			if (!virtio_is_alive(d)) {
				*why = "needs a reset";
				return ERR_IO;
			}
			look = time_after_ms(ALIVE_EVERY_MS);
		}
		late = time_past(deadline);
		arch_yield();
	}
	*why = "used ring is broken";
	return e == OK && used == head ? OK : ERR_IO;
}

_Static_assert(VIRTIO_ANSWER_TIMEOUT_MS == 2000, "said so above");
