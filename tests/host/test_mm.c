/* SPDX-License-Identifier: BSD-2-Clause */
/* mm/ from nothing: boot memory, the kernel's table, zones, on machines of several shapes. */
#include <stdlib.h>
#include <string.h>

#include "firmware/image.h"
#include "firmware/offsets.h"
#include "mm/audit.h"
#include "mm/bootmem.h"
#include "mm/hotplug.h"
#include "mm/kernel.h"
#include "mm/mode.h"
#include "mm/ptpage.h"
#include "tests/host/arch_sim_rig.h"
#include "tests/host/tap.h"

static bool inside(paddr_t pa, const struct region *r, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (pa - r[i].start < r[i].size)
			return true;
	}
	return false;
}

/* RAM less reserved memory less the image, told page by page: what may be used. */
static bool is_usable(const struct shape *s, paddr_t pa)
{
	return inside(pa, s->ram, s->nr_ram) && !inside(pa, s->reserved, s->nr_reserved) &&
	       !inside(pa, &s->image, 1);
}

static uint64_t count_usable(const struct shape *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < s->nr_ram; i++) {
		for (paddr_t pa = s->ram[i].start; pa < region_end(s->ram[i]); pa += PAGE_SIZE)
			n += is_usable(s, pa);
	}
	return n;
}

/* The direct map has what may be used and nothing else, also beside each edge. */
static void check_direct(const struct shape *s)
{
	for (unsigned i = 0; i < s->nr_ram; i++) {
		paddr_t first = s->ram[i].start - (s->ram[i].start != 0 ? PAGE_SIZE : 0);

		for (paddr_t pa = first; pa <= region_end(s->ram[i]); pa += PAGE_SIZE) {
			struct pt_lookup l = pt_lookup(kernel_table(), direct_va(pa));

			if (pa < kernel_mappable_range().start)
				continue;
			CHECK(l.mapped == is_usable(s, pa), "0x%llx is %smapped",
			      (unsigned long long)pa, l.mapped ? "" : "not ");
			CHECK(!l.mapped || (l.pa == pa && pte_prot(l.leaf) == PROT_RW),
			      "0x%llx is mapped to 0x%llx", (unsigned long long)pa,
			      (unsigned long long)l.pa);
			/* Virtual and physical addresses agree modulo the largest common leaf. */
			CHECK((direct_va(pa) - pa) % SZ_1G == 0, "0x%llx is not congruent",
			      (unsigned long long)pa);
		}
	}
}

static void check_image(const struct shape *s)
{
	struct pt_lookup text = pt_lookup(kernel_table(), IMAGE_VA);
	struct pt_lookup data = pt_lookup(kernel_table(), IMAGE_VA + IMAGE_PART);

	CHECK(text.mapped && text.pa == s->image.start && text.level == 1 &&
		      pte_prot(text.leaf) == PROT_RX,
	      "text is not mapped as it should be");
	CHECK(data.mapped && data.pa == s->image.start + IMAGE_PART && data.level == 1 &&
		      pte_prot(data.leaf) == PROT_RW,
	      "data is not mapped as it should be");
}

/* Every frame that may be used is free or boot memory's; what is reserved is nobody's. */
static void check_frames(const struct shape *s)
{
	struct frame_counts c = frame_counts();
	uint64_t taken = 0;
	static paddr_t got[16384];
	unsigned n = 0;

	for (unsigned o = 0; o < NR_OWNERS; o++)
		taken += c.owned[o];
	CHECK(c.free + taken == count_usable(s), "%llu frames are accounted for, %llu usable",
	      (unsigned long long)(c.free + taken), (unsigned long long)count_usable(s));
	for (unsigned i = 0; i < s->nr_ram; i++) {
		for (paddr_t pa = s->ram[i].start; pa < region_end(s->ram[i]); pa += PAGE_SIZE)
			CHECK(is_usable(s, pa) || frame_owner(pa) == OWNER_NONE,
			      "reserved 0x%llx is owned", (unsigned long long)pa);
	}
	/* None of what is handed out may be in use by the tables; all of it can be used. */
	while (n < ARRAY_LEN(got)) {
		paddr_t pa = frame_alloc(0, OWNER_TEST);

		if (pa == FRAME_NONE)
			break;
		CHECK(is_usable(s, pa), "0x%llx is handed out", (unsigned long long)pa);
		memset(phys_to_ptr(pa), 0x77, PAGE_SIZE);
		got[n++] = pa;
	}
	rig_check_kernel("with every frame filled");
	while (n > 0)
		frame_free(got[--n], 0, OWNER_TEST);
	CHECK(frame_counts().free == c.free, "%llu free frames, were %llu",
	      (unsigned long long)frame_counts().free, (unsigned long long)c.free);
}

