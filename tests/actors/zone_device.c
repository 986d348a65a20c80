/* SPDX-License-Identifier: BSD-2-Clause */
/* actor.zone_device*: memory of a device is used by every hart, and is nobody's to allocate. */
#include <string.h>

#include "firmware/arch.h"
#include "firmware/time.h"
#include "mm/kernel.h"
#include "tests/accounts.h"
#include "tests/actors/cast.h"
#include "tests/actors/device.h"
#include "tests/probes.h"

/* A section of Linux: several devices may lie in one. */
#define SECTION (UINT64_C(128) << 20)

/* No way leads from the allocator to @r: not by name, not by address, not by chance. */
static void expect_not_allocatable(struct test_run *t, struct region r)
{
	struct hot_region *h = hot_find_device(r.start);
	paddr_t pa = frame_alloc_hot(0, OWNER_TEST);

	EXPECT(t, pa == FRAME_NONE, "the allocator hands out 0x%llx", (unsigned long long)pa);
	if (pa != FRAME_NONE)
		frame_free(pa, 0, OWNER_TEST);
	EXPECT(t, hot_find(r.start) == NULL, "hot_find() knows it");
	ASSERT(t, h != NULL, "hot_find_device() does not know it");
	EXPECT(t, zone_alloc(&h->zone, 0, OWNER_TEST) == FRAME_NONE, "its zone has frames");
	EXPECT(t, h->zone.managed_frames == 0 && h->zone.free_frames == 0,
	       "its zone counts %llu frames", (unsigned long long)h->zone.managed_frames);
}

/* Whether each record of @r is that of a frame that nobody asked for. */
static bool records_zero(struct region r)
{
	static const struct frame zero;

	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE) {
		if (memcmp(frame_of(pa), &zero, sizeof(zero)) != 0)
			return false;
	}
	return true;
}

static bool records_mapped(paddr_t pa)
{
	return pt_lookup(kernel_table(), frame_record_va(pa)).mapped;
}

/* Mapped, used by all, in nobody's hands; refused while used; then gone on every hart. */
TEST(actor, zone_device, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region r = hotcase_blocks(t, rng_below(&t->rng, hotcase_nr_blocks(t)), 1);
	struct spots s = hotcase_spots(t, r);

	if (!hotcase_need(t, 1))
		return;
	devices_begin(t);
	device_open(t, 0, r);
	probes_write_and_read(t, &t->all, &s);
	probes_read(t, &t->all, &t->all, &s);
	expect_not_allocatable(t, r);
	EXPECT(t, records_zero(r), "a record is not that of a frame of nobody");
	EXPECT(t, hot_max_pa() >= region_end(r), "max pa 0x%llx", (unsigned long long)hot_max_pa());
	accounts_audit(t);
	devices[0].held = devmem_get(&devices[0].mem);
	ASSERT(t, devices[0].held, "nobody may use it");
	EXPECT(t, devmem_unmap(&devices[0].mem, NULL) == ERR_BUSY, "it goes while it is used");
	probes_read(t, &t->all, &t->all, &s);
	devmem_put(&devices[0].mem);
	devices[0].held = false;
	probes_control_next(t, &t->all, &s, ACCESS_LOAD);
	device_close(t, 0);
	probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
	probes_must_trap(t, &t->all, &s, ACCESS_STORE);
	EXPECT(t, !devmem_get(&devices[0].mem), "what is gone may be used");
	EXPECT(t, !records_mapped(r.start), "its records are still there");
}

static void expect_whole(struct test_run *t, struct region r)
{
	struct spots s = hotcase_spots(t, r);

	probes_read(t, &t->all, &t->all, &s);
	EXPECT(t, records_mapped(r.start) && records_mapped(region_end(r) - PAGE_SIZE),
	       "records of 0x%llx went with a neighbour's", (unsigned long long)r.start);
}

/*
 * Device, RAM, device, each 2 MiB or a block, side by side in one section. One goes: the others
 * keep content, leaves and records. (arm64 once freed the records of the whole section.)
 */
