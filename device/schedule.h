/* SPDX-License-Identifier: BSD-2-Clause */
/* A schedule of requested sizes: when a virtio-mem device asks for what. */
#ifndef DEVICE_SCHEDULE_H
#define DEVICE_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/vmem.h"

/*
 * The first entry is the requested size at start. Then nothing moves until the driver sends a
 * STATE request, its word for "ready", whatever is answered (as long as nothing is requested,
 * nothing is usable, and any STATE is an ERROR). That arms the schedule and makes the next entry
 * the requested size; while it is armed, each time plugged_size equals requested_size the next
 * entry follows, until the last one has been set. Then it is quiet. UNPLUG_ALL makes it quiet at
 * any time. A STATE while it is quiet starts again at the second entry; one while it is armed
 * changes nothing by itself.
 *
 * So sizes change only as the answer to a request, after its response reached the used ring,
 * and no message can meet a reset or a power-off (QEMU crashes on a vhost-user configuration
 * change that comes before DRIVER_OK or after a device reset).
 */

enum schedule_error {
	SCHEDULE_OK = 0,
	SCHEDULE_ERR_EMPTY = -1,  /* no text, or nothing between two commas */
	SCHEDULE_ERR_NUMBER = -2, /* an entry does not begin with a decimal digit, or overflows */
	SCHEDULE_ERR_SUFFIX = -3, /* a unit other than none, K, M, G, T or % */
	SCHEDULE_ERR_ALIGN = -4,  /* not a multiple of the block size */
	SCHEDULE_ERR_RANGE = -5,  /* larger than the region, or above 100% */
	SCHEDULE_ERR_COUNT = -6,  /* more entries than there is room for */
};

struct schedule {
	const uint64_t *sizes; /* bytes */
	unsigned count;	       /* at least 1 */
	unsigned next;	       /* index of the entry that comes next */
	bool armed;
};

/*
 * Read "1G,256M,0,512M" or "50%,0". A percentage is of @region_size, rounded down to a multiple
 * of @block_size. Fills in @sizes (bytes) and @count; on error @bad points at the entry in
 * @text that is at fault. Returns SCHEDULE_OK or an error above.
 */
int schedule_parse(const char *text, uint64_t region_size, uint64_t block_size, uint64_t *sizes,
		   unsigned capacity, unsigned *count, const char **bad);

/* What an error means, as the end of a sentence that begins with the entry at fault. */
const char *schedule_error_text(int error);

/*
 * Read one size, "4096", "64K", "2M", "1G", "1T" or "0x100000000" (hexadecimal without unit).
 * @end, if not NULL, is set to the first character that does not belong to it; without @end the
 * whole text must. Returns SCHEDULE_OK, SCHEDULE_ERR_NUMBER or SCHEDULE_ERR_SUFFIX.
 */
int schedule_parse_size(const char *text, uint64_t *size, const char **end);

/* @sizes stays in use. @count of 0 is a schedule that never asks for anything. */
void schedule_init(struct schedule *sched, const uint64_t *sizes, unsigned count);

/*
 * To be called once after every answered request, when the response is in the used ring. May
 * call vmem_set_requested_size(). Returns the number of entries that were set.
 */
unsigned schedule_after_request(struct schedule *sched, struct vmem *vm,
				const struct vmem_request *req);

#endif
