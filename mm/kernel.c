/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's page table and address space. */
#include "mm/kernel.h"

#include "firmware/arch.h"
#include "firmware/console.h"
#include "firmware/image.h"
#include "firmware/offsets.h"
#include "firmware/root.h"
#include "mm/bootmem.h"
#include "mm/clear.h"
#include "mm/fault.h"
#include "mm/map.h"
#include "mm/ptpage.h"
#include "mm/shadow.h"
#include "mm/zone.h"

/* One for each 2 MiB of a frame table of 1 TiB and as many more, on machines that have the room. */
#define MAX_EXTENTS 20480
#define MIN_EXTENTS 1024

struct spinlock kernel_table_lock = SPINLOCK(LOCK_KERNEL_TABLE);
struct rwlock mmap_lock = RWLOCK(LOCK_MMAP);

static struct ptable table = {.name = "kernel"};
static struct shadow shadow;
static struct region mappable;
static vaddr_t vmalloc_next;
static struct zone zones[BOOTMEM_MAX_REGIONS];

struct ptable *kernel_table(void)
{
	return &table;
}

void kernel_begin(struct pt_batch *b)
{
	if (!fault_armed(FAULT_TABLE_UNLOCKED))
		spin_lock(&kernel_table_lock);
	pt_begin(b, &table);
}

void kernel_end(void)
{
	if (!fault_armed(FAULT_TABLE_UNLOCKED))
		spin_unlock(&kernel_table_lock);
}

void kernel_begin_freeing(struct pt_batch *b)
{
	rw_read_lock(&mmap_lock);
	kernel_begin(b);
}

void kernel_end_freeing(void)
{
	kernel_end();
	rw_read_unlock(&mmap_lock);
}

uint64_t kernel_satp(void)
{
	return table.mode->satp_mode << 60 | table.root >> PAGE_SHIFT;
}

struct region kernel_mappable(const struct mmu_mode *mode, const struct machine *m)
{
	uint64_t records = mode->vmemmap.size / frame_record_size();
	uint64_t size = min_u64(mode->direct.size, align_down(records << PAGE_SHIFT, SZ_1G));
	/*
	 * Aligned to the largest common leaf, so that virtual and physical addresses agree modulo
	 * 1 GiB and records of a section start at a leaf's edge (Linux f754f27e98f8).
	 */
	paddr_t start = align_down(m->ram[0].start, SZ_1G);

	return (struct region){start, min_u64(size, (UINT64_C(1) << PA_BITS) - start)};
}

struct region kernel_mappable_range(void)
{
	return mappable;
}

vaddr_t direct_va(paddr_t pa)
{
	if (pa >> 32 != 0 && fault_armed(FAULT_KADDR_32))
		pa = (uint32_t)pa;
	return table.mode->direct.start + (pa - mappable.start);
}

vaddr_t vmalloc_reserve(uint64_t size, uint64_t align)
{
	const struct area *a = &table.mode->vmalloc;
	uint64_t half = a->size / 2; /* the upper one is areas.c's */
	vaddr_t va = align_up(vmalloc_next, align);

	if (size > half || va - a->start > half - size)
		return 0;
	vmalloc_next = align_up(va + size, PAGE_SIZE) + PAGE_SIZE;
	return va;
}

/*
 * Root entries of every area now and never again: copies of the root need no synchronisation
 * (Linux preallocate_pgd_pages_range()).
 */
static enum err populate_area(const struct area *a)
{
	unsigned below_root = table.mode->levels - 2;
	uint64_t step = level_size(below_root + 1);

	for (uint64_t off = 0; off < a->size && !fault_armed(FAULT_PGD_LATE); off += step) {
		enum err err = pt_populate(&table, a->start + off, below_root);

		if (err != OK)
			return err;
	}
	return OK;
}

static enum err populate_root(void)
{
	const struct mmu_mode *mode = table.mode;
	const struct area image = {IMAGE_VA, 2 * IMAGE_PART};
	const struct area *areas[] = {&mode->vmemmap, &mode->vmalloc, &mode->direct, &mode->kasan,
				      &image};
	enum err err = OK;

	for (unsigned i = 0; i < ARRAY_LEN(areas) && err == OK; i++)
		err = populate_area(areas[i]);
	return err;
}

static enum err map_image(struct pt_batch *b)
{
	paddr_t pa = image_region().start;
	enum err err = pt_map(b, IMAGE_VA, pa, IMAGE_PART, PROT_RX, 1);

	if (err == OK)
		err = pt_map(b, IMAGE_VA + IMAGE_PART, pa + IMAGE_PART, IMAGE_PART, PROT_RW, 1);
	if (err == OK && console_page() != 0)
		err = pt_map(b, CONSOLE_VA, console_page(), PAGE_SIZE, PROT_RW, 0);
	return err;
}

