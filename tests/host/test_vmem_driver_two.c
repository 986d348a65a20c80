/* SPDX-License-Identifier: BSD-2-Clause */
/* Two virtio-mem devices with neighbouring regions, driven by turns: neither sees the other. */

#include "tests/host/test_vmem_driver_rig.h"

#define B SZ_2M
#define BLOCKS 40
#define REGS2 (RIG_REGS + 0x1000)

/* The second device; the first one is the rig's. */
static struct {
	struct vmem vm;
	struct vmmio io;
	struct schedule sched;
	uint64_t storage[1];
	struct virtio_mem v;
} two;

static uint32_t load(vaddr_t reg)
{
	return (uint32_t)(reg >= REGS2 ? vmmio_read(&two.io, reg - REGS2, 4)
				       : vmmio_read(&rig.io, reg - RIG_REGS, 4));
}

static void store(vaddr_t reg, uint32_t value)
{
	if (reg >= REGS2)
		vmmio_write(&two.io, reg - REGS2, value, 4);
	else
		vmmio_write(&rig.io, reg - RIG_REGS, value, 4);
}

static void notify_two(void *ctx)
{
	(void)ctx;
	vmmio_config_changed(&two.io);
}

static const struct vmem_ops two_ops = {.notify_config = notify_two};

static void start(void)
{
	struct vmem_params p = {.addr = RIG_ADDR + BLOCKS * B,
				.region_size = BLOCKS * B,
				.block_size = B,
				.requested_size = BLOCKS * B};
	struct virtio_device t;

	rig_make(BLOCKS * B, B, BLOCKS * B);
	if (vmem_init(&two.vm, &p, two.storage, sizeof(two.storage), &two_ops, NULL) != VMEM_OK)
		abort();
	schedule_init(&two.sched, NULL, 0);
	vmmio_init(&two.io, &two.vm, &two.sched, &rig_vmmio_ops, NULL);
	rig.load = load;
	rig.store = store;
	tap_ok(rig_init(0) == OK, "the first starts");
	tap_ok(virtio_mmio_open(&t, "second", REGS2, VMMIO_WINDOW_BYTES, 0, VIRTIO_ID_MEM) == OK &&
		       virtio_mem_init(&two.v, &t) == OK,
	       "the second starts");
	tap_ok(rig.v.geo.addr + rig.v.geo.region_size == two.v.geo.addr, "they are neighbours");
}

static bool both_agree(void)
{
	return rig_agrees() && two.vm.bitmap[0] == two.v.bitmap[0] &&
	       two.vm.plugged_size == two.v.plugged_bytes;
}

static void test_turns(void)
{
	paddr_t edge = two.v.geo.addr;
	uint64_t seed = 88172645463325252;
	unsigned done = 0;
	bool ok = true;

	tap_ok(virtio_mem_plug(&rig.v, edge - B, 2 * B) == ERR_RANGE &&
		       virtio_mem_plug(&two.v, edge - B, 2 * B) == ERR_RANGE &&
		       virtio_mem_plug(&rig.v, edge, B) == ERR_RANGE &&
		       virtio_mem_plug(&two.v, edge - B, B) == ERR_RANGE,
	       "no request goes across the edge");
	tap_ok(virtio_mem_plug(&rig.v, edge - B, B) == OK &&
		       virtio_mem_plug(&two.v, edge, B) == OK && both_agree() &&
		       virtio_mem_plugged(&rig.v, edge - B, 2 * B) == B &&
		       virtio_mem_plugged(&two.v, edge - B, 2 * B) == B,
	       "the blocks on both sides of it");
	for (unsigned i = 0; ok && i < 5000; i++) {
		struct virtio_mem *v;
		uint64_t first, n, known;
		enum err e;

		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		v = seed % 2 != 0 ? &rig.v : &two.v;
		first = seed / 2 % BLOCKS;
		n = 1 + seed / 128 % (BLOCKS - first);
		known = virtio_mem_plugged(v, v->geo.addr + first * B, n * B);
		e = known == 0 ? virtio_mem_plug(v, v->geo.addr + first * B, n * B)
			       : virtio_mem_unplug(v, v->geo.addr + first * B, n * B);
		ok = e == (known == 0 || known == n * B ? OK : ERR_NOENT) && both_agree();
		done += e == OK;
	}
	tap_ok(ok && done > 500, "5000 random steps by turns, %u of them done", done);
}

static void test_apart(void)
{
	uint64_t kept = rig.v.plugged_bytes;

	(void)virtio_mem_config_changed(&rig.v);
	(void)virtio_mem_config_changed(&two.v);
	vmem_set_requested_size(&two.vm, 0);
	tap_ok(!virtio_mem_config_changed(&rig.v) && virtio_mem_config_changed(&two.v),
	       "a notice goes to one of them");
	two.io.status |= VIRTIO_STATUS_NEEDS_RESET;
	tap_ok(virtio_mem_refresh(&two.v) == ERR_IO && two.v.broken && !rig.v.broken,
	       "the second is given up, the first is not");
	tap_ok(virtio_mem_check(&rig.v) == OK && virtio_mem_unplug_all(&rig.v) == OK &&
		       virtio_mem_plug(&rig.v, RIG_ADDR, BLOCKS * B) == OK && rig_agrees(),
	       "and goes on, from 0x%llx bytes", (unsigned long long)kept);
	tap_ok(rig.io.misuses == 0 && two.io.misuses == 0, "registers are used as they may");
}

int main(void)
{
	start();
	test_turns();
	test_apart();
	rig_end();
	return tap_done();
}
