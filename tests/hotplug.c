/* SPDX-License-Identifier: BSD-2-Clause */
/* hotplug.*: memory arrives through virtio-mem, every hart uses it, it leaves without a trace. */
#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/fence.h"
#include "firmware/time.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "platform/follow.h"
#include "platform/plug.h"
#include "tests/accounts.h"
#include "tests/hotcase.h"
#include "tests/probes.h"
#include "tests/second_root.h"
#include "tests/test.h"

/* Add, use on every hart, remove with its control, trap on every hart. */
static void round_trip(struct test_run *t, struct region r)
{
	struct spots s = hotcase_spots(t, r);
	struct hot_region *h;

	t->verbose = true;
	h = hotcase_add(t, r, PROT_RW);
	probes_write_and_read(t, &t->all, &s);
	probes_read(t, &t->all, &t->all, &s);
	accounts_audit(t);
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	hotcase_remove(t, h);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	accounts_audit(t);
}

TEST(hotplug, block, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	round_trip(t, hotcase_blocks(t, 0, 1));
}

/* All of the device's region: 1 GiB on QEMU, one leaf where the mode has it. */
TEST(hotplug, all, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	if (hotcase_need(t, hotcase_nr_blocks(t)))
		round_trip(t, hotcase_blocks(t, 0, hotcase_nr_blocks(t)));
}

/* A start that is no multiple of 1 GiB and an end that is none either: mixed leaves. */
TEST(hotplug, unaligned, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	uint64_t n = hotcase_nr_blocks(t);

	if (!hotcase_need(t, max_u64(n, 8)))
		return;
	round_trip(t, hotcase_blocks(t, 1, n - 2));
	round_trip(t, hotcase_blocks(t, 3, n / 2));
}

/* Eight pieces, removed in an order of their own; the others stay usable meanwhile. */
TEST(hotplug, order, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct hot_region *h[8];
	struct region r[8];
	unsigned order[8];

	if (!hotcase_need(t, max_u64(hotcase_nr_blocks(t), 16)))
		return;
	for (unsigned i = 0; i < 8; i++) {
		uint64_t each = hotcase_nr_blocks(t) / 8;

		r[i] = hotcase_blocks(t, i * each, 1 + rng_below(&t->rng, each));
	}
	hotcase_shuffle(t, order, 8);
	for (unsigned i = 0; i < 8; i++) {
		struct spots s = hotcase_spots(t, r[i]);

		h[i] = hotcase_add(t, r[i], PROT_RW);
		probes_write_and_read(t, &t->all, &s);
	}
	for (unsigned i = 0; i < 8; i++) {
		struct spots gone = hotcase_spots(t, r[order[i]]);

		probes_control_next(t, &t->all, &gone, ACCESS_LOAD);
		hotcase_remove(t, h[order[i]]);
		probes_must_trap(t, &t->all, &gone, ACCESS_LOAD);
		for (unsigned k = i + 1; k < 8; k++) {
			struct spots stays = hotcase_spots(t, r[order[k]]);

			probes_read(t, &t->all, &t->all, &stays);
		}
		accounts_audit(t);
	}
}

/*
 * A thousand times the smallest step, at any block: the accounts are where they began. Where a
 * remote fence takes long (QEMU with thread=single: OpenSBI spins for 100 ms) fewer, and it says
 * so.
 */
#define CYCLES 1000u
#define CYCLES_TIMEOUT_MS 120000
#define CYCLES_BUDGET_US (CYCLES_TIMEOUT_MS / 2 * 1000)

TEST(hotplug, cycles, .needs = NEEDS_VMEM, .timeout_ms = CYCLES_TIMEOUT_MS, .clause = TRAP_CLAUSE)
{
	struct accounts before = accounts_take(t->bench);
	uint64_t start = time_us();
	uint64_t said = start;
	unsigned i = 0;

	for (; i < CYCLES && t->fails == 0 && time_us() - start < CYCLES_BUDGET_US; i++) {
		struct region r = hotcase_blocks(t, rng_below(&t->rng, hotcase_nr_blocks(t)), 1);
		struct spots s = hotcase_spots(t, r);
		struct hot_region *h = hotcase_add(t, r, PROT_RW);

		probes_write_and_read(t, &t->all, &s);
		if (i % 16 == 0)
			probes_control_next(t, &t->all, &s, ACCESS_LOAD);
		hotcase_remove(t, h);
		probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
		if (i % 100 == 99)
			accounts_check(t, &before);
		if (time_us() - said > 5000000) {
			said = time_us();
			note("%u of %u cycles", i + 1, CYCLES);
		}
	}
	if (i < CYCLES && t->fails == 0)
		note("%u of %u cycles in %u s: this machine's remote fences are slow", i, CYCLES,
		     CYCLES_BUDGET_US / 1000000);
}