static enum err map_direct(struct pt_batch *b)
{
	const struct region *r;
	unsigned n = bootmem_regions(&r);
	enum err err = OK;

	for (unsigned i = 0; i < n && err == OK; i++) {
		uint64_t size = r[i].size;

		if (fault_armed(FAULT_MAP_RESERVED) && i + 1 < n)
			size = r[i + 1].start - r[i].start;
		err = pt_map(b, direct_va(r[i].start), r[i].start, size, PROT_RW,
			     mode_max_leaf(table.mode));
	}
	return err;
}

/* Where the records of boot RAM lie, to be zeroed when they can be reached. */
static struct extent frame_table[BOOTMEM_MAX_REGIONS];
static unsigned nr_frame_table;

static enum err map_frame_table(struct pt_batch *b)
{
	const struct region *ram;
	unsigned n = bootmem_ram(&ram);
	vaddr_t done = 0;

	frame_table_init(table.mode->vmemmap.start, mappable.start);
	for (unsigned i = 0; i < n; i++) {
		/* Two regions may share a page of records. */
		vaddr_t va = max_u64(done, align_down(frame_record_va(ram[i].start), PAGE_SIZE));
		vaddr_t end = align_up(frame_record_va(region_end(ram[i])), PAGE_SIZE);
		uint64_t lead, size;
		paddr_t pa;
		enum err err;

		if (va >= end)
			continue;
		size = end - va;
		/* Congruent with the address modulo 2 MiB, so that large leaves fit. */
		lead = size >= SZ_2M ? va % SZ_2M : 0;
		pa = bootmem_alloc_far(size + lead, size >= SZ_2M ? SZ_2M : PAGE_SIZE);
		if (pa == FRAME_NONE)
			return ERR_NOMEM;
		pa += lead;
		err = pt_map(b, va, pa, size, PROT_RW, mode_max_leaf(table.mode));
		if (err != OK)
			return err;
		frame_table[nr_frame_table++] = (struct extent){.va = va, .size = size, .pa = pa};
		done = end;
	}
	return OK;
}

static void hand_over_free(struct region r)
{
	for (unsigned i = 0; i < ARRAY_LEN(zones); i++) {
		struct zone *z = &zones[i];

		if (z->span.size != 0 && r.start >= z->span.start &&
		    region_end(r) <= region_end(z->span))
			zone_add(z, r);
	}
}

static void hand_over_used(struct region r)
{
	frame_claim(r, OWNER_BOOT);
}

static void init_zones(void)
{
	const struct region *ram;
	unsigned n = bootmem_ram(&ram);

	for (unsigned i = 0; i < nr_frame_table; i++)
		clear_words(arch_virt_to_ptr(frame_table[i].va), frame_table[i].size);
	for (unsigned i = 0; i < n; i++) {
		zone_init(&zones[i], "boot", ram[i]);
		frame_boot_zone_add(&zones[i]);
	}
	bootmem_hand_over(hand_over_free, hand_over_used);
}

enum err kernel_init(const struct mmu_mode *mode, const struct machine *m)
{
	struct pt_batch b;
	uint64_t nr;
	paddr_t pa;
	enum err err;

	mappable = kernel_mappable(mode, m);
	vmalloc_next = mode->vmalloc.start;
	nr = min_u64(MAX_EXTENTS, max_u64(MIN_EXTENTS, bootmem_arena().size / SZ_2M * 64));
	pa = bootmem_alloc(nr * sizeof(struct extent), PAGE_SIZE);
	if (pa == FRAME_NONE)
		return ERR_NOMEM;
	err = pt_create(&table, "kernel", mode);
	if (err != OK)
		return err;
	table.root_fixed = true;
	shadow_init(&shadow, phys_to_ptr(pa), (unsigned)nr);
	table.shadow = &shadow;
	err = populate_root();
	if (err != OK)
		return err;
	pt_begin(&b, &table);
	err = map_image(&b);
	if (err == OK)
		err = map_direct(&b);
	if (err == OK)
		err = map_frame_table(&b);
	if (err != OK)
		return err;
	err = pt_commit(&b);
	if (err != OK)
		return err;

	arch_wmb();
	arch_set_root(table.root, mode->satp_mode, 0);
	/* Entries of the early table may be held for any address: all of them, global ones too. */
	fence_local_all();
	arch_set_direct_offset(direct_va(0));
	shadow.extents = phys_to_ptr(pa);
	table.live = true;
	init_zones();
	return OK;
}
