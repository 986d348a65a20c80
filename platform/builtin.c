/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in virtio-mem device, for machines that have none: registers by trap, memory from RAM.
 */

#include <string.h>

#include "platform/builtin.h"

#include "device/mmio.h"
#include "firmware/console.h"
#include "firmware/lock.h"
#include "mm/dma.h"
#include "mm/pte.h"
#include "mm/window.h"
#include "platform/mmio_trap.h"
#include "platform/scribble.h"

#define MAX_SCHEDULE 64
#define VIEW_BYTES (UINT64_C(64) << 20)
#define SPARE_BLOCKS 4096 /* of a device in other blocks: a page of bytes, allocated anyway */

/* One device: main.c makes one at most. Everything but the parameters is under the lock. */
static struct {
	struct builtin_params params; /* region, size and block as of now */
	struct region memory;	      /* as of builtin_init() */
	const struct builtin_hooks *hooks;
	struct vmem vmem;
	struct vmmio mmio;
	struct schedule sched;
	uint64_t sizes[MAX_SCHEDULE];
	unsigned nr_sizes;
	void *bitmap;	     /* the model's storage */
	uint64_t max_blocks; /* that both have room for */
	uint8_t *scribbled;  /* a byte a block: it holds the scribble, and is not plugged */
	uint64_t violations;
	paddr_t first_violation;
	uint16_t answer; /* for the next @answer_left requests */
	unsigned answer_left;
} dev;

/* Beside it, so that the image holds this and not 2 KiB of zeros. */
static struct spinlock dev_lock = SPINLOCK(LOCK_DEVICE);

/*
 * What a window shows at a time: every opening and closing is a shootdown. Up to an edge of
 * 2 MiB first, so that what follows is mapped by large leaves.
 */
static uint64_t view_bytes(paddr_t pa, uint64_t left)
{
	return min_u64(left, is_aligned(pa, SZ_2M) ? VIEW_BYTES : SZ_2M - pa % SZ_2M);
}

/* Scribble over a range of the region. Returns how much of it, from its start, could be reached. */
static uint64_t range_fill(uint64_t offset, uint64_t size)
{
	paddr_t pa = dev.params.region + offset;
	uint64_t done = 0;

	while (done < size) {
		uint64_t n = view_bytes(pa + done, size - done);
		void *p;

		if (window_map(pa + done, n, PROT_RW, &p) != OK)
			break;
		scribble_fill(p, pa + done, n);
		window_unmap();
		done += n;
	}
	return done;
}

/* Compare a range with its scribble. What cannot be reached now is not looked at. */
static void range_verify(uint64_t offset, uint64_t size)
{
	paddr_t pa = dev.params.region + offset;

	for (uint64_t done = 0, n; done < size; done += n) {
		paddr_t first = 0;
		uint64_t bad;
		void *p;

		n = view_bytes(pa + done, size - done);
		if (window_map(pa + done, n, PROT_RO, &p) != OK)
			continue;
		bad = scribble_check(p, pa + done, n, &first);
		window_unmap();
		if (bad != 0 && dev.violations == 0)
			dev.first_violation = first;
		dev.violations += bad;
	}
}

/* Fill a range of unplugged blocks, and remember of which it is true. */
static uint64_t blocks_scribble(uint64_t offset, uint64_t size)
{
	uint64_t done = range_fill(offset, size);

	memset(dev.scribbled + offset / dev.params.block, 0, size / dev.params.block);
	memset(dev.scribbled + offset / dev.params.block, 1, done / dev.params.block);
	return done;
}

/* The first run of scribbled blocks in a range; its size in bytes, 0: there is none. */
static uint64_t scribbled_run(uint64_t *offset, uint64_t end)
{
	uint64_t block = dev.params.block;
	uint64_t at;

	while (*offset < end && !dev.scribbled[*offset / block])
		*offset += block;
	for (at = *offset; at < end && dev.scribbled[at / block]; at += block)
		;
	return at - *offset;
}

/*
 * Blocks become unplugged. Fails only while nothing has been overwritten, since they stay plugged
 * then; what cannot be reached later is unplugged with its content, and not checked.
 */
static int discard(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	(void)ctx;
	if (dev.hooks != NULL && dev.hooks->keeps_content != NULL && dev.hooks->keeps_content())
		return 0;
	return blocks_scribble(offset_bytes, size_bytes) == 0 ? -1 : 0;
}

/* Blocks become plugged: nobody may have written to them. Their content is left as it is. */
static int populate(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	uint64_t end = offset_bytes + size_bytes;
	uint64_t at = offset_bytes;
	uint64_t run;

	(void)ctx;
	for (; (run = scribbled_run(&at, end)) != 0; at += run)
		range_verify(at, run);
	memset(dev.scribbled + offset_bytes / dev.params.block, 0, size_bytes / dev.params.block);
	return 0;
}