/* Every word of a block, written by one hart, read by all. */
struct content {
	vaddr_t va;
	uint64_t size;
	uint64_t seed;
	bool write;
	uint64_t wrong[MAX_HARTS];
};

static void content_job(void *arg)
{
	struct content *c = arg;
	uint64_t wrong = 0;

	for (uint64_t off = 0; off < c->size; off += sizeof(uint64_t)) {
		volatile uint64_t *p = arch_virt_to_ptr(c->va + off);
		uint64_t v = (c->seed + off) * UINT64_C(0x9e3779b97f4a7c15);

		if (c->write)
			*p = v;
		else
			wrong += *p != v;
	}
	c->wrong[arch_hart()] = wrong;
}

TEST(hotplug, content, .needs = NEEDS_VMEM)
{
	static struct content c;
	struct region r = hotcase_blocks(t, rng_below(&t->rng, hotcase_nr_blocks(t)), 1);
	struct hot_region *h = hotcase_add(t, r, PROT_RW);

	hartset_for_each(writer, &t->all) {
		struct hartset one = hartset_of(writer);

		c = (struct content){direct_va(r.start), r.size, rng_next(&t->rng), true, {0}};
		test_on_harts(t, &one, content_job, &c);
		c.write = false;
		test_on_harts(t, &t->all, content_job, &c);
		hartset_for_each(reader, &t->all)
			EXPECT(t, c.wrong[reader] == 0,
			       "hart%u read %llu words that hart%u did not write", reader,
			       (unsigned long long)c.wrong[reader], writer);
	}
	hotcase_remove(t, h);
	/* What comes back is not what was there: the device threw it away. */
	h = hotcase_add(t, r, PROT_RW);
	c.wrong[0] = 0;
	content_job(&c);
	EXPECT(t, c.wrong[0] != 0, "content survived unplug: the device did not discard it");
	hotcase_remove(t, h);
}

static void sync_fetch(void *arg)
{
	(void)arg;
	raw_fence_i();
}

/* The memory is executable this once, so that fetch can be seen to work before it has to trap. */
TEST(hotplug, traps, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	static const enum access all[] = {ACCESS_LOAD, ACCESS_STORE, ACCESS_FETCH};

	for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
		struct region r = hotcase_blocks(t, rng_below(&t->rng, hotcase_nr_blocks(t)), 1);
		struct hot_region *h = hotcase_add(t, r, PROT_RWX);
		struct spots s = {direct_va(r.start) +
					  align_down(rng_below(&t->rng, r.size), PAGE_SIZE),
				  PAGE_SIZE, 0};

		for (unsigned k = 0; k < spots_count(&s); k++)
			probe_stub(arch_virt_to_ptr(align_down(spots_at(&s, k), PROBE_STUB_BYTES)),
				   0x1234567);
		test_on_harts(t, &t->all, sync_fetch, NULL);
		if (all[i] == ACCESS_FETCH) {
			/* Each hart runs the stub: its instruction side holds the page now. */
			s.size = PROBE_STUB_BYTES;
			probes_fetch(t, &t->all, s.va, 0x1234567);
		} else {
			probes_write_and_read(t, &t->all, &s);
		}
		probes_control_next(t, &t->all, &s, all[i]);
		hotcase_remove(t, h);
		probes_must_trap(t, &t->all, &s, all[i]);
	}
}

/* Map a page where no root entry was used yet: the copy has to have that entry all the same. */
static vaddr_t map_in_unused_entry(struct test_run *t, paddr_t pa)
{
	unsigned top = kernel_table()->mode->levels - 1;
	vaddr_t va = vmalloc_reserve(level_size(top), level_size(top));
	struct pt_batch b;

	ASSERT(t, va != 0, "no unused root entry left in the vmalloc area");
	kernel_begin(&b);
	EXPECT_OK(t, pt_map(&b, va, pa, PAGE_SIZE, PROT_RW, 0));
	EXPECT_OK(t, pt_commit(&b));
	kernel_end();
	return va;
}

