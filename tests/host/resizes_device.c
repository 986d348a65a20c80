/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random resizes: the device as the driver meets it, behind registers, interrupt and time, and what
 * it does to the simulated machine's memory.
 */
#include "tests/host/resizes.h"

#include "firmware/mmio.h"
#include "firmware/time.h"
#include "mm/io.h"
#include "mm/kernel.h"
#include "platform/intc.h"
#include "tests/host/arch_sim_rig.h"

/* ---- what platform/ asks of the layers below, where arch_sim has nothing */

uint64_t time_ticks(void)
{
	return world.ticks++;
}

uint64_t time_us(void)
{
	return world.ticks;
}

/* A tick a millisecond: waiting for a busy device is a few loops. */
uint64_t time_deadline_ms(uint64_t ms)
{
	return world.ticks + ms;
}

uint64_t time_after_ms(uint64_t ms)
{
	return time_deadline_ms(ms);
}

bool time_past(uint64_t deadline)
{
	return time_ticks() >= deadline;
}

void dma_wmb(void)
{
}

void dma_rmb(void)
{
}

void dma_mb(void)
{
}

void mmio_post(void)
{
}

uint32_t mmio_read32(vaddr_t reg)
{
	return (uint32_t)vmmio_read(&world.io, reg - REGS, 4);
}

void mmio_write32(vaddr_t reg, uint32_t value)
{
	vmmio_write(&world.io, reg - REGS, value, 4);
	if (world.fickle && reg - REGS == VMMIO_REG_QUEUE_NOTIFY && sim_below(8) == 0) {
		CHECK(vmem_set_requested_size(&world.vm, world_some_size()) == VMEM_OK,
		      "resize refused");
		world.changed_mind = true;
		totals->minds++;
	}
}

enum err io_map(paddr_t pa, uint64_t size, vaddr_t *va)
{
	(void)size;
	*va = pa;
	return OK;
}

enum err intc_enable(unsigned irq, unsigned hart, void (*fn)(void *), void *arg)
{
	(void)hart;
	if (irq != IRQ)
		return ERR_RANGE;
	world.irq_fn = fn;
	world.irq_arg = arg;
	return OK;
}

void intc_disable(unsigned irq)
{
	CHECK(irq != IRQ, "an interrupt that means something is turned off");
}

/* ---- the device's side */

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	(void)is_write;
	if (len_bytes == 0 || frame_owner(addr) != OWNER_DMA ||
	    frame_owner(addr + len_bytes - 1) != OWNER_DMA) {
		CHECK(false, "the device is sent to 0x%llx+%llu", (unsigned long long)addr,
		      (unsigned long long)len_bytes);
		return NULL;
	}
	return phys_to_ptr(addr);
}

static void set_interrupt(void *ctx, bool asserted)
{
	(void)ctx;
	if (asserted && world.irq_fn != NULL)
		world.irq_fn(world.irq_arg);
}

/* NACK is an answer to PLUG alone (5.15.6). */
static uint16_t admit(void *ctx, const struct vmem_request *req)
{
	(void)ctx;
	totals->requests++;
	if (sim_below(4) == 0)
		things_in_between(NULL);
	if (world.answer_left == 0 ||
	    (world.answer == VIRTIO_MEM_RESP_NACK && req->type != VIRTIO_MEM_REQ_PLUG))
		return VIRTIO_MEM_RESP_ACK;
	world.answer_left--;
	world.refused++;
	return world.answer;
}

static int populate(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	(void)ctx;
	for (uint64_t off = 0; off < size_bytes; off += BLOCK)
		sim_mem_add((struct region){world.region_start + offset_bytes + off, BLOCK}, false);
	return 0;
}

/* Whatever any hart may still hold must not lead here any more. */
static void check_unreachable(struct region r)
{
	for (uint64_t off = 0; off < r.size; off += BLOCK) {
		vaddr_t va = direct_va(r.start + off + sim_below(BLOCK / PAGE_SIZE) * PAGE_SIZE);

		if (!world.control)
			rig_check_everywhere(va, FRAME_NONE, "discarded");
		else if (sim_access(0, va, SIM_LOAD, SIM_OLDEST).outcome == SIM_OK ||
			 rig_stale_somewhere(va))
			world.found++;
	}
}

static int discard(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	struct region r = {world.region_start + offset_bytes, size_bytes};

	(void)ctx;
	check_unreachable(r);
	for (uint64_t off = 0; off < size_bytes; off += BLOCK)
		sim_mem_drop((struct region){r.start + off, BLOCK});
	totals->discarded += size_bytes / BLOCK;
	return 0;
}

static void notify_config(void *ctx)
{
	(void)ctx;
	vmmio_config_changed(&world.io);
}

static const struct vmem_ops vmem_ops = {
	.admit = admit, .populate = populate, .discard = discard, .notify_config = notify_config};
static const struct vmmio_ops vmmio_ops = {.translate = translate, .set_interrupt = set_interrupt};

void world_make_device(void)
{
	struct vmem_params p = {
		.addr = world.region_start, .region_size = BLOCKS * BLOCK, .block_size = BLOCK};

	REQUIRE(vmem_init(&world.vm, &p, world.storage, sizeof(world.storage), &vmem_ops, NULL) ==
			VMEM_OK,
		"no device");
	vmmio_init(&world.io, &world.vm, NULL, &vmmio_ops, NULL);
}