/* All root entries of the areas are populated, by empty tables. */
static void check_root(const struct mmu_mode *mode)
{
	const struct area *areas[] = {&mode->vmemmap, &mode->vmalloc, &mode->direct, &mode->kasan};
	uint64_t step = level_size(mode->levels - 1);

	for (unsigned i = 0; i < ARRAY_LEN(areas); i++) {
		for (uint64_t off = 0; off < areas[i]->size; off += step) {
			struct pt_cursor c = pt_root(kernel_table(), areas[i]->start + off);

			CHECK(pte_is_table(pte_load(c.slot)), "root entry of 0x%llx is empty",
			      (unsigned long long)(areas[i]->start + off));
		}
	}
}

static void boots(const void *arg)
{
	const struct rig *rig = arg;
	struct rig_accounts before;

	rig_boot(rig);
	rig_check_kernel("after boot");
	check_direct(rig->shape);
	check_image(rig->shape);
	check_root(rig->mode);
	before = rig_accounts();
	check_frames(rig->shape);
	rig_check_accounts(&before, "after boot");
	rig_check_silent("after boot");
}

/* The largest leaves that fit, told from the addresses alone. */
static void leaf_sizes(const void *arg)
{
	const struct rig *rig = arg;
	struct audit a;
	uint64_t expected[PT_MAX_LEVELS] = {0};
	const struct region *r;
	unsigned n;

	rig_boot(rig);
	n = bootmem_regions(&r);
	for (unsigned i = 0; i < n; i++) {
		for (paddr_t pa = r[i].start; pa < region_end(r[i]);) {
			unsigned level = mode_max_leaf(rig->mode);

			while (pa % level_size(level) != 0 ||
			       direct_va(pa) % level_size(level) != 0 ||
			       region_end(r[i]) - pa < level_size(level))
				level--;
			expected[level]++;
			CHECK(pt_lookup(kernel_table(), direct_va(pa)).level == level,
			      "0x%llx is not a leaf of level %u", (unsigned long long)pa, level);
			pa += level_size(level);
		}
	}
	a = audit_table(kernel_table());
	for (unsigned l = 2; l < PT_MAX_LEVELS; l++)
		CHECK(a.leaves[l] == expected[l], "level %u: %llu leaves, due %llu", l,
		      (unsigned long long)a.leaves[l], (unsigned long long)expected[l]);
}

/* As small as it gets: it fits or is refused, and at no size it is half done. */
static void too_small(const void *arg)
{
	struct shape s = *rig_usual;
	const struct rig *given = arg;
	struct rig rig = *given;
	enum err err;

	s.ram[0].size = given->seed;
	rig.shape = &s;
	err = rig_boot_kernel(&rig);
	if (err == OK && ptpage_init() == OK)
		rig_check_kernel("small");
	else
		CHECK(err == OK || err == ERR_NOMEM, "%s", err_name(err));
	CHECK(err == OK || given->seed < 32 * SZ_2M, "refused");
}

/* RAM beyond what the mode can map is left alone. */
static void beyond(const void *arg)
{
	const struct rig *given = arg;
	struct shape s = *rig_usual;
	struct rig rig = *given;
	uint64_t reach = min_u64(given->mode->direct.size,
				 given->mode->vmemmap.size / frame_record_size() << PAGE_SHIFT);

	/* The second piece lies across the end of what can be mapped. */
	s.ram[1] = (struct region){s.ram[0].start + reach - SZ_2M, 2 * SZ_2M};
	s.nr_ram = 2;
	rig.shape = &s;
	rig_boot(&rig);
	rig_check_kernel("with RAM beyond");
	CHECK(pt_lookup(kernel_table(), direct_va(s.ram[1].start)).mapped,
	      "the reachable part is lost");
	CHECK(!pt_lookup(kernel_table(), direct_va(s.ram[1].start + SZ_2M)).mapped,
	      "the unreachable part is mapped");
	CHECK(frame_owner(s.ram[1].start + SZ_2M) == OWNER_NONE, "somebody owns it");
}