static void unmap_page(struct test_run *t, vaddr_t va)
{
	struct pt_batch b;

	kernel_begin_freeing(&b);
	EXPECT_OK(t, pt_unmap(&b, va, PAGE_SIZE, 0));
	EXPECT_OK(t, pt_commit(&b));
	kernel_end_freeing();
}

/*
 * A root that was copied before the add sees the new memory, without a word to it: root entries
 * are populated once and shared. (Linux: preallocate_pgd_pages_range(); 7d3332be011e.)
 */
TEST(hotplug, second_root, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, hotcase_nr_blocks(t) / 2, 1);
	paddr_t copy = second_root_copy(t);
	struct hot_region *h;
	vaddr_t va;

	h = hotcase_add(t, r, PROT_RW);
	second_root_write_and_read(t, direct_va(r.start), copy);
	va = map_in_unused_entry(t, r.start);
	second_root_write_and_read(t, va, copy);
	unmap_page(t, va);
	hotcase_remove(t, h);
	second_root_drop(copy);
}

/* Memory in use is not taken away; when it is given back, it is. */
TEST(hotplug, refuse, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, 0, 1);
	struct hot_region *h = hotcase_add(t, r, PROT_RW);
	unsigned order = (unsigned)rng_below(&t->rng, 5);
	paddr_t pa = zone_alloc(&h->zone, order, OWNER_TEST);
	struct spots s = hotcase_spots(t, r);
	struct evacuation e;

	ASSERT(t, pa != FRAME_NONE, "nothing to allocate in online memory");
	EXPECT(t, plug_remove(t->bench->vmem, h, &e, NULL) == ERR_BUSY,
	       "memory in use was taken away");
	EXPECT(t, e.stuck.pa == pa && e.stuck.owner == OWNER_TEST,
	       "busy frame is 0x%llx of test, reported 0x%llx of %s", (unsigned long long)pa,
	       (unsigned long long)e.stuck.pa, owner_name(e.stuck.owner));
	probes_write_and_read(t, &t->all, &s);
	frame_free(pa, order, OWNER_TEST);
	hotcase_remove(t, h);
}

/* Ranges that hot-add has to refuse, each with its error and nothing changed. */
TEST(hotplug, errors, .needs = NEEDS_VMEM)
{
	struct region can = kernel_mappable_range();
	struct region r = hotcase_blocks(t, 2, 2);
	const struct {
		struct region r;
		enum err due;
	} rows[] = {
		{{r.start, 0}, ERR_INVAL},
		{{r.start + PAGE_SIZE, SZ_2M}, ERR_INVAL},
		{{r.start, SZ_2M - PAGE_SIZE}, ERR_INVAL},
		{{region_end(can), SZ_2M}, ERR_RANGE},
		{{region_end(can) - SZ_2M, 2 * SZ_2M}, ERR_RANGE},
		{{-SZ_2M, SZ_2M}, ERR_RANGE},
		{{t->bench->machine->ram[0].start & ~(SZ_2M - 1), SZ_2M}, ERR_EXIST},
		{{r.start, SZ_2M}, ERR_EXIST},
		{{r.start - SZ_2M, 2 * SZ_2M}, ERR_EXIST},
		{{region_end(r) - SZ_2M, 2 * SZ_2M}, ERR_EXIST},
	};
	struct hot_region *h;

	if (!hotcase_need(t, 4))
		return;
	h = hotcase_add(t, r, PROT_RW);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct hot_region *out;
		enum err err = hot_add(rows[i].r, PROT_RW, &out, NULL);

		EXPECT(t, err == rows[i].due, "row %u, 0x%llx+0x%llx: %s, due %s", i,
		       (unsigned long long)rows[i].r.start, (unsigned long long)rows[i].r.size,
		       err_name(err), err_name(rows[i].due));
	}
	hotcase_remove(t, h);
}

/* Out of memory at the k-th allocation of an add: undone, the device's blocks too. */
TEST(hotplug, nomem, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, hotcase_nr_blocks(t) / 4, 2);
	struct accounts before = accounts_take(t->bench);
	unsigned k = 1;

	if (!hotcase_need(t, 3))
		return;
	for (; k < 64 && t->fails == 0; k++) {
		struct hot_region *h;
		enum err err;

		frame_fail_at(k);
		err = plug_add(t->bench->vmem, r, PROT_RW, &h, NULL);
		frame_fail_at(0);
		if (err == OK) {
			hotcase_remove(t, h);
			break;
		}
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		accounts_check(t, &before);
	}
	EXPECT(t, t->fails != 0 || k > 1, "only %u allocations were made to fail", k - 1);
}

