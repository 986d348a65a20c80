/* SPDX-License-Identifier: BSD-2-Clause */
/* Random resizes through everything: device, registers, queue, driver, follow, hot-plug, tables. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device/mmio.h"
#include "firmware/mmio.h"
#include "firmware/time.h"
#include "mm/hotplug.h"
#include "mm/io.h"
#include "mm/kernel.h"
#include "platform/follow.h"
#include "platform/intc.h"
#include "platform/virtio_mmio.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

/*
 * The device's memory exists in the simulated machine while it is plugged, and only then. So code
 * that touches a block before it has it or after it gave it away finds no memory, and panics.
 *
 * RESIZES=n and SEED=n come from the environment. A resize is a new requested size and a
 * follow_run(); removals of ranges and whatever movable memory does come on top.
 */

#define BLOCK SZ_2M
#define BLOCKS 64u /* one word of a bitmap */
#define THINGS 48u
#define PINS 3u
#define AUDIT_EVERY 50u
#define REGS UINT64_C(0x10008000)
#define IRQ 5u

/* A movable object and what was written to it. */
struct thing {
	struct movable m;
	uint64_t word; /* 0: not allocated */
};

struct pin {
	paddr_t pa; /* FRAME_NONE: none */
	unsigned order;
};

struct world {
	struct vmem vm;
	struct vmmio io;
	uint64_t storage[1];
	struct virtio_mem v;
	struct follow f;
	uint64_t region_start;
	struct thing things[THINGS];
	struct pin pins[PINS];
	bool control; /* a fault is armed: count what is found, do not fail */
	unsigned found;
	uint64_t ticks;
	void (*irq_fn)(void *);
	void *irq_arg;
	unsigned harts;
	unsigned op_hart;
	/* For the operation under way. */
	uint16_t answer; /* to the next answer_left requests that it can be an answer to */
	unsigned answer_left;
	unsigned refused; /* requests that got it */
	unsigned fail_at;
	bool fickle; /* the device may change its mind in between ... */
	bool changed_mind;
	bool bystanders; /* other harts use their memory in between */
};

/* Of all scenarios, each in a process of its own. */
struct totals {
	uint64_t resizes, reached, removals, removed, moved;
	uint64_t refused_pinned, refused_device, no_memory;
	uint64_t left_plugged, minds, in_between, discarded, requests;
};

/* Nothing in it needs small leaves: each unplug looks at every entry of the kernel's table. */
static const struct shape plain = {.name = "plain",
				   .ram = {{2 * SZ_1G, 9 * SZ_2M}},
				   .nr_ram = 1,
				   .image = {2 * SZ_1G, 2 * SZ_2M}};

static struct world w;
static struct totals *totals;

/* What a control finds, beside kinds of violations: a use of what is gone, a leak. */
#define FINDS_USE 100u
#define FINDS_LEAK 101u

struct scenario {
	struct rig rig;
	bool big, irq;
	uint64_t resizes;
	/* Of a control. */
	const char *faults;
	unsigned finds;
	bool fail; /* allocations */
};

/* ---- what platform/ asks of the layers below, where arch_sim has nothing */

uint64_t time_ticks(void)
{
	return w.ticks++;
}

uint64_t time_us(void)
{
	return w.ticks;
}