TEST(actor, zone_device_section, .needs = NEEDS_VMEM, .clause = TRAP_CLAUSE)
{
	struct region r[3];
	struct spots s[3];
	struct hot_region *h;
	unsigned first = (unsigned)rng_below(&t->rng, 2);

	if (!hotcase_need(t, 3))
		return;
	for (unsigned i = 0; i < 3; i++) {
		r[i] = hotcase_blocks(t, i, 1);
		s[i] = hotcase_spots(t, r[i]);
	}
	if (align_down(r[0].start, SECTION) != align_down(region_end(r[2]) - 1, SECTION)) {
		test_skip(t, "three blocks do not fit into a section of 128 MiB");
		return;
	}
	devices_begin(t);
	device_open(t, 0, r[0]);
	h = hotcase_add(t, r[1], PROT_RW);
	device_open(t, 1, r[2]);
	for (unsigned i = 0; i < 3; i++)
		probes_write_and_read(t, &t->all, &s[i]);
	/* Frames of the one in the middle only. */
	for (unsigned i = 0; i < 8; i++) {
		paddr_t pa = frame_alloc_hot(i, OWNER_TEST);

		EXPECT(t, pa == FRAME_NONE || (pa >= r[1].start && pa < region_end(r[1])),
		       "the allocator hands out 0x%llx", (unsigned long long)pa);
		if (pa != FRAME_NONE)
			frame_free(pa, i, OWNER_TEST);
	}
	for (unsigned i = 0; i < 3; i++)
		probes_write_and_read(t, &t->all, &s[i]);
	probes_control_next(t, &t->all, &s[2 * first], ACCESS_LOAD);
	device_close(t, first);
	probes_must_trap(t, &t->all, &s[2 * first], ACCESS_LOAD);
	expect_whole(t, r[1]);
	expect_whole(t, r[2 - 2 * first]);
	accounts_audit(t);
	hotcase_remove(t, h);
	probes_must_trap(t, &t->all, &s[1], ACCESS_LOAD);
	expect_whole(t, r[2 - 2 * first]);
	accounts_audit(t);
	device_close(t, 1 - first);
	probes_must_trap(t, &t->all, &s[2 - 2 * first], ACCESS_LOAD);
}

/* What has to be refused, each with its error and nothing changed; RAM over it, too. */
TEST(actor, zone_device_refused, .needs = NEEDS_VMEM)
{
	struct region can = kernel_mappable_range();
	struct region dev = hotcase_blocks(t, 0, 1);
	struct region ram = hotcase_blocks(t, 1, 1);
	const struct {
		struct region r;
		enum err due;
	} rows[] = {
		{{region_end(can), SZ_2M}, ERR_RANGE},
		{{region_end(can) - SZ_2M, 2 * SZ_2M}, ERR_RANGE},
		{{can.start - SZ_2M, SZ_2M}, ERR_RANGE},
		{{-SZ_2M, SZ_2M}, ERR_RANGE},
		{{dev.start, 0}, ERR_INVAL},
		{{dev.start + PAGE_SIZE, SZ_2M}, ERR_INVAL},
		{{dev.start, SZ_2M / 2}, ERR_INVAL},
		{{t->bench->machine->ram[0].start & ~(SZ_2M - 1), SZ_2M}, ERR_EXIST},
		{{ram.start, SZ_2M}, ERR_EXIST},
		{{dev.start, SZ_2M}, ERR_EXIST},
		{{region_end(dev) - SZ_2M, 2 * SZ_2M}, ERR_EXIST},
	};
	struct hot_region *h, *none;

	if (!hotcase_need(t, 2))
		return;
	devices_begin(t);
	device_open(t, 0, dev);
	h = hotcase_add(t, ram, PROT_RW);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		struct accounts before = accounts_take(t->bench);
		enum err err = devmem_map(&devices[1].mem, rows[i].r, PROT_RW, NULL);

		EXPECT(t, err == rows[i].due, "row %u, 0x%llx+0x%llx: %s, due %s", i,
		       (unsigned long long)rows[i].r.start, (unsigned long long)rows[i].r.size,
		       err_name(err), err_name(rows[i].due));
		accounts_compare(t, &before);
		if (err != OK)
			continue;
		/* Two claim one piece of memory: whatever comes next would take it from the other.
		 */
		t->cleanup = NULL;
		test_leave();
	}
	EXPECT(t, devmem_map(&devices[0].mem, dev, PROT_RW, NULL) == ERR_EXIST, "mapped twice");
	EXPECT(t, hot_add(dev, PROT_RW, &none, NULL) == ERR_EXIST, "RAM is added over a device");
	EXPECT(t,
	       hot_split(devices[0].mem.r, dev.start + SZ_2M, &none) == ERR_INVAL ||
		       dev.size == SZ_2M,
	       "a device's memory is cut");
	EXPECT(t, hot_merge(devices[0].mem.r, NULL) == ERR_NOENT, "it is joined with RAM");
	hotcase_remove(t, h);
	device_close(t, 0);
}

