/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-pmem as it lies in memory. */
#ifndef DEVICE_PMEM_ABI_H
#define DEVICE_PMEM_ABI_H

#include "device/vmem_abi.h" /* little-endian access, VIRTIO_F_VERSION_1 */

/* Virtio 1.2, 5.19 "PMEM Device". Driver and device share this file and nothing else. */

#define VIRTIO_ID_PMEM 27

/* Feature bit, as a bit number (5.19.3). Not offered here: start and size are in the config. */
#define VIRTIO_PMEM_F_SHMEM_REGION 0

/* Request types (5.19.6). */
#define VIRTIO_PMEM_REQ_FLUSH 0

/* What a request is answered with: 0, or -1 for failure. Whatever is not 0 is a failure. */
#define VIRTIO_PMEM_RESP_OK 0
#define VIRTIO_PMEM_RESP_FAILED 0xffffffffU

#define VIRTIO_PMEM_CONFIG_BYTES 16
#define VIRTIO_PMEM_REQ_BYTES 4
#define VIRTIO_PMEM_RESP_BYTES 4

struct virtio_pmem_config {
	uint8_t start[8]; /* guest physical */
	uint8_t size[8];  /* bytes */
};

struct virtio_pmem_req {
	uint8_t type[4];
};

struct virtio_pmem_resp {
	uint8_t ret[4];
};

_Static_assert(sizeof(struct virtio_pmem_config) == VIRTIO_PMEM_CONFIG_BYTES, "config layout");
_Static_assert(sizeof(struct virtio_pmem_req) == VIRTIO_PMEM_REQ_BYTES, "request layout");
_Static_assert(sizeof(struct virtio_pmem_resp) == VIRTIO_PMEM_RESP_BYTES, "response layout");

#endif