/* A tick a millisecond: waiting for a busy device is a few loops. */
uint64_t time_deadline_ms(uint64_t ms)
{
	return w.ticks + ms;
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

/* Mostly near the last one: blocks that come and go are what a resize costs. */
static uint64_t some_size(void)
{
	uint64_t near = max_u64(2 * BLOCK, w.f.step);
	uint64_t last = w.vm.params.requested_size;
	uint64_t low = last > near ? last - near : 0;
	uint64_t high = min_u64(last + near, BLOCKS * BLOCK);

	/* One piece, so that its records share a leaf. */
	if (w.f.memory_block == BLOCKS * BLOCK && sim_below(last == 0 ? 2 : 64) == 0)
		return last == 0 ? BLOCKS * BLOCK : 0;
	if (sim_below(24) == 0)
		return sim_below(BLOCKS + 1) * BLOCK;
	return low + sim_below((high - low) / BLOCK + 1) * BLOCK;
}

uint32_t mmio_read32(vaddr_t reg)
{
	return (uint32_t)vmmio_read(&w.io, reg - REGS, 4);
}

void mmio_write32(vaddr_t reg, uint32_t value)
{
	vmmio_write(&w.io, reg - REGS, value, 4);
	if (w.fickle && reg - REGS == VMMIO_REG_QUEUE_NOTIFY && sim_below(8) == 0) {
		CHECK(vmem_set_requested_size(&w.vm, some_size()) == VMEM_OK, "resize refused");
		w.changed_mind = true;
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
	w.irq_fn = fn;
	w.irq_arg = arg;
	return OK;
}

void intc_disable(unsigned irq)
{
	CHECK(irq != IRQ, "an interrupt that means something is turned off");
}

/* ---- movable memory, used by any hart at any time */

static uint64_t mark(const struct thing *t, unsigned i)
{
	return (t->word + i) * UINT64_C(0x9e3779b97f4a7c15);
}

/* First and last word of each page, so that it stays cheap. */
static void thing_write(struct thing *t)
{
	uint64_t *p = movable_get(&t->m);

	REQUIRE(p != NULL, "a movable object lost its memory");
	t->word = sim_rand() | 1;
	for (unsigned i = 0; i < 2u << t->m.order; i++)
		p[i / 2 * 512 + (i % 2 != 0 ? 511 : 0)] = mark(t, i);
	movable_put(&t->m);
}

static void thing_verify(struct thing *t)
{
	const uint64_t *p = movable_get(&t->m);
	bool same = true;

	REQUIRE(p != NULL, "a movable object lost its memory");
	for (unsigned i = 0; i < 2u << t->m.order; i++)
		same &= p[i / 2 * 512 + (i % 2 != 0 ? 511 : 0)] == mark(t, i);
	if (w.control)
		w.found += !same;
	else
		CHECK(same, "content at 0x%llx is lost after %u moves", (unsigned long long)t->m.pa,
		      t->m.moves);
	movable_put(&t->m);
}

static void thing_free(struct thing *t)
{
	thing_verify(t);
	movable_free(&t->m);
	t->word = 0;
}

static void thing_alloc(struct thing *t)
{
	enum err err = movable_alloc(&t->m, (unsigned)sim_below(3) * (unsigned)sim_below(2));

	CHECK(err == OK || w.fail_at != 0, "no movable memory: %s", err_name(err));
	if (err == OK)
		thing_write(t);
}

static void use_things(unsigned n)
{
	while (n-- > 0) {
		struct thing *t = &w.things[sim_below(THINGS)];
		unsigned what = (unsigned)sim_below(4);

		if (t->word == 0)
			thing_alloc(t);
		else if (what == 0)
			thing_free(t);
		else
			thing_verify(t);
		if (t->word != 0 && what == 1)
			thing_write(t);
	}
}

/* In the middle of an operation, on a hart that has no part in it. */
static void in_between(void *unused)
{
	unsigned running = arch_hart();

	(void)unused;
	if (!w.bystanders)
		return;
	for (unsigned h = 0; h < w.harts; h++) {
		if (h == running || h == w.op_hart || sim_below(2) == 0)
			continue;
		sim_run_on(h);
		use_things(2);
		totals->in_between++;
	}
	sim_run_on(running);
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
	if (asserted && w.irq_fn != NULL)
		w.irq_fn(w.irq_arg);
}

/* NACK is an answer to PLUG alone (5.15.6). */
static uint16_t admit(void *ctx, const struct vmem_request *req)
{
	(void)ctx;
	totals->requests++;
	if (sim_below(4) == 0)
		in_between(NULL);
	if (w.answer_left == 0 ||
	    (w.answer == VIRTIO_MEM_RESP_NACK && req->type != VIRTIO_MEM_REQ_PLUG))
		return VIRTIO_MEM_RESP_ACK;
	w.answer_left--;
	w.refused++;
	return w.answer;
}

static int populate(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	(void)ctx;
	for (uint64_t off = 0; off < size_bytes; off += BLOCK)
		sim_mem_add((struct region){w.region_start + offset_bytes + off, BLOCK}, false);
	return 0;
}

/* Whatever any hart may still hold must not lead here any more. */
static void check_unreachable(struct region r)
{
	for (uint64_t off = 0; off < r.size; off += BLOCK) {
		vaddr_t va = direct_va(r.start + off + sim_below(BLOCK / PAGE_SIZE) * PAGE_SIZE);

		if (!w.control)
			rig_check_everywhere(va, FRAME_NONE, "discarded");
		else if (sim_access(0, va, SIM_LOAD, SIM_OLDEST).outcome == SIM_OK ||
			 rig_stale_somewhere(va))
			w.found++;
	}
}

static int discard(void *ctx, uint64_t offset_bytes, uint64_t size_bytes)
{
	struct region r = {w.region_start + offset_bytes, size_bytes};

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
	vmmio_config_changed(&w.io);
}

static const struct vmem_ops vmem_ops = {
	.admit = admit, .populate = populate, .discard = discard, .notify_config = notify_config};
static const struct vmmio_ops vmmio_ops = {.translate = translate, .set_interrupt = set_interrupt};

/* ---- what must hold behind every operation */

static uint64_t bits_of(struct region r)
{
	uint64_t first = (r.start - w.region_start) / BLOCK;
	uint64_t n = r.size / BLOCK;

	return (n == BLOCKS ? UINT64_MAX : (UINT64_C(1) << n) - 1) << first;
}

static uint64_t online_bits(void)
{
	uint64_t bits = 0;

	for (const struct hot_region *r = hot_first(); r != NULL; r = r->next) {
		CHECK(r->state == HOT_ONLINE, "region 0x%llx is left in state %d",
		      (unsigned long long)r->phys.start, (int)r->state);
		CHECK(!r->zone.draining, "nothing can be allocated from region 0x%llx",
		      (unsigned long long)r->phys.start);
		CHECK((bits & bits_of(r->phys)) == 0, "regions overlap");
		bits |= bits_of(r->phys);
	}
	return bits;
}

/*
 * What the device did not take back, asked eight times, is plugged and mapped nowhere. The next
 * follow_run() has to offer it again, before anything else, and now it is taken.
 */
static void return_left_plugged(void)
{
	uint64_t left = w.v.bitmap[0] & ~online_bits();
	enum err err;

	w.answer_left = 0;
	CHECK(left == 0 || w.refused != 0, "blocks %#llx are plugged and unused",
	      (unsigned long long)left);
	if (left == 0)
		return;
	err = follow_run(&w.f);
	CHECK(err == OK || err == ERR_BUSY || err == ERR_NOMEM, "follow_run: %s", err_name(err));
	CHECK((w.v.bitmap[0] & ~online_bits()) == 0, "blocks %#llx are still plugged and unused",
	      (unsigned long long)(w.v.bitmap[0] & ~online_bits()));
	totals->left_plugged++;
}

static void audit(const char *when)
{
	rig_check_kernel(when);
	CHECK_ERR(virtio_mem_check(&w.v), OK);
	for (unsigned i = 0; i < THINGS; i++) {
		if (w.things[i].word != 0)
			thing_verify(&w.things[i]);
	}
}

static void check(const char *when)
{
	unsigned b = (unsigned)sim_below(BLOCKS);
	paddr_t pa = w.region_start + b * BLOCK + sim_below(BLOCK / PAGE_SIZE) * PAGE_SIZE;
	uint64_t online;

	REQUIRE(!w.v.broken, "%s: the driver gave the device up", when);
	return_left_plugged();
	online = online_bits();
	CHECK(w.v.bitmap[0] == online, "%s: plugged %#llx, online %#llx", when,
	      (unsigned long long)w.v.bitmap[0], (unsigned long long)online);
	CHECK(w.v.bitmap[0] == w.vm.bitmap[0] && w.v.plugged_bytes == w.vm.plugged_size,
	      "%s: the driver sees %#llx, the device %#llx", when,
	      (unsigned long long)w.v.bitmap[0], (unsigned long long)w.vm.bitmap[0]);
	CHECK(w.io.error == 0 && w.io.misuses == 0, "%s: the device was misused", when);
	rig_check_everywhere(direct_va(pa), (online >> b & 1) != 0 ? pa : FRAME_NONE, when);
	if (!w.control)
		rig_check_silent(when);
}

/* ---- operations */

static bool is_pin(struct zone_block b)
{
	for (unsigned i = 0; i < PINS; i++) {
		if (w.pins[i].pa != FRAME_NONE && w.pins[i].pa == b.pa)
			return true;
	}
	return false;
}

static void change_pin(struct pin *p)
{
	if (p->pa != FRAME_NONE) {
		frame_free(p->pa, p->order, OWNER_TEST);
		p->pa = FRAME_NONE;
		return;
	}
	p->order = (unsigned)sim_below(10);
	p->pa = frame_alloc_hot(p->order, OWNER_TEST);
}

/* What goes wrong while the next operation runs. */
static void draw_mishaps(void)
{
	w.refused = 0;
	w.answer_left = 0;
	switch (sim_below(12)) {
	case 0: /* the driver tries 8 times */
		w.answer = VIRTIO_MEM_RESP_BUSY;
		w.answer_left = 1 + (unsigned)sim_below(7);
		break;
	case 1:
		w.answer = VIRTIO_MEM_RESP_BUSY;
		w.answer_left = 8 + (unsigned)sim_below(12);
		break;
	case 2: /* follow_run() 16 times */
		w.answer = VIRTIO_MEM_RESP_NACK;
		w.answer_left = 1 + (unsigned)sim_below(24);
		break;
	default:
		break;
	}
	w.fail_at = sim_below(8) == 0 ? 1 + (unsigned)sim_below(UINT64_C(1) << sim_below(6)) : 0;
	w.fickle = sim_below(16) == 0;
	w.changed_mind = false;
	w.bystanders = sim_below(2) == 0;
	frame_fail_at(w.fail_at);
	if (w.bystanders)
		sim_during_fence(in_between, NULL);
}

static void end_mishaps(void)
{
	frame_fail_at(0);
	sim_during_fence(NULL, NULL);
	w.fail_at = 0;
	w.fickle = false;
	w.bystanders = false;
}

/* Is there a reason for what an operation that takes memory away or brings some returned? */
static void check_reason(const char *what, enum err err, struct zone_block stuck)
{
	bool pinned = err == ERR_BUSY && stuck.pa != FRAME_NONE;

	if (pinned && w.refused == 0 && w.fail_at == 0)
		CHECK(is_pin(stuck), "%s: 0x%llx is no pinned frame", what,
		      (unsigned long long)stuck.pa);
	CHECK(err == OK || err == ERR_NOENT || (err == ERR_NOMEM && w.fail_at != 0) ||
		      (err == ERR_BUSY && (pinned || w.refused >= 8)) ||
		      (err == ERR_NACK && w.refused >= 16),
	      "%s: %s for no reason", what, err_name(err));
	totals->refused_pinned += pinned;
	totals->refused_device += err == ERR_NACK || (err == ERR_BUSY && !pinned);
	totals->no_memory += err == ERR_NOMEM;
}

static void resize(uint64_t size)
{
	uint64_t moved = w.f.moved;
	uint64_t plugged;
	enum err err;

	CHECK(vmem_set_requested_size(&w.vm, size) == VMEM_OK, "resize refused");
	draw_mishaps();
	err = follow_run(&w.f);
	check_reason("follow", err, w.f.stuck);
	CHECK(err != ERR_NOENT, "follow: %s", err_name(err));
	plugged = w.v.plugged_bytes;
	if (err == OK && !w.changed_mind) {
		totals->reached++;
		CHECK(plugged <= size && (size - plugged < w.f.step || plugged == w.f.range.size),
		      "%llu blocks plugged, %llu requested, step %llu",
		      (unsigned long long)(plugged / BLOCK), (unsigned long long)(size / BLOCK),
		      (unsigned long long)(w.f.step / BLOCK));
	}
	totals->resizes++;
	totals->moved += w.f.moved - moved;
	end_mishaps();
	check("resized");
}

struct picture {
	unsigned n;
	struct region r[BLOCKS];
};

static struct picture picture(void)
{
	struct picture p = {0};

	for (const struct hot_region *r = hot_first(); r != NULL && p.n < BLOCKS; r = r->next)
		p.r[p.n++] = r->phys;
	return p;
}

/*
 * Whole steps: nothing else ever comes or goes in big-block mode. Mostly what is there, and where
 * frames are pinned.
 */
static struct region some_range(void)
{
	uint64_t steps = w.f.range.size / w.f.step;
	struct region r = {0};

	for (unsigned tries = 0; tries < 8; tries++) {
		const struct pin *p = &w.pins[sim_below(PINS)];
		uint64_t first = sim_below(steps);
		const struct hot_region *in;
		uint64_t n;

		if (p->pa != FRAME_NONE && sim_below(2) == 0)
			first = (p->pa - w.f.range.start) / w.f.step;
		n = 1 + sim_below(min_u64(steps - first, 3));
		r = (struct region){w.f.range.start + first * w.f.step, n * w.f.step};
		in = hot_find(r.start);
		if (in != NULL && region_end(r) <= region_end(in->phys))
			break;
	}
	return r;
}

static void remove_range(void)
{
	struct region r = some_range();
	const struct hot_region *in = hot_find(r.start);
	bool whole = in != NULL && region_end(r) <= region_end(in->phys);
	struct evacuation e = {.stuck = {.pa = FRAME_NONE}};
	uint64_t bits = w.v.bitmap[0];
	struct picture before = picture();
	struct picture after;
	enum err err;

	draw_mishaps();
	err = plug_remove_range(&w.v, r, &e, NULL);
	check_reason("remove", err, e.stuck);
	CHECK((err == ERR_NOENT) == !whole, "remove: %s", err_name(err));
	after = picture();
	if (err == OK)
		CHECK(w.v.bitmap[0] == (bits & ~bits_of(r)), "removed: %#llx of %#llx is left",
		      (unsigned long long)w.v.bitmap[0], (unsigned long long)bits);
	else if (w.refused == 0)
		CHECK(w.v.bitmap[0] == bits && memcmp(&before, &after, sizeof(after)) == 0,
		      "remove: %s, and %u regions became %u", err_name(err), before.n, after.n);
	totals->removals++;
	totals->removed += err == OK;
	totals->moved += e.moved;
	end_mishaps();
	check("removed");
}

/* ---- scenarios */

static void begin(const struct scenario *s)
{
	struct machine_virtio slot = {
		.base = REGS, .size = VMMIO_WINDOW_BYTES, .irq = s->irq ? IRQ : 0};
	struct virtio_device dev;
	uint64_t memory_block;

	rig_boot(&s->rig);
	w.harts = s->rig.harts;
	/* An edge of 1 GiB lies inside, or records of all of it fit one leaf, which is cut then. */
	w.region_start = 5 * SZ_1G - (16 + sim_below(32)) * BLOCK;
	memory_block = (2 * BLOCK) << sim_below(3);
	if (!s->big && s->rig.seed % 4 < 2) {
		w.region_start = 5 * SZ_1G;
		memory_block = BLOCKS * BLOCK;
	}
	for (unsigned i = 0; i < THINGS; i++)
		w.things[i].m = (struct movable){.pa = FRAME_NONE};
	for (unsigned i = 0; i < PINS; i++)
		w.pins[i].pa = FRAME_NONE;
	struct vmem_params p = {
		.addr = w.region_start, .region_size = BLOCKS * BLOCK, .block_size = BLOCK};
	REQUIRE(vmem_init(&w.vm, &p, w.storage, sizeof(w.storage), &vmem_ops, NULL) == VMEM_OK,
		"no device");
	vmmio_init(&w.io, &w.vm, NULL, &vmmio_ops, NULL);
	REQUIRE_OK(virtio_mmio_open_slot(&dev, &slot, VIRTIO_ID_MEM));
	REQUIRE_OK(virtio_mem_init(&w.v, &dev));
	CHECK(w.v.polled == !s->irq, "the interrupt is not used");
	REQUIRE_OK(follow_init(&w.f, &w.v, memory_block, s->big));
}

static void finish(const struct rig_accounts *before)
{
	w.op_hart = 0;
	sim_run_on(0);
	for (unsigned i = 0; i < PINS; i++) {
		if (w.pins[i].pa != FRAME_NONE)
			change_pin(&w.pins[i]);
	}
	CHECK(vmem_set_requested_size(&w.vm, 0) == VMEM_OK, "resize refused");
	CHECK_ERR(follow_run(&w.f), OK);
	CHECK(hot_first() == NULL && w.vm.plugged_size == 0, "something is left");
	check("at the end");
	audit("at the end");
	for (unsigned i = 0; i < THINGS; i++) {
		if (w.things[i].word != 0)
			thing_free(&w.things[i]);
	}
	rig_check_accounts(before, "at the end");
}

static void random_resizes(const void *arg)
{
	const struct scenario *s = arg;
	struct rig_accounts before;
	uint64_t done = 0;

	alarm(60 + (unsigned)(s->resizes / 100));
	begin(s);
	before = rig_accounts();
	for (unsigned op = 1; done < s->resizes && rig_failures() == 0; op++) {
		w.op_hart = (unsigned)sim_below(s->rig.harts);
		sim_run_on(w.op_hart);
		use_things((unsigned)sim_below(4));
		if (sim_below(16) == 0)
			change_pin(&w.pins[sim_below(PINS)]);
		if (sim_below(6) == 0) {
			remove_range();
		} else {
			resize(some_size());
			done++;
		}
		if (op % AUDIT_EVERY == 0)
			audit("on the way");
	}
	finish(&before);
}

/* ---- controls: with a fault armed, something above has to notice */

static void control(const void *arg)
{
	struct rig_accounts before, after;
	const struct scenario *s = arg;
	uint32_t violations = 0;

	begin(s);
	w.control = true;
	rig_arm(s->faults);
	before = rig_accounts();
	for (unsigned i = 0; i < 64; i++) {
		use_things(4);
		CHECK(vmem_set_requested_size(&w.vm, some_size()) == VMEM_OK, "resize refused");
		/* Whatever comes of it: a fault may be what makes it fail. */
		frame_fail_at(s->fail ? 1 + sim_below(8) : 0);
		w.found += follow_run(&w.f) == ERR_IO;
		frame_fail_at(0);
		violations |= rig_take_violations();
	}
	for (unsigned i = 0; i < THINGS; i++) {
		if (w.things[i].word != 0)
			thing_free(&w.things[i]);
	}
	CHECK(vmem_set_requested_size(&w.vm, 0) == VMEM_OK, "resize refused");
	w.found += follow_run(&w.f) == ERR_IO;
	after = rig_accounts();
	if (s->finds == FINDS_LEAK)
		CHECK(after.frames.free < before.frames.free, "%s: no leak", s->faults);
	else if (s->finds == FINDS_USE)
		CHECK(w.found != 0, "%s: nothing was found", s->faults);
	else
		CHECK((violations >> s->finds & 1) != 0, "%s: the model saw %#x", s->faults,
		      (unsigned)violations);
}

static const struct scenario controls[] = {
	{.faults = "unplug-early", .finds = VIOLATION_FRAME_MAPPED},
	{.faults = "unplug-early", .finds = FINDS_USE},
	{.faults = "no-shootdown", .finds = VIOLATION_FRAME_UNPLUGGED},
	{.faults = "no-shootdown", .finds = FINDS_USE},
	{.faults = "no-fence", .finds = VIOLATION_FRAME_UNPLUGGED},
	{.faults = "records-early", .finds = VIOLATION_FRAME_FREED},
	{.faults = "move-no-copy", .finds = FINDS_USE},
	{.faults = "undo-forgotten", .finds = FINDS_USE, .fail = true},
	{.faults = "leak-records", .finds = FINDS_LEAK},
};

/* ---- all of them */

static uint64_t from_environment(const char *name, uint64_t usual)
{
	const char *text = getenv(name);

	return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : usual;
}

static void run_resizes(uint64_t seed, uint64_t resizes)
{
	const unsigned nr = ARRAY_LEN(mmu_modes) * SIM_MAX_HARTS * 4;

	for (unsigned i = 0; i < nr; i++) {
		struct scenario s = {
			.rig = {.shape = &plain,
				.mode = &mmu_modes[i % 3],
				.harts = 1 + i / 3 % SIM_MAX_HARTS,
				.backend = i / 12 % 2 != 0 ? SHOOTDOWN_IPI : SHOOTDOWN_SBI,
				.view = i % 2 != 0 ? SIM_RANDOM : SIM_OLDEST,
				.seed = seed * nr + i},
			.big = i / 24 != 0,
			.irq = (i + i / 12) % 2 != 0,
			.resizes = resizes / nr + (i < resizes % nr),
		};

		tap_ok(rig_run(random_resizes, &s), "%s, %u harts, %s, %s: %llu resizes",
		       s.rig.mode->name, s.rig.harts, shootdown_backend_name(s.rig.backend),
		       s.big ? "big blocks" : "sub-blocks", (unsigned long long)s.resizes);
	}
}

int main(void)
{
	uint64_t seed = from_environment("SEED", 1);
	uint64_t resizes = from_environment("RESIZES", 100000);

	totals = mmap(NULL, sizeof(*totals), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (totals == MAP_FAILED)
		return 1;
	/* Notes of what the device refused, thousands of them; sanitizers write past this. */
	stderr = fopen("/dev/null", "w");
	printf("# SEED=%llu RESIZES=%llu\n", (unsigned long long)seed, (unsigned long long)resizes);
	run_resizes(seed, resizes);
	tap_ok(totals->resizes == resizes, "%llu resizes were made",
	       (unsigned long long)totals->resizes);
	printf("# reached %llu, pinned %llu, refused by the device %llu, without memory %llu\n",
	       (unsigned long long)totals->reached, (unsigned long long)totals->refused_pinned,
	       (unsigned long long)totals->refused_device, (unsigned long long)totals->no_memory);
	printf("# ranges removed %llu of %llu, frames moved %llu, blocks discarded %llu, requests "
	       "%llu\n",
	       (unsigned long long)totals->removed, (unsigned long long)totals->removals,
	       (unsigned long long)totals->moved, (unsigned long long)totals->discarded,
	       (unsigned long long)totals->requests);
	printf("# left plugged and returned %llu, minds changed %llu, uses in between %llu\n",
	       (unsigned long long)totals->left_plugged, (unsigned long long)totals->minds,
	       (unsigned long long)totals->in_between);
	/* A few resizes need not meet all of it. */
	if (resizes >= 10000)
		tap_ok(totals->moved != 0 && totals->refused_pinned != 0 &&
			       totals->refused_device != 0 && totals->no_memory != 0 &&
			       totals->left_plugged != 0 && totals->removed != 0 &&
			       totals->minds != 0 && totals->in_between != 0,
		       "frames moved, removals refused, everything else happened");
	for (unsigned i = 0; i < ARRAY_LEN(controls); i++) {
		struct scenario s = controls[i];

		s.rig = (struct rig){
			.shape = &plain, .mode = &mmu_modes[i % 3], .harts = 3, .seed = seed + i};
		tap_ok(rig_run(control, &s), "control %s: found by %s", s.faults,
		       s.finds == FINDS_USE    ? "what is used"
		       : s.finds == FINDS_LEAK ? "the accounts"
					       : "the model");
	}
	return tap_done();
}