/* The k-th allocation fails, for each k: undone. */
TEST(actor, zone_device_nomem, .needs = NEEDS_VMEM)
{
	struct region r = hotcase_blocks(t, hotcase_nr_blocks(t) / 2, 1);
	struct spots s = hotcase_spots(t, r);
	struct accounts before;
	unsigned k = 1;

	if (!hotcase_need(t, 1))
		return;
	devices_begin(t);
	ASSERT_OK(t, virtio_mem_plug(t->bench->vmem, r.start, r.size));
	devices[0].plugged = r;
	before = accounts_take(t->bench);
	for (; k < 64 && t->fails == 0; k++) {
		enum err err;

		frame_fail_at(k);
		err = devmem_map(&devices[0].mem, r, PROT_RW, NULL);
		frame_fail_at(0);
		if (err == OK)
			break;
		EXPECT(t, err == ERR_NOMEM, "k=%u: %s", k, err_name(err));
		probes_must_trap(t, &t->all, &s, ACCESS_LOAD);
		accounts_compare(t, &before);
	}
	EXPECT(t, t->fails != 0 || k > 1, "no allocation was made to fail");
	if (devices[0].mem.r != NULL)
		device_close(t, 0);
}

#define ROUNDS 24u
#define PATIENCE 200000u

static uint32_t nr_uses;

/* Comes and goes under its users. A while in between, so that somebody gets in. */
static void come_and_go(struct actor *a)
{
	uint32_t before = __atomic_load_n(&nr_uses, __ATOMIC_RELAXED);
	struct devmem *d = &devices[0].mem;
	enum err err;

	if (d->r == NULL) {
		err = devmem_map(d, devices[0].plugged, PROT_RW, NULL);
		for (unsigned i = 0; i < PATIENCE; i++) {
			if (__atomic_load_n(&nr_uses, __ATOMIC_RELAXED) != before)
				break;
			arch_yield();
		}
	} else {
		err = devmem_unmap(d, NULL);
	}
	if (err != OK && err != ERR_BUSY)
		actor_fail(a, EVIDENCE_CHECK, "%s", err_name(err));
}

/* Who got in is not disturbed: no access traps until he has let go. */
static void use(struct actor *a)
{
	struct region r = devices[0].plugged;
	vaddr_t va = direct_va(r.start + align_down(rng_below(&a->rng, r.size), 8));
	uint64_t value = rng_next(&a->rng);

	if (!devmem_get(&devices[0].mem))
		return;
	__atomic_fetch_add(&nr_uses, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < 50; i++) {
		struct probe p = i % 2 == 0 ? probe_store(va, value) : probe_load(va);

		if (p.trapped)
			actor_fail(a, EVIDENCE_PROBE, "va 0x%llx went under its user",
				   (unsigned long long)va);
	}
	devmem_put(&devices[0].mem);
}

TEST(actor, zone_device_users, .needs = NEEDS_VMEM | NEEDS_SMP)
{
	unsigned users = (unsigned)min_u64(hartset_count(&t->peers), 3);
	struct region r = hotcase_blocks(t, 0, 1);

	if (!hotcase_need(t, 1))
		return;
	devices_begin(t);
	ASSERT_OK(t, virtio_mem_plug(t->bench->vmem, r.start, r.size));
	devices[0].plugged = r;
	nr_uses = 0;
	cast_begin(t);
	cast_add("device", come_and_go, NULL);
	for (unsigned i = 0; i < users; i++)
		cast_add("user", use, NULL);
	cast_play(ROUNDS);
	EXPECT(t, nr_uses != 0, "nobody ever got in");
	if (devices[0].mem.r == NULL)
		device_map(t, 0, r);
	device_close(t, 0);
}
