/* SPDX-License-Identifier: BSD-2-Clause */
/* virtio-mem as it lies in memory: constants, structures, little-endian access. */
#ifndef DEVICE_VMEM_ABI_H
#define DEVICE_VMEM_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Virtio 1.2, 5.15 "Memory Device". Driver and device share this file and nothing else. */

#define VIRTIO_ID_MEM 24

/* Feature bits, as bit numbers (5.15.3; the last one from 1.4's draft; VERSION_1 from 6). */
#define VIRTIO_MEM_F_ACPI_PXM 0
#define VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE 1
#define VIRTIO_MEM_F_PERSISTENT_SUSPEND 2
#define VIRTIO_F_VERSION_1 32

/* Request types (5.15.6). */
#define VIRTIO_MEM_REQ_PLUG 0
#define VIRTIO_MEM_REQ_UNPLUG 1
#define VIRTIO_MEM_REQ_UNPLUG_ALL 2
#define VIRTIO_MEM_REQ_STATE 3

/* Response types (5.15.6). */
#define VIRTIO_MEM_RESP_ACK 0
#define VIRTIO_MEM_RESP_NACK 1
#define VIRTIO_MEM_RESP_BUSY 2
#define VIRTIO_MEM_RESP_ERROR 3

/* What a STATE request is answered with. */
#define VIRTIO_MEM_STATE_PLUGGED 0
#define VIRTIO_MEM_STATE_UNPLUGGED 1
#define VIRTIO_MEM_STATE_MIXED 2

#define VIRTIO_MEM_CONFIG_BYTES 56
#define VIRTIO_MEM_REQ_BYTES 24
#define VIRTIO_MEM_RESP_BYTES 10
#define VIRTIO_MEM_MAX_BLOCKS 65535 /* nb_blocks has 16 bits */

/*
 * Every field is an array of bytes, lowest first: no padding, no alignment, and no way to
 * read one without saying le16_load() or le64_load().
 */
struct virtio_mem_config {
	uint8_t block_size[8];
	uint8_t node_id[2];
	uint8_t padding[6];
	uint8_t addr[8];
	uint8_t region_size[8];
	uint8_t usable_region_size[8];
	uint8_t plugged_size[8];
	uint8_t requested_size[8];
};

struct virtio_mem_req {
	uint8_t type[2];
	uint8_t padding[6];
	uint8_t addr[8];
	uint8_t nb_blocks[2];
	uint8_t padding2[6];
};

struct virtio_mem_resp {
	uint8_t type[2];
	uint8_t padding[6];
	uint8_t state[2];
};

_Static_assert(sizeof(struct virtio_mem_config) == VIRTIO_MEM_CONFIG_BYTES, "config layout");
_Static_assert(sizeof(struct virtio_mem_req) == VIRTIO_MEM_REQ_BYTES, "request layout");
_Static_assert(sizeof(struct virtio_mem_resp) == VIRTIO_MEM_RESP_BYTES, "response layout");

static inline uint16_t le16_load(const uint8_t *p)
{
	return (uint16_t)(p[0] | (p[1] << 8));
}

static inline uint32_t le32_load(const uint8_t *p)
{
	return (uint32_t)le16_load(p) | ((uint32_t)le16_load(p + 2) << 16);
}

static inline uint64_t le64_load(const uint8_t *p)
{
	return (uint64_t)le32_load(p) | ((uint64_t)le32_load(p + 4) << 32);
}

static inline void le16_store(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void le32_store(uint8_t *p, uint32_t value)
{
	le16_store(p, (uint16_t)value);
	le16_store(p + 2, (uint16_t)(value >> 16));
}

static inline void le64_store(uint8_t *p, uint64_t value)
{
	le32_store(p, (uint32_t)value);
	le32_store(p + 4, (uint32_t)(value >> 32));
}

#endif