static uint16_t admit(void *ctx, const struct vmem_request *req)
{
	uint16_t answer = VIRTIO_MEM_RESP_ACK;

	(void)ctx;
	if (dev.hooks != NULL && dev.hooks->admit != NULL)
		answer = dev.hooks->admit(req);
	if (answer != VIRTIO_MEM_RESP_ACK)
		return answer;
	if (dev.answer_left == 0)
		return VIRTIO_MEM_RESP_ACK;
	dev.answer_left--;
	return dev.answer;
}

static void notify_config(void *ctx)
{
	(void)ctx;
	vmmio_config_changed(&dev.mmio);
}

static void usable_changed(void *ctx)
{
	(void)ctx;
	if (dev.hooks != NULL && dev.hooks->usable_changed != NULL)
		dev.hooks->usable_changed(&dev.vmem);
}

static void answered(void *ctx, const struct vmem_request *req, const struct vmem_response *resp)
{
	(void)ctx;
	if (dev.hooks != NULL && dev.hooks->carried_out != NULL)
		dev.hooks->carried_out(&dev.vmem, req, resp->type);
}

static void *translate(void *ctx, uint64_t addr, uint64_t len_bytes, bool is_write)
{
	(void)ctx;
	return dev.params.ptr(dev.params.ctx, addr, len_bytes, is_write);
}

static const struct vmem_ops vmem_ops = {
	.admit = admit,
	.discard = discard,
	.populate = populate,
	.notify_config = notify_config,
	.usable_changed = usable_changed,
	.answered = answered,
};

static const struct vmmio_ops vmmio_ops = {.translate = translate};

static uint64_t load(uint64_t offset, unsigned size_bytes)
{
	uint64_t value = vmmio_read(&dev.mmio, offset, size_bytes);

	if (dev.hooks != NULL && dev.hooks->read != NULL)
		value = dev.hooks->read(&dev.mmio, offset, size_bytes, value);
	return value;
}

static void store(uint64_t offset, uint64_t value, unsigned size_bytes)
{
	if (dev.hooks != NULL && dev.hooks->write != NULL &&
	    !dev.hooks->write(&dev.mmio, offset, &value))
		return;
	vmmio_write(&dev.mmio, offset, value, size_bytes);
	if (dev.hooks != NULL && dev.hooks->wrote != NULL)
		dev.hooks->wrote(&dev.mmio, offset);
}

static uint64_t locked_load(uint64_t offset, unsigned size_bytes)
{
	uint64_t value;

	spin_lock(&dev_lock);
	value = load(offset, size_bytes);
	spin_unlock(&dev_lock);
	return value;
}

static void locked_store(uint64_t offset, uint64_t value, unsigned size_bytes)
{
	spin_lock(&dev_lock);
	store(offset, value, size_bytes);
	spin_unlock(&dev_lock);
}

static struct mmio_trap window = {
	.name = "builtin", .size = VMMIO_WINDOW_BYTES, .load = locked_load, .store = locked_store};

/* The schedule's sizes, of which the first is the requested size at start. */
static enum err parse_schedule(const struct builtin_params *p)
{
	const char *text = p->schedule != NULL ? p->schedule : "100%,0";
	const char *bad;
	int error = schedule_parse(text, p->size, p->block, dev.sizes, MAX_SCHEDULE, &dev.nr_sizes,
				   &bad);

	if (error != SCHEDULE_OK) {
		note("builtin: schedule \"%s\": \"%s\" %s", text, bad, schedule_error_text(error));
		return ERR_INVAL;
	}
	return OK;
}

/* The model itself, with nothing plugged and nothing known of the memory. */
static enum err make_model(const struct builtin_params *p)
{
	struct vmem_params vp = {.addr = p->region,
				 .region_size = p->size,
				 .block_size = p->block,
				 .has_node = p->has_node,
				 .node_id = p->node,
				 .requested_size = dev.sizes[0]};
	int error = vmem_init(&dev.vmem, &vp, dev.bitmap, (dev.max_blocks + 63) / 64 * 8, &vmem_ops,
			      NULL);

	if (error != VMEM_OK) {
		note("builtin: region %#llx+%#llx in blocks of %#llx: error %d",
		     (unsigned long long)p->region, (unsigned long long)p->size,
		     (unsigned long long)p->block, error);
		return ERR_INVAL;
	}
	memset(dev.scribbled, 0, p->size / p->block);
	schedule_init(&dev.sched, dev.sizes, dev.nr_sizes);
	vmmio_init(&dev.mmio, &dev.vmem, &dev.sched, &vmmio_ops, NULL);
	return OK;
}

/* Storage is never given back. */
static enum err make_vmem(const struct builtin_params *p)
{
	paddr_t unused;
	enum err e;

