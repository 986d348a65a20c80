/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio-mem device: parameters, configuration, features, requests as they lie in memory. */
#include "tests/host/test_device_rig.h"

static void test_init(void)
{
	uint64_t storage[8];
	struct vmem vm;
	struct vmem_params p = default_params;

	tap_is(vmem_storage_bytes(REGION, BLOCK), 64, "storage: a bit a block");
	tap_is(vmem_storage_bytes(65 * BLOCK, BLOCK), 16, "storage: rounded up");
	tap_is(vmem_storage_bytes(REGION + 1, BLOCK), 0, "storage: bad sizes need none");
	p.block_size = 3 * MIB;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_BLOCK_SIZE,
	       "init: block_size MUST be a power of two");
	p.block_size = 0;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_BLOCK_SIZE, "init: block 0");
	p = default_params;
	p.addr += MIB;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_ALIGN,
	       "init: addr MUST be a multiple of block_size");
	p = default_params;
	p.region_size -= MIB;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_ALIGN,
	       "init: region_size MUST be a multiple of block_size");
	p = default_params;
	p.requested_size = MIB;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_ALIGN,
	       "init: requested_size MUST be a multiple of block_size");
	p.requested_size = 2 * REGION;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_RANGE,
	       "init: requested_size above region_size");
	p = default_params;
	p.addr = 0 - REGION;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_OK,
	       "init: a region may end at 2^64");
	p.addr = 0 - BLOCK;
	tap_ok(vmem_init(&vm, &p, storage, 64, &ops, NULL) == VMEM_ERR_RANGE,
	       "init: it may not wrap");
	tap_ok(vmem_init(&vm, &default_params, storage, 63, &ops, NULL) == VMEM_ERR_STORAGE,
	       "init: too little storage");
}

static void test_config(void)
{
	struct vmem_params p = default_params;
	struct virtio_mem_config c;
	uint64_t storage[8];
	struct vmem vm;
	bool padding = false;

	p.requested_size = 128 * BLOCK;
	p.node_id = 7;
	vmem_init(&vm, &p, storage, sizeof(storage), &ops, NULL);
	vmem_config(&vm, &c);
	tap_is(sizeof(c), 56, "config: 56 bytes");
	tap_is(((uint8_t *)&c)[2], 0x20, "config: little-endian");
	tap_is(le64_load(c.block_size), BLOCK, "config: block_size");
	tap_is(le64_load(c.addr), ADDR, "config: addr");
	tap_is(le64_load(c.region_size), REGION, "config: region_size");
	tap_is(le64_load(c.usable_region_size), 512 * MIB, "config: usable is requested + 256 MiB");
	tap_is(le64_load(c.plugged_size), 0, "config: nothing is plugged at first");
	tap_is(le64_load(c.requested_size), 256 * MIB, "config: requested_size");
	tap_is(le16_load(c.node_id), 0, "config: no node without ACPI_PXM");
	for (unsigned i = 0; i < sizeof(c.padding); i++)
		padding |= c.padding[i] != 0;
	tap_ok(!padding, "config: padding is 0");
	p.has_node = true;
	vmem_init(&vm, &p, storage, sizeof(storage), &ops, NULL);
	vmem_config(&vm, &c);
	tap_is(le16_load(c.node_id), 7, "config: node_id with ACPI_PXM");
}

static void test_features(void)
{
	uint64_t v1 = 1ULL << 32;
	struct fixture f;

	setup(&f, 0);
	tap_is(vmem_features(&f.vm), v1 | 2, "features: VERSION_1 and UNPLUGGED_INACCESSIBLE");
	tap_ok(vmem_features_ok(&f.vm, v1 | 2), "features: both accepted");
	tap_ok(!vmem_features_ok(&f.vm, v1), "features: UNPLUGGED_INACCESSIBLE refused");
	tap_ok(!vmem_features_ok(&f.vm, 2), "features: VERSION_1 refused");
	tap_ok(!vmem_features_ok(&f.vm, v1 | 3), "features: one that was not offered");
	f.vm.params.has_node = true;
	tap_ok(vmem_features_ok(&f.vm, v1 | 3) && vmem_features_ok(&f.vm, v1 | 2),
	       "features: ACPI_PXM may be accepted or refused");
	f.vm.params.readable_unplugged = true;
	tap_ok(vmem_features_ok(&f.vm, v1) && !vmem_features_ok(&f.vm, v1 | 2),
	       "features: UNPLUGGED_INACCESSIBLE not offered");
	teardown(&f);
}

static void test_wire(void)
{
	uint8_t raw[VIRTIO_MEM_REQ_BYTES] = {1, 0, 9, 9, 9,    9,    9, 9, 0, 0, 0x20, 0,
					     1, 0, 0, 0, 0x34, 0x12, 9, 9, 9, 9, 9,    9};
	struct vmem_response resp = {VIRTIO_MEM_RESP_ACK, VIRTIO_MEM_STATE_MIXED};
	uint8_t want[VIRTIO_MEM_RESP_BYTES] = {0, 0, 0, 0, 0, 0, 0, 0, 2, 0};
	struct virtio_mem_resp out;
	struct vmem_request req;

	tap_ok(vmem_decode(raw, sizeof(raw), &req), "wire: a request, padding MUST be ignored");
	tap_ok(req.type == VIRTIO_MEM_REQ_UNPLUG && req.addr == ADDR + BLOCK &&
		       req.nb_blocks == 0x1234,
	       "wire: its fields");
	tap_ok(!vmem_decode(raw, sizeof(raw) - 1, &req), "wire: 23 bytes are no request");
	raw[0] = 4;
	tap_ok(!vmem_decode(raw, sizeof(raw), &req), "wire: type 4 is unknown");
	vmem_encode(&resp, &out);
	tap_ok(memcmp(&out, want, sizeof(want)) == 0, "wire: a response");
}

/* Sizes near 2^64: nothing may overflow into something that looks valid. */
static void test_huge_blocks(void)
{
	struct vmem_params p = {
		.region_size = 1ULL << 62, .block_size = 1ULL << 62, .requested_size = 1ULL << 62};
	struct vmem_request req = {VIRTIO_MEM_REQ_PLUG, 5, 0};
	struct vmem_response resp;
	uint64_t storage[1];
	static const struct vmem_ops no_ops;
	struct vmem vm;

	tap_ok(vmem_init(&vm, &p, storage, sizeof(storage), &no_ops, NULL) == VMEM_OK &&
		       vm.usable_size == 1ULL << 62,
	       "huge: a block of 4 EiB");
	vmem_handle(&vm, &req, &resp);
	tap_ok(resp.type == VIRTIO_MEM_RESP_ERROR && vm.plugged_size == 0,
	       "huge: 5 of them are no 4 EiB");
	req.nb_blocks = 1;
	vmem_handle(&vm, &req, &resp);
	tap_ok(resp.type == VIRTIO_MEM_RESP_ACK && vm.plugged_size == 1ULL << 62, "huge: but 1 is");
}

int main(void)
{
	test_init();
	test_config();
	test_features();
	test_wire();
	test_huge_blocks();
	return tap_done();
}