/* A piece of RAM is cut out for a built-in device, and comes back as hot-added memory. */
static void carved(const void *arg)
{
	const struct rig *rig = arg;
	const struct machine *m = rig_machine(rig_usual);
	struct region r;
	struct hot_region *h;
	struct evacuation e;
	struct rig_accounts before;

	sim_init(rig->seed);
	sim_mem_add(rig_usual->ram[0], true);
	sim_image(rig_usual->image);
	REQUIRE_OK(bootmem_init(m, image_region(), region_end(kernel_mappable(rig->mode, m))));
	r = (struct region){bootmem_find_top(4 * SZ_2M, SZ_2M), 4 * SZ_2M};
	REQUIRE(r.start != FRAME_NONE, "no room");
	REQUIRE_OK(bootmem_carve(r));
	sim_early(bootmem_arena());
	REQUIRE_OK(kernel_init(rig->mode, m));
	REQUIRE_OK(ptpage_init());
	REQUIRE_OK(hotplug_init(m));
	model_init(kernel_table(), kernel_mappable_range());
	rig_check_kernel("carved");
	before = rig_accounts();
	for (paddr_t pa = r.start; pa < region_end(r); pa += PAGE_SIZE)
		CHECK(!pt_lookup(kernel_table(), direct_va(pa)).mapped, "0x%llx is mapped",
		      (unsigned long long)pa);
	REQUIRE_OK(hot_add((struct region){r.start + SZ_2M, 2 * SZ_2M}, PROT_RW, &h, NULL));
	CHECK_ERR(hot_online(h), OK);
	for (unsigned i = 0; i < 1024; i++) {
		paddr_t pa = zone_alloc(&h->zone, 0, OWNER_TEST);

		CHECK(hot_find(pa) == h, "0x%llx is not of the region", (unsigned long long)pa);
		CHECK(frame_owner(pa) == OWNER_TEST, "0x%llx has no owner", (unsigned long long)pa);
	}
	for (unsigned i = 0; i < 1024; i++)
		frame_free(r.start + SZ_2M + i * PAGE_SIZE, 0, OWNER_TEST);
	CHECK(h->zone.free_frames == 1024, "%llu free frames in the region",
	      (unsigned long long)h->zone.free_frames);
	REQUIRE_OK(hot_offline(h, &e));
	REQUIRE_OK(hot_remove(h, NULL));
	rig_check_kernel("removed");
	rig_check_accounts(&before, "removed");
	rig_check_silent("removed");
}

/* Armed, the direct map covers what is reserved: what check_direct() looks for is there. */
static void reserved_is_mapped(const void *arg)
{
	const struct rig *given = arg;
	struct rig rig = *given;

	rig.faults = "map-reserved";
	rig_boot(&rig);
	CHECK(pt_lookup(kernel_table(), direct_va(rig.shape->image.start)).mapped,
	      "the fault does nothing");
}

/* Privileged ISA, satp: 8, 9, 10 are Sv39, Sv48, Sv57; 0 is Bare, the rest is reserved. */
static void test_modes_by_satp(void)
{
	for (uint64_t n = 0; n < 16; n++) {
		const struct mmu_mode *m = mmu_mode_by_satp(n);
		const char *want = n == 8 ? "Sv39" : n == 9 ? "Sv48" : n == 10 ? "Sv57" : NULL;

		tap_ok(want == NULL ? m == NULL : m != NULL && strcmp(m->name, want) == 0,
		       "satp mode %u: %s", (unsigned)n, want == NULL ? "none" : want);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	test_modes_by_satp();

	for (unsigned m = 0; m < ARRAY_LEN(mmu_modes); m++) {
		struct rig rig = {.mode = &mmu_modes[m], .seed = seed};

		for (unsigned i = 0; i < rig_nr_shapes; i++) {
			rig.shape = &rig_shapes[i];
			tap_ok(rig_run(boots, &rig), "%s: boot: %s", rig.mode->name,
			       rig.shape->name);
			tap_ok(rig_run(leaf_sizes, &rig), "%s: leaf sizes: %s", rig.mode->name,
			       rig.shape->name);
		}
		rig.shape = &rig_shapes[7];
		tap_ok(rig_run(reserved_is_mapped, &rig), "%s: map-reserved shows", rig.mode->name);
		rig.shape = rig_usual;
		tap_ok(rig_run(beyond, &rig), "%s: RAM beyond what can be mapped", rig.mode->name);
		tap_ok(rig_run(carved, &rig), "%s: memory cut out", rig.mode->name);
		for (uint64_t size = 6; size < 14; size++) {
			rig.seed = size * 0x100000;
			tap_ok(rig_run(too_small, &rig), "%s: %u MiB of RAM", rig.mode->name,
			       (unsigned)size);
		}
	}
	return tap_done();
}