	if (vmem_storage_bytes(p->size, p->block) == 0 || p->block < PAGE_SIZE) {
		note("builtin: %#llx bytes in blocks of %#llx cannot be",
		     (unsigned long long)p->size, (unsigned long long)p->block);
		return ERR_INVAL;
	}
	e = parse_schedule(p);
	if (e != OK)
		return e;
	dev.max_blocks = max_u64(p->size / p->block, SPARE_BLOCKS);
	dev.bitmap = dma_alloc((dev.max_blocks + 63) / 64 * 8, &unused);
	dev.scribbled = dma_alloc(dev.max_blocks, &unused);
	if (dev.bitmap == NULL || dev.scribbled == NULL)
		return ERR_NOMEM;
	return make_model(p);
}

enum err builtin_init(const struct builtin_params *p, vaddr_t *regs, uint64_t *regs_size)
{
	enum err e;

	if (window.va != 0)
		return ERR_EXIST;
	dev.params = *p;
	dev.memory = (struct region){p->region, p->size};
	e = make_vmem(p);
	if (e == OK)
		e = window_init(VIEW_BYTES);
	if (e != OK)
		return e;
	if (p->fill)
		(void)blocks_scribble(0, p->size);
	e = mmio_trap_add(&window);
	*regs = window.va;
	*regs_size = window.size;
	return e;
}

uint64_t builtin_violations(paddr_t *first)
{
	bool irqs = spin_lock_irq(&dev_lock);
	uint64_t n = dev.violations;

	if (n != 0 && first != NULL)
		*first = dev.first_violation;
	spin_unlock_irq(&dev_lock, irqs);
	return n;
}

void builtin_scan(void)
{
	uint64_t at = 0;
	uint64_t run;
	bool irqs;

	if (window.va == 0)
		return;
	irqs = spin_lock_irq(&dev_lock);
	for (; (run = scribbled_run(&at, dev.params.size)) != 0; at += run) {
		uint64_t before = dev.violations;

		range_verify(at, run);
		/* Scribbled anew, so that each store is counted once. */
		if (dev.violations != before)
			(void)blocks_scribble(at, run);
	}
	spin_unlock_irq(&dev_lock, irqs);
}

void builtin_answer_next(uint16_t type, unsigned count)
{
	bool irqs = spin_lock_irq(&dev_lock);

	dev.answer = type;
	dev.answer_left = count;
	spin_unlock_irq(&dev_lock, irqs);
}

enum err builtin_set_requested(uint64_t size_bytes)
{
	int error = VMEM_ERR_RANGE;
	bool irqs;

	if (window.va == 0)
		return ERR_INVAL;
	irqs = spin_lock_irq(&dev_lock);
	error = vmem_set_requested_size(&dev.vmem, size_bytes);
	spin_unlock_irq(&dev_lock, irqs);
	return error == VMEM_OK ? OK : ERR_INVAL;
}

uint64_t builtin_misuses(void)
{
	return __atomic_load_n(&dev.mmio.misuses, __ATOMIC_RELAXED);
}

void builtin_hook(const struct builtin_hooks *hooks)
{
	bool irqs = spin_lock_irq(&dev_lock);

	dev.hooks = hooks;
	spin_unlock_irq(&dev_lock, irqs);
}

bool builtin_with(void (*fn)(struct vmmio *io, void *arg), void *arg)
{
	bool irqs;

	if (window.va == 0)
		return false;
	irqs = spin_lock_irq(&dev_lock);
	fn(&dev.mmio, arg);
	spin_unlock_irq(&dev_lock, irqs);
	return true;
}

static void calm(struct vmmio *io, void *arg)
{
	(void)arg;
	dev.hooks = NULL;
	dev.answer_left = 0;
	schedule_init(&dev.sched, dev.sizes, dev.nr_sizes);
	/* Sizes were checked when they were parsed. */
	(void)vmem_set_requested_size(io->vm, dev.sizes[0]);
}

void builtin_calm(void)
{
	(void)builtin_with(calm, NULL);
}

static enum err reshape(const struct builtin_params *p)
{
	if (dev.vmem.plugged_size != 0)
		return ERR_BUSY;
	if (vmem_storage_bytes(p->size, p->block) == 0 || p->block < PAGE_SIZE ||
	    p->size / p->block > dev.max_blocks)
		return ERR_INVAL;
	dev.params = *p;
	if (parse_schedule(p) != OK)
		return ERR_INVAL;
	return make_model(p);
}

enum err builtin_reshape(uint64_t offset, uint64_t size, uint64_t block)
{
	struct builtin_params p = dev.params;
	enum err e;
	bool irqs;

	if (window.va == 0 || offset > dev.memory.size || size > dev.memory.size - offset)
		return ERR_INVAL;
	builtin_scan(); /* what was written so far is found now or never */
	p.region = dev.memory.start + offset;
	p.size = size;
	p.block = block;
	irqs = spin_lock_irq(&dev_lock);
	e = reshape(&p);
	spin_unlock_irq(&dev_lock, irqs);
	return e;
}

void builtin_forgive(uint64_t n)
{
	bool irqs = spin_lock_irq(&dev_lock);

	dev.violations -= min_u64(n, dev.violations);
	spin_unlock_irq(&dev_lock, irqs);
}
