/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's fuzz target: what the input has the driver, and the owner, do. */
#include "tests/fuzz/fuzz_device_target.h"

static void reg(uint64_t offset, uint32_t value)
{
	vmmio_write(&target.io, offset, value, 4);
}

static void poke16(uint64_t addr, uint16_t v)
{
	guest_poke(&target.guest, addr, &v, sizeof(v));
}

static void poke_desc(unsigned i, uint64_t addr, uint32_t len, uint16_t flags, uint16_t next)
{
	guest_poke(&target.guest, DESC_ADDR + 16 * i, &addr, 8);
	guest_poke(&target.guest, DESC_ADDR + 16 * i + 8, &len, 4);
	poke16(DESC_ADDR + 16 * i + 12, flags);
	poke16(DESC_ADDR + 16 * i + 14, next);
}

/* What a driver does at start, so that not every input has to find the way; or nearly that. */
static void step_start(struct feed *f)
{
	static const uint32_t sizes[] = {QUEUE_SIZE, QUEUE_SIZE, QUEUE_SIZE, 4, 64, 3, 0, 65544};
	unsigned how = feed_u8(f);

	reg(VMMIO_REG_STATUS, 0);
	reg(VMMIO_REG_STATUS, VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER);
	reg(VMMIO_REG_DRIVER_FEATURES_SEL, 0);
	reg(VMMIO_REG_DRIVER_FEATURES, 1U << VIRTIO_MEM_F_UNPLUGGED_INACCESSIBLE);
	reg(VMMIO_REG_DRIVER_FEATURES_SEL, 1);
	reg(VMMIO_REG_DRIVER_FEATURES, (how & 0xf0) == 0x10 ? 0 : 1);
	if ((how & 0xf0) != 0x20)
		reg(VMMIO_REG_STATUS, 11);
	reg(VMMIO_REG_QUEUE_NUM, sizes[how % 8]);
	reg(VMMIO_REG_QUEUE_DESC_LOW, DESC_ADDR);
	reg(VMMIO_REG_QUEUE_DRIVER_LOW, AVAIL_ADDR);
	reg(VMMIO_REG_QUEUE_DEVICE_LOW, USED_ADDR);
	poke16(AVAIL_ADDR + 2, 0);
	target.avail_idx = 0;
	reg(VMMIO_REG_QUEUE_READY, 1);
	if ((how & 0xf0) != 0x30)
		reg(VMMIO_REG_STATUS, 15);
}

/* One descriptor of a chain that was right so far. */
static void spoil(struct feed *f, unsigned how, unsigned n)
{
	uint64_t buf = BUF_ADDR;

	switch (how) {
	case 1: /* the chain leads back, to a writable one: else the order is wrong before */
		poke_desc(n + 3, buf, 2, 3, (uint16_t)(n + 2));
		break;
	case 2: /* to a descriptor that may not be there */
		poke_desc(n + 3, buf, 2, 3, feed_u16(f));
		break;
	case 3: /* indirect */
		poke_desc(n + feed_below(f, 4), buf, 16, 4, 0);
		break;
	case 4: /* memory that is not there, or not all of it */
		poke_desc(n + feed_below(f, 4), feed_u64(f), feed_u32(f), 0, 0);
		break;
	case 5: /* memory that cannot be written */
		poke_desc(n + 2, 0x2000, RESP_BYTES, 2, 0);
		break;
	case 6: /* readable behind writable */
		poke_desc(n + 3, buf, 2, 0, 0);
		break;
	default: /* short of the response's last byte */
		poke_desc(n + 2, buf + 64, RESP_BYTES - 1, 2, 0);
		break;
	}
}