/* The device has to say so when it changes its mind (virtio 1.2, 5.15.4.1); it may take a while. */
#define NOTIFY_TIMEOUT_MS 10000

static bool notified(struct virtio_mem *v)
{
	uint64_t deadline = time_deadline_ms(NOTIFY_TIMEOUT_MS);

	while (!virtio_mem_config_changed(v)) {
		if (time_past(deadline))
			return false;
		arch_yield();
	}
	return true;
}

/* Take away what is no whole big block: it was plugged only so that the device goes on. */
static void drop_small(struct test_run *t, uint64_t step)
{
	for (struct hot_region *h = hot_first(); h != NULL;) {
		struct hot_region *next = h->next;

		if (h->phys.size < step)
			hotcase_remove(t, h);
		h = next;
	}
}

/*
 * The device changes its mind, as often as its schedule says; the driver follows. The next size is
 * set before the answer to the request that reached the last one is all that the device does, so
 * a look at the configuration finds it; the notification comes when it comes.
 * @rest: steps that are small enough where @f's are not.
 */
static void follow(struct test_run *t, struct follow *f, struct follow *rest)
{
	struct virtio_mem *v = t->bench->vmem;
	uint64_t requested = v->geo.requested_size;
	unsigned changes = 0;

	f->verbose = true;
	(void)virtio_mem_config_changed(v);
	ASSERT_OK(t, virtio_mem_ready(v));
	for (;;) {
		uint64_t due;

		ASSERT_OK(t, virtio_mem_refresh(v));
		if (v->geo.requested_size == requested)
			break;
		requested = v->geo.requested_size;
		/* What is no whole memory block at the region's ends is out of reach. */
		due = min_u64(requested, f->range.size);
		note("requested 0x%llx of 0x%llx bytes", (unsigned long long)requested,
		     (unsigned long long)v->geo.region_size);
		EXPECT(t, notified(v), "requested_size changed without a notification");
		ASSERT_OK(t, follow_run(f));
		EXPECT(t, v->plugged_bytes <= requested && due - v->plugged_bytes < f->step,
		       "plugged 0x%llx of 0x%llx in steps of 0x%llx",
		       (unsigned long long)v->plugged_bytes, (unsigned long long)due,
		       (unsigned long long)f->step);
		/* The device goes on when its size is reached to the byte. */
		if (v->plugged_bytes < due) {
			ASSERT_OK(t, follow_run(rest));
			drop_small(t, f->step);
		}
		EXPECT_OK(t, virtio_mem_check(v));
		accounts_audit(t);
		changes++;
	}
	if (changes == 0)
		test_skip(t, "the device asks for one size only");
	while (hot_first() != NULL)
		hotcase_remove(t, hot_first());
}

/* A quarter of the region is a memory block where that is less than Linux's 128 MiB. */
static uint64_t memory_block(const struct test_run *t)
{
	uint64_t most = FOLLOW_MEMORY_BLOCK;

	while (most > HOTPLUG_GRANULE && most > t->bench->vmem->geo.region_size / 4)
		most /= 2;
	return most;
}

/* Sub-block by sub-block, memory blocks plugged in part. */
TEST(hotplug, follow, .needs = NEEDS_VMEM, .timeout_ms = 120000)
{
	struct follow f;

	if (!hotcase_need(t, hotcase_nr_blocks(t)))
		return;
	ASSERT_OK(t, follow_init(&f, t->bench->vmem, memory_block(t), false));
	follow(t, &f, &f);
}

/* Whole big blocks only. */
TEST(hotplug, follow_big, .needs = NEEDS_VMEM, .timeout_ms = 120000)
{
	struct follow f, rest;

	if (!hotcase_need(t, hotcase_nr_blocks(t)))
		return;
	ASSERT_OK(t, follow_init(&f, t->bench->vmem, memory_block(t), true));
	ASSERT_OK(t, follow_init(&rest, t->bench->vmem, memory_block(t), false));
	EXPECT(t, f.big && f.step == f.memory_block, "not big-block mode");
	follow(t, &f, &rest);
}
