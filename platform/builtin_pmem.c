/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in virtio-pmem device. */
#include "platform/builtin_pmem.h"

#include "device/pmem.h"
#include "device/pmem_sums.h"
#include "firmware/lock.h"
#include "mm/dma.h"
#include "mm/pte.h"
#include "mm/window.h"
#include "platform/mmio_trap.h"

#define VIEW_BYTES SZ_2M

/* Everything but the parameters is under the lock. */
static struct {
	struct builtin_pmem_params params;
	struct pmem pmem;
	struct vmmio mmio;
	uint64_t *sums;
	unsigned fail;
} dev;

/* Beside it, so that the image holds this and not 2 KiB of zeros. */
static struct spinlock dev_lock = SPINLOCK(LOCK_DEVICE);

/*
 * Take sums of all pages, or compare them: through a window, since nobody else has to have the
 * memory mapped. False: some part could not be seen.
 */
static bool look(bool take, uint64_t *differ, uint64_t *page)
{
	struct region m = dev.params.memory;

	for (uint64_t done = 0, n; done < m.size; done += n) {
		uint64_t first = done / PMEM_PAGE_BYTES;
		uint64_t here = 0;
		uint64_t found = 0;
		void *p;

		n = min_u64(m.size - done, VIEW_BYTES);
		if (window_map(m.start + done, n, PROT_RO, &p) != OK)
			return false;
		if (take)
			pmem_sums_take(dev.sums, p, first, n / PMEM_PAGE_BYTES);
		else
			found = pmem_sums_differ(dev.sums, p, first, n / PMEM_PAGE_BYTES, &here);
		window_unmap();
		if (found != 0 && *differ == 0)
			*page = here;
		*differ += found;
	}
	return true;
}

static int flush(void *ctx)
{
	uint64_t unused = 0;

	(void)ctx;
	if (dev.fail != 0) {
		dev.fail--;
		return -1;
	}
	return look(true, &unused, &unused) ? 0 : -1;
}

static void interrupt(void *ctx)
{
	(void)ctx;
	vmmio_used_buffer(&dev.mmio);
}

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	return dev.params.ptr(dev.params.ctx, addr, len_bytes, is_write);
}

static uint64_t load(uint64_t offset, unsigned size_bytes)
{
	uint64_t value;

	spin_lock(&dev_lock);
	value = vmmio_read(&dev.mmio, offset, size_bytes);
	spin_unlock(&dev_lock);
	return value;
}

static void store(uint64_t offset, uint64_t value, unsigned size_bytes)
{
	spin_lock(&dev_lock);
	vmmio_write(&dev.mmio, offset, value, size_bytes);
	spin_unlock(&dev_lock);
}

static const struct pmem_ops pmem_ops = {.flush = flush, .interrupt = interrupt};
static const struct vmmio_ops vmmio_ops = {.translate = translate};
static struct mmio_trap window = {
	.name = "builtin-pmem", .size = VMMIO_WINDOW_BYTES, .load = load, .store = store};

enum err builtin_pmem_init(const struct builtin_pmem_params *p, vaddr_t *regs, uint64_t *regs_size)
{
	uint64_t unused = 0;
	paddr_t pa;
	enum err e;

	if (window.va != 0)
		return ERR_EXIST;
	dev.params = *p;
	dev.sums = dma_alloc(p->memory.size / PMEM_PAGE_BYTES * sizeof(*dev.sums), &pa);
	if (dev.sums == NULL)
		return ERR_NOMEM;
	e = window_init(VIEW_BYTES);
	if (e == OK && !look(true, &unused, &unused))
		e = ERR_NOMEM;
	if (e != OK)
		return e;
	pmem_mmio_init(&dev.mmio, &dev.pmem, &vmmio_ops, NULL);
	pmem_init(&dev.pmem, p->memory.start, p->memory.size, &dev.mmio.ring, &pmem_ops, NULL);
	e = mmio_trap_add(&window);
	*regs = window.va;
	*regs_size = window.size;
	return e;
}

uint64_t builtin_pmem_lost(paddr_t *first)
{
	uint64_t differ = 0;
	uint64_t page = 0;
	bool irqs;

	if (window.va == 0)
		return 0;
	irqs = spin_lock_irq(&dev_lock);
	/* What cannot be seen counts as lost: it must not pass for flushed. */
	if (!look(false, &differ, &page))
		differ++;
	spin_unlock_irq(&dev_lock, irqs);
	if (differ != 0)
		*first = dev.params.memory.start + page * PMEM_PAGE_BYTES;
	return differ;
}

void builtin_pmem_fail_next(unsigned count)
{
	bool irqs = spin_lock_irq(&dev_lock);

	dev.fail = count;
	spin_unlock_irq(&dev_lock, irqs);
}