/* A request in a chain of two readable and two writable pieces, told to the device or not. */
static void step_request(struct feed *f)
{
	struct virtio_mem_req raw = {.type = {0}};
	unsigned how = feed_u8(f);
	unsigned slot = feed_below(f, 2);
	unsigned cut = feed_below(f, sizeof(raw) + 1);
	unsigned resp_cut = feed_below(f, RESP_BYTES + 1);
	uint64_t buf = BUF_ADDR + slot * 128;
	unsigned n = slot * 4;

	le16_store(raw.type, (uint16_t)(how & 3));
	le64_store(raw.addr, target.vm.params.addr + feed_u8(f) * target.vm.params.block_size);
	le16_store(raw.nb_blocks, feed_u8(f));
	guest_poke(&target.guest, buf, &raw, sizeof(raw));
	poke_desc(n, buf, cut, 1, (uint16_t)(n + 1));
	poke_desc(n + 1, buf + cut, (uint32_t)sizeof(raw) - cut, 1, (uint16_t)(n + 2));
	poke_desc(n + 2, buf + 64, resp_cut, 3, (uint16_t)(n + 3));
	poke_desc(n + 3, buf + 64 + resp_cut, RESP_BYTES - resp_cut, 2, 0);
	if (how >> 5 != 0)
		spoil(f, how >> 5, n);
	poke16(AVAIL_ADDR + 4 + 2 * (target.avail_idx % QUEUE_SIZE), (uint16_t)n);
	target.avail_idx++;
	poke16(AVAIL_ADDR + 2, target.avail_idx);
	if ((how & 4) == 0)
		reg(VMMIO_REG_QUEUE_NOTIFY, 0);
}

static void step_poke(struct feed *f)
{
	uint8_t bytes[16];
	uint64_t addr = DESC_ADDR + feed_u16(f) % 0x1300;
	unsigned n = 1 + feed_below(f, sizeof(bytes));

	for (unsigned i = 0; i < n; i++)
		bytes[i] = feed_u8(f);
	guest_poke(&target.guest, addr, bytes, n);
}

static const unsigned widths[] = {4, 4, 4, 1, 2, 8, 3, 0};

static void step_access(struct feed *f, bool write)
{
	unsigned width = widths[feed_below(f, 8)];
	/* Beyond the window too; mostly on words. */
	uint64_t offset = feed_u8(f) * (uint64_t)(width == 4 ? 4 : 2);

	if (write)
		vmmio_write(&target.io, offset, width == 8 ? feed_u64(f) : feed_u32(f), width);
	else
		(void)vmmio_read(&target.io, offset, width);
}

static void step_resize(struct feed *f)
{
	uint64_t size = feed_u8(f) * target.vm.params.block_size + (feed_u8(f) == 255 ? 1 : 0);
	int want = size % target.vm.params.block_size != 0 ? VMEM_ERR_ALIGN
		   : size > target.vm.params.region_size   ? VMEM_ERR_RANGE
							   : VMEM_OK;

	if (want == VMEM_OK)
		model_set_requested(&target.model, size);
	FUZZ_CHECK(vmem_set_requested_size(&target.vm, size) == want, "size %#llx",
		   (unsigned long long)size);
}

static void step_system_reset(void)
{
	vmmio_system_reset(&target.io);
	model_unplug_discarded(&target.model);
	if (model_plugged(&target.model) == 0)
		model_shrink_usable(&target.model);
	model_take_discards(&target.model);
	target.stood_in_way = false;
}

void target_step(struct feed *f)
{
	switch (feed_below(f, 12)) {
	case 0:
		step_start(f);
		break;
	case 1:
	case 2:
	case 3:
		step_request(f);
		break;
	case 4:
		step_poke(f);
		break;
	case 5:
	case 6:
		step_access(f, true);
		break;
	case 7:
		step_access(f, false);
		break;
	case 8:
		step_resize(f);
		break;
	case 9:
		step_system_reset();
		break;
	case 10:
		target.fail_discard = feed_below(f, 4);
		target.fail_populate = feed_below(f, 3);
		break;
	default:
		target.admit = (uint16_t)feed_below(f, 5);
		target.admit_left = feed_below(f, 4);
		break;
	}
}
